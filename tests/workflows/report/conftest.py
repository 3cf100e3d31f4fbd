"""A run's folder as a training leaves it, without a training."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import yaml

from alphaction.config import load_cfg
from alphaction.config.paths_catalog import find_dataset
from alphaction.data.tables import DatasetTables, open_tables
from alphaction.evaluation import AvaEvaluator, Predictions, write_detections, write_json
from alphaction.workflows.report.make_report import make_report
from alphaction.workflows.report.report_options import ReportOptions


def predictions_for(tables: DatasetTables) -> Predictions:
    """Return scores for the annotated boxes, right more often than not."""
    annotations, label_map = tables.annotations, tables.label_map
    rng = np.random.default_rng(0)
    scores = rng.uniform(0.0, 0.6, (len(annotations), label_map.num_classes)).astype(np.float32)
    scores[annotations.box_of_label(), label_map.channels(annotations.label_ids)] += 0.35
    # Some boxes are off, so that nobody is found there.
    boxes = annotations.boxes.copy()
    boxes[::9] *= 0.5
    return Predictions(
        list(annotations.keyframes), annotations.keyframe_of_box(), boxes, scores, np.array(label_map.ids)
    )


def write_run(folder: Path, data: Path, dataset: str = "toy", iterations: int = 40) -> Path:
    """Write config, metrics and an evaluation of a run on a dataset into a folder; return it."""
    train, val = f"{dataset}_train", f"{dataset}_val"
    # A training writes all keys; these alone are read four times as fast.
    settings = {
        "DATASETS": {"DATA_DIR": str(data), "TRAIN": [train], "TEST": [val]},
        "INPUT": {"FRAME_NUM": 16},
        "OUTPUT_DIR": str(folder),
        "SOLVER": {"MAX_ITER": iterations},
    }
    folder.mkdir(parents=True)
    (folder / "config.yaml").write_text(yaml.safe_dump(settings, allow_unicode=True), encoding="utf-8")
    tables = open_tables(find_dataset(load_cfg(folder / "config.yaml"), val), boxes=())
    predictions = predictions_for(tables)
    result = AvaEvaluator(tables.annotations, tables.label_map).evaluate(predictions)
    results = folder / "inference" / val
    write_detections(results / "detections.csv", predictions)
    write_json(results / "result.json", result)
    lines = [
        {"iteration": i, "loss": 3.0 / i, "loss_movement": 1.0 / i, "accuracy_movement": 0.5, "lr": 0.01,
         "step_time": 0.2, "data_time": 0.01}
        for i in range(1, iterations + 1)
    ]  # fmt: skip
    lines.insert(iterations // 2, {"iteration": iterations // 2, f"{val}/mAP": result.mAP + 0.1, f"{val}/AP/stay": 0.5})
    lines.append({"iteration": iterations, f"{val}/mAP": result.mAP, f"{val}/AP/stay": 0.25, f"{val}/loss": 1.5})
    text = "".join(json.dumps(line) + "\n" for line in lines)
    (folder / "metrics.jsonl").write_text(text, encoding="utf-8")
    return folder


@pytest.fixture
def run(tmp_path, small_toy_folder) -> Path:
    """The folder of a complete run on a toy dataset."""
    return write_run(tmp_path / "run", small_toy_folder)


@pytest.fixture
def page() -> Callable[..., str]:
    """Function: folder of a run, options, overrides -> HTML of its report."""

    def make(folder: Path, overrides: tuple[str, ...] = (), **options) -> str:
        report = make_report(ReportOptions(run=folder, **options), overrides)
        return report.path.read_text(encoding="utf-8")

    return make
