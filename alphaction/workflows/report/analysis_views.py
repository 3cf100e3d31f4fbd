"""An analysis as the page shows it: bounded charts and tables, whatever the number of classes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from alphaction.evaluation.analysis import (
    Calibration,
    ClassCurve,
    Confusion,
    Misses,
    MissReason,
    OperatingPoint,
)
from alphaction.utils.messages import counted
from alphaction.workflows.report.svg import SMALL, Chart, Mark, Series
from alphaction.workflows.report.texts import brief

CURVE_POINTS = 80
MOST_MATRIX_CLASSES = 20
"""Classes of the matrix of confusions: the most confused."""
MOST_PAIRS = 30
REASONS: Mapping[MissReason, str] = {
    "detector": "nobody detected there",
    "threshold": "detected below TEST.BOX_THRESH",
    "class": "score below the class's threshold",
}


@dataclass(frozen=True)
class ClassCharts:
    """Precision over recall, and F1 over the threshold, of a class."""

    curve: ClassCurve
    precision_recall: Chart
    f1: Chart


@dataclass(frozen=True)
class Cell:
    """A cell of the matrix of confusions: how many, which share of its row (in the last row: of its column), and
    whether it is right."""

    count: int
    share: float
    right: bool
    title: str


@dataclass(frozen=True)
class Matrix:
    """The confusions of the classes shown.

    Attributes:
        names: of rows and columns.
        rows: the cells.
        left_out: number of classes that are not shown.
    """

    names: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]
    left_out: int


@dataclass(frozen=True)
class Pair:
    """A confusion: so many persons (``share`` of those of the true class) got this class instead."""

    true: str
    predicted: str
    count: int
    share: float


@dataclass(frozen=True)
class MissRow:
    """What became of a class's labels: ``parts`` are (name of a color, words, count) in the order of the bar."""

    name: str
    total: int
    found: int
    reasons: Mapping[MissReason, int]
    parts: tuple[tuple[str, str, int], ...]


def class_charts(curves: Sequence[ClassCurve]) -> list[ClassCharts]:
    """Return the charts of the classes that have curves."""
    return [_class_charts(curve) for curve in curves if len(curve.thresholds)]


def _class_charts(curve: ClassCurve) -> ClassCharts:
    best, unit = curve.best, (0.0, 1.0)
    by_recall = _shown(curve.recall, best, curve.thresholds)
    by_threshold = _shown(-curve.thresholds, best, curve.thresholds)[::-1]
    pr = Chart(
        f"{brief(curve.name)}: precision over recall",
        (Series("precision", _points(curve.recall, curve.precision, by_recall)),),
        "recall",
        "precision",
        x_range=unit,
        y_range=unit,
        size=SMALL,
        marks=() if best is None else (Mark(best.recall, best.precision, f"F1 {best.f1:.2f}"),),
    )
    f1 = Chart(
        f"{brief(curve.name)}: F1 over the threshold",
        (
            Series("precision", _points(curve.thresholds, curve.precision, by_threshold), 2, thin=True),
            Series("recall", _points(curve.thresholds, curve.recall, by_threshold), 3, thin=True),
            Series("F1", _points(curve.thresholds, curve.f1, by_threshold)),
        ),
        "threshold",
        "F1",
        x_range=unit,
        y_range=unit,
        size=SMALL,
        marks=() if best is None else (Mark(best.threshold, best.f1, f"{best.threshold:.2f}"),),
    )
    return ClassCharts(curve, pr, f1)


def _shown(axis: np.ndarray, best: OperatingPoint | None, thresholds: np.ndarray) -> np.ndarray:
    """Return the positions of the points to draw: spread evenly along ``axis`` (ascending), ends and best included."""
    even = np.linspace(axis[0], axis[-1], CURVE_POINTS)
    picked = np.searchsorted(axis, even).clip(0, len(axis) - 1)
    ends = [0, len(axis) - 1]
    if best is not None:
        ends.append(int(np.argmin(np.abs(thresholds - best.threshold))))
    return np.unique(np.concatenate([picked, ends]))


