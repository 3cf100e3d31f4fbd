"""Evaluation of a detector on datasets: loader, inference, mAP, and the files that hold the result."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from yacs.config import CfgNode

from alphaction.data.dataset import ActionDataset
from alphaction.data.loader import build_test_loader
from alphaction.engine.inference import predict_dataset
from alphaction.engine.out_of_memory import naming_what_helps, prediction_advice
from alphaction.engine.setup import Runtime
from alphaction.evaluation import AvaEvaluator, AvaResult, format_report, write_detections, write_json
from alphaction.memory import MemoryPool
from alphaction.modeling.detector import ActionDetector
from alphaction.utils.atomic import write_text_atomically
from alphaction.utils.errors import DataError
from alphaction.utils.inside import inside
from alphaction.utils.logging import get_logger

DETECTIONS_FILE = "detections.csv"


def results_folder(output_dir: str | Path, dataset_name: str) -> Path:
    """Return the folder in OUTPUT_DIR that an evaluation on ``dataset_name`` writes to."""
    return inside(Path(output_dir) / "inference", dataset_name, "dataset")


def evaluate_datasets(
    cfg: CfgNode, model: ActionDetector, datasets: Sequence[ActionDataset], runtime: Runtime
) -> dict[str, float]:
    """Evaluate ``model`` on each dataset; write csv, JSON and report; log the AP table.

    Returns:
        "DATASET/METRIC" -> value, on every process; "mAP" of each dataset among them.
    """
    metrics: dict[str, float] = {}
    for dataset in datasets:
        with naming_what_helps(f"evaluating on {dataset.name}", prediction_advice(cfg)):
            result = evaluate_dataset(cfg, model, dataset, runtime)
        metrics.update({f"{dataset.name}/{name}": value for name, value in result.metrics().items()})
    return metrics


def evaluate_dataset(cfg: CfgNode, model: ActionDetector, dataset: ActionDataset, runtime: Runtime) -> AvaResult:
    """Evaluate ``model`` on one dataset. Every process computes the result, the main one writes the files."""
    loader = build_test_loader(cfg, dataset, rank=runtime.rank, world_size=runtime.world_size)
    pool = MemoryPool.from_config(cfg) if model.uses_memory else None
    try:
        predictions = predict_dataset(model, dataset, loader, runtime, pool=pool, amp=cfg.SOLVER.AMP)
    except DataError as error:
        if cfg.DATALOADER.ON_BAD_CLIP != "skip":
            raise
        raise DataError(
            f"{error} No clip of an evaluation is skipped (DATALOADER.ON_BAD_CLIP skip is for training clips): the "
            "mean AP would be that of other data."
        ) from error
    evaluator = AvaEvaluator(dataset.annotations, dataset.label_map, dataset.eval_label_map)
    detections = predictions.above(cfg.TEST.ACTION_THRESH)
    if predictions.scores.size and not any(detections.rows_per_class().values()):
        get_logger().warning(
            "%s: every score is below TEST.ACTION_THRESH %g (the best is %.3f), so nothing is detected. Lower it.",
            dataset.name,
            cfg.TEST.ACTION_THRESH,
            predictions.scores.max(),
        )
    result = evaluator.evaluate(detections, ground_truth_boxes=dataset.uses_ground_truth_boxes)
    if runtime.is_main:
        folder = results_folder(cfg.OUTPUT_DIR, dataset.name)
        write_detections(folder / DETECTIONS_FILE, predictions, cfg.TEST.ACTION_THRESH)
        write_json(folder / "result.json", result)
        report = format_report(result)
        write_text_atomically(folder / "report.txt", report + "\n")
        get_logger().info("%s\n%s\nwritten to %s", dataset.name, report, folder)
    return result
