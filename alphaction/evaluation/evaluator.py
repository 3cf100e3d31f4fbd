"""AVA's frame-mAP of detections against a split's annotations."""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from alphaction.data.annotations import ActionClass, AnnotationTable, LabelMap
from alphaction.data.keyframes import Keyframe
from alphaction.evaluation.average_precision import GroundTruth, Overlaps, average_precision, find_overlaps
from alphaction.evaluation.detections import Detections
from alphaction.evaluation.hints import find_hints
from alphaction.evaluation.result import AvaResult, EvaluationCounts
from alphaction.utils.errors import DataError
from alphaction.utils.messages import counted, suggest

logger = logging.getLogger(__name__)

# Boxes rounded to three decimals in a csv still coincide; no detector gets every box this close.
_COINCIDE_IOU = 0.99

UNGROUPED = "ungrouped"
"""Group, in results, of classes for which the label map names none."""


@dataclass(frozen=True, eq=False)
class Matched:
    """Detections whose boxes were compared with the ground truth. Sizes in shapes: N boxes of ``detections``.

    Attributes:
        ground_truth: the labels of the classes that count.
        detections: those that are evaluated.
        keyframe: int64 [N], the annotations' number of each one's keyframe; -1 where it is not annotated.
        overlaps: of ``detections`` and ``ground_truth``.
        empty, excluded: how many boxes without area, and at excluded keyframes, were left out.
    """

    ground_truth: GroundTruth
    detections: Detections
    keyframe: np.ndarray
    overlaps: Overlaps
    empty: int
    excluded: int


