"""Evaluation of a detector on datasets: loader, inference, mAP, and the files that hold the result."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from yacs.config import CfgNode

from alphaction.data.dataset import ActionDataset
from alphaction.data.loader import build_test_loader
from alphaction.engine.best_metric import AVERAGE_PREFIX
from alphaction.engine.inference import predict_dataset
from alphaction.engine.out_of_memory import naming_what_helps, prediction_advice
from alphaction.engine.setup import Runtime
from alphaction.engine.validation_loss import LossOnTruth
from alphaction.evaluation import AvaEvaluator, AvaResult, Predictions, format_report, write_detections, write_json
from alphaction.evaluation.bootstrap import with_intervals
from alphaction.memory import MemoryPool
from alphaction.modeling.detector import DetectionModel
from alphaction.utils.atomic import write_text_atomically
from alphaction.utils.errors import DataError
from alphaction.utils.inside import inside
from alphaction.utils.logging import get_logger

DETECTIONS_FILE = "detections.csv"
RESULT_FILE = "result.json"
RESULTS_FOLDER = "inference"


def results_folder(output_dir: str | Path, dataset_name: str, *, averaged: bool = False) -> Path:
    """Return the folder in OUTPUT_DIR that an evaluation on ``dataset_name`` writes to.

    Args:
        output_dir: OUTPUT_DIR.
        dataset_name: the evaluation set.
        averaged: the evaluated weights are the average that a training keeps beside its own (SOLVER.EMA_DECAY).
    """
    return inside(Path(output_dir) / (f"{RESULTS_FOLDER}_ema" if averaged else RESULTS_FOLDER), dataset_name, "dataset")


def evaluate_datasets(
    cfg: CfgNode,
    model: DetectionModel,
    datasets: Sequence[ActionDataset],
    runtime: Runtime,
    average: DetectionModel | None = None,
    *,
    show: Callable[[Sequence[tuple[ActionDataset, Predictions]]], None] | None = None,
) -> dict[str, float]:
    """Evaluate ``model`` on each dataset; write csv, JSON and report; log the AP table.

    Args:
        cfg: the whole config.
        model: the detector itself.
        datasets: evaluation sets.
        runtime: device and processes.
        average: the detector with the averaged weights, which is evaluated after ``model``.
        show: is given the datasets with all predictions of ``model``, in the main process.

    Returns:
        "DATASET/METRIC" -> value, on every process; "mAP" of each dataset among them. Those of ``average`` are named
        "ema/DATASET/METRIC".
    """
    metrics: dict[str, float] = {}
    shown: list[tuple[ActionDataset, Predictions]] = []
    for weights, prefix in ((model, ""), *([] if average is None else [(average, AVERAGE_PREFIX)])):
        for dataset in datasets:
            with naming_what_helps(f"evaluating on {dataset.name}", prediction_advice(cfg)):
                result, predictions = _evaluate(cfg, weights, dataset, runtime, averaged=weights is average)
            shown += [(dataset, predictions)] if show is not None and weights is model else []
            metrics.update({f"{prefix}{dataset.name}/{name}": value for name, value in result.metrics().items()})
    if show is not None and runtime.is_main:
        show(shown)
    return metrics


def evaluate_dataset(cfg: CfgNode, model: DetectionModel, dataset: ActionDataset, runtime: Runtime) -> AvaResult:
    """Evaluate ``model`` on one dataset. Every process computes the result, the main one writes the files."""
    return _evaluate(cfg, model, dataset, runtime)[0]


def _evaluate(
    cfg: CfgNode, model: DetectionModel, dataset: ActionDataset, runtime: Runtime, *, averaged: bool = False
) -> tuple[AvaResult, Predictions]:
    """Evaluate ``model``, which ``averaged`` says to have averaged weights (see :func:`results_folder`).

    A memory is filled with the features of this very model.
    """
    loader = build_test_loader(cfg, dataset, rank=runtime.rank, world_size=runtime.world_size)
    pool = MemoryPool.from_config(cfg) if model.uses_memory else None
    loss = LossOnTruth(dataset, model.head.loss)
    try:
        predictions = predict_dataset(model, dataset, loader, runtime, pool=pool, amp=cfg.SOLVER.AMP, loss=loss)
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
    on_truth = loss.result(runtime)
    result = replace(result, losses=on_truth.terms)
    if runtime.is_main:
        result = with_intervals(result, evaluator, detections)
        folder = results_folder(cfg.OUTPUT_DIR, dataset.name, averaged=averaged)
        write_detections(folder / DETECTIONS_FILE, predictions, cfg.TEST.ACTION_THRESH)
        write_json(folder / RESULT_FILE, result)
        report = format_report(result)
        write_text_atomically(folder / "report.txt", report + "\n")
        title = f"{dataset.name}, averaged weights (SOLVER.EMA_DECAY)" if averaged else dataset.name
        get_logger().info("%s\n%s\n%s\nwritten to %s", title, report, on_truth, folder)
    return result, predictions
