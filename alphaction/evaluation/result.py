"""The result of an evaluation."""

from __future__ import annotations

from dataclasses import dataclass, field
from math import isnan
from typing import Any

from alphaction.data.keyframes import Keyframe

Interval = tuple[float, float]
"""Lower and upper end."""

FEW_VIDEOS = 5
"""With fewer videos than this, an interval over videos is itself a guess."""


@dataclass(frozen=True)
class Intervals:
    """How far figures would differ with other videos; see :mod:`alphaction.evaluation.bootstrap`.

    Attributes:
        videos: with labels. Others, with detections alone, are drawn, too.
        resamples: number of draws; 0 where there are no intervals, as there is one video only.
        level: share of the resamples that lie within an interval.
        mAP: of the mAP; None without resamples.
        per_group: group -> interval of its mean; None where its labels are in fewer than two videos.
        per_class: class name -> interval of its AP; None where its labels are in fewer than two videos.
        class_videos: class name -> number of videos with a label of it.
    """

    videos: int
    resamples: int
    level: float
    mAP: Interval | None  # noqa: N815 (the name of the metric)
    per_group: dict[str, Interval | None]
    per_class: dict[str, Interval | None]
    class_videos: dict[str, int]

    @property
    def reliable(self) -> bool:
        """Whether there are videos enough."""
        return self.videos >= FEW_VIDEOS


@dataclass(frozen=True)
class EvaluationCounts:
    """How much was compared, and how much was left out.

    Attributes:
        keyframes: keyframes of the ground truth.
        ground_truth_boxes: ground-truth boxes with a label that counts.
        ground_truth_labels: their labels of classes that count.
        uncounted_labels: labels of other classes.
        detection_keyframes: keyframes with a detection.
        detection_boxes: boxes that were evaluated.
        detections: their scores for classes that count.
        uncounted_detections: scores for classes that do not count.
        unknown_class_ids: class ids of these that are in no label map.
        excluded_boxes: detection boxes at excluded keyframes; left out.
        empty_boxes: detection boxes without area; left out.
        keyframes_without_detections: ground-truth keyframes in which nothing was found; their labels count as missed.
        keyframes_without_ground_truth: detected keyframes without a ground-truth box; false positives.
        found_boxes: those of ``ground_truth_boxes`` that a detection box overlaps at the IoU threshold.
        coinciding_boxes: those of ``detection_boxes`` that coincide with a ground-truth box.
        first_without_detections: first of ``keyframes_without_detections``.
        first_without_ground_truth: first of ``keyframes_without_ground_truth``.
        score_range: lowest and highest score; (nan, nan) without detections.
        largest_coordinate: largest absolute coordinate of a detection box; 0 without detections.
    """

    keyframes: int
    ground_truth_boxes: int
    ground_truth_labels: int
    uncounted_labels: int
    detection_keyframes: int
    detection_boxes: int
    detections: int
    uncounted_detections: int
    unknown_class_ids: tuple[int, ...]
    excluded_boxes: int
    empty_boxes: int
    keyframes_without_detections: int
    keyframes_without_ground_truth: int
    found_boxes: int
    coinciding_boxes: int
    first_without_detections: Keyframe | None
    first_without_ground_truth: Keyframe | None
    score_range: tuple[float, float]
    largest_coordinate: float

    @property
    def box_recall(self) -> float:
        """Share in [0, 1] of the ground-truth boxes that a detection box overlaps: an upper bound of the recall."""
        return self.found_boxes / self.ground_truth_boxes if self.ground_truth_boxes else 0.0


@dataclass(frozen=True)
class AvaResult:
    """Frame-mAP and the values behind it. Classes are in the order of the label map that counts.

    Attributes:
        mAP: mean of the AP of all classes with ground truth, in [0, 1].
        per_class: class name -> AP; NaN for a class without ground truth.
        per_group: group ("movement", "object", "person", or one of the label map's own; "ungrouped" where it has no
            types) -> mean AP of its classes with ground truth; NaN if none has.
        class_groups: class name -> group.
        ground_truth: class name -> number of ground-truth labels.
        classes_without_ground_truth: names; they are left out of every mean.
        iou_threshold: IoU that a detection needs.
        optimistic: ground-truth boxes were used as detections, so that no person is missed. Such an mAP is higher than
            with the boxes of a person detector, and not comparable with published ones.
        counts: see :class:`EvaluationCounts`.
        hints: sentences on what looks wrong and what to do about it.
        losses: "loss" and its terms, the training's loss on the annotated persons whose box was found; empty where a
            file of detections is evaluated, which has no logits.
        intervals: of the figures above; None: they were not computed.
    """

    mAP: float  # noqa: N815 (the name of the metric)
    per_class: dict[str, float]
    per_group: dict[str, float]
    class_groups: dict[str, str]
    ground_truth: dict[str, int]
    classes_without_ground_truth: tuple[str, ...]
    iou_threshold: float
    optimistic: bool
    counts: EvaluationCounts
    hints: tuple[str, ...] = ()
    losses: dict[str, float] = field(default_factory=dict)
    intervals: Intervals | None = None

    def __str__(self) -> str:
        from alphaction.evaluation.result_text import format_report  # which needs this module

        return format_report(self)

    def _repr_pretty_(self, printer: Any, cycle: bool) -> None:
        """Show the table in a notebook."""
        printer.text("AvaResult(...)" if cycle else str(self))

    def metrics(self) -> dict[str, float]:
        """Return the values to plot: mAP, mAP/GROUP where several groups have ground truth, AP/CLASS of those with it.

        The losses, where there are some, are among them.
        :func:`alphaction.evaluation.metric_names` tells the other names before anything is evaluated.
        """
        groups = {f"mAP/{group}": value for group, value in self.per_group.items() if not isnan(value)}
        classes = {f"AP/{name}": value for name, value in self.per_class.items() if self.ground_truth[name]}
        return {"mAP": self.mAP, **(groups if len(groups) > 1 else {}), **classes, **self.losses}
