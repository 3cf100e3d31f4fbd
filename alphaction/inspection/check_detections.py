"""Checks of person boxes against the annotations: do they meet, and how many persons do they find?

Sizes in shapes: R annotated boxes, N detections, C classes.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from alphaction.data.annotations import KeyframeIndex
from alphaction.evaluation.average_precision import GroundTruth, find_overlaps
from alphaction.inspection.loaded import Split
from alphaction.inspection.report import Finding, percent, plural
from alphaction.inspection.rows import first_line, place
from alphaction.inspection.settings import Settings
from alphaction.utils.errors import suggest

IOU = 0.5
_LOW_RECALL = 0.7
_USELESS_RECALL = 0.1
_MANY_STRAYS = 0.2
_MANY_MISSED = 0.1
_GAIN = 0.2  # another reading of the numbers must find so much more to be believed
_STEPS = (0.8, 0.7, 0.6, 0.5, 0.4, 0.3, 0.2, 0.1, 0.05, 0.0)  # thresholds worth suggesting
_NEARLY_ALL = 0.98


@dataclass(frozen=True)
class Recall:
    """How well detections find the annotated boxes.

    Attributes:
        best: float32 [R], score of the best detection that overlaps each annotated box at IoU 0.5; -1: none does.
        box_of_label: int64 [L], row of each label's box.
        channels: int64 [L], class of each label.
        counts: bool [R], the boxes that have a label.
    """

    best: np.ndarray
    box_of_label: np.ndarray
    channels: np.ndarray
    counts: np.ndarray

    @classmethod
    def of(cls, split: Split) -> Recall:
        """Match the detections of ``split``, which must have some, with its annotations."""
        box_of_label = split.box_of_label()
        counts = np.zeros(len(split.annotations), dtype=bool)
        counts[box_of_label] = True
        best = _best_scores(split, split.annotations.boxes, split.detections.boxes)
        return cls(best, box_of_label, split.label_map.channels(split.annotations.label_ids), counts)

    def at(self, threshold: float) -> float:
        """Return the share of labeled boxes that detections of at least this score find: the ceiling of recall."""
        return _mean(self.best[self.counts] >= np.float32(threshold))

    def per_class(self, threshold: float, num_classes: int) -> np.ndarray:
        """Return the same for the boxes of each class, float64 [C]; NaN for a class without labels."""
        found = self.best[self.box_of_label] >= np.float32(threshold)
        labels = np.bincount(self.channels, minlength=num_classes)
        hits = np.bincount(self.channels, weights=found, minlength=num_classes)
        return np.divide(hits, labels, out=np.full(num_classes, np.nan), where=labels > 0)


def check_detections(split: Split, settings: Settings) -> Iterator[Finding]:
    """Yield what is wrong between person boxes and annotations; nothing if the split has no person boxes."""
    if split.detections is None:
        if not split.training:
            yield Finding(
                "note",
                "person boxes",
                f"{split.name} has no person_boxes: it is evaluated on the annotated boxes, and its mAP is optimistic. "
                "tools/detect_persons.py finds persons.",
                split.name,
            )
        return
    if not len(split.detections) or not len(split.annotations):
        return
    keyframe = split.keyframes_of(split.detections)
    if not (keyframe >= 0).any():
        yield _no_match(split)
        return
    yield from _unmatched(split, keyframe)
    recall = Recall.of(split)
    misread = next(_misread(split, recall.at(0.0)), None)
    if misread is not None:
        yield misread
        return
    yield from _low_recall(split, settings, recall)


def read_as(boxes: np.ndarray, how: str) -> np.ndarray:
    """Return corners, float64 [n, 4], of boxes whose numbers mean something else.

    Args:
        boxes: float64 [n, 4], which were taken for x1, y1, x2, y2.
        how: "xywh" (x, y, width, height), "cxcywh" (the same with the center) or "yxyx" (y1, x1, y2, x2).
    """
    first, second = boxes[:, :2], boxes[:, 2:]
    if how == "xywh":
        return np.clip(np.concatenate([first, first + second], axis=1), 0, 1)
    if how == "cxcywh":
        return np.clip(np.concatenate([first - second / 2, first + second / 2], axis=1), 0, 1)
    if how == "yxyx":
        return boxes[:, [1, 0, 3, 2]]
    raise ValueError(f"how is {how!r}; expected xywh, cxcywh or yxyx")


_READINGS = {
    "xywh": "x, y, width, height; write corners: x2 = x1 + width, y2 = y1 + height",
    "cxcywh": "center x, center y, width, height; write corners: x1 = cx - width / 2, x2 = cx + width / 2, ...",
    "yxyx": "y1, x1, y2, x2; swap the columns",
}


def _best_scores(
    split: Split, boxes: np.ndarray, detected: np.ndarray, shift: int = 0, threshold: float = IOU
) -> np.ndarray:
    """Return the score of the best detection that overlaps each annotated box, float32 [R], -1 where none does."""
    detections = split.detections
    keyframes = detections.keyframes
    position = split.annotations.keyframes.locate(keyframes.videos, keyframes.video_index, keyframes.seconds + shift)
    none = np.zeros(0, dtype=np.int64)
    pairs = find_overlaps(
        GroundTruth(split.keyframe_of_box(), boxes, none, none),
        np.repeat(position, np.diff(detections.row_offsets)),
        detected,
        threshold,
    )
    best = np.full(len(boxes), -1, dtype=np.float32)
    np.maximum.at(best, pairs.ground_truth, detections.scores[pairs.detection])
    return best


def _no_match(split: Split) -> Finding:
    detections, annotations = split.detections, split.annotations
    wrong = [str(video) for video in _used(detections.keyframes) if video not in set(annotations.keyframes.videos)]
    if wrong:
        line = first_line(detections.source, wrong[0])
        where = f"{detections.source}, line {line}" if line else detections.source
        reason = f'video "{wrong[0]}" is not annotated. {suggest(wrong[0], _used(annotations.keyframes), limit=5)}'
    else:
        video = str(_used(detections.keyframes)[0])
        own = detections.keyframes.seconds
        seconds = annotations.keyframes.seconds
        where = place(detections, 0)
        reason = (
            f'the annotations of video "{video}" and others lie at seconds {seconds.min()} to {seconds.max()}, the '
            f"boxes at {own.min()} to {own.max()}. Count both in seconds from the start of the video."
        )
    return Finding(
        "error",
        "person boxes",
        f"{where}: not one of the {len(detections.keyframes)} keyframes of the person boxes is annotated in "
        f"{annotations.source}: {reason} Write video names and seconds alike in both files.",
        split.name,
    )


def _unmatched(split: Split, keyframe: np.ndarray) -> Iterator[Finding]:
    """Yield videos and keyframes that only one of the two files has."""
    detections, annotations = split.detections, split.annotations
    annotated = set(_used(annotations.keyframes))
    strange = [video for video in _used(detections.keyframes) if video not in annotated]
    if strange:
        rows = int(np.isin(detections.keyframes.videos[detections.keyframes.video_index], strange).sum())
        line = first_line(detections.source, strange[0])
        where = f"{detections.source}, line {line}" if line else detections.source
        yield Finding(
            "warning",
            "person boxes",
            f'{where}: video "{strange[0]}" is not annotated in {annotations.source}. '
            f"{suggest(strange[0], annotated, limit=5)} {plural(len(strange), 'such video')} with "
            f"{plural(rows, 'keyframe')} are left out; correct the names, or remove the rows.",
            split.name,
        )
    excluded = {(entry.video, entry.second) for entry in split.exclusions}
    position = annotations.keyframes.locate(
        detections.keyframes.videos, detections.keyframes.video_index, detections.keyframes.seconds
    )
    stray = np.flatnonzero(
        (position < 0) & ~np.isin(detections.keyframes.videos[detections.keyframes.video_index], strange)
    )
    stray = (
        [k for k in stray.tolist() if tuple(detections.keyframes[k]) not in excluded] if excluded else stray.tolist()
    )
    if len(stray) > _MANY_STRAYS * len(detections.keyframes):
        yield Finding(
            "note",
            "person boxes",
            f"{place(detections, stray[0])}: no annotation there, nor at {len(stray) - 1} more of the "
            f"{len(detections.keyframes)} keyframes with person boxes; these boxes are left out.",
            split.name,
        )
    occupied = np.diff(annotations.row_offsets) > 0
    found = np.zeros(len(occupied), dtype=bool)
    found[keyframe[keyframe >= 0]] = True
    missed = np.flatnonzero(occupied & ~found)
    if len(missed) > _MANY_MISSED * occupied.sum():
        yield Finding(
            "warning",
            "person boxes",
            f"{place(annotations, int(missed[0]))}: {detections.source} has no box there, nor at {len(missed) - 1} "
            f"more of the {int(occupied.sum())} annotated keyframes ({percent(len(missed), occupied.sum())}); their "
            "labels count as missed. Run the person detector on every keyframe (tools/detect_persons.py).",
            split.name,
        )


def _misread(split: Split, recall: float) -> Iterator[Finding]:
    """Yield the reading of the numbers, or the shift in time, under which boxes and annotations suddenly agree."""
    if recall > 1 - _GAIN:
        return
    annotations, detections = split.annotations, split.detections
    counted = np.diff(annotations.label_offsets) > 0
    trials = [
        (table, how, _mean(best[counted] >= 0))
        for how in _READINGS
        for table, best in (
            (annotations, _best_scores(split, read_as(annotations.boxes, how), detections.boxes)),
            (detections, _best_scores(split, annotations.boxes, read_as(detections.boxes, how))),
        )
    ]
    table, how, reached = max(trials, key=lambda trial: trial[2])
    if reached > max(recall + _GAIN, 2 * recall):
        x1, y1, x2, y2 = table.boxes[0]
        yield Finding(
            "error",
            "coordinates",
            f"{place(table, 0, 0)}: {x1:.3g}, {y1:.3g}, {x2:.3g}, {y2:.3g} are not the corners x1, y1, x2, y2. Person "
            f"boxes and annotations overlap (IoU 0.5) for {recall:.1%} of the boxes as they are, and for {reached:.1%} "
            f"if the numbers of this file are {_READINGS[how]}.",
            split.name,
        )
        return
    shifted = {shift: _mean(_best_scores(split, annotations.boxes, detections.boxes, shift)[counted] >= 0)
               for shift in (-1, 1)}  # fmt: skip
    shift = max(shifted, key=shifted.get)
    if shifted[shift] > max(recall + _GAIN, 1.5 * recall):
        yield Finding(
            "error",
            "person boxes",
            f"{place(detections, 0)}: person boxes find {recall:.1%} of the annotated boxes, and {shifted[shift]:.1%} "
            f"if {abs(shift)} is {'added to' if shift > 0 else 'taken from'} their seconds. Do both files count "
            "seconds from 0?",
            split.name,
        )


def _low_recall(split: Split, settings: Settings, recall: Recall) -> Iterator[Finding]:
    everything, used = recall.at(0.0), recall.at(settings.box_threshold)
    file, total = split.detections.source, int(recall.counts.sum())
    if everything < _USELESS_RECALL:
        missed = int(np.flatnonzero(recall.counts & (recall.best < 0))[0])
        keyframe = int(split.keyframe_of_box()[missed])
        yield Finding(
            "error",
            "recall",
            f"{file}: person boxes overlap only {everything:.1%} of {total} annotated boxes at IoU 0.5 (first missed: "
            f"{place(split.annotations, keyframe, missed)}), so mAP stays near 0. Are both files of the same videos, "
            "counted in the same seconds?",
            split.name,
        )
    elif everything < _LOW_RECALL and not split.training:
        yield Finding(
            "warning",
            "recall",
            f"{file}: person boxes find {everything:.1%} of {total} annotated boxes at IoU 0.5, whatever their score: "
            "no label of the others can be found. Use a better person detector.",
            split.name,
        )
    elif used < _LOW_RECALL and used < _NEARLY_ALL * everything and not split.training:
        wanted = next(step for step in _STEPS if recall.at(step) >= _NEARLY_ALL * everything)
        yield Finding(
            settings.level("warning", "note"),
            "recall",
            f"{file}: at TEST.BOX_THRESH {settings.box_threshold:g}, person boxes find {used:.1%} of {total} annotated "
            f"boxes; {everything:.1%} without a threshold. TEST.BOX_THRESH {wanted:g} finds {recall.at(wanted):.1%}.",
            split.name,
        )


def _used(keyframes: KeyframeIndex) -> list[str]:
    return [str(video) for video in keyframes.videos[np.unique(keyframes.video_index)]]


def _mean(values: np.ndarray) -> float:
    return float(values.mean()) if len(values) else 0.0
