"""The head of the page: the best and the last result, how far the training got, and what comes next."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from alphaction.checkpoint import BEST_WEIGHTS, FINAL_CHECKPOINT
from alphaction.checkpoint.run_folder import CONFIG_FILE
from alphaction.engine.run_lock import running_in
from alphaction.utils.command_text import runnable_here
from alphaction.utils.messages import counted
from alphaction.utils.numbers import is_finite_number
from alphaction.workflows.report.class_views import interval_in_words
from alphaction.workflows.report.evaluations import Evaluation
from alphaction.workflows.report.run_folder import RunFolder

MOST_GAINS = 10


@dataclass(frozen=True)
class Tile:
    """A figure of the head: what it is, its value, and a word on it."""

    label: str
    value: str
    note: str = ""
    strong: bool = False


@dataclass(frozen=True)
class Gain:
    """AP of a class at the best and at the last evaluation."""

    name: str
    best: float
    last: float


def evaluations_of(metrics: Sequence[Mapping[str, Any]], name: str) -> list[tuple[int, float]]:
    """Return (iteration, value) of each line that has a finite value of a metric."""
    return [(line["iteration"], float(line[name])) for line in metrics if is_finite_number(line.get(name))]


def tiles(run: RunFolder, evaluated: Mapping[str, Evaluation]) -> list[Tile]:
    """Return the figures of the head.

    Args:
        run: the folder.
        evaluated: dataset -> the evaluation in the folder, which has an mAP.
    """
    found = []
    for dataset in run.test_sets:
        of = f" on {dataset}" if len(run.test_sets) > 1 else ""
        points = evaluations_of(run.metrics, f"{dataset}/mAP")
        averaged = evaluations_of(run.metrics, f"ema/{dataset}/mAP")
        if points:
            here = evaluated.get(dataset)
            found.append(_best(f"Best mAP{of}", points, here, strong=not _is_average_best(run)))
            found.append(Tile(f"Last mAP{of}", f"{points[-1][1]:.3f}", _note(*points[-1], here)))
        elif dataset in evaluated:
            found.append(Tile(f"mAP{of}", f"{evaluated[dataset].mAP:.3f}", _spread(evaluated[dataset]), True))
        if averaged:
            found.append(_best(f"Best mAP{of}, averaged weights", averaged, None, strong=_is_average_best(run)))
    return [*_chosen(run), *found, *_progress(run)]


def _spread(evaluation: Evaluation) -> str:
    """Return the interval of the mAP, "" if there is none worth showing."""
    spread = evaluation.intervals
    return (
        f"95% interval {interval_in_words(spread.mAP)}" if spread is not None and spread.mAP and spread.reliable else ""
    )


def _chosen(run: RunFolder) -> list[Tile]:
    """Return the best result by SOLVER.BEST_METRIC, where the figures of mAP do not show it."""
    best = run.summary.get("best")
    if not isinstance(best, dict) or type(best.get("value")) not in (int, float):
        return []
    metric = str(best.get("metric"))
    if metric in {f"{dataset}/mAP" for dataset in run.test_sets}:
        return []
    weights = ", averaged weights" if best.get("weights") == "ema" else ""
    return [Tile(f"Best {metric}{weights}", f"{best['value']:.3f}", f"iteration {best.get('iteration')}", True)]


def _is_average_best(run: RunFolder) -> bool:
    best = run.summary.get("best")
    return isinstance(best, dict) and best.get("weights") == "ema"


def _best(label: str, points: Sequence[tuple[int, float]], here: Evaluation | None, *, strong: bool) -> Tile:
    iteration, value = max(points, key=lambda point: point[1])
    return Tile(label, f"{value:.3f}", _note(iteration, value, here), strong)


def _note(iteration: int, value: float, here: Evaluation | None) -> str:
    """Return the iteration of an mAP, and its interval if it is the one of the evaluation in the folder."""
    spread = _spread(here) if here is not None and here.mAP == value else ""
    return f"iteration {iteration}; {spread}" if spread else f"iteration {iteration}"


def _progress(run: RunFolder) -> list[Tile]:
    steps = [line for line in run.metrics if "step_time" in line]
    if not steps:
        return []
    done = run.metrics[-1]["iteration"]
    planned = run.trained.SOLVER.MAX_ITER if run.trained is not None else done
    found = [Tile("Iterations", str(done), f"of {planned}" if planned > done else "")]
    seconds, before = 0.0, 0
    for line in steps:
        if is_finite_number(line["step_time"]):
            seconds += (line["iteration"] - before) * line["step_time"]
        before = line["iteration"]
    per_step = seconds / max(before, 1)
    shown = f"{per_step:.2f} s a step" if per_step >= 0.1 else f"{1000 * per_step:.0f} ms a step"
    spent = run.summary.get("seconds")
    total = spent.get("total") if isinstance(spent, dict) else None
    if is_finite_number(total):
        return [*found, Tile("Time", str(timedelta(seconds=round(total))), shown)]
    return [*found, Tile("Time of the steps", str(timedelta(seconds=round(seconds))), shown)]


def gains(run: RunFolder, dataset: str) -> list[Gain]:
    """Return the classes whose AP differs most between the best evaluation and the last, if those are two."""
    points = evaluations_of(run.metrics, f"{dataset}/mAP")
    if len(points) < 2:
        return []
    best, last = max(points, key=lambda point: point[1])[0], points[-1][0]
    if best == last:
        return []
    prefix = f"{dataset}/AP/"
    at_best, at_last = ({
        key.removeprefix(prefix): value
        for line in run.metrics if line["iteration"] == iteration
        for key, value in line.items()
        if key.startswith(prefix) and is_finite_number(value)
    } for iteration in (best, last))  # fmt: skip
    found = [Gain(name, at_best[name], at_last[name]) for name in at_best if name in at_last]
    found = [gain for gain in found if gain.best != gain.last]
    return sorted(found, key=lambda gain: -abs(gain.last - gain.best))[:MOST_GAINS]


def state(run: RunFolder) -> str:
    """Return how far the training is, in words."""
    if run.trained is None:
        return "" if run.metrics else "not trained in this folder"
    if not run.metrics:
        return "no step is logged yet"
    done, planned = run.metrics[-1]["iteration"], run.trained.SOLVER.MAX_ITER
    if done >= planned:
        return f"training complete: {counted(done, 'iteration')}"
    if _ended_early(run):
        return f"training ended early, at iteration {done} of {planned}: {_ended_early(run)}"
    if running_in(run.path):
        return f"training is at iteration {done} of {planned}"
    return f"training stopped at iteration {done} of {planned}"


def notes(run: RunFolder) -> list[str]:
    """Return what to know, and to do, about a training that is not complete."""
    if run.trained is None or not run.metrics or running_in(run.path):
        return []
    done, planned = run.metrics[-1]["iteration"], run.trained.SOLVER.MAX_ITER
    if done >= planned or _ended_early(run):
        return []
    command = runnable_here(f"python train_net.py --config-file {_config(run)} --resume")
    return [f"The training stopped at iteration {done} of {planned}. This continues it:\n{command}"]


def _ended_early(run: RunFolder) -> str:
    """Return why a training ended before its last iteration of its own accord; "" if it did not."""
    why = run.summary.get("ended_early")
    return why if isinstance(why, str) and run.summary.get("iteration") == run.metrics[-1]["iteration"] else ""


def test_command(run: RunFolder) -> str:
    """Return the command that evaluates the run's newest weights and makes the report again."""
    return runnable_here(f"python test_net.py --config-file {_config(run)} --report OUTPUT_DIR {_quoted(run)}")


