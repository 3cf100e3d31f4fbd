"""Evaluation of a results file against an annotation file."""

from __future__ import annotations

import logging
from pathlib import Path

from alphaction.data.annotations import read_annotations, read_exclusions, read_label_map
from alphaction.evaluation.ava_csv import read_detections
from alphaction.evaluation.evaluator import AvaEvaluator
from alphaction.evaluation.result import AvaResult

logger = logging.getLogger(__name__)


def evaluate_files(
    ground_truth: str | Path, detections: str | Path, label_map: str | Path, exclusions: str | Path | None = None
) -> AvaResult:
    """Compute the frame-mAP of a results csv.

    Args:
        ground_truth: annotations in any format that :func:`read_annotations` knows.
        detections: results csv, see :mod:`alphaction.evaluation.ava_csv`.
        label_map: pbtxt of the classes that count. Both files may hold other classes (AVA counts 60 of its 80),
            which are left out; the log or the result says how many.
        exclusions: csv of (video, second) to leave out.

    Raises:
        UserError: a file or one of its rows cannot be read, or the files do not fit together.
    """
    counted = read_label_map(label_map)
    excluded = read_exclusions(exclusions) if exclusions is not None else set()
    annotations = read_annotations(ground_truth, counted, skip_unknown_classes=True)
    evaluator = AvaEvaluator(annotations, counted, exclusions=excluded)
    logger.info("%s", annotations.summary())
    return evaluator.evaluate(read_detections(detections))