def _points(x: np.ndarray, y: np.ndarray, shown: np.ndarray) -> list[tuple[float, float]]:
    return list(zip(x[shown].tolist(), y[shown].tolist(), strict=True))


def matrix(confusion: Confusion) -> Matrix | None:
    """Return the matrix of the most confused classes, and of nobody; None if nothing was counted."""
    counts = np.asarray(confusion.counts)
    wrong = counts - np.diag(np.diag(counts))
    nobody = len(confusion.names) - 1
    used = [i for i in range(nobody) if counts[i].sum() + counts[:, i].sum()]
    if not used:
        return None
    confused = wrong.sum(axis=0) + wrong.sum(axis=1)
    shown = sorted(sorted(used, key=lambda i: -confused[i])[:MOST_MATRIX_CLASSES])
    order = [*shown, nobody]
    sums = counts.sum(axis=1)
    names = tuple(confusion.names[i] for i in order)
    rows = tuple(tuple(_cell(confusion.names, counts, sums, i, j) for j in order) for i in order)
    return Matrix(names, rows, len(used) - len(shown))


def _cell(names: Sequence[str], counts: np.ndarray, sums: np.ndarray, true: int, predicted: int) -> Cell:
    count = int(counts[true, predicted])
    # Detections that no label stands for are no share of any label: the color compares them with all of their class.
    whole = int(counts[:, predicted].sum()) if true == len(names) - 1 else int(sums[true])
    share = count / whole if whole else 0.0
    return Cell(count, share, true == predicted, _cell_title(names, true, predicted, count, share))


def _cell_title(names: Sequence[str], true: int, predicted: int, count: int, share: float) -> str:
    nobody = len(names) - 1
    label, detected = brief(names[true], 60), brief(names[predicted], 60)
    if true == nobody:
        return f"{detected}: {counted(count, 'detection')} that no label stands for"
    if predicted == nobody:
        return f"{label}: nothing was predicted for {counted(count, 'label')} ({share:.0%})"
    if true == predicted:
        return f"{label}: {counted(count, 'label')} found ({share:.0%})"
    return f"{label} taken for {detected}: {count} ({share:.0%})"


def pairs(confusion: Confusion) -> list[Pair]:
    """Return the most frequent confusions of two classes, the most frequent first."""
    counts = np.asarray(confusion.counts)
    names, sums = confusion.names, counts.sum(axis=1)
    inner = counts[:-1, :-1].copy()
    np.fill_diagonal(inner, 0)
    order = np.argsort(-inner, axis=None, kind="stable")[:MOST_PAIRS]
    found = [divmod(int(position), inner.shape[1]) for position in order] if inner.size else []
    return [
        Pair(names[i], names[j], int(inner[i, j]), float(inner[i, j] / sums[i])) for i, j in found if inner[i, j] > 0
    ]


def miss_rows(misses: Sequence[Misses]) -> list[MissRow]:
    """Return what became of the labels of each class that has any."""
    return [row for row in map(_miss_row, misses) if row.total]


def _miss_row(misses: Misses) -> MissRow:
    reasons = {reason: int(misses.reasons.get(reason, 0)) for reason in REASONS}
    total = misses.found + sum(reasons.values())
    parts = (
        ("found", "found", misses.found),
        *((reason, words, reasons[reason]) for reason, words in REASONS.items()),
    )
    return MissRow(misses.name, total, misses.found, reasons, parts)


def calibration_chart(calibration: Calibration) -> Chart | None:
    """Return how often scores are right; None without scores."""
    if not len(calibration.counts):
        return None
    points = list(zip(calibration.mean_score.tolist(), calibration.share_right.tolist(), strict=True))
    return Chart(
        "Calibration: share of right detections over their score",
        (Series("share right", points),),
        "score",
        "share right",
        x_range=(0.0, 1.0),
        y_range=(0.0, 1.0),
        diagonal=True,
        dots=True,
    )
