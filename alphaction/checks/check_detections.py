"""Checks of person boxes against the annotations: are they of the same keyframes, and how many persons do they find?

Sizes in shapes: n boxes.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np

from alphaction.checks.check_settings import CheckSettings
from alphaction.checks.findings import Finding, fault, percent
from alphaction.data.formats.box_spelling import to_corners
from alphaction.data.row_places import first_row, place
from alphaction.data.table_checks import require_matches, used_videos
from alphaction.data.tables import DatasetTables
from alphaction.evaluation.recall import KEPT, LOW_RECALL, Recall, best_scores
from alphaction.utils.messages import counted, suggest

_USELESS_RECALL = 0.1
_MANY_STRAYS = 0.2
_MANY_MISSED = 0.1
_GAIN = 0.2  # another reading of the numbers is believed if it finds this much more


def check_detections(split: DatasetTables, settings: CheckSettings) -> Iterator[Finding]:
    """Yield contradictions between person boxes and annotations; a note if a test split has no person boxes."""
    if split.person_boxes is None:
        if not split.training:
            yield Finding(
                "note",
                "person boxes",
                f"{split.name} has no person_boxes: it is evaluated on the annotated boxes, so its mAP is optimistic. "
                "Make person boxes with tools/detect_persons.py.",
                split.name,
            )
        return
    if not len(split.person_boxes) or not len(split.annotations):
        return
    unmatched = fault("person boxes", split.name, require_matches, split.person_boxes, split.annotations)
    if unmatched is not None:
        yield unmatched
        return
    yield from _unmatched(split, split.keyframe_of(split.person_boxes))
    recall = Recall.of(split.annotations, split.person_boxes)
    misread = next(_misread(split, recall), None)
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
    return boxes[:, [1, 0, 3, 2]] if how == "yxyx" else np.clip(to_corners(boxes, how), 0, 1)


_READINGS = {
    "xywh": "x, y, width, height; write corners: x2 = x1 + width, y2 = y1 + height",
    "cxcywh": "center x, center y, width, height; write corners: x1 = cx - width / 2, x2 = cx + width / 2, ...",
    "yxyx": "y1, x1, y2, x2; swap the columns",
}


def _unmatched(split: DatasetTables, keyframe: np.ndarray) -> Iterator[Finding]:
    """Yield videos and keyframes that are in only one of the two files."""
    detections, annotations = split.person_boxes, split.annotations
    annotated = set(used_videos(annotations.keyframes))
    strange = [video for video in used_videos(detections.keyframes) if video not in annotated]
    if strange:
        rows = int(np.isin(detections.keyframes.videos[detections.keyframes.video_index], strange).sum())
        yield Finding(
            "warning",
            "person boxes",
            f'{first_row(detections.source, strange[0])}: video "{strange[0]}" is not annotated in '
            f"{annotations.source}. "
            f"{suggest(strange[0], annotated, limit=5)} {counted(len(strange), 'such video')} with "
            f"{counted(rows, 'keyframe')} are left out; correct the names, or remove the rows.",
            split.name,
        )
    excluded = annotations.excluded
    position = annotations.keyframes.locate_each(detections.keyframes)
    stray = np.flatnonzero(
        (position < 0) & ~np.isin(detections.keyframes.videos[detections.keyframes.video_index], strange)
    )
    stray = [k for k in stray.tolist() if detections.keyframes[k] not in excluded] if excluded else stray.tolist()
    if len(stray) > _MANY_STRAYS * len(detections.keyframes):
        yield Finding(
            "note",
            "person boxes",
            f"{place(detections, stray[0])}: no annotation at this keyframe, nor at "
            f"{counted(len(stray) - 1, 'other')} of the {counted(len(detections.keyframes), 'keyframe')} with person "
            "boxes; these boxes are left out.",
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
            f"{place(annotations, int(missed[0]))}: {detections.source} has no box at this keyframe, nor at "
            f"{counted(len(missed) - 1, 'other')} of the {counted(int(occupied.sum()), 'annotated keyframe')} "
            f"({percent(len(missed), occupied.sum())}); their labels count as missed. Run the person detector on every "
            "keyframe (tools/detect_persons.py).",
            split.name,
        )


def _misread(split: DatasetTables, recall: Recall) -> Iterator[Finding]:
    """Yield the reading of the numbers, or the shift in time, under which boxes and annotations suddenly agree."""
    as_is = recall.at()
    if as_is > 1 - _GAIN:
        return
    annotations, detections = split.annotations, split.person_boxes

    def reached_with(**changes: Any) -> float:
        return replace(recall, best=best_scores(annotations, detections, **changes)).at()

    trials = [
        (table, how, reached_with(**{role: read_as(table.boxes, how)}))
        for how in _READINGS
        for table, role in ((annotations, "annotated"), (detections, "detected"))
    ]
    table, how, reached = max(trials, key=lambda trial: trial[2])
    if reached > max(as_is + _GAIN, 2 * as_is):
        x1, y1, x2, y2 = table.boxes[0]
        yield Finding(
            "error",
            "coordinates",
            f"{place(table, 0, 0)}: {x1:.3g}, {y1:.3g}, {x2:.3g}, {y2:.3g} are not the corners x1, y1, x2, y2. Person "
            f"boxes and annotations overlap (IoU 0.5) for {as_is:.1%} of the boxes as they are, and for {reached:.1%} "
            f"if the numbers of this file are read as {_READINGS[how]}.",
            split.name,
        )
        return
    shifted = {shift: reached_with(shift=shift) for shift in (-1, 1)}
    shift = max(shifted, key=shifted.get)
    if shifted[shift] > max(as_is + _GAIN, 1.5 * as_is):
        yield Finding(
            "error",
            "person boxes",
            f"{place(detections, 0)}: person boxes find {as_is:.1%} of the annotated boxes, and {shifted[shift]:.1%} "
            f"if {abs(shift)} is {'added to' if shift > 0 else 'subtracted from'} their seconds. Do both files count "
            "seconds from 0?",
            split.name,
        )


def _low_recall(split: DatasetTables, settings: CheckSettings, recall: Recall) -> Iterator[Finding]:
    everything, used = recall.at(), recall.at(settings.box_threshold)
    file, total = split.person_boxes.source, recall.total
    if everything < _USELESS_RECALL:
        missed = int(np.flatnonzero(recall.counts & (recall.best < 0))[0])
        keyframe = int(split.annotations.keyframe_of_box()[missed])
        yield Finding(
            "error",
            "recall",
            f"{file}: person boxes overlap only {everything:.1%} of "
            f"{counted(total, 'annotated box', 'annotated boxes')} at IoU 0.5 (first missed: "
            f"{place(split.annotations, keyframe, missed)}), so the mAP stays near 0. Are both files about the same "
            "videos, and count seconds from the same start?",
            split.name,
        )
    elif everything < LOW_RECALL and not split.training:
        yield Finding(
            "warning",
            "recall",
            f"{file}: person boxes find {everything:.1%} of {counted(total, 'annotated box', 'annotated boxes')} at "
            "IoU 0.5, even without a score threshold; the labels of the others cannot be found. Use a better person "
            "detector.",
            split.name,
        )
    elif used < LOW_RECALL and used < KEPT * everything and not split.training:
        wanted = recall.threshold()
        yield Finding(
            settings.level("warning", "note"),
            "recall",
            f"{file}: at TEST.BOX_THRESH {settings.box_threshold:g}, person boxes find {used:.1%} of {total} annotated "
            f"boxes; {everything:.1%} without a threshold. TEST.BOX_THRESH {wanted:g} finds {recall.at(wanted):.1%}.",
            split.name,
        )
