"""A threshold for each class, chosen on the detections of a validation set. C classes that count.

A class with few labels has no threshold of its own worth the name: with three labels, the best one depends on the luck
of three detections. It gets that of all classes together, as if they were one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from alphaction.data.annotations import LabelMap
from alphaction.data.keyframes import Keyframe
from alphaction.evaluation.average_precision import ranking, scored_classes, true_positives
from alphaction.evaluation.curves import OperatingPoint, Points, highest_recall
from alphaction.evaluation.detections import Detections
from alphaction.evaluation.evaluator import AvaEvaluator
from alphaction.utils.errors import DataError

# What a score in a file loses to rounding is less than this share of it.
_ROUNDING = 1e-6


@dataclass(frozen=True)
class ChosenThreshold:
    """The threshold of one class, and what it gives on the detections that it was chosen on.

    Attributes:
        class_id, name: of the class.
        labels: ground-truth labels.
        own: whether it was chosen on the detections of this class; else on those of all classes together.
        reached: whether it gives the wanted precision; True where none is wanted.
        point: threshold, precision, recall and F1. A class without labels has a recall and an F1 of 0.
    """

    class_id: int
    name: str
    labels: int
    own: bool
    reached: bool
    point: OperatingPoint


@dataclass(frozen=True)
class Choice:
    """Thresholds of the classes that count, and that of all classes together."""

    classes: tuple[ChosenThreshold, ...]
    together: float

    @property
    def values(self) -> list[float]:
        """The threshold of each class."""
        return [each.point.threshold for each in self.classes]


@dataclass(frozen=True, eq=False)
class ScoredDetections:
    """How many detections are right from every score on: for each class, and for all classes as if they were one."""

    evaluator: AvaEvaluator
    classes: tuple[Points, ...]
    together: Points

    @classmethod
    def of(cls, evaluator: AvaEvaluator, detections: Detections) -> ScoredDetections:
        """Match detections with the ground truth as the AP does.

        Raises:
            DataError: if scores are no probabilities.
        """
        matched = evaluator.match(detections)
        ids = [entry.id for entry in evaluator.classes]
        points, scores, flags = [], [np.zeros(0)], [np.zeros(0, dtype=bool)]
        for rows in scored_classes(matched.ground_truth, matched.detections, matched.overlaps, ids):
            order = ranking(rows.scores)
            ranked = rows.scores[order].astype(np.float64)
            right = true_positives(rows.target[order])
            points.append(Points.of(ranked, right, rows.num_ground_truth))
            if rows.num_ground_truth:
                scores.append(ranked)
                flags.append(np.zeros(len(ranked), dtype=bool))
                flags[-1][right] = True
        joined, is_right = np.concatenate(scores), np.concatenate(flags)
        if len(joined) and not 0 <= joined.min() <= joined.max() <= 1:
            raise DataError(
                f"the scores of the detections go from {joined.min():.6g} to {joined.max():.6g}: they are no "
                "probabilities, and thresholds are from 0 to 1."
            )
        order = ranking(joined)
        labels = sum(each.num_labels for each in points)
        return cls(evaluator, tuple(points), Points.of(joined[order], np.flatnonzero(is_right[order]), labels))


def choose_thresholds(scored: ScoredDetections, *, precision: float | None = None, min_labels: int) -> Choice:
    """Choose a threshold for each class that counts: of the best F1, or of a wanted precision.

    A threshold lies in the middle between the lowest score that counts and the next one.

    Args:
        scored: detections of a validation set.
        precision: wanted at least, at the highest recall. A class that does not reach it gets the threshold of its
            highest precision. None: the best F1.
        min_labels: classes with fewer labels, or without a right detection, get the threshold of all classes together.

    Raises:
        DataError: if no detection is right.
    """
    if not len(scored.together.right) or not scored.together.right[-1]:
        raise DataError("not one detection is right, so no threshold is better than another. See the evaluation.")
    shared, shared_reached = _choose(scored.together, precision)
    chosen = []
    for entry, points in zip(scored.evaluator.classes, scored.classes, strict=True):
        own = points.num_labels >= min_labels and len(points.right) > 0 and points.right[-1] > 0
        value, reached = _choose(points, precision) if own else (shared, shared_reached)
        chosen.append(ChosenThreshold(entry.id, entry.name, points.num_labels, bool(own), reached, points.at(value)))
    return Choice(tuple(chosen), shared)


@dataclass(frozen=True)
class Measured:
    """What thresholds give on some detections.

    Attributes:
        precision, recall: of all detections together, over the classes with labels; 0 without detections.
        f1: mean over the classes with labels.
        classes: number of these.
    """

    precision: float
    recall: float
    f1: float
    classes: int

    @classmethod
    def of(cls, scored: ScoredDetections, thresholds: Sequence[float]) -> Measured:
        """Measure thresholds [C]."""
        points = [
            (points, points.at(value))
            for points, value in zip(scored.classes, thresholds, strict=True)
            if points.num_labels
        ]
        labels = sum(each.num_labels for each, _ in points)
        right = sum(round(at.recall * each.num_labels) for each, at in points)
        detected = sum(each.count(at.threshold) for each, at in points)
        f1 = float(np.mean([at.f1 for _, at in points]))
        return cls(right / detected if detected else 0.0, right / labels, f1, len(points))


def measure_on_others(
    evaluator: AvaEvaluator, detections: Detections, *, fixed: float, precision: float | None, min_labels: int
) -> tuple[Measured, Measured] | None:
    """Measure thresholds on videos that they were not chosen on, and one threshold for all classes on the same videos.

    Half of the videos choose for the other half, and the other way round; the figures are means over both.

    Args:
        evaluator: of all videos.
        detections: of all videos.
        fixed: the one threshold.
        precision: as in :func:`choose_thresholds`.
        min_labels: the same, of all videos; a half needs half as many.

    Returns:
        None where there are too few videos, or a half has no right detection.
    """
    found: list[tuple[Measured, Measured]] = []
    try:
        halves = _halves(evaluator, detections)
        for seen, unseen in (halves, halves[::-1]) if halves else ():
            chosen = choose_thresholds(seen, precision=precision, min_labels=max(min_labels // 2, 1))
            found.append((Measured.of(unseen, chosen.values), Measured.of(unseen, [fixed] * len(chosen.values))))
    except DataError:  # of a half: nothing is right in it
        return None
    return (_mean([own for own, _ in found]), _mean([one for _, one in found])) if found else None


def _mean(measured: Sequence[Measured]) -> Measured:
    weights = [each.classes for each in measured]
    f1 = float(np.average([each.f1 for each in measured], weights=weights))
    precision, recall = (float(np.mean([getattr(each, name) for each in measured])) for name in ("precision", "recall"))
    return Measured(precision, recall, f1, max(weights))


def _choose(points: Points, precision: float | None) -> tuple[float, bool]:
    """Return the threshold of the best F1, or of a wanted precision, and whether that is reached."""
    if precision is None:
        return _between(points, int(np.argmax(points.f1))), True
    place = highest_recall(points.precision, points.right, precision)
    if place is not None:
        return _between(points, place), True
    best = np.flatnonzero(points.precision == points.precision.max())
    return _between(points, int(best[-1])), False


def _between(points: Points, place: int) -> float:
    """Return the middle between a score and the next lower one."""
    threshold = float(points.thresholds[place])
    if place + 1 == len(points.thresholds):
        return threshold * (1 - _ROUNDING)
    return (threshold + float(points.thresholds[place + 1])) / 2


def _halves(evaluator: AvaEvaluator, detections: Detections) -> tuple[ScoredDetections, ScoredDetections] | None:
    """Return the detections of two halves of the videos, which have about as many labels each."""
    table = evaluator.annotations
    labels = np.bincount(
        table.keyframes.video_index[table.keyframe_of_box()[table.box_of_label()]],
        minlength=len(table.keyframes.videos),
    )
    order = [video for video in np.argsort(-labels, kind="stable").tolist() if labels[video]]
    if len(order) < 2:
        return None
    # The largest video to the first half, the next two to the second, the next two to the first, ...
    sides = {str(table.keyframes.videos[video]): (place + 1) // 2 % 2 for place, video in enumerate(order)}
    found, counted = [], LabelMap(evaluator.classes)
    side_of_keyframe = np.array([sides.get(video, -1) for video, _ in detections.keyframes], dtype=np.int64)
    for side in (0, 1):
        others = [Keyframe(*keyframe) for keyframe in table.keyframes if sides.get(keyframe.video, -1) != side]
        part = table.without(others)
        kept = detections.select(side_of_keyframe[detections.keyframe_index] == side)
        found.append(ScoredDetections.of(AvaEvaluator(part, counted, iou_threshold=evaluator.iou_threshold), kept))
    return found[0], found[1]
