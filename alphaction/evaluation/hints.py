"""Hints on why an mAP is zero or low, each with a remedy, from the counts of an evaluation."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from alphaction.data.keyframes import Keyframe
from alphaction.evaluation.recall import LOW_RECALL
from alphaction.evaluation.result import AvaResult, EvaluationCounts

FEW_LABELS = 10
"""With fewer labels than this a class is hardly learned, and its AP means little."""

_LOW_MAP = 0.05
# A person detector also finds people where nobody is labeled, so only a large share is worth a hint.
_MANY_STRAYS = 0.2


def find_hints(result: AvaResult) -> Iterator[str]:
    """Yield a sentence or two for each problem of ``result``, the most serious one first."""
    checks: tuple[Callable[[AvaResult], str | None], ...] = (
        _optimistic,
        _no_detections,
        _no_overlap,
        _low_recall,
        _no_counted_class,
        _equal_scores,
        _large_scores,
        _wrong_classes,
        _missed_keyframes,
        _stray_keyframes,
        _left_out,
        _few_labels,
    )
    for check in checks:
        hint = check(result)
        if hint:
            yield hint


def _optimistic(result: AvaResult) -> str | None:
    if not result.optimistic:
        return None
    return (
        "Optimistic: the boxes are the ground truth's, so no person was missed. Give detected person boxes for an mAP "
        "that can be compared with others."
    )


def _no_detections(result: AvaResult) -> str | None:
    if result.counts.detection_boxes:
        return None
    return "There are no detections. Check the person boxes, and whether TEST.BOX_THRESH drops all of them."


def _no_overlap(result: AvaResult) -> str | None:
    counts = result.counts
    if counts.found_boxes or not counts.detection_boxes:
        return None
    reason = (
        f"The largest coordinate is {counts.largest_coordinate:.6g}: these are pixels; give fractions of the frame."
        if counts.largest_coordinate > 2
        else "Check that boxes are x1,y1,x2,y2 (not x,y,width,height) as fractions of the frame, and that the seconds "
        "of detections and ground truth count from the same start."
    )
    return f"No detection overlaps any ground-truth box at IoU {result.iou_threshold:g}, so mAP is 0. {reason}"


def _low_recall(result: AvaResult) -> str | None:
    counts = result.counts
    if not 0 < counts.box_recall < LOW_RECALL:
        return None
    return (
        f"The boxes find only {counts.found_boxes} of {counts.ground_truth_boxes} ground-truth boxes "
        f"({counts.box_recall:.1%}) at IoU {result.iou_threshold:g}: the others count as missed, whatever the class "
        "scores. Use a better person detector, or lower TEST.BOX_THRESH if it drops boxes (the log says how many)."
    )


def _no_counted_class(result: AvaResult) -> str | None:
    counts = result.counts
    if counts.detections or not counts.detection_boxes:
        return None
    return "No detection is of a class that counts: the class ids of the detections and of the label map differ."


def _equal_scores(result: AvaResult) -> str | None:
    low, high = result.counts.score_range
    if low != high or result.counts.detections < 2:
        return None
    return (
        f"Every score is {low:.6g}: ranking is arbitrary, and mAP is that of chance. Was the model trained, and loaded?"
    )


def _large_scores(result: AvaResult) -> str | None:
    high = result.counts.score_range[1]
    if not high > 1:
        return None
    return (
        f"Scores go up to {high:.6g}, so they are not probabilities. Check that the detections are not annotations, "
        "whose last column is a person id."
    )


def _wrong_classes(result: AvaResult) -> str | None:
    if not (result.mAP < _LOW_MAP and result.counts.box_recall >= LOW_RECALL):
        return None
    return (
        f"The boxes find {result.counts.box_recall:.1%} of the persons, but their classes are wrong. Unless "
        "training has just begun, check in the log that the weights were loaded, and that it used the same label map."
    )


def _missed_keyframes(result: AvaResult) -> str | None:
    counts = result.counts
    if not counts.keyframes_without_detections or not counts.detection_boxes:
        return None
    return (
        f"{counts.keyframes_without_detections} of {counts.keyframes} ground-truth keyframes have no detection (first: "
        f"{_name(counts.first_without_detections)}); their labels count as missed."
    )


def _stray_keyframes(result: AvaResult) -> str | None:
    counts = result.counts
    if counts.keyframes_without_ground_truth <= _MANY_STRAYS * counts.detection_keyframes:
        return None
    return (
        f"{counts.keyframes_without_ground_truth} of {counts.detection_keyframes} keyframes with detections have no "
        f"ground truth (first: {_name(counts.first_without_ground_truth)}); all their detections are false positives. "
        "Exclude them if they were never annotated."
    )


def _left_out(result: AvaResult) -> str | None:
    parts = list(_left_out_parts(result.counts))
    return f"Left out, following the protocol: {'; '.join(parts)}." if parts else None


def _left_out_parts(counts: EvaluationCounts) -> Iterator[str]:
    if counts.empty_boxes:
        yield f"detection boxes without area ({counts.empty_boxes})"
    if counts.excluded_boxes:
        yield f"detection boxes at excluded keyframes ({counts.excluded_boxes})"
    if counts.uncounted_detections:
        ids = counts.unknown_class_ids
        unknown = (
            f"; ids in no label map: {', '.join(map(str, ids[:8]))}{', ...' if len(ids) > 8 else ''}" if ids else ""
        )
        yield f"detections of classes that do not count ({counts.uncounted_detections}{unknown})"
    if counts.uncounted_labels:
        yield f"ground-truth labels of classes that do not count ({counts.uncounted_labels})"


def _few_labels(result: AvaResult) -> str | None:
    few = [name for name, count in result.ground_truth.items() if 0 < count < FEW_LABELS]
    if not few:
        return None
    subject, their = (f'Class "{few[0]}" has', "its") if len(few) == 1 else (f"{len(few)} classes have", "their")
    return f"{subject} fewer than {FEW_LABELS} ground-truth labels: {their} AP says little."


def _name(keyframe: Keyframe | None) -> str:
    return f"{keyframe.video}, second {keyframe.second}" if keyframe else "none"
