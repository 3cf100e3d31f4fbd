"""The detections of a run that are those of a checkpoint, which its metrics tell."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from alphaction.checkpoint.weights_beside import AVERAGED_WEIGHTS, read_best
from alphaction.engine.best_metric import AVERAGE_PREFIX
from alphaction.engine.evaluate import DETECTIONS_FILE, results_folder
from alphaction.engine.metrics_file import METRICS_FILE, evaluation_at
from alphaction.evaluation import AvaEvaluator, DetectionRows, read_detections
from alphaction.utils.errors import CheckpointError

# What an AP may change by as coordinates in the file are rounded.
_ROUNDING = 5e-4
_EVALUATE = "Evaluate the checkpoint first: --evaluate"


def read_own_detections(
    run: Path, weights: Path, iteration: int | None, dataset: str, evaluator: AvaEvaluator
) -> DetectionRows:
    """Return the detections in a run's folder, which must be those of a checkpoint in it.

    They are if their AP is the one that the training wrote for the checkpoint's iteration.

    Args:
        run: OUTPUT_DIR.
        weights: the checkpoint.
        iteration: of the checkpoint.
        dataset: that was evaluated.
        evaluator: of the dataset.

    Raises:
        CheckpointError: if there are none, or they are not known to be of the checkpoint.
    """
    if weights.resolve().parent != run.resolve():
        raise CheckpointError(f"{weights} does not lie in {run}, so the detections there are not its own. {_EVALUATE}")
    averaged = holds_average(weights)
    path = results_folder(run, dataset, averaged=averaged) / DETECTIONS_FILE
    if not path.is_file():
        raise CheckpointError(f"{path}: no such file: {dataset} was not evaluated in this run. {_EVALUATE}")
    recorded = {} if iteration is None else _of_dataset(evaluation_at(run, iteration), dataset, averaged)
    if not recorded:
        raise CheckpointError(
            f"{run / METRICS_FILE} has no evaluation of {dataset} at iteration {iteration}, which {weights.name} is "
            f"of, so that {path} may be of other weights. {_EVALUATE}"
        )
    detections = read_detections(path)
    now = evaluator.evaluate(detections).metrics()
    for name in sorted(recorded.keys() & now.keys(), key=len):
        if not abs(recorded[name] - now[name]) <= _ROUNDING:
            raise CheckpointError(
                f"{path} is not of {weights.name}: its {name} is {now[name]:.4f}, and the training had "
                f"{recorded[name]:.4f} at iteration {iteration}. {_EVALUATE}"
            )
    return detections


def holds_average(weights: Path) -> bool:
    """Return whether a file of a run holds the average of its weights (SOLVER.EMA_DECAY)."""
    best = read_best(weights)
    return weights.stem == AVERAGED_WEIGHTS if best is None else best.weights == "ema"


def _of_dataset(metrics: Mapping[str, float], dataset: str, averaged: bool) -> dict[str, float]:
    start = f"{AVERAGE_PREFIX if averaged else ''}{dataset}/"
    return {name.removeprefix(start): value for name, value in metrics.items() if name.startswith(start)}
