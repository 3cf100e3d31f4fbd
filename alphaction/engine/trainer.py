"""The train loop. One optimizer step is :meth:`Trainer.train_step`, from clips to the memory's write-back."""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable, Iterable, Mapping
from typing import Any, NoReturn

from torch import Tensor
from yacs.config import CfgNode

from alphaction.checkpoint import FINAL_CHECKPOINT, Checkpointer
from alphaction.data.sample import ClipBatch
from alphaction.engine.divergence import DivergenceWatch, remedies
from alphaction.engine.metric_log import MetricLog, RunningMeans
from alphaction.engine.progress import load_progress, progress_of
from alphaction.engine.resume import run_settings
from alphaction.engine.setup import Runtime, seed_step
from alphaction.engine.stop import StopAsked
from alphaction.engine.train_step import TrainStep
from alphaction.modeling.roi_head.losses import ActionLoss
from alphaction.solver import base_rate
from alphaction.utils.distributed import reduce_mean
from alphaction.utils.errors import DivergenceError
from alphaction.utils.logging import get_logger
from alphaction.utils.messages import counted
from alphaction.utils.progress import doing

Evaluate = Callable[[], dict[str, float]]


class Trainer:
    """Trains a detector from ``start_iteration`` to ``max_iter``.

    Args:
        step: runs one optimizer step, and holds what is trained.
        checkpointer: where to save; metrics are written to the same folder.
        settings: what a checkpoint keeps to compare with when the run is continued (see ``run_settings``).
        max_iter: iterations of the whole run.
        log_period: iterations between two lines of the log.
        checkpoint_period: iterations between two checkpoints.
        eval_period: iterations between two evaluations.
        accumulation_steps: micro-batches of an iteration.
        checkpoint_minutes: minutes after which there is a checkpoint in any case; 0: by iterations only.
        watch: judges whether the training has diverged.
    """

    def __init__(
        self,
        step: TrainStep,
        *,
        checkpointer: Checkpointer,
        settings: Mapping[str, Any],
        max_iter: int,
        log_period: int,
        checkpoint_period: int,
        eval_period: int,
        accumulation_steps: int = 1,
        checkpoint_minutes: float = 0.0,
        watch: DivergenceWatch | None = None,
    ) -> None:
        self.step = step
        self.checkpointer = checkpointer
        self.runtime = step.runtime
        self.settings = settings
        self.max_iter = max_iter
        self.log_period = log_period
        self.checkpoint_period = checkpoint_period
        self.eval_period = eval_period
        self.accumulation_steps = accumulation_steps
        self.checkpoint_minutes = checkpoint_minutes
        self.watch = watch or DivergenceWatch()
        self.means = RunningMeans()
        self._saved_at = time.monotonic()
        # The first steps may be skipped, by the gradient scaler say. The schedule advances all the same.
        warnings.filterwarnings("ignore", message="Detected call of `lr_scheduler.step")

    @classmethod
    def from_config(cls, cfg: CfgNode, *, runtime: Runtime, checkpointer: Checkpointer, **parts: Any) -> Trainer:
        """Return a trainer with the values of a config.

        Args:
            cfg: the whole config.
            runtime: device and processes.
            checkpointer: where to save.
            parts: ``model``, ``optimizer``, ``scheduler``, ``scaler``, ``pool`` and ``keyframes`` of the step.
        """
        solver = cfg.SOLVER
        return cls(
            TrainStep.from_config(cfg, runtime=runtime, **parts),
            checkpointer=checkpointer,
            settings=run_settings(cfg, runtime),
            max_iter=solver.MAX_ITER,
            log_period=solver.LOG_PERIOD,
            checkpoint_period=solver.CHECKPOINT_PERIOD,
            eval_period=solver.EVAL_PERIOD,
            accumulation_steps=solver.ACCUMULATION_STEPS,
            checkpoint_minutes=solver.CHECKPOINT_MINUTES,
            watch=DivergenceWatch(ActionLoss.from_config(cfg).undecided(), remedies(cfg)),
        )

    def run(
        self,
        loader: Iterable[ClipBatch],
        start_iteration: int = 0,
        *,
        evaluate_between: Evaluate | None = None,
        evaluate_at_end: Evaluate | None = None,
        use_tensorboard: bool = False,
    ) -> None:
        """Train, log, checkpoint and evaluate until ``max_iter``; leaves ``model_final.pth`` in the run's folder.

        Args:
            loader: yields this process's micro-batches from ``start_iteration`` on.
            start_iteration: iterations done before.
            evaluate_between: returns metrics of the model; called every ``eval_period`` iterations unless None.
            evaluate_at_end: the same, after the last iteration.
            use_tensorboard: also write event files.

        Raises:
            DivergenceError: if the loss or the weights are not finite, or far from what they were.
            ResourceError: if the log could not be written to the end.
            StopAsked: if the run is to end early; a checkpoint of the last step is saved.
        """
        log = MetricLog(
            self.checkpointer.output_dir, self.max_iter, start_iteration, self.runtime.is_main, use_tensorboard
        )
        try:
            self.step.model.train()
            self.watch.begin(self.step.model)
            if evaluate_between is not None and self._lacks_evaluation(log, start_iteration):
                log.write(start_iteration, evaluate_between())
            self._train(log, loader, start_iteration, evaluate_between, evaluate_at_end)
        finally:
            log.close()
        log.require_written()

    def _train(
        self,
        log: MetricLog,
        loader: Iterable[ClipBatch],
        start_iteration: int,
        evaluate_between: Evaluate | None,
        evaluate_at_end: Evaluate | None,
    ) -> None:
        stream = iter(loader)
        data_seconds = 0.0
        for iteration in range(start_iteration + 1, self.max_iter + 1):
            # A loader sees to its workers by itself, and says which clip it loads without them.
            doing(f"reading the clips of iteration {iteration}", limited=False)
            waiting_since = time.perf_counter()
            micro_batches = [next(stream) for _ in range(self.accumulation_steps)]
            data_seconds += time.perf_counter() - waiting_since

            doing(f"training iteration {iteration}", joint=True)
            seed_step(self.runtime.seed, iteration, self.runtime.rank)
            self.means.add(self.train_step(micro_batches), self.step.good)

            log.advance()
            is_last = iteration == self.max_iter
            asked, due = self.runtime.stop.verdict()
            saves = is_last or iteration % self.checkpoint_period == 0
            # At the same iterations whether the run was continued in between or not.
            if saves or iteration % self.log_period == 0 or iteration == 1:
                self.step.settle()
                values = self.means.pop()
                lr = base_rate(self.step.optimizer, self.step.scheduler, iteration - 1)
                log.log_train(iteration, values, lr, data_seconds, self.runtime.device)
                data_seconds = 0.0
                self.watch.record(iteration, values)
                self.watch.check_weights(iteration, self.step.model)
            with log.paused():
                if saves or due:
                    doing(f"saving the checkpoint of iteration {iteration}")
                    self.save(iteration, final=is_last)
                if asked and not is_last:
                    self._leave(asked, iteration, saves or due)
                evaluate = evaluate_at_end if is_last else evaluate_between
                if evaluate is not None and (is_last or iteration % self.eval_period == 0):
                    self.step.settle()
                    try:
                        log.write(iteration, evaluate())
                    except StopAsked as early:
                        self._leave(early.number, iteration, saves or due)
            self.runtime.stop.vote(self._is_due())

    def train_step(self, micro_batches: list[ClipBatch]) -> dict[str, Tensor]:
        """Run one optimizer step on this process's share of a global batch; return its loss terms on the device."""
        return self.step.run(micro_batches)

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
        if self.runtime.is_main:
            # The memory first: the checkpoint then never lacks it.
            if self.step.pool is not None:
                self.checkpointer.save_memory(self.step.pool.state_dict(), iteration)
            # Of those between two periods, only the newest is of use.
            between = not final and iteration % self.checkpoint_period != 0
            name = FINAL_CHECKPOINT if final else None
            path = self.checkpointer.save(name, iteration, {**self.settings, "progress": progress}, between=between)
            get_logger().info("saved %s", path)
        return True

    def restore(self, extra: Mapping[str, Any]) -> None:
        """Take over, from what a checkpoint holds besides the weights, what the log and the checks of the run need."""
        for note in load_progress(extra.get("progress"), self.step, self.means, self.watch) if extra else ():
            get_logger().info(note)

    def _is_due(self) -> bool:
        """Return whether the main process finds a checkpoint due by its clock."""
        minutes = (time.monotonic() - self._saved_at) / 60
        return self.runtime.is_main and 0 < self.checkpoint_minutes <= minutes

    def _leave(self, number: int, iteration: int, saved: bool) -> NoReturn:
        """End early, as signal ``number`` asks for, with a checkpoint of this iteration."""
        if not saved and self.runtime.stop.wants_checkpoint(number):
            self.save(iteration)
        self.runtime.stop.leave(number)

    def _refuse_to_save(self, iteration: int, final: bool) -> bool:
        steps = self.step.bad_steps
        what = f"{counted(steps.in_doubt, 'step')} in a row up to iteration {iteration} had no finite loss or gradient"
        if final:
            raise DivergenceError(f"the training diverged: {what}, and it ends there. {steps.remedy}")
        if self.runtime.is_main:
            get_logger().warning("%s: no checkpoint is written before a step is good again", what)
        return False

    def _lacks_evaluation(self, log: MetricLog, iteration: int) -> bool:
        """Return, on all processes alike, whether the run was stopped between a checkpoint and its evaluation."""
        due = iteration > 0 and iteration % self.eval_period == 0
        lacks = due and self.runtime.is_main and not log.has_evaluation(iteration)
        return due and reduce_mean(self.step.good.new_full((), float(lacks))).item() > 0
