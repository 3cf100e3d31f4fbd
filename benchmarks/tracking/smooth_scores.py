"""mAP of scores that are smooth along tracks: ``python -m benchmarks.tracking.smooth_scores``."""

from __future__ import annotations

import argparse
import logging
from dataclasses import replace
from pathlib import Path

import numpy as np

from alphaction.data.annotations import read_annotations, read_exclusions, read_label_map
from alphaction.evaluation import AvaEvaluator, DetectionRows, Predictions, read_detections
from alphaction.utils.messages import text_table
from alphaction.workflows.predict.tracker import IouTracker, Track
from alphaction.workflows.predict.tracking.smoothing import ExponentialSmoother, smoothed_scores

_CONSTANTS = (0.0, 0.3, 0.5, 1.0, 2.0, 4.0)


def as_predictions(rows: DetectionRows, class_ids: list[int]) -> Predictions:
    """Return rows of boxes and classes as boxes with a score for each class, 0 where there was none."""
    scores = np.zeros((len(rows.boxes), len(class_ids)))
    channel = {class_id: index for index, class_id in enumerate(class_ids)}
    scores[rows.box_index, [channel[class_id] for class_id in rows.row_class_ids.tolist()]] = rows.scores
    return Predictions(rows.keyframes, rows.keyframe_index, rows.boxes, scores, np.array(class_ids))


def tracks_of(predictions: Predictions, aspect: float) -> list[Track]:
    """Return the tracks of all videos; their rows point into the predictions."""
    order = sorted(range(len(predictions.keyframes)), key=lambda index: predictions.keyframes[index])
    trackers: dict[str, IouTracker] = {}
    rows: dict[str, list[int]] = {}
    for index in order:
        video, second = predictions.keyframes[index]
        found = np.flatnonzero(predictions.keyframe_index == index)
        trackers.setdefault(video, IouTracker(aspect)).update(second, predictions.boxes[found])
        rows.setdefault(video, []).extend(found.tolist())
    return [
        replace(track, rows=[rows[video][row] for row in track.rows])
        for video, tracker in trackers.items()
        for track in tracker.tracks
    ]


def from_the_past(tracks: list[Track], scores: np.ndarray, seconds: float) -> np.ndarray:
    """Return the scores as a live video has them."""
    result = scores.copy()
    for track in tracks:
        smoother = ExponentialSmoother(seconds)
        for time, row in zip(track.seconds, track.rows, strict=True):
            result[row] = smoother.update(track.id, time, scores[row])
    return result


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    for flag in ("--groundtruth", "--detections", "--label-map"):
        parser.add_argument(flag, type=Path, required=True, help="see tools/evaluate_ava.py")
    parser.add_argument("--exclusions", type=Path, help="see tools/evaluate_ava.py")
    parser.add_argument("--aspect", type=float, default=4 / 3, help="width of the frames by height")
    args = parser.parse_args()
    logging.disable(logging.WARNING)
    label_map = read_label_map(args.label_map)
    excluded = read_exclusions(args.exclusions) if args.exclusions else set()
    evaluator = AvaEvaluator(read_annotations(args.groundtruth, label_map), label_map, exclusions=excluded)
    predictions = as_predictions(read_detections(args.detections), label_map.ids)
    tracks = tracks_of(predictions, args.aspect)
    rows: list[list[object]] = [["time constant, s", "mAP, past alone", "mAP, past and future"]]
    for seconds in _CONSTANTS:
        row: list[object] = [f"{seconds:g}"]
        for smooth in (from_the_past, smoothed_scores):
            scores = smooth(tracks, predictions.scores, seconds)
            row.append(f"{evaluator.evaluate(replace(predictions, scores=scores)).mAP:.4f}")
        rows.append(row)
    print("\n".join(text_table(rows)))


if __name__ == "__main__":
    main()