def next_commands(run: RunFolder) -> list[tuple[str, str]]:
    """Return what may follow, each with its command line."""
    if run.trained is None:
        return []
    best = next(
        (name for name in (f"{BEST_WEIGHTS}.pth", f"{FINAL_CHECKPOINT}.pth") if (run.path / name).is_file()), None
    )
    weight = f" MODEL.WEIGHT {shlex.quote(str(run.path / best))}" if best else ""
    commands = [("Evaluate", f"{test_command(run)}{weight}")]
    if best:
        # In the weights that the prediction below takes, of whatever iteration.
        weights = shlex.quote(str(run.path / best))
        keep = runnable_here(f"python tools/calibrate.py --weights {weights} --evaluate")
        commands.append(("Keep the thresholds", keep))
    told = run.summary.get("commands")
    if isinstance(told, dict) and isinstance(told.get("predict"), str):
        commands.append(("Predict", told["predict"]))
    elif best:
        predict = f"python tools/predict_video.py --config-file {_config(run)} --video VIDEO.mp4 --detector --output "
        commands.append(("Predict", runnable_here(f"{predict}predictions.mp4{weight}")))
    commands.append(("This report again", runnable_here(f"python tools/report.py --run {_quoted(run)}")))
    return commands


def _config(run: RunFolder) -> str:
    return shlex.quote(str(run.path / CONFIG_FILE)) if run.trained is not None else "EXPERIMENT.yaml"


def _quoted(run: RunFolder) -> str:
    return shlex.quote(str(run.path))
