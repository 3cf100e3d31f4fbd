"""The best evaluation of a run, and how many since have not been better: SOLVER.BEST_METRIC and PATIENCE."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from math import isnan
from pathlib import Path
from typing import Any

from alphaction.checkpoint import StartPoint
from alphaction.checkpoint.run_folder import FINAL_CHECKPOINT, checkpoint_name
from alphaction.checkpoint.weights_beside import (
    BEST_WEIGHTS,
    BestResult,
    read_best,
    rebuild_best,
    set_best_aside,
)
from alphaction.engine.best_metric import Metric
from alphaction.utils.distributed import gather_objects
from alphaction.utils.logging import get_logger
from alphaction.utils.messages import counted


class BestTracker:
    """Compares the evaluations of a run. All processes hold the same.

    Args:
        metric: what they are compared by.
        patience: SOLVER.PATIENCE; 0: the run never ends early.

    Attributes:
        best: the best one so far; None before the first.
        since: evaluations after it, none of which was better.
        last: iteration of the last evaluation, 0 before the first.
    """

    def __init__(self, metric: Metric, patience: int = 0) -> None:
        self.metric = metric
        self.patience = patience
        self.best: BestResult | None = None
        self.since = self.last = 0

    @property
    def exhausted(self) -> bool:
        """Whether so many evaluations have not been better that the run is to end."""
        return 0 < self.patience <= self.since

    def observe(self, iteration: int, metrics: Mapping[str, float | None]) -> bool:
        """Take in an evaluation; return whether it is the best so far. One that was taken in before changes nothing."""
        if iteration <= self.last:
            return False
        self.last = iteration
        value, weights = self.metric.of(metrics)
        if isnan(value):
            self.since += self.best is not None
            return False
        if self.best is None or self.metric.better(value, self.best.value):
            self.best, self.since = BestResult(self.metric.name, float(value), iteration, weights), 0
            return True
        self.since += 1
        return False

    def observe_jointly(self, iteration: int, metrics: Mapping[str, float | None]) -> bool:
        """Do as :meth:`observe`, with the outcome of the first process on all; every process calls this."""
        better, state = gather_objects((self.observe(iteration, metrics), self.state_dict()))[0]
        self.load_state_dict(state)
        return better

    def agree(self) -> None:
        """Take over what the first process holds; every process calls this."""
        self.load_state_dict(gather_objects(self.state_dict())[0])

    def forget(self) -> None:
        """Begin anew with the next evaluation."""
        self.best, self.since = None, 0

    def state_dict(self) -> dict[str, Any]:
        """Return what a checkpoint keeps."""
        best = None if self.best is None else self.best.to_dict()
        return {"metric": self.metric.name, "best": best, "since": self.since, "last": self.last}

    def load_state_dict(self, state: object) -> bool:
        """Take over what :meth:`state_dict` returned; return False, and change nothing, for anything else.

        That of another metric is anything else, too.
        """
        if not isinstance(state, Mapping) or state.get("metric") != self.metric.name:
            return False
        best, since, last = (state.get(name) for name in ("best", "since", "last"))
        found = BestResult.from_dict(best)
        if not all(type(number) is int and number >= 0 for number in (since, last)):
            return False
        if (best is not None and found is None) or (found is not None and found.metric != self.metric.name):
            return False
        self.best, self.since, self.last = found, since, last
        return True

    def __str__(self) -> str:
        """Return the best result in words."""
        if self.best is None:
            return f"no evaluation has had a value of {self.metric.name} yet"
        averaged = ", of the averaged weights" if self.best.weights == "ema" else ""
        return f"{self.metric.name} {self.best.value:.4f} of iteration {self.best.iteration}{averaged}"

    def why_exhausted(self) -> str:
        """Return why the run ends early."""
        return (
            f"{counted(self.since, 'evaluation')} in a row {'was' if self.since == 1 else 'were'} not better than "
            f"{self} (SOLVER.PATIENCE {self.patience})"
        )


def how_to_go_on(tracker: BestTracker) -> str:
    """Return what to change so that a run goes on that has ended early."""
    more = tracker.since + tracker.patience
    return f"The same command with SOLVER.PATIENCE {more}, say, or 0 for no end before MAX_ITER, continues the training"


def recall(tracker: BestTracker, state: object, lines: Iterable[Mapping[str, Any]]) -> None:
    """Let a tracker know the evaluations of the run that is continued.

    Args:
        tracker: of the run.
        state: what its checkpoint keeps; None, or that of another metric, is not used.
        lines: of metrics.jsonl up to the checkpoint, in their order: also of what came after it was saved.
    """
    tracker.load_state_dict(state)
    for line in lines:
        if tracker.metric.name in line or f"ema/{tracker.metric.name}" in line:
            tracker.observe(line["iteration"], line)


def settle_best_file(tracker: BestTracker, folder: Path, start: StartPoint) -> None:
    """Make ``model_best.pth`` that of ``tracker.best``, before a run begins or goes on; the main process only.

    A run that goes on from an earlier checkpoint than its last does some iterations again. A best result among those
    is set aside, and the one before it comes back, if a checkpoint still has its weights; else the best is sought anew.

    Args:
        tracker: of the run, which knows its evaluations.
        folder: OUTPUT_DIR.
        start: what the run starts from. Weights that it begins with stay where they are.
    """
    path, best = folder / f"{BEST_WEIGHTS}.pth", tracker.best
    if best is not None and read_best(path) == best:
        return
    if start.action == "weights" and path.exists() and path.samefile(start.path):
        return
    if (aside := set_best_aside(folder)) is not None:
        get_logger().info("%s: not of this run up to here, kept as %s", path, aside.name)
    if best is None:
        return
    names = (checkpoint_name(best.iteration), FINAL_CHECKPOINT, BEST_WEIGHTS)
    places = dict.fromkeys((folder, start.path.parent))
    sources = [start.path, *(place / f"{name}.pth" for place in places for name in names)]
    if (source := rebuild_best(folder, best, sources)) is not None:
        get_logger().info("%s: written anew from %s (%s)", path, source, str(tracker))
        return
    get_logger().warning(
        "no checkpoint has the weights of the best evaluation any more (%s): the next evaluation is taken as the best "
        "so far",
        str(tracker),
    )
    tracker.forget()
