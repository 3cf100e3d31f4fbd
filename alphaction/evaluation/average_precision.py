"""Average precision of boxes in single frames at one IoU, by the protocol of Pascal VOC as AVA uses it.

Each class is evaluated by itself. Its detections are ranked, best score first. A detection belongs to the ground-truth
box of its class and keyframe with the highest IoU (the first of equals), provided that this IoU reaches the threshold.
The first detection that belongs to a ground-truth box is a true positive. Later ones are false positives, even if they
overlap another box that no detection belongs to, and so is every detection that belongs to none. AP is the area under
precision over recall, where the precision at a recall is the highest one at that recall or any greater one (all points,
no sampling at 11).

- Everingham et al., "The Pascal Visual Object Classes Challenge: A Retrospective", IJCV 2015.
- Gu et al., "AVA: A Video Dataset of Spatio-temporally Localized Atomic Visual Actions", CVPR 2018.

The box that a detection belongs to depends on neither scores nor other detections. So the IoU of each pair of boxes is
computed once, whatever the number of classes.

Axes: G ground-truth boxes, L labels (a box has one for each action), N detection boxes, P overlapping pairs, C classes.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from alphaction.evaluation.detections import Detections

_PAIRS_AT_ONCE = 1_000_000


@dataclass(frozen=True, eq=False)
class GroundTruth:
    """Labeled boxes as arrays.

    Attributes:
        keyframe: int64 [G], number of the keyframe of each box, ascending.
        boxes: float64 [G, 4] x1, y1, x2, y2.
        label_box: int64 [L], position in ``boxes`` of each label, ascending.
        label_class: int64 [L], class id of each label.
    """

    keyframe: np.ndarray
    boxes: np.ndarray
    label_box: np.ndarray
    label_class: np.ndarray


@dataclass(frozen=True, eq=False)
class Overlaps:
    """Pairs of a detection box and a ground-truth box of its keyframe whose IoU reaches the threshold.

    Attributes:
        detection: int64 [P], position of the detection box, ascending.
        ground_truth: int64 [P], position of the ground-truth box, ascending for each detection.
        iou: float64 [P].
    """

    detection: np.ndarray
    ground_truth: np.ndarray
    iou: np.ndarray


@dataclass(frozen=True, eq=False)
class ClassScores:
    """Result for C classes.

    Attributes:
        ap: float64 [C] in [0, 1]; NaN for a class without ground truth.
        num_ground_truth: int64 [C], labels of each class.
        num_detections: int64 [C], scored boxes of each class.
    """

    ap: np.ndarray
    num_ground_truth: np.ndarray
    num_detections: np.ndarray


def box_iou(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Return the IoU [P] of boxes ``first`` and ``second``, both [P, 4] xyxy; 0 where both are empty."""
    overlap = np.minimum(first[:, 2:], second[:, 2:]) - np.maximum(first[:, :2], second[:, :2])
    np.maximum(overlap, 0, out=overlap)
    intersection = overlap[:, 0] * overlap[:, 1]
    union = _area(first) + _area(second) - intersection
    return np.divide(intersection, union, out=np.zeros_like(intersection), where=union > 0)


def find_overlaps(
    ground_truth: GroundTruth, keyframe: np.ndarray, boxes: np.ndarray, iou_threshold: float = 0.5
) -> Overlaps:
    """Find the pairs of boxes with an IoU of at least ``iou_threshold``; empty boxes overlap nothing.

    Args:
        ground_truth: labeled boxes.
        keyframe: int64 [N], number of the keyframe of each detection box as in ``ground_truth.keyframe``; any number
            that does not occur there (say -1) stands for a keyframe without ground truth.
        boxes: float64 [N, 4] xyxy.
        iou_threshold: in (0, 1].
    """
    start = np.searchsorted(ground_truth.keyframe, keyframe, side="left")
    count = np.searchsorted(ground_truth.keyframe, keyframe, side="right") - start
    found: list[tuple[np.ndarray, np.ndarray, np.ndarray]] = [
        (np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0))
    ]
    for chunk in _chunks(count, _PAIRS_AT_ONCE):
        detection = np.repeat(np.arange(chunk.start, chunk.stop), count[chunk])
        first_pair = np.cumsum(count[chunk]) - count[chunk]
        target = np.arange(len(detection)) + np.repeat(start[chunk] - first_pair, count[chunk])
        iou = box_iou(boxes[detection], ground_truth.boxes[target])
        keep = iou >= iou_threshold
        found.append((detection[keep], target[keep], iou[keep]))
    return Overlaps(*(np.concatenate(column) for column in zip(*found, strict=True)))


def average_precision(
    ground_truth: GroundTruth, detections: Detections, overlaps: Overlaps, class_ids: Sequence[int]
) -> ClassScores:
    """Compute the AP of each class in ``class_ids``; labels and detections of other classes play no part.

    Detections with equal scores rank in the order in which they are given.

    Args:
        ground_truth: labeled boxes.
        detections: scored boxes. Empty ones count as false positives: remove them first (the AVA protocol does).
        overlaps: :func:`find_overlaps` of these two.
        class_ids: C class ids.
    """
    ap = np.full(len(class_ids), np.nan)
    num_ground_truth = np.zeros(len(class_ids), np.int64)
    num_detections = np.zeros(len(class_ids), np.int64)
    for position, rows in enumerate(scored_classes(ground_truth, detections, overlaps, class_ids)):
        num_ground_truth[position] = rows.num_ground_truth
        num_detections[position] = len(rows.scores)
        if rows.num_ground_truth:
            ap[position] = ranked_average_precision(rows.scores, rows.target, rows.num_ground_truth)
    return ClassScores(ap, num_ground_truth, num_detections)


