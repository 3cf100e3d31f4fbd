"""The tables of an evaluation's figures: the mAP and the means of groups, and the AP of each class, with intervals."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from alphaction.evaluation import Intervals
from alphaction.evaluation.analysis import ClassCurve, OperatingPoint
from alphaction.evaluation.result import FEW_VIDEOS, Interval
from alphaction.utils.messages import counted
from alphaction.workflows.report.evaluations import ClassRow, Evaluation


@dataclass(frozen=True)
class ShownClass:
    """A row of the table of classes; see :class:`ClassRow`. ``videos`` are those with a label, None if unknown."""

    name: str
    group: str
    ap: float | None
    train: int | None
    test: int
    best: OperatingPoint | None
    stored: float | None
    interval: Interval | None
    videos: int | None

    @property
    def in_few_videos(self) -> bool:
        """Whether its interval is a guess."""
        return self.videos is not None and self.videos < FEW_VIDEOS


@dataclass(frozen=True)
class ShownMean:
    """A row of the table of means: the mAP, or the mean of a group."""

    name: str
    value: float
    interval: Interval | None


def known_rows(evaluation: Evaluation) -> Sequence[ClassRow]:
    """Return the classes of result.json; without one, those of the analysis."""
    if evaluation.classes or evaluation.analysis is None:
        return evaluation.classes
    return [
        ClassRow(curve.name, curve.group, None if curve.ap != curve.ap else curve.ap, None, curve.num_labels)
        for curve in evaluation.analysis.curves
    ]


def shown_class(row: ClassRow, curve: ClassCurve | None, stored: float | None, spread: Intervals | None) -> ShownClass:
    """Return the row of a class."""
    interval = spread.per_class.get(row.name) if spread else None
    videos = spread.class_videos.get(row.name) if spread else None
    best = curve.best if curve else None
    return ShownClass(row.name, row.group, row.ap, row.train, row.test, best, stored, interval, videos)


def shown_means(evaluation: Evaluation) -> list[ShownMean]:
    """Return the mAP and the means of groups, where there are intervals to be shown beside them."""
    spread = evaluation.intervals
    if spread is None or evaluation.mAP is None:
        return []
    groups = evaluation.groups if len(evaluation.groups) > 1 else {}
    rows = [ShownMean(name, value, spread.per_group.get(name)) for name, value in groups.items()]
    return [ShownMean("all classes", evaluation.mAP, spread.mAP), *rows]


def intervals_note(spread: Intervals | None) -> str:
    """Return what the intervals of an evaluation are, and what they are worth."""
    if spread is None:
        return ""
    if spread.mAP is None:
        return (
            "All labels are in one video, so that there are no intervals: what other videos would give cannot be told. "
            "Folds of all annotated videos (generate_finetune_config.py --folds) would have them."
        )
    text = (
        f"The {spread.level:.0%} intervals say how far a figure would differ with other videos: a bootstrap over the "
        f"{counted(spread.videos, 'video')} here, of {spread.resamples} draws. Another training gives other figures, "
        "too; compare_runs.py compares two."
    )
    if not spread.reliable:
        text += (
            f" {counted(spread.videos, 'video is', 'videos are')} too few to rely on them. Folds of all annotated "
            "videos (generate_finetune_config.py --folds) have more."
        )
    elif any(1 < number < FEW_VIDEOS for number in spread.class_videos.values()):
        text += (
            f" Of a class with labels in fewer than {FEW_VIDEOS} videos, their number stands in brackets: its interval "
            "is a guess."
        )
    return text


def interval_in_words(interval: Interval | None) -> str:
    """Return an interval as a tile or a sentence has it, "" if there is none."""
    return "" if interval is None else f"{interval[0]:.3f} to {interval[1]:.3f}"
