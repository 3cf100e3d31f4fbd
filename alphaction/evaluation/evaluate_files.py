"""Evaluation of a results file against an annotation file."""

from __future__ import annotations

import logging
from dataclasses import replace
from pathlib import Path

import numpy as np

from alphaction.data.annotations import read_annotations, read_exclusions, read_label_map
from alphaction.data.keyframes import Keyframe
from alphaction.data.video.names import VideoNames
from alphaction.evaluation.ava_csv import read_detections
from alphaction.evaluation.bootstrap import with_intervals
from alphaction.evaluation.detections import DetectionRows
from alphaction.evaluation.evaluator import AvaEvaluator
from alphaction.evaluation.result import AvaResult

logger = logging.getLogger(__name__)


def evaluate_files(
    ground_truth: str | Path,
    detections: str | Path,
    label_map: str | Path,
    exclusions: str | Path | None = None,
    *,
    resamples: int = 0,
) -> AvaResult:
    """Compute the frame-mAP of a results csv.

    Args:
        ground_truth: annotations in any format that :func:`read_annotations` knows.
        detections: results csv, see :mod:`alphaction.evaluation.ava_csv`.
        label_map: pbtxt of the classes that count. Both files may hold other classes (AVA counts 60 of its 80),
            which are left out; the log or the result says how many.
        exclusions: csv of (video, second) to leave out.
        resamples: of the videos, for the intervals (:mod:`alphaction.evaluation.bootstrap`); 0: no intervals.

    Raises:
        UserError: a file or one of its rows cannot be read, or the files do not fit together.
    """
    counted = read_label_map(label_map)
    excluded = read_exclusions(exclusions) if exclusions is not None else set()
    annotations = read_annotations(ground_truth, counted, skip_unknown_classes=True)
    names = VideoNames(annotations.keyframes.videos.tolist(), str(ground_truth))
    excluded = {Keyframe(names.known(keyframe.video), keyframe.second) for keyframe in excluded}
    evaluator = AvaEvaluator(annotations, counted, exclusions=excluded)
    logger.info("%s", annotations.summary())
    found = renamed(read_detections(detections), names)
    result = evaluator.evaluate(found)
    return with_intervals(result, evaluator, found, resamples) if resamples else result


def renamed(detections: DetectionRows, names: VideoNames) -> DetectionRows:
    """Return the detections under the names that the annotations give to their videos ("kitchen" for "kitchen.mp4")."""
    keyframes = [Keyframe(names.known(keyframe.video), keyframe.second) for keyframe in detections.keyframes]
    if keyframes == list(detections.keyframes):
        return detections
    positions = {keyframe: index for index, keyframe in enumerate(dict.fromkeys(keyframes))}
    index = np.array([positions[keyframe] for keyframe in keyframes], dtype=np.int64)
    return replace(detections, keyframes=list(positions), keyframe_index=index[detections.keyframe_index])
