"""Precision, recall and F1 of a class over its thresholds. T points of a curve, r detections of the class."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

_MOST_POINTS = 10_000


@dataclass(frozen=True)
class OperatingPoint:
    """What a threshold gives: detections from ``threshold`` on count."""

    threshold: float
    precision: float
    recall: float
    f1: float


@dataclass(frozen=True, eq=False)
class ClassCurve:
    """Precision, recall and F1 of a class at every threshold.

    There is a point for each distinct score. Where a class has more than 10,000, some of those at which no label is
    found are left out.

    Attributes:
        class_id, name, group: of the class.
        num_labels: ground-truth labels.
        num_detections: scored boxes.
        ap: AP as :class:`AvaEvaluator` has it; NaN without labels.
        thresholds, precision, recall, f1: float64 [T], thresholds descending; empty without labels or detections.
        best: the point of the best F1, the highest threshold among equals; None where the curve is empty.
    """

    class_id: int
    name: str
    group: str
    num_labels: int
    num_detections: int
    ap: float
    thresholds: np.ndarray
    precision: np.ndarray
    recall: np.ndarray
    f1: np.ndarray
    best: OperatingPoint | None


def highest_recall(precision: np.ndarray, recall: np.ndarray, wanted: float) -> int | None:
    """Return the first place of the highest recall whose precision is at least ``wanted``; None if there is none.

    Args:
        precision: [T].
        recall: [T], or what it is proportional to; it never falls.
        wanted: precision.
    """
    good = np.flatnonzero((precision >= wanted) & (recall > 0))
    return int(good[recall[good] == recall[good[-1]]][0]) if len(good) else None


@dataclass(frozen=True, eq=False)
class Points:
    """How many detections and how many true positives there are from each threshold on, arrays [T].

    Attributes:
        thresholds: float64, descending: the distinct scores.
        detections, right: int64, ascending.
        num_labels: labels of the class.
    """

    thresholds: np.ndarray
    detections: np.ndarray
    right: np.ndarray
    num_labels: int

    @classmethod
    def of(cls, ranked_scores: np.ndarray, right: np.ndarray, num_labels: int) -> Points:
        """Return the points of detections: scores [r], best first, and ``right``, the ranks of true positives."""
        last = np.flatnonzero(np.append(ranked_scores[1:] != ranked_scores[:-1], True)[: len(ranked_scores)])
        thresholds = ranked_scores[last].astype(np.float64)
        return cls(thresholds, last + 1, np.searchsorted(right, last, side="right"), num_labels)

    @property
    def precision(self) -> np.ndarray:
        return self.right / self.detections

    @property
    def recall(self) -> np.ndarray:
        return self.right / self.num_labels

    @property
    def f1(self) -> np.ndarray:
        return 2 * self.right / (self.detections + self.num_labels)

    def at(self, threshold: float) -> OperatingPoint:
        """Return what any threshold gives; precision is 0 where nothing is detected."""
        place = self._place(threshold)
        if place < 0:
            return OperatingPoint(threshold, 0.0, 0.0, 0.0)
        found, right = int(self.detections[place]), int(self.right[place])
        recall = right / self.num_labels if self.num_labels else 0.0
        return OperatingPoint(threshold, right / found, recall, 2 * right / (found + self.num_labels))

    def count(self, threshold: float) -> int:
        """Return the number of detections from a threshold on."""
        place = self._place(threshold)
        return int(self.detections[place]) if place >= 0 else 0

    def _place(self, threshold: float) -> int:
        """Return the last point from a threshold on, or -1."""
        return int(np.searchsorted(-self.thresholds, -threshold, side="right")) - 1

    def best(self) -> OperatingPoint | None:
        """Return the point of the best F1, the highest threshold among equals; None without a detection or a label."""
        if not len(self.thresholds) or not self.num_labels:
            return None
        return self.at(float(self.thresholds[int(np.argmax(self.f1))]))

    def curve(self, class_id: int, name: str, group: str, ap: float) -> ClassCurve:
        """Return the curve of a class."""
        count = int(self.detections[-1]) if len(self.detections) else 0
        columns = [np.zeros(0)] * 4
        if self.num_labels:
            shown = self._shown()
            columns = [column[shown] for column in (self.thresholds, self.precision, self.recall, self.f1)]
        return ClassCurve(class_id, name, group, self.num_labels, count, ap, *columns, self.best())

    def _shown(self) -> np.ndarray:
        """Return the places of the points of a curve: all, or all at which a label is found and some others."""
        count = len(self.thresholds)
        keep = np.diff(self.right, prepend=0) > 0
        keep[:: 1 + count // _MOST_POINTS] = True
        keep[-1:] = True
        return np.flatnonzero(keep)
