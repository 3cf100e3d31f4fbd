"""Frame-mAP and video-mAP of predicted tubes against annotated ones, from files."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from alphaction.data.annotations import ActionClass, AnnotationTable, LabelMap, read_label_map
from alphaction.data.formats.file_content import FileContent
from alphaction.data.keyframes import Keyframe
from alphaction.data.video.names import VideoNames
from alphaction.evaluation.detections import DetectionRows, Detections, Predictions
from alphaction.evaluation.evaluator import UNGROUPED, AvaEvaluator
from alphaction.evaluation.result import AvaResult
from alphaction.evaluation.tubes.action_tube import TubeSet
from alphaction.evaluation.tubes.tube_result import TubeResult
from alphaction.evaluation.tubes.tube_rows import FrameClock, read_rows
from alphaction.evaluation.tubes.tube_sets import FOUND, TRUTH, found_in_videos, read_videos, truth_of_videos
from alphaction.evaluation.tubes.video_map import STRICT, THRESHOLDS, Overlap, fates, video_average_precision
from alphaction.utils.errors import DataError, UserError
from alphaction.utils.messages import counted, listed, suggest

logger = logging.getLogger(__name__)

_SAME_RATE = 0.01  # of it: 29.97 and 30 number the frames of a minute alike but for two
_LATE = 2  # frames by which files may disagree on where a video ends


@dataclass(frozen=True)
class TubeOptions:
    """How tubes are read.

    Attributes:
        events: a predicted tube is an event of a person, for untrimmed videos; else a person has one for each class.
        min_score: of events: collect them anew from the scores at keyframes, from this one on.
        rate, first: frames per second, and number of the first frame, of csv files; see :class:`FrameClock`.
    """

    events: bool = False
    min_score: float | None = None
    rate: float | None = None
    first: int | None = None


def evaluate_tube_files(
    ground_truth: str | Path, predictions: str | Path, label_map: str | Path | None, options: TubeOptions
) -> TubeResult:
    """Compare the tubes of two files.

    Args:
        ground_truth: annotated tubes, JSON or csv.
        predictions: predicted tubes, JSON or csv.
        label_map: of csv files with class ids.
        options: how they are read.

    Raises:
        UserError: a file or one of its rows cannot be read, or the files do not fit together.
    """
    return evaluate_tubes(*_read_both(ground_truth, predictions, label_map, options))


def _read_both(
    ground_truth: str | Path, predictions: str | Path, label_map: str | Path | None, options: TubeOptions
) -> tuple[TubeSet, TubeSet]:
    """Return what is annotated and what is predicted; the parsed files, ten times their size, are gone after this."""
    classes = read_label_map(label_map) if label_map is not None else None
    contents = FileContent.read(ground_truth, TRUTH), FileContent.read(predictions, FOUND)
    videos = [read_videos(content) for content in contents]
    if options.events and videos[1] is None:
        raise UserError(
            f"--extent events: {predictions} is csv, whose rows of a person and class are one tube, from the first to "
            "the last. Leave the flag out."
        )
    rates = {video.video: video.fps for found in videos for video in found or ()}
    clock = FrameClock(options.rate, options.first, rates)
    truth = (
        read_rows(contents[0], classes, clock, scored=False)
        if videos[0] is None
        else truth_of_videos(str(ground_truth), videos[0])
    )
    found = (
        read_rows(contents[1], classes, clock, scored=True)
        if videos[1] is None
        else found_in_videos(str(predictions), videos[1], options.events, options.min_score)
    )
    for side in (truth, found):
        if side.first == 1 and options.first is None:
            logger.info(
                "%s has no frame 0: its frames count from 1 (if they count from 0: --first-frame 0)", side.source
            )
    return truth, found


def evaluate_tubes(truth: TubeSet, found: TubeSet) -> TubeResult:
    """Compare predicted tubes with annotated ones. Videos without annotated tubes count: what is found there is wrong.

    Raises:
        DataError: the two have no video or no class in common, or number frames otherwise.
    """
    found = _renamed(found, [tube.video for tube in truth.tubes])
    _check_clocks(truth, found)
    classes = tuple(dict.fromkeys([*truth.classes, *(tube.action for tube in truth.tubes)]))
    _check_classes(classes, truth, found)
    overlap = Overlap()
    ap = video_average_precision(truth.tubes, found.tubes, classes, THRESHOLDS, overlap)
    strict = ap[:, [THRESHOLDS.index(threshold) for threshold in STRICT]].mean(axis=1)
    columns = {f"{threshold:g}": ap[:, THRESHOLDS.index(threshold)] for threshold in (0.2, 0.5)}
    columns |= {f"{STRICT[0]:g}:{STRICT[-1]:g}": strict}
    annotated = [name for name, row in zip(classes, ap, strict=True) if not np.isnan(row[0])]
    frame = _frame_result(truth, found, classes)
    videos, seen = {tube.video for tube in truth.tubes}, {tube.video for tube in found.tubes}
    return TubeResult(
        frame=frame,
        video_mAP={name: float(np.nanmean(values)) for name, values in columns.items()},
        per_class={
            name: {column: float(values[row]) for column, values in columns.items()}
            for row, name in enumerate(classes)
            if name in annotated
        },
        ground_truth={name: sum(tube.action == name for tube in truth.tubes) for name in annotated},
        predicted=sum(tube.action in classes for tube in found.tubes),
        videos=len(videos),
        videos_without_predictions=tuple(sorted(videos - seen)),
        videos_without_ground_truth=tuple(sorted(seen - videos)),
        other_classes=tuple(sorted({tube.action for tube in found.tubes} - set(classes))),
        fates=fates(truth.tubes, found.tubes, overlap),
        steps=(truth.step, found.step),
    )


def _renamed(found: TubeSet, annotated: Sequence[str]) -> TubeSet:
    """Return predictions under the names that the ground truth gives to their videos ("clip" for "clip.mp4")."""
    names = VideoNames(list(dict.fromkeys(annotated)), found.source)

    def keyed(values: Mapping[str, float]) -> dict[str, float]:
        return {names.known(video): value for video, value in values.items()}

    tubes = [replace(tube, video=names.known(tube.video)) for tube in found.tubes]
    there = {tube.video for tube in tubes} | set(keyed(found.rates))
    if not there & set(annotated):
        first = next(iter(there), "")
        raise DataError(
            f"{FOUND}: {found.source} holds no video of the ground truth"
            + (f': "{first}" is not among them. {suggest(first, names.names)}' if first else ".")
        )
    return replace(
        found,
        tubes=tubes,
        rates=keyed(found.rates),
        lengths=keyed(found.lengths),
        detections=_with_names(found.detections, names),
    )


def _with_names(detections: Detections, names: VideoNames) -> Detections:
    renamed = [Keyframe(names.known(keyframe.video), keyframe.second) for keyframe in detections.keyframes]
    return replace(detections, keyframes=renamed)


def _check_clocks(truth: TubeSet, found: TubeSet) -> None:
    """Refuse files whose numbers of frames mean different moments.

    Raises:
        DataError: a video has two frame rates, one file has frames where the video is over by the other, or one begins
            with frame 0 and the other does not.
    """
    if truth.first != found.first and None not in (truth.first, found.first):
        sides = ((TRUTH, truth), (FOUND, found))
        (_, with_zero), (what, without) = sides if found.first else reversed(sides)
        raise DataError(
            f"{what}: {without.source} has no frame 0, and {with_zero.source} has. If both count from 0, say so: "
            "--first-frame 0. Else subtract 1 from the frames of the former."
        )
    for video, rate in truth.rates.items():
        other = found.rates.get(video, rate)
        if abs(rate - other) > _SAME_RATE * rate:
            raise DataError(
                f'{TRUTH}: "{video}" has {rate:g} frames a second in {truth.source} and {other:g} in {found.source}: '
                "they are of two versions of the video, whose frames do not compare. Predict the annotated version."
            )
    for side, what, lengths in ((truth, TRUTH, found.lengths), (found, FOUND, truth.lengths)):
        for tube in side.tubes:
            last = int(tube.tube.frames[-1])
            if last >= lengths.get(tube.video, last + 1) + _LATE:
                raise DataError(
                    f'{what}: {side.source} has a box at frame {last} (counted from 0) of "{tube.video}", which has '
                    f"{lengths[tube.video]} frames by the other file. Are frames numbered otherwise (--first-frame N), "
                    "or for another frame rate (--frame-rate FPS)?"
                )


def _check_classes(classes: Sequence[str], truth: TubeSet, found: TubeSet) -> None:
    if not set(found.classes) & set(classes):
        raise DataError(
            f"{FOUND}: {found.source} has no class of the ground truth ({truth.source}): "
            f"{listed(found.classes, 4) or 'none'}. {suggest(next(iter(found.classes), ''), classes)}"
        )
    others = sorted(set(found.classes) - set(classes))
    if others:
        logger.info(
            "%s of the predictions not in the ground truth: %s",
            counted(len(others), "class", "classes"),
            listed(others),
        )


def _frame_result(truth: TubeSet, found: TubeSet, classes: Sequence[str]) -> AvaResult:
    """Return the frame-mAP; a keyframe's "second" is the number of a frame.

    Raises:
        DataError: the two have no frame in common.
    """
    ids = {name: index for index, name in enumerate(classes)}
    label_map = LabelMap(tuple(ActionClass(index, name, UNGROUPED) for name, index in ids.items()), truth.source)
    annotations = AnnotationTable.from_columns(
        [tube.video for tube in truth.tubes for _ in tube.tube.frames],
        np.concatenate([tube.tube.frames for tube in truth.tubes]),
        np.concatenate([tube.tube.boxes for tube in truth.tubes]),
        np.repeat([ids[tube.action] for tube in truth.tubes], [len(tube.tube.frames) for tube in truth.tubes]),
        source=truth.source,
    )
    if not any(keyframe in annotations.keyframes for keyframe in found.detections.keyframes):
        raise DataError(
            f"{FOUND}: {found.source} and {truth.source} have no frame in common, only videos. Are frames numbered "
            "otherwise (--first-frame N), or for another frame rate (--frame-rate FPS)?"
        )
    own = np.array([ids.get(name, -1) for name in found.classes], dtype=np.int64)
    return AvaEvaluator(annotations, label_map).evaluate(_with_ids(found.detections, own))


def _with_ids(detections: Predictions | DetectionRows, ids: np.ndarray) -> Detections:
    """Return detections, whose class ids are positions, with other ids; those of -1 are left out."""
    if isinstance(detections, DetectionRows):
        keep = ids[detections.row_class_ids] >= 0
        return replace(
            detections,
            box_index=detections.box_index[keep],
            row_class_ids=ids[detections.row_class_ids[keep]],
            scores=detections.scores[keep],
        )
    keep = ids[detections.class_ids] >= 0
    return replace(detections, class_ids=ids[detections.class_ids][keep], scores=detections.scores[:, keep])
