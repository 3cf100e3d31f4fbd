"""Evaluation: detections in memory or in AVA's csv -> frame-mAP, with a report that says why it is what it is."""

from alphaction.evaluation.ava_csv import read_detections, write_detections
from alphaction.evaluation.detections import DetectionRows, Detections, Predictions
from alphaction.evaluation.evaluator import AvaEvaluator
from alphaction.evaluation.files import evaluate_files
from alphaction.evaluation.report import format_report, result_to_dict, write_json
from alphaction.evaluation.result import AvaResult, EvaluationCounts, Evaluator

__all__ = [
    "AvaEvaluator",
    "AvaResult",
    "DetectionRows",
    "Detections",
    "EvaluationCounts",
    "Evaluator",
    "Predictions",
    "evaluate_files",
    "format_report",
    "read_detections",
    "result_to_dict",
    "write_detections",
    "write_json",
]
