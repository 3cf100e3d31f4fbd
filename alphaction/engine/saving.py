"""When and how the state of a run is written: its checkpoints, and the weights beside them."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from alphaction.checkpoint import AVERAGED_WEIGHTS, BEST_WEIGHTS, FINAL_CHECKPOINT, Checkpointer
from alphaction.checkpoint.run_folder import read_header
from alphaction.engine.best import BestTracker
from alphaction.engine.divergence import DivergenceWatch
from alphaction.engine.metric_log import RunningMeans
from alphaction.engine.progress import progress_of
from alphaction.engine.time_spent import TimeSpent
from alphaction.engine.train_step import TrainStep
from alphaction.utils.distributed import gather_objects
from alphaction.utils.errors import DivergenceError
from alphaction.utils.logging import get_logger
from alphaction.utils.messages import counted


class RunSaver:
    """Writes what a run keeps, from the main process.

    Args:
        step: holds what is trained.
        checkpointer: where to save.
        settings: what a checkpoint keeps to compare with when the run is continued.
        period: iterations between two checkpoints.
        minutes: minutes after which one is due in any case; 0: never.
        watch: judges whether the training has diverged.
        best: knows the best evaluation; None: none is known.
        means: of the log; a checkpoint keeps them.
        spent: what the time of the run was spent on.
    """

    def __init__(
        self,
        step: TrainStep,
        checkpointer: Checkpointer,
        settings: Mapping[str, Any],
        *,
        period: int,
        minutes: float,
        watch: DivergenceWatch,
        best: BestTracker | None,
        means: RunningMeans,
        spent: TimeSpent,
    ) -> None:
        self.step = step
        self.checkpointer = checkpointer
        self.settings = settings
        self.period = period
        self.minutes = minutes
        self.watch = watch
        self.best = best
        self.means = means
        self.spent = spent
        self._is_main = step.runtime.is_main
        self._saved_at = time.monotonic()

    def save(self, iteration: int, final: bool = False) -> bool:
        """Write a checkpoint, and the memory beside it, from the main process; every process calls this.

        Returns:
            whether it was written: not while the last steps had no finite loss, as the weights may be at fault.

        Raises:
            DivergenceError: if the state has diverged; nothing is written then.
        """
        self.step.settle()
        # Also what came after the last line of the log. To look at the means leaves them as they are.
        self.watch.check(iteration, self.means.peek())
        self.watch.check_weights(iteration, self.step.model)
        if self.step.bad_steps.doubtful:
            return self._refuse_to_save(iteration, final)
        self.step.remember()
        self._saved_at = time.monotonic()
        progress = progress_of(self.step, self.means, self.watch)
        with self.spent.on("saving"):
            self._write(iteration, progress, final)
        return True

    def _write(self, iteration: int, progress: Mapping[str, Any], final: bool) -> None:
        average = self.step.average
        if self._is_main:
            # What lies beside the checkpoint first: that then never lacks it.
            if final and average is not None:
                about = {"average": {"decay": average.decay, "updates": average.updates}}
                self.checkpointer.save_weights(AVERAGED_WEIGHTS, average.model, iteration, **about)
            if self.step.pool is not None:
                self.checkpointer.save_memory(self.step.pool.state_dict(), iteration)
            # Of those between two periods, only the newest is of use.
            between = not final and iteration % self.period != 0
            name = FINAL_CHECKPOINT if final else None
            extra = {**self.settings, "progress": progress, "time": self.spent.state_dict()}
            if self.best is not None:
                extra["best"] = self.best.state_dict()
            path = self.checkpointer.save(name, iteration, extra, between=between)
            get_logger().info("saved %s", path)

    def keep_best(self) -> None:
        """Write ``model_best.pth`` with the weights of the evaluation that was just made."""
        best = self.best.best
        model = self.step.model if best.weights == "model" else self.step.average.model
        path = self.checkpointer.save_weights(BEST_WEIGHTS, model, best.iteration, best=best.to_dict())
        get_logger().info("the best result so far: %s; saved %s", str(self.best), path)

    def is_due(self) -> bool:
        """Return whether the main process finds a checkpoint due by its clock."""
        minutes = (time.monotonic() - self._saved_at) / 60
        return self._is_main and 0 < self.minutes <= minutes

    def lacks_final(self, iteration: int) -> bool:
        """Return, on all processes alike, whether a run that has ended early has not been saved as at its end."""
        path = self.checkpointer.output_dir / f"{FINAL_CHECKPOINT}.pth"
        return gather_objects(read_header(path).get("iteration") != iteration)[0]

    def _refuse_to_save(self, iteration: int, final: bool) -> bool:
        steps = self.step.bad_steps
        what = f"{counted(steps.in_doubt, 'step')} in a row up to iteration {iteration} had no finite loss or gradient"
        if final:
            raise DivergenceError(f"the training diverged: {what}, and it ends there. {steps.remedy}")
        if self._is_main:
            get_logger().warning("%s: no checkpoint is written before a step is good again", what)
        return False