@dataclass(frozen=True, eq=False)
class ScoredClass:
    """The detections of one class, in their order, and the labels that they belong to.

    Attributes:
        num_ground_truth: labels of the class.
        box_index: int64 [r], position of each detection's box.
        scores: float [r].
        target: int64 [r], position in ``GroundTruth.label_class`` of the label that each belongs to, or -1.
        with_box: int64, the labels that a box belongs to, whether it has a score for the class or not; may repeat.
    """

    num_ground_truth: int
    box_index: np.ndarray
    scores: np.ndarray
    target: np.ndarray
    with_box: np.ndarray


def scored_classes(
    ground_truth: GroundTruth, detections: Detections, overlaps: Overlaps, class_ids: Sequence[int]
) -> Iterator[ScoredClass]:
    """Yield the detections of each class, matched with its labels; arguments as in :func:`average_precision`."""
    belongs = _best_labels(ground_truth, overlaps)
    target = np.full(len(detections.boxes), -1, np.int64)
    for class_id in class_ids:
        num_ground_truth = int(np.count_nonzero(ground_truth.label_class == class_id))
        box_index, scores = detections.scores_of(class_id)
        rows = slice(*np.searchsorted(belongs.class_id, [class_id, class_id + 1]))
        target[belongs.detection[rows]] = belongs.label[rows]
        yield ScoredClass(num_ground_truth, box_index, scores, target[box_index], belongs.label[rows])
        target[belongs.detection[rows]] = -1


def ranked_average_precision(scores: np.ndarray, target: np.ndarray, num_ground_truth: int) -> float:
    """Return the AP of one class.

    Args:
        scores: float [r], one for each detection.
        target: int64 [r], number of the ground-truth box that each detection belongs to, or -1.
        num_ground_truth: number of ground-truth boxes, at least 1.
    """
    return area(true_positives(target[ranking(scores)]), num_ground_truth)


def true_positives(ranked: np.ndarray) -> np.ndarray:
    """Return the ranks from 0, int64 ascending, of true positives, given ``target`` [r] of detections best first."""
    overlapping = np.flatnonzero(ranked >= 0)
    _, first = np.unique(ranked[overlapping], return_index=True)
    return np.sort(overlapping[first])


def area(right: np.ndarray, num_ground_truth: int) -> float:
    """Return the AP of a class, given the ranks of its true positives."""
    precision = np.arange(1, len(right) + 1) / (right + 1)
    # Recall rises by 1 / num_ground_truth at each true positive and nowhere else, and precision peaks there.
    envelope = np.maximum.accumulate(precision[::-1])
    return float(envelope.sum() / num_ground_truth)


def ranking(scores: np.ndarray) -> np.ndarray:
    """Return the positions, int64 [r], of scores from best to worst, equal ones in their order."""
    # numpy's sort that keeps the order of equals is several times slower than the two here.
    order = np.argsort(-scores)
    ranked = scores[order]
    group = np.zeros(len(order), dtype=np.int64)
    np.cumsum(ranked[1:] != ranked[:-1], out=group[1:])
    group *= len(order)
    order += group
    order.sort()
    order -= group
    return order


@dataclass(frozen=True, eq=False)
class _BestLabels:
    """The label that a detection box belongs to in each class for which it has one; rows ascend by class."""

    class_id: np.ndarray
    detection: np.ndarray
    label: np.ndarray


def _best_labels(ground_truth: GroundTruth, overlaps: Overlaps) -> _BestLabels:
    first_label = np.searchsorted(ground_truth.label_box, overlaps.ground_truth, side="left")
    count = np.searchsorted(ground_truth.label_box, overlaps.ground_truth, side="right") - first_label
    pair = np.repeat(np.arange(len(count)), count)
    label = np.arange(len(pair)) + np.repeat(first_label - (np.cumsum(count) - count), count)
    class_id, detection = ground_truth.label_class[label], overlaps.detection[pair]
    # Best IoU first within (class, detection); the sort is stable, so that the first label wins among equals.
    order = np.lexsort((-overlaps.iou[pair], detection, class_id))
    class_id, detection, label = class_id[order], detection[order], label[order]
    best = np.ones(len(order), bool)
    best[1:] = (class_id[1:] != class_id[:-1]) | (detection[1:] != detection[:-1])
    return _BestLabels(class_id[best], detection[best], label[best])


def _area(boxes: np.ndarray) -> np.ndarray:
    sides = np.maximum(boxes[:, 2:] - boxes[:, :2], 0)  # else two negative sides would make a positive area
    return sides[:, 0] * sides[:, 1]


def _chunks(counts: np.ndarray, limit: int) -> Iterator[slice]:
    """Cut positions into runs whose counts sum to about ``limit`` at most, to bound memory."""
    total = np.cumsum(counts)
    start = 0
    while start < len(counts):
        done = total[start - 1] if start else 0
        stop = max(start + 1, int(np.searchsorted(total, done + limit, side="right")))
        yield slice(start, stop)
        start = stop