class AvaEvaluator:
    """Frame-mAP by the ActivityNet/AVA protocol (see :mod:`alphaction.evaluation.average_precision`).

    Excluded keyframes are dropped from ground truth and detections. Detections at keyframes without ground truth are
    false positives. Detection boxes without area, and classes that do not count, are left out.

    Args:
        annotations: the split's ground truth.
        label_map: the classes that the model was trained on.
        eval_label_map: the classes that count in the mean, if not all do (AVA: 60 of 80).
        exclusions: keyframes to leave out.
        iou_threshold: IoU in (0, 1] that a detection needs.

    Attributes:
        classes: those that count, in the order of results.
        groups: class name -> group, or :data:`UNGROUPED`.
        annotations: the ground truth without the excluded keyframes.

    Raises:
        DataError: when no class that counts has ground truth.
    """

    def __init__(
        self,
        annotations: AnnotationTable,
        label_map: LabelMap,
        eval_label_map: LabelMap | None = None,
        *,
        exclusions: Collection[Keyframe] = (),
        iou_threshold: float = 0.5,
    ) -> None:
        if not 0 < iou_threshold <= 1:
            raise ValueError(f"iou_threshold is {iou_threshold}; expected a value in (0, 1]")
        self.classes = (eval_label_map or label_map).classes
        self.iou_threshold = iou_threshold
        self._label_map = label_map
        self._exclusions = frozenset(Keyframe(*keyframe) for keyframe in exclusions)
        self.annotations = annotations.without(self._exclusions) if self._exclusions else annotations
        require_counted_labels(self.annotations, eval_label_map or label_map)
        _warn_of_other_classes(self.classes, label_map)
        self.groups = _groups(self.classes, label_map)
        self._ground_truth, self._uncounted_labels = _counted_labels(
            self.annotations, [entry.id for entry in self.classes]
        )

    def evaluate(self, detections: Detections, *, ground_truth_boxes: bool = False) -> AvaResult:
        """Compare detections (:class:`Predictions` or :class:`DetectionRows`) with the ground truth.

        Args:
            detections: boxes as fractions of the frame, with scores.
            ground_truth_boxes: whether the boxes were taken from the ground truth. The result then says so, as it also
                does if every box coincides with a ground-truth box.

        Raises:
            DataError: when no keyframe of the detections occurs in the ground truth.
        """
        matched = self.match(detections)
        kept, overlaps = matched.detections, matched.overlaps
        scores = average_precision(matched.ground_truth, kept, overlaps, [entry.id for entry in self.classes])
        counts = self._count(kept, matched.keyframe, overlaps, empty=matched.empty, excluded=matched.excluded)
        names = [entry.name for entry in self.classes]
        per_class = dict(zip(names, scores.ap.tolist(), strict=True))
        coincide = 0 < counts.detection_boxes == counts.coinciding_boxes
        result = AvaResult(
            mAP=_mean(per_class.values()),
            per_class=per_class,
            per_group=self._group_means(per_class),
            class_groups=self.groups,
            ground_truth=dict(zip(names, scores.num_ground_truth.tolist(), strict=True)),
            classes_without_ground_truth=tuple(name for name, value in per_class.items() if np.isnan(value)),
            iou_threshold=self.iou_threshold,
            optimistic=ground_truth_boxes or coincide,
            counts=counts,
        )
        return replace(result, hints=tuple(find_hints(result)))

    def match(self, detections: Detections) -> Matched:
        """Compare the boxes alone; raises as :meth:`evaluate`."""
        number = self._number_keyframes(detections)
        kept, empty, excluded = self._drop_boxes(detections)
        keyframe = number[kept.keyframe_index]
        overlaps = find_overlaps(self._ground_truth, keyframe, kept.boxes, self.iou_threshold)
        return Matched(self._ground_truth, kept, keyframe, overlaps, empty, excluded)

    def _number_keyframes(self, detections: Detections) -> np.ndarray:
        """Return int64 [K]: the annotations' number of each keyframe of the detections, -1 where it has none."""
        keyframes = [Keyframe(*keyframe) for keyframe in detections.keyframes]
        if len(set(keyframes)) != len(keyframes):
            twice = next(keyframe for keyframe in keyframes if keyframes.count(keyframe) > 1)
            raise ValueError(f"{tuple(twice)} occurs twice among the detections' keyframes")
        known = {keyframe: index for index, keyframe in enumerate(self.annotations.keyframes)}
        number = np.fromiter((known.get(keyframe, -1) for keyframe in keyframes), np.int64, len(keyframes))
        used = [keyframes[index] for index in np.unique(detections.keyframe_index).tolist()]
        used = [keyframe for keyframe in used if keyframe not in self._exclusions]
        if used and not any(keyframe in known for keyframe in used):
            raise DataError(_no_common_keyframe(used, self.annotations.keyframes))
        return number

    def _drop_boxes(self, detections: Detections) -> tuple[Detections, int, int]:
        """Return the detections without empty boxes and excluded keyframes, and how many boxes each removed."""
        excluded_keyframe = np.array([Keyframe(*entry) in self._exclusions for entry in detections.keyframes], bool)
        excluded = excluded_keyframe[detections.keyframe_index]
        empty = (detections.boxes[:, 2:] <= detections.boxes[:, :2]).any(axis=1) & ~excluded
        drop = empty | excluded
        kept = detections.select(~drop) if drop.any() else detections
        return kept, int(empty.sum()), int(excluded.sum())

    def _group_means(self, per_class: dict[str, float]) -> dict[str, float]:
        return {
            group: _mean(per_class[name] for name, own in self.groups.items() if own == group)
            for group in dict.fromkeys(self.groups.values())
        }

    def _count(
        self, detections: Detections, keyframe: np.ndarray, overlaps: Overlaps, *, empty: int, excluded: int
    ) -> EvaluationCounts:
        annotated = np.unique(self._ground_truth.keyframe)
        in_keyframe = np.zeros(len(detections.keyframes), bool)
        in_keyframe[detections.keyframe_index] = True
        without_detections = np.setdiff1d(annotated, keyframe)
        box_without = detections.keyframe_index[~np.isin(keyframe, annotated)]
        without_ground_truth = np.unique(box_without)
        counted_box = np.unique(self._ground_truth.label_box)
        rows = detections.rows_per_class()
        counted_ids = {entry.id for entry in self.classes}
        uncounted = {class_id: count for class_id, count in rows.items() if class_id not in counted_ids}
        return EvaluationCounts(
            keyframes=len(annotated),
            ground_truth_boxes=len(counted_box),
            ground_truth_labels=len(self._ground_truth.label_box),
            uncounted_labels=self._uncounted_labels,
            detection_keyframes=int(in_keyframe.sum()),
            detection_boxes=len(detections.boxes),
            detections=sum(rows.values()) - sum(uncounted.values()),
            uncounted_detections=sum(uncounted.values()),
            unknown_class_ids=tuple(sorted(set(uncounted) - set(self._label_map.ids))),
            excluded_boxes=excluded,
            empty_boxes=empty,
            keyframes_without_detections=len(without_detections),
            keyframes_without_ground_truth=len(without_ground_truth),
            found_boxes=int(np.isin(counted_box, overlaps.ground_truth).sum()),
            coinciding_boxes=len(np.unique(overlaps.detection[overlaps.iou >= _COINCIDE_IOU])),
            first_without_detections=_first(self.annotations.keyframes, without_detections),
            first_without_ground_truth=_first(detections.keyframes, without_ground_truth),
            score_range=detections.score_range(),
            largest_coordinate=float(np.abs(detections.boxes).max(initial=0.0)),
        )


