"""How many annotated boxes the detections find at an IoU of 0.5, by score threshold: an upper bound of the mAP.

A box counts if it has a label, as in the mAP. If all classes count, this is the evaluation's ``box_recall``. Boxes
without an action count only if no box has one, as in a dataset that is not labeled yet.

Sizes in shapes: R annotated boxes, N detections, C classes.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from alphaction.data.annotations import AnnotationTable, BoxTable, LabelMap
from alphaction.evaluation.average_precision import GroundTruth, find_overlaps

IOU = 0.5
THRESHOLDS = tuple(np.arange(0, 0.91, 0.05).round(2).tolist())
"""Score thresholds worth choosing from: 0, 0.05, ..., 0.9."""

LOW_RECALL = 0.7
"""Detections that find less than this share of the boxes limit the mAP noticeably."""

KEPT = 0.99
"""The share of the boxes found without a threshold that a good threshold must still find."""


@dataclass(frozen=True, eq=False)
class Recall:
    """How well detections find the annotated boxes.

    Attributes:
        annotations: ground truth.
        best: float32 [R], score of the best detection that overlaps each annotated box, or -1 if none does.
        counts: bool [R], whether each box counts (see the module's docstring).
    """

    annotations: AnnotationTable
    best: np.ndarray
    counts: np.ndarray

    @classmethod
    def of(cls, annotations: AnnotationTable, detections: BoxTable) -> Recall:
        """Match detections with annotations of the same split."""
        counts = np.diff(annotations.label_offsets) > 0
        if not counts.any():
            counts[:] = True
        return cls(annotations, best_scores(annotations, detections), counts)

    @property
    def total(self) -> int:
        """Number of boxes that count."""
        return int(self.counts.sum())

    def found(self, threshold: float = 0.0) -> int:
        """Return how many of these boxes detections with at least this score (compared in float32) find."""
        return int((self.best[self.counts] >= np.float32(threshold)).sum())

    def at(self, threshold: float = 0.0) -> float:
        """Return the share of these boxes that detections with at least this score find; 0 if there are no boxes."""
        return self.found(threshold) / max(self.total, 1)

    def per_class(self, label_map: LabelMap, threshold: float = 0.0) -> np.ndarray:
        """Return that share for the boxes of each class, float64 [C]; NaN for a class without labels."""
        found = self.best[self.annotations.box_of_label()] >= np.float32(threshold)
        channels = label_map.channels(self.annotations.label_ids)
        labels = np.bincount(channels, minlength=label_map.num_classes)
        hits = np.bincount(channels, weights=found, minlength=label_map.num_classes)
        return np.divide(hits, labels, out=np.full(len(labels), np.nan), where=labels > 0)

    def threshold(self) -> float:
        """Return the highest of :data:`THRESHOLDS` that keeps :data:`KEPT` of the boxes found without one, or 0.

        It drops uncertain detections at almost no cost.
        """
        found = self.found()
        good = [threshold for threshold in THRESHOLDS if self.found(threshold) >= KEPT * found]
        return good[-1] if found else 0.0


def best_scores(
    annotations: AnnotationTable,
    detections: BoxTable,
    *,
    annotated: np.ndarray | None = None,
    detected: np.ndarray | None = None,
    shift: float = 0,
    iou: float = IOU,
) -> np.ndarray:
    """Return the score of the best detection that overlaps each annotated box, or -1.

    Args:
        annotations: ground truth.
        detections: scored boxes.
        annotated: float64 [R, 4] boxes to use as the annotated ones; default: those of ``annotations``.
        detected: float64 [N, 4], the same for ``detections``.
        shift: added to the seconds of the detections.
        iou: that they need to overlap.

    Returns:
        float32 [R].
    """
    annotated = annotations.boxes if annotated is None else annotated
    detected = detections.boxes if detected is None else detected
    none = np.zeros(0, dtype=np.int64)
    position = annotations.keyframes.locate_each(detections.keyframes, shift)
    truth = GroundTruth(annotations.keyframe_of_box(), annotated, none, none)
    pairs = find_overlaps(truth, position[detections.keyframe_of_box()], detected, iou)
    best = np.full(len(annotated), -1, dtype=np.float32)
    np.maximum.at(best, pairs.ground_truth, detections.scores[pairs.detection])
    return best
