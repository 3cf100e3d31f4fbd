"""Evaluation: detections in memory or in AVA's csv -> frame-mAP, with a report that explains a low result."""

from alphaction.evaluation.ava_csv import read_detections, write_detections
from alphaction.evaluation.detections import DetectionRows, Detections, Predictions
from alphaction.evaluation.evaluate_files import evaluate_files
from alphaction.evaluation.evaluator import AvaEvaluator, metric_names
from alphaction.evaluation.result import AvaResult, EvaluationCounts, Intervals
from alphaction.evaluation.result_text import format_report, result_to_dict, write_json

__all__ = [
    "AvaEvaluator",
    "AvaResult",
    "DetectionRows",
    "Detections",
    "EvaluationCounts",
    "Intervals",
    "Predictions",
    "evaluate_files",
    "format_report",
    "metric_names",
    "read_detections",
    "result_to_dict",
    "write_detections",
    "write_json",
]