def metric_names(
    annotations: AnnotationTable, label_map: LabelMap, eval_label_map: LabelMap | None = None
) -> list[str]:
    """Return the names that :meth:`AvaResult.metrics` has of an evaluation, as :class:`AvaEvaluator` takes its data."""
    present = set(np.unique(annotations.label_ids).tolist())
    classes = [entry for entry in (eval_label_map or label_map).classes if entry.id in present]
    groups = [f"mAP/{group}" for group in dict.fromkeys(_groups(classes, label_map).values())]
    return ["mAP", *(groups if len(groups) > 1 else ()), *(f"AP/{entry.name}" for entry in classes)]


def _warn_of_other_classes(classes: Sequence[ActionClass], label_map: LabelMap) -> None:
    trained = {entry.id: entry for entry in label_map.classes}
    for entry in classes:
        own = trained.get(entry.id)
        if own is None:
            logger.warning(
                'Class %d ("%s") counts in the mAP, but is not in the label map that the model was trained on. It is '
                "never detected, so its AP is 0 if it has ground truth.",
                entry.id,
                entry.name,
            )
        elif own.name != entry.name:
            logger.warning(
                'Class %d is "%s" in the label map of the evaluation and "%s" in the one that the model was trained '
                "on. Check that both use the same ids.",
                entry.id,
                entry.name,
                own.name,
            )


def _groups(classes: Sequence[ActionClass], label_map: LabelMap) -> dict[str, str]:
    """Return class name -> group, as in the training label map: some evaluation lists lack groups (AVA's of 2018)."""
    trained = {entry.id: entry for entry in label_map.classes}
    return {
        entry.name: UNGROUPED if entry.id in label_map.untyped else trained.get(entry.id, entry).group
        for entry in classes
    }


def require_counted_labels(annotations: AnnotationTable, label_map: LabelMap) -> None:
    """Raise a :class:`UserError` if no label of ``annotations`` is of a class of ``label_map``, those that count."""
    if not np.isin(annotations.label_ids, label_map.ids).any():
        labels = counted(annotations.num_labels, "label")
        keyframes = counted(len(annotations.keyframes), "keyframe")
        raise DataError(
            f"Nothing to evaluate against: the ground truth {annotations.source} has {labels} in {keyframes}, but "
            f"none of a class that counts ({label_map.num_classes} in the label map). Check the annotations, the label "
            "map and the exclusions."
        )


def _counted_labels(annotations: AnnotationTable, class_ids: Sequence[int]) -> tuple[GroundTruth, int]:
    """Return the ground truth with the labels of ``class_ids`` only, and the number of labels left out."""
    keyframe, label_box = annotations.keyframe_of_box(), annotations.box_of_label()
    counts = np.isin(annotations.label_ids, class_ids)
    boxes = np.asarray(annotations.boxes, np.float64)
    labels = GroundTruth(keyframe, boxes, label_box[counts], annotations.label_ids[counts].astype(np.int64))
    return labels, int((~counts).sum())


def _no_common_keyframe(detected: Sequence[Keyframe], annotated: Sequence[Keyframe]) -> str:
    first, expected = detected[0], annotated[0]
    message = (
        f"None of the keyframes with detections ({len(detected)}) occurs in the ground truth. The first detection is "
        f'at video "{first.video}", second {first.second}; the first ground truth at video "{expected.video}", '
        f"second {expected.second}. "
    )
    videos = {keyframe.video for keyframe in annotated}
    if first.video not in videos:
        return message + f"The video names differ. {suggest(first.video, videos, limit=5)}"
    seconds = [keyframe.second for keyframe in annotated if keyframe.video == first.video]
    return message + (
        f'The ground truth of "{first.video}" is at seconds {min(seconds)} to {max(seconds)}. Check that both count '
        "seconds from the same start."
    )


def _first(keyframes: Sequence[Keyframe], positions: np.ndarray) -> Keyframe | None:
    return keyframes[int(positions[0])] if len(positions) else None


def _mean(values: Iterable[float]) -> float:
    present = [value for value in values if not np.isnan(value)]
    return float(np.mean(present)) if present else float("nan")
