"""Results csv and AVA's mAP: reading and writing rows, and evaluation from arrays and from a file.

Detections are made up: jittered boxes of the ground truth, 80 scores for each. Reading is compared with pandas and
pyarrow, where they are installed, on one thread; writing with one formatted text a row.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import numpy as np

from alphaction.data.annotations import ActionClass, AnnotationTable, LabelMap, read_annotations, write_ava_csv
from alphaction.evaluation import AvaEvaluator, Predictions, evaluate_files, read_detections, write_detections
from alphaction.utils.errors import UserError
from alphaction.utils.files import missing_file
from alphaction.utils.numbers import POSITIVE
from alphaction.utils.options import option
from benchmarks import CLONE
from benchmarks.speed.measure import Case, Comparison, compare

SMALLEST = ("--rows", "800")
_CLASSES = 80
_BOXES_A_KEYFRAME = 3
# Run in a process of its own, which has nothing else in memory.
_PEAK = """
import sys
from alphaction.evaluation import evaluate_files
from alphaction.utils.process_memory import peak_bytes
evaluate_files(*sys.argv[1:])
print(peak_bytes() / 2**30)
"""


@dataclass(frozen=True)
class Options:
    """What is evaluated."""

    rows: int = option(1_000_000, within=POSITIVE, metavar="N", help="about how many rows; AVA's validation: 7900000")
    ground_truth: Path | None = option(
        None, metavar="CSV", help="annotations of AVA, such as ava_val_v2.1.csv (may be .gz); default: made up"
    )


def run(options: Options, repetitions: int) -> Iterator[Comparison]:
    """Yield the comparisons: reading, evaluation, writing."""
    if options.ground_truth is not None and not options.ground_truth.is_file():
        raise UserError(f"--ground-truth {missing_file(options.ground_truth)}")
    label_map = LabelMap(tuple(ActionClass(k, f"class {k}", "object") for k in range(1, _CLASSES + 1)))
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        labels, truth, results = folder / "labels.pbtxt", folder / "truth.csv", folder / "results.csv"
        labels.write_text("".join(f'item {{\n  name: "class {k}"\n  id: {k}\n}}\n' for k in label_map.ids))
        if options.ground_truth is None:
            truth.write_text(_made_up_truth(options.rows), encoding="utf-8")
        else:
            write_ava_csv(truth, read_annotations(options.ground_truth, label_map))
        annotations = read_annotations(truth, label_map)
        predictions = make_predictions(annotations, label_map, options.rows)
        write_detections(results, predictions)
        rows = predictions.scores.size / 1e6
        size = f"{predictions.scores.size:,} rows, {results.stat().st_size / 1e6:.0f} MB"

        others = {"pandas": _by_pandas, "pyarrow": _by_pyarrow}
        cases = [
            Case(f"{name}, columns only", _call(read, results), rows) for name, read in others.items() if _has(name)
        ]
        cases.append(Case("read_detections", _call(read_detections, results), rows))
        yield compare(f"read a csv of {size}", "million rows", cases, repetitions=repetitions)

        evaluator = AvaEvaluator(annotations, label_map)
        detections = read_detections(results)
        memory = {"peak memory": f"{_peak_memory(truth, results, labels):.2f} GiB"}
        cases = [
            Case("arrays", _call(evaluator.evaluate, predictions), rows),
            Case("rows of a csv", _call(evaluator.evaluate, detections), rows),
            Case("from the csv, in all", _call(evaluate_files, truth, results, labels), rows, memory),
        ]
        yield compare(f"evaluate {size}", "million rows", cases, repetitions=repetitions)

        cases = [
            Case("one text a row", _call(_write_rows, folder / "a.csv", predictions), rows),
            Case("write_detections", _call(write_detections, folder / "b.csv", predictions), rows),
        ]
        yield compare(f"write {size}", "million rows", cases, repetitions=repetitions)
        if (folder / "a.csv").read_bytes() != (folder / "b.csv").read_bytes():
            raise RuntimeError("write_detections wrote another file than one row after the other would make")


def make_predictions(annotations: AnnotationTable, label_map: LabelMap, rows: int) -> Predictions:
    """Return jittered ground-truth boxes, each as often as ``rows`` asks for; true classes score a little higher."""
    rng = np.random.default_rng(0)
    channels = label_map.num_classes
    row = np.sort(np.arange(max(1, round(rows / channels))) % len(annotations.boxes))
    boxes = annotations.boxes[row]
    boxes = np.clip(boxes + rng.normal(0, 0.08, boxes.shape) * np.tile(boxes[:, 2:] - boxes[:, :2], 2), 0, 1)
    scores = rng.random((len(row), channels), dtype=np.float32) ** 8
    labels = np.zeros((len(annotations.boxes), channels), np.float32)
    of_row = np.repeat(np.arange(len(annotations.boxes)), np.diff(annotations.label_offsets))
    labels[of_row, label_map.channels(annotations.label_ids)] = 0.3
    scores = np.clip(scores + labels[row] * rng.random(scores.shape, dtype=np.float32), 0, 1)
    keyframe = np.repeat(np.arange(len(annotations.keyframes)), np.diff(annotations.row_offsets))
    return Predictions(annotations.keyframes, keyframe[row], boxes, scores, np.array(label_map.ids))


def _made_up_truth(rows: int) -> str:
    """Return annotations with about as many boxes as the detections have."""
    rng = np.random.default_rng(1)
    lines = []
    for box in range(max(1, rows // _CLASSES)):
        keyframe, corner, side = box // _BOXES_A_KEYFRAME, rng.random(2) * 0.6, 0.1 + 0.3 * rng.random(2)
        place = ",".join(f"{value:.3f}" for value in (*corner, *(corner + side)))
        start = f"video_{keyframe // 900:07d},{902 + keyframe % 900:04d},{place}"
        lines += [f"{start},{label},{box}\n" for label in sorted({1 + box % 12, *rng.integers(13, _CLASSES + 1, 2)})]
    return "".join(lines)


def _call(function: Callable, *arguments: object) -> Callable[[], object]:
    return lambda: function(*arguments)


def _has(name: str) -> bool:
    return find_spec(name) is not None


def _by_pandas(path: Path) -> object:
    import pandas

    return pandas.read_csv(path, header=None)


def _by_pyarrow(path: Path) -> object:
    from pyarrow import csv

    options = csv.ReadOptions(use_threads=False, autogenerate_column_names=True)
    return csv.read_csv(path, read_options=options)


def _write_rows(path: Path, predictions: Predictions) -> None:
    class_ids = predictions.class_ids.tolist()
    columns = (predictions.keyframe_index.tolist(), predictions.boxes.tolist(), predictions.scores)
    with path.open("w", encoding="utf-8") as file:
        for index, box, scores in zip(*columns, strict=True):
            video, second = predictions.keyframes[index]
            head = ",".join([video, f"{second:04d}", *(f"{value:.6f}" for value in box)])
            pairs = zip(class_ids, scores.tolist(), strict=True)
            file.write("".join([f"{head},{class_id},{score:.9g}\n" for class_id, score in pairs]))


def _peak_memory(truth: Path, results: Path, labels: Path) -> float:
    """Return the peak memory in GiB of a process that evaluates the file."""
    command = [sys.executable, "-c", _PEAK, str(truth), str(results), str(labels)]
    return float(subprocess.run(command, cwd=CLONE, check=True, capture_output=True, text=True).stdout)
