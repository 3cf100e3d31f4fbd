"""What stands out in a run: a few sentences with figures, each with the part of the page that tells more."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from alphaction.evaluation import Intervals
from alphaction.evaluation.analysis import Analysis
from alphaction.utils.messages import counted
from alphaction.utils.values import quoted
from alphaction.workflows.report.analysis_views import pairs
from alphaction.workflows.report.evaluations import ClassRow, Evaluation
from alphaction.workflows.report.texts import brief

_CHANGE = 0.01  # of mAP: less is noise
_WIDE = 0.03  # half of an interval of mAP
_FEW = 50  # labels in training
_SHOWN = 3
_ADVICE = {
    "detector": "no detected box is there: a person detector that finds more helps most",
    "threshold": "the detected box scores below TEST.BOX_THRESH: lower it",
    "class": "the box is there but the class scores too low",
}


@dataclass(frozen=True)
class Finding:
    """A sentence, and the end of the id of the part of the page that shows it ("curves", ...)."""

    text: str
    place: str


def findings(points: Sequence[tuple[int, float]], evaluation: Evaluation, rows: Sequence[ClassRow]) -> list[Finding]:
    """Return what stands out in the evaluation on a dataset, the most important first.

    Args:
        points: (iteration, mAP) of the training's evaluations on it.
        evaluation: in the folder.
        rows: its classes.
    """
    found = [*_course(points), *_spread(evaluation.intervals), *_classes(rows), *_few(rows)]
    if evaluation.analysis is not None:
        found += [*_missed(evaluation.analysis), *_confused(evaluation.analysis), *_doubtful(evaluation.analysis)]
    return found


def _course(points: Sequence[tuple[int, float]]) -> Iterator[Finding]:
    if len(points) < 2:
        return
    (before, earlier), (last, value) = points[-2:]
    best, most = max(points, key=lambda point: point[1])
    if best == last and value - earlier > _CHANGE:
        yield Finding(
            f"mAP still rose at the end, from {earlier:.3f} at iteration {before} to {value:.3f}: a longer training "
            "may give more.",
            "training",
        )
    elif most - value > _CHANGE:
        yield Finding(
            f"mAP was best at iteration {best} and fell from {most:.3f} to {value:.3f} since: use the best weights, "
            "not the last.",
            "training",
        )


def _spread(intervals: Intervals | None) -> Iterator[Finding]:
    if intervals is None:
        return
    if not intervals.reliable or intervals.mAP is None:
        yield Finding(
            f"All validated labels are in {counted(intervals.videos, 'video')}: differences of mAP between trainings "
            "say little there. Folds of all annotated videos tell more (generate_finetune_config.py --folds).",
            "means" if intervals.mAP else "classes",
        )
    elif (intervals.mAP[1] - intervals.mAP[0]) / 2 > _WIDE:
        yield Finding(
            f"The {intervals.videos} validation videos leave the mAP open from {intervals.mAP[0]:.3f} to "
            f"{intervals.mAP[1]:.3f} (95% interval): smaller differences between trainings can be noise; "
            "compare_runs.py tells.",
            "means",
        )


def _classes(rows: Sequence[ClassRow]) -> Iterator[Finding]:
    known = sorted((row for row in rows if row.ap is not None), key=lambda row: -row.ap)
    if len(known) < 2:
        return
    shown = min(_SHOWN, len(known) // 2)
    best, worst = (", ".join(f"{_name(row.name)} {row.ap:.3f}" for row in part) for part in (
        known[:shown], known[: -shown - 1 : -1]))  # fmt: skip
    yield Finding(f"Best by AP: {best}. Weakest: {worst}.", "classes")


def _few(rows: Sequence[ClassRow]) -> Iterator[Finding]:
    few = sorted((row for row in rows if row.train is not None and row.train < _FEW), key=lambda row: row.train)
    if not few:
        return
    names = ", ".join(f"{_name(row.name)} {row.train}" for row in few[:_SHOWN])
    more = f" and {len(few) - _SHOWN} more" if len(few) > _SHOWN else ""
    yield Finding(
        f"{counted(len(few), 'class has', 'classes have')} fewer than {_FEW} labels in training ({names}{more}): "
        "more labels help these most.",
        "classes",
    )


def _missed(analysis: Analysis) -> Iterator[Finding]:
    found = sum(each.found for each in analysis.misses)
    reasons = {reason: sum(each.reasons.get(reason, 0) for each in analysis.misses) for reason in _ADVICE}
    lost = sum(reasons.values())
    if not lost:
        return
    main = max(reasons, key=reasons.__getitem__)
    yield Finding(
        f"{found} of {counted(found + lost, 'label')} are found at the thresholds of the best F1, {lost} are not; for "
        f"{'all' if reasons[main] == lost else reasons[main]} of these {_ADVICE[main]}.",
        "missed",
    )


def _confused(analysis: Analysis) -> Iterator[Finding]:
    for pair in pairs(analysis.confusion)[:1]:
        total = int(np.asarray(analysis.confusion.counts)[analysis.confusion.names.index(pair.true)].sum())
        yield Finding(
            f"Most often confused: {_name(pair.true)} is taken for {_name(pair.predicted)}, {pair.count} of "
            f"{counted(total, 'label')}.",
            "confusion",
        )


def _doubtful(analysis: Analysis) -> Iterator[Finding]:
    if number := len(analysis.label_conflicts):
        yield Finding(f"{counted(number, 'label looks', 'labels look')} wrong: check these first.", "pictures")


def _name(name: str) -> str:
    return quoted(brief(name, 40))
