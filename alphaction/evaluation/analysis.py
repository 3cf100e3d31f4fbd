"""What an evaluation can tell beyond its AP: curves, thresholds, confusion, what was missed, calibration, examples.

Axes: C classes that count, in the order of the label map; T points of a curve; B bins.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import isnan

from alphaction.data.annotations import AnnotationTable, BoxTable, LabelMap
from alphaction.evaluation.calibration import Calibration
from alphaction.evaluation.conflicts import find_conflicts
from alphaction.evaluation.confusion import NOBODY, Confusion, confuse
from alphaction.evaluation.curves import ClassCurve, OperatingPoint
from alphaction.evaluation.detections import Detections
from alphaction.evaluation.evaluator import AvaEvaluator
from alphaction.evaluation.examples import find_false_negatives, find_false_positives
from alphaction.evaluation.misses import Misses, MissReason, count_misses, why_missed
from alphaction.evaluation.outcomes import find_outcomes
from alphaction.evaluation.scenes import Example

__all__ = [
    "NOBODY",
    "Analysis",
    "Calibration",
    "ClassCurve",
    "Confusion",
    "Example",
    "MissReason",
    "Misses",
    "OperatingPoint",
    "analyze",
]


@dataclass(frozen=True, eq=False)
class Analysis:
    """See the module.

    Classes without labels have no point in curves, and take part in nothing else. Classes with labels but without a
    detection have no threshold.
    """

    curves: tuple[ClassCurve, ...]
    thresholds: Mapping[str, float]  # class name -> threshold that confusion, misses and examples are made with
    confusion: Confusion
    misses: tuple[Misses, ...]
    calibration: Calibration
    false_positives: tuple[Example, ...]  # worst first
    false_negatives: tuple[Example, ...]
    label_conflicts: tuple[Example, ...]


def analyze(
    annotations: AnnotationTable,
    label_map: LabelMap,
    detections: Detections,
    *,
    eval_label_map: LabelMap | None = None,
    iou_threshold: float = 0.5,
    thresholds: Mapping[str, float] | None = None,
    all_boxes: BoxTable | None = None,
    examples: int = 24,
) -> Analysis:
    """Analyze an evaluation.

    Args:
        annotations, label_map, eval_label_map, iou_threshold: as :class:`AvaEvaluator` takes them.
        detections: what was evaluated.
        thresholds: class name -> score from which a detection counts; classes that are not there, or None: that of
            the best F1 of each class.
        all_boxes: every box of the person detector, also those below TEST.BOX_THRESH; None: none are known.
        examples: the most examples of each kind.

    Raises:
        DataError: as :class:`AvaEvaluator` does: nothing to evaluate against, or no common keyframe.
    """
    evaluator = AvaEvaluator(annotations, label_map, eval_label_map, iou_threshold=iou_threshold)
    outcomes = find_outcomes(evaluator, detections, thresholds)
    missed = why_missed(outcomes, annotations, all_boxes, iou_threshold)
    names = [entry.name for entry in outcomes.classes]
    limits = zip(names, outcomes.thresholds.tolist(), strict=True)
    return Analysis(
        curves=outcomes.curves,
        thresholds={name: limit for name, limit in limits if not isnan(limit)},
        confusion=confuse(outcomes),
        misses=count_misses(outcomes, missed),
        calibration=outcomes.calibration,
        false_positives=find_false_positives(outcomes, annotations, examples, iou_threshold),
        false_negatives=find_false_negatives(outcomes, annotations, missed, examples),
        label_conflicts=find_conflicts(outcomes, annotations, examples),
    )
