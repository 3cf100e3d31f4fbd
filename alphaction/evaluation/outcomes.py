"""What became of every detection from the thresholds on, and of every label: the ground that an analysis stands on.

Axes: C classes that count, N boxes of detections, L labels of these classes, M detections (pairs of a box and a class)
whose score reaches the threshold of their class.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from alphaction.data.annotations import ActionClass
from alphaction.evaluation.average_precision import (
    GroundTruth,
    ScoredClass,
    area,
    ranking,
    scored_classes,
    true_positives,
)
from alphaction.evaluation.calibration import Bins, Calibration
from alphaction.evaluation.curves import ClassCurve, Points
from alphaction.evaluation.detections import Detections
from alphaction.evaluation.evaluator import AvaEvaluator, Matched


@dataclass(frozen=True, eq=False)
class Labels:
    """What became of the labels, arrays [L] in the order of ``GroundTruth.label_class``.

    Attributes:
        channel: int64, place of the class among those that count.
        box: int64, row of the annotations.
        score: float64, best score of a box that belongs to the label; NaN where none has a score for the class.
        found: bool, whether the label has a true positive.
        with_box: bool, whether a detected box belongs to it, with whatever score.
    """

    channel: np.ndarray
    box: np.ndarray
    score: np.ndarray
    found: np.ndarray
    with_box: np.ndarray


@dataclass(frozen=True, eq=False)
class Counted:
    """The detections from the thresholds on, arrays [M], class by class and best first.

    Attributes:
        channel: int64, place of the class among those that count.
        box: int64, position of the box.
        score: float64.
        label: int64, the label that it belongs to, or -1.
        right: bool, whether it is a true positive: the first of those that belong to the label.
    """

    channel: np.ndarray
    box: np.ndarray
    score: np.ndarray
    label: np.ndarray
    right: np.ndarray


@dataclass(frozen=True, eq=False)
class Outcomes:
    """See the module.

    Attributes:
        classes: the C classes that count.
        groups: class name -> group.
        matched: boxes of detections and annotations.
        curves: one for each class.
        thresholds: float64 [C]; NaN for a class without labels or detections.
        counted, labels: what became of them.
        calibration: of all scores.
    """

    classes: tuple[ActionClass, ...]
    groups: Mapping[str, str]
    matched: Matched
    curves: tuple[ClassCurve, ...]
    thresholds: np.ndarray
    counted: Counted
    labels: Labels
    calibration: Calibration

    @property
    def truth(self) -> GroundTruth:
        return self.matched.ground_truth

    @property
    def detections(self) -> Detections:
        return self.matched.detections

    @cached_property
    def group_numbers(self) -> np.ndarray:
        """Number of each class's group, int64 [C]."""
        names = [self.groups[entry.name] for entry in self.classes]
        known = {name: number for number, name in enumerate(dict.fromkeys(names))}
        return np.array([known[name] for name in names], dtype=np.int64)

    @cached_property
    def person(self) -> np.ndarray:
        """Row of the annotated person that each box overlaps best at the IoU threshold, int64 [N]; -1: none."""
        pairs = self.matched.overlaps
        best = np.lexsort((pairs.ground_truth, -pairs.iou, pairs.detection))
        boxes, first = np.unique(pairs.detection[best], return_index=True)
        person = np.full(len(self.detections.boxes), -1, dtype=np.int64)
        person[boxes] = pairs.ground_truth[best[first]]
        return person

    @cached_property
    def label_keys(self) -> np.ndarray:
        """Row and class of each label as one number, int64 [L], ascending."""
        return np.sort(self.labels.box * len(self.classes) + self.labels.channel)

    def is_label(self, rows: np.ndarray, channels: np.ndarray) -> np.ndarray:
        """Return whether the annotated persons in ``rows`` [n] have the labels ``channels`` [n]; row -1 has none."""
        return np.isin(rows * len(self.classes) + channels, self.label_keys) & (rows >= 0)


def find_outcomes(
    evaluator: AvaEvaluator, detections: Detections, thresholds: Mapping[str, float] | None = None
) -> Outcomes:
    """Match detections with the labels as the AP does, and judge them at thresholds.

    Args:
        evaluator: of the ground truth.
        detections: what is judged.
        thresholds: class name -> score from which a detection counts. Classes that it lacks get that of the best F1.
    """
    matched = evaluator.match(detections)
    truth = matched.ground_truth
    ids = [entry.id for entry in evaluator.classes]
    labels = _Labels(truth, ids)
    bins, curves, counted = Bins(), [], []
    limits = np.full(len(ids), np.nan)
    for channel, rows in enumerate(scored_classes(truth, matched.detections, matched.overlaps, ids)):
        entry = evaluator.classes[channel]
        order = ranking(rows.scores)
        ranked = rows.target[order]
        right = true_positives(ranked)
        points = Points.of(rows.scores[order], right, rows.num_ground_truth)
        ap = area(right, rows.num_ground_truth) if rows.num_ground_truth else float("nan")
        curves.append(points.curve(entry.id, entry.name, evaluator.groups[entry.name], ap))
        if not rows.num_ground_truth:
            continue
        bins.add(rows.scores, rows.target >= 0)
        labels.add(rows, order)
        best = curves[-1].best
        if best is not None:
            limits[channel] = (thresholds or {}).get(entry.name, best.threshold)
            counted.append(_above(rows, order, right, channel, limits[channel]))
    columns = [np.concatenate(parts) for parts in zip(_NOTHING, *counted, strict=True)]
    found = Counted(*columns)
    return Outcomes(
        evaluator.classes, evaluator.groups, matched, tuple(curves), limits, found, labels.judged(found), bins.result()
    )


_NOTHING = (np.zeros(0, np.int64), np.zeros(0, np.int64), np.zeros(0), np.zeros(0, np.int64), np.zeros(0, bool))


def _above(
    rows: ScoredClass, order: np.ndarray, right: np.ndarray, channel: int, threshold: float
) -> tuple[np.ndarray, ...]:
    """Return the columns of :class:`Counted` for one class, given its ranking and the ranks of true positives."""
    count = int(np.count_nonzero(rows.scores >= threshold))
    kept = order[:count]
    is_right = np.zeros(count, dtype=bool)
    is_right[right[right < count]] = True
    channels = np.full(count, channel, dtype=np.int64)
    return channels, rows.box_index[kept], rows.scores[kept].astype(np.float64), rows.target[kept], is_right


class _Labels:
    """The labels, filled class by class."""

    def __init__(self, truth: GroundTruth, class_ids: list[int]) -> None:
        known = {class_id: channel for channel, class_id in enumerate(class_ids)}
        ids, place = np.unique(truth.label_class, return_inverse=True)
        self._channel = np.array([known[class_id] for class_id in ids.tolist()], np.int64)[place.reshape(-1)]
        self._box = truth.label_box
        self._score = np.full(len(self._box), np.nan)
        self._with_box = np.zeros(len(self._box), dtype=bool)

    def add(self, rows: ScoredClass, order: np.ndarray) -> None:
        """Add the scores of a class, given their ranking."""
        self._with_box[rows.with_box] = True
        worst_first = order[::-1]
        worst_first = worst_first[rows.target[worst_first] >= 0]
        self._score[rows.target[worst_first]] = rows.scores[worst_first]  # of several the last one stays: the best

    def judged(self, counted: Counted) -> Labels:
        found = np.zeros(len(self._box), dtype=bool)
        found[counted.label[counted.right]] = True
        return Labels(self._channel, self._box, self._score, found, self._with_box)
