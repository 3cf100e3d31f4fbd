"""The result of an evaluation of tubes: values, a table of text, JSON, and hints on why it is low."""

from __future__ import annotations

import json
import textwrap
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from alphaction.evaluation.result import AvaResult
from alphaction.evaluation.result_text import without_nan
from alphaction.evaluation.tubes.video_map import Fates
from alphaction.utils.atomic import write_text_atomically
from alphaction.utils.messages import counted, listed, text_table

_WIDTH = 120
# With these shares of the ground-truth tubes, a hint says what is lacking.
_MANY = 0.2
_WELL_COVERED, _LOW = 0.8, 0.5
_FEW_TUBES = 10
_SPARSE = 1.5  # frames between the boxes of a tube


@dataclass(frozen=True)
class TubeResult:
    """Frame-mAP and video-mAP, and the values behind them.

    Attributes:
        frame: the result on single frames at IoU 0.5; its keyframes are frames.
        video_mAP: "0.2", "0.5", "0.5:0.95" -> mean of the AP of all classes with ground truth, in [0, 1].
        per_class: class name -> the same of one class; those with ground truth.
        ground_truth: class name -> number of annotated tubes.
        predicted: number of predicted tubes of these classes.
        videos: number of annotated videos.
        videos_without_predictions, videos_without_ground_truth: names; what is annotated there is missed, and what is
            predicted there is wrong.
        other_classes: predicted classes that the ground truth does not know; left out.
        fates: what became of the annotated tubes, whatever the classes.
        steps: usual distance of the boxes of a tube, in frames, of the ground truth and of the predictions.
    """

    frame: AvaResult
    video_mAP: dict[str, float]  # noqa: N815 (the name of the metric)
    per_class: dict[str, dict[str, float]]
    ground_truth: dict[str, int]
    predicted: int
    videos: int
    videos_without_predictions: tuple[str, ...]
    videos_without_ground_truth: tuple[str, ...]
    other_classes: tuple[str, ...]
    fates: Fates
    steps: tuple[float, float]

    @property
    def hints(self) -> list[str]:
        """Sentences on what looks wrong and what to do about it."""
        checks = (_optimistic, _sparse, _videos, _mistimed, _missed, _classes, _others, _few)
        return [hint for check in checks if (hint := check(self))]

    def __str__(self) -> str:
        return format_tubes(self)


def format_tubes(result: TubeResult) -> str:
    """Return the result as text: a table of classes, the means, what became of the annotated tubes, hints."""
    columns = list(result.video_mAP)
    rows = [["class", "tubes", "frame AP", *(f"video AP {column}" for column in columns)]]
    for name, values in result.per_class.items():
        cells = [result.frame.per_class[name], *(values[column] for column in columns)]
        rows.append([name, str(result.ground_truth[name]), *(f"{value:.4f}" for value in cells)])
    return "\n".join([*text_table(rows), "", *_summary(result), *_hint_lines(result)])


def write_tube_result(path: Path, result: TubeResult) -> None:
    """Write the result as JSON."""
    write_text_atomically(path, json.dumps(tube_result_to_dict(result), indent=1, allow_nan=False) + "\n")


def tube_result_to_dict(result: TubeResult) -> dict[str, Any]:
    """Return the result as plain types for JSON."""
    plain = {key: value for key, value in asdict(result).items() if key != "frame"}
    frame = {"frame_mAP": result.frame.mAP, "frame_per_class": result.frame.per_class}
    return without_nan(frame | plain | {"box_recall": result.frame.counts.box_recall, "hints": result.hints})


def _summary(result: TubeResult) -> Iterator[str]:
    tubes = sum(result.ground_truth.values())
    yield (
        f"{counted(result.predicted, 'predicted tube')} against {tubes} of {counted(result.videos, 'video')}; "
        f"{result.frame.counts.box_recall:.1%} of the annotated boxes found"
    )
    told = result.fates
    yield (
        f"annotated tubes, whatever the class: {told.covered} covered at IoU 0.5, {told.mistimed} with another begin "
        f"or end, {told.missed} missed"
    )
    mark = "  OPTIMISTIC: on ground-truth boxes" if result.frame.optimistic else ""
    averaged = f"(mean of {counted(len(result.per_class), 'class', 'classes')})"
    rows = [[f"frame-mAP at IoU {result.frame.iou_threshold:g}", f"{result.frame.mAP:.4f}"]]
    rows += [[f"video-mAP at IoU {column}", f"{value:.4f}"] for column, value in result.video_mAP.items()]
    yield from (f"{line}  {averaged}{mark}" for line in text_table(rows))


def _hint_lines(result: TubeResult) -> list[str]:
    wrapped = [textwrap.fill(hint, _WIDTH, initial_indent="- ", subsequent_indent="  ") for hint in result.hints]
    return ["", *wrapped] if wrapped else []


def _optimistic(result: TubeResult) -> str | None:
    if not result.frame.optimistic:
        return None
    return (
        "Optimistic: the boxes are the ground truth's, so no person was missed, and tubes begin and end where they "
        "should. Figures with detected persons are lower."
    )


def _sparse(result: TubeResult) -> str | None:
    truth, found = result.steps
    if max(truth, found) <= _SPARSE * min(truth, found):
        return None
    return (
        f"The boxes of a tube are {truth:g} frames apart in the ground truth, and {found:g} in the predictions: frames "
        "that only one of them has count as wrong. Write both at the same frames."
    )


def _videos(result: TubeResult) -> str | None:
    parts = []
    for names, what in (
        (result.videos_without_predictions, "annotated videos have no prediction, and their tubes count as missed"),
        (result.videos_without_ground_truth, "predicted videos are not annotated, and their tubes count as wrong"),
    ):
        if names:
            parts.append(f"{len(names)} {what} ({listed(names, 3)})")
    return f"{'; '.join(parts)}." if parts else None


def _mistimed(result: TubeResult) -> str | None:
    told = result.fates
    if told.mistimed <= _MANY * told.total:
        return None
    return (
        f"Time: {told.mistimed} of {told.total} annotated tubes have a tube whose boxes fit, but begin or end do not. "
        "In untrimmed videos take events for tubes (--extent events, with --min-score S); if these are too short or "
        "too long, change the threshold."
    )


def _missed(result: TubeResult) -> str | None:
    told = result.fates
    if told.missed <= _MANY * told.total or len(result.videos_without_predictions) > _MANY * result.videos:
        return None
    return (
        f"Boxes: {told.missed} of {told.total} annotated tubes have no tube whose boxes fit, whatever the class. Use a "
        "better detector of persons, or a shorter stride, between whose keyframes boxes are interpolated."
    )


def _classes(result: TubeResult) -> str | None:
    share = result.fates.covered / max(result.fates.total, 1)
    if share < _WELL_COVERED or result.video_mAP["0.5"] >= _LOW * share:
        return None
    return (
        f"Classes: {share:.0%} of the annotated tubes are covered at IoU 0.5, so boxes and times are right, and what "
        "is lost is lost by the scores of the classes."
    )


def _others(result: TubeResult) -> str | None:
    if not result.other_classes:
        return None
    number = counted(len(result.other_classes), "predicted class", "predicted classes")
    return f"Left out: {number} that the ground truth does not know: {listed(result.other_classes)}."


def _few(result: TubeResult) -> str | None:
    few = [name for name, count in result.ground_truth.items() if count < _FEW_TUBES]
    if not few:
        return None
    subject, their = (f'Class "{few[0]}" has', "its") if len(few) == 1 else (f"{len(few)} classes have", "their")
    return f"{subject} fewer than {_FEW_TUBES} annotated tubes: {their} AP says little."
