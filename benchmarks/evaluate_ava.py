"""Time and memory of an evaluation at AVA's full scale: about 7.9 million scores, 80 for each box.

    python benchmarks/evaluate_ava.py data/AVA/annotations/ava_val_v2.1.csv [--csv]

Detections are made up: ground-truth boxes, jittered, with random scores. ``--csv`` also writes and reads a
results file.
"""

from __future__ import annotations

import argparse
import resource
import tempfile
import time
from pathlib import Path

import numpy as np

from alphaction.data.annotations import ActionClass, AnnotationTable, LabelMap, read_annotations
from alphaction.evaluation import AvaEvaluator, Predictions, read_detections, write_detections
from alphaction.utils.errors import run_command

_CLASSES = 80


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("groundtruth", type=Path, help="AVA annotations (csv, may be .gz)")
    parser.add_argument("--rows", type=int, default=7_900_000, help="about how many detections (default: %(default)s)")
    parser.add_argument("--csv", action="store_true", help="also write, read and evaluate a results csv (about 550 MB)")
    args = parser.parse_args()

    classes = tuple(ActionClass(i, f"class {i}", "object") for i in range(1, _CLASSES + 1))
    label_map = LabelMap(classes)
    annotations = _timed("read annotations", lambda: read_annotations(args.groundtruth, label_map))
    predictions = _timed("make up detections", lambda: make_predictions(annotations, label_map, args.rows))
    evaluator = _timed("set up evaluator", lambda: AvaEvaluator(annotations, label_map))
    result = _timed("evaluate arrays", lambda: evaluator.evaluate(predictions))
    counts = result.counts
    print(f"{counts.detections} detections, {counts.ground_truth_labels} labels, mAP {result.mAP:.12f}")
    if args.csv:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "results.csv"
            _timed("write csv", lambda: write_detections(path, predictions))
            rows = _timed(f"read csv ({path.stat().st_size / 1e6:.0f} MB)", lambda: read_detections(path))
        result = _timed("evaluate csv rows", lambda: evaluator.evaluate(rows))
        print(f"mAP of the csv {result.mAP:.12f}")


def make_predictions(annotations: AnnotationTable, label_map: LabelMap, rows: int) -> Predictions:
    """Return jittered ground-truth boxes, each as often as ``rows`` asks for; true classes score a little higher."""
    rng = np.random.default_rng(0)
    channels = label_map.num_classes
    row = np.sort(np.arange(round(rows / channels)) % len(annotations.boxes))
    boxes = annotations.boxes[row]
    boxes = np.clip(boxes + rng.normal(0, 0.08, boxes.shape) * np.tile(boxes[:, 2:] - boxes[:, :2], 2), 0, 1)
    scores = rng.random((len(row), channels), dtype=np.float32) ** 8
    labels = np.zeros((len(annotations.boxes), channels), np.float32)
    of_row = np.repeat(np.arange(len(annotations.boxes)), np.diff(annotations.label_offsets))
    labels[of_row, label_map.channels(annotations.label_ids)] = 0.3
    scores = np.clip(scores + labels[row] * rng.random(scores.shape, dtype=np.float32), 0, 1)
    keyframe = np.repeat(np.arange(len(annotations.keyframes)), np.diff(annotations.row_offsets))
    return Predictions(annotations.keyframes, keyframe[row], boxes, scores, np.array(label_map.ids))


def _timed(what: str, work):
    start = time.perf_counter()
    result = work()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    print(f"{what:24} {time.perf_counter() - start:7.2f} s   peak memory so far {peak:5.2f} GiB", flush=True)
    return result


if __name__ == "__main__":
    run_command(main)
