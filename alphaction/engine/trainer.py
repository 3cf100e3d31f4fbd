"""The train loop. One optimizer step is :meth:`Trainer.train_step`, from clips to the memory's write-back."""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable, Iterable, Mapping
from typing import Any, NoReturn

from torch import Tensor
from yacs.config import CfgNode

from alphaction.checkpoint import Checkpointer
from alphaction.data.sample import ClipBatch
from alphaction.engine.best import BestTracker, how_to_go_on
from alphaction.engine.divergence import DivergenceWatch, remedies
from alphaction.engine.metric_log import MetricLog, RunningMeans
from alphaction.engine.plots import Plots
from alphaction.engine.progress import load_progress
from alphaction.engine.resume import run_settings
from alphaction.engine.saving import RunSaver
from alphaction.engine.setup import Runtime, seed_step
from alphaction.engine.stop import StopAsked
from alphaction.engine.time_spent import TimeSpent
from alphaction.engine.train_step import TrainStep
from alphaction.modeling.roi_head.losses import ActionLoss
from alphaction.solver import base_rate
from alphaction.utils.distributed import gather_objects
from alphaction.utils.logging import get_logger
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
        best: knows the best evaluation, whose weights are kept, and whether it ends the run early; None: none is
            known.

    Attributes:
        time: what the time of the run was spent on.
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
        best: BestTracker | None = None,
    ) -> None:
        self.step = step
        self.checkpointer = checkpointer
        self.runtime = step.runtime
        self.max_iter = max_iter
        self.log_period = log_period
        self.checkpoint_period = checkpoint_period
        self.eval_period = eval_period
        self.accumulation_steps = accumulation_steps
        self.watch = watch or DivergenceWatch()
        self.best = best
        self.time = TimeSpent()
        self.means = RunningMeans()
        self.saver = RunSaver(
            step,
            checkpointer,
            settings,
            period=checkpoint_period,
            minutes=checkpoint_minutes,
            watch=self.watch,
            best=best,
            means=self.means,
            spent=self.time,
        )
        # The first steps may be skipped, by the gradient scaler say. The schedule advances all the same.
        warnings.filterwarnings("ignore", message="Detected call of `lr_scheduler.step")

    @classmethod
    def from_config(
        cls,
        cfg: CfgNode,
        *,
        runtime: Runtime,
        checkpointer: Checkpointer,
        best: BestTracker | None = None,
        **parts: Any,
    ) -> Trainer:
        """Return a trainer with the values of a config.

        Args:
            cfg: the whole config.
            runtime: device and processes.
            checkpointer: where to save.
            best: knows the best evaluation.
            parts: ``model``, ``optimizer``, ``scheduler``, ``scaler``, ``pool``, ``keyframes`` and ``average`` of the
                step.
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
            best=best,
        )

    def run(
        self,
        loader: Iterable[ClipBatch],
        start_iteration: int = 0,
        *,
        evaluate_between: Evaluate | None = None,
        evaluate_at_end: Evaluate | None = None,
        plots: Plots | None = None,
    ) -> int:
        """Train, log, checkpoint and evaluate until ``max_iter``; leaves ``model_final.pth`` in the run's folder.

        An evaluation that is the best one so far leaves ``model_best.pth``. The run also ends, as if that was
        ``max_iter``, after so many that were not better as its tracker has patience for.

        Args:
            loader: yields this process's micro-batches from ``start_iteration`` on.
            start_iteration: iterations done before.
            evaluate_between: returns metrics of the model; called every ``eval_period`` iterations unless None.
            evaluate_at_end: the same, after the last iteration.
            plots: where the metrics are shown as well.

        Returns:
            the iterations that are done.

        Raises:
            DivergenceError: if the loss or the weights are not finite, or far from what they were.
            ResourceError: if the log could not be written to the end.
            StopAsked: if the run is to end early; a checkpoint of the last step is saved.
        """
        log = MetricLog(self.checkpointer.output_dir, self.max_iter, start_iteration, self.runtime.is_main, plots)
        done, ends = start_iteration, False
        try:
            self.time.begin()
            self.step.model.train()
            self.watch.begin(self.step.model)
            if evaluate_between is not None and self._lacks_evaluation(log, start_iteration):
                with log.paused():
                    ends = self._evaluate(log, start_iteration, evaluate_between, saved=True)
            if not ends:
                done = self._train(log, loader, start_iteration, evaluate_between, evaluate_at_end)
        finally:
            log.close()
        log.require_written()
        return done

    def finish(self, iteration: int, evaluate: Evaluate | None, plots: Plots | None = None) -> None:
        """Do what is left of a run that has no iteration left: its last checkpoint and its evaluation; train nothing.

        Args:
            iteration: iterations that are done.
            evaluate: returns metrics of the model; None: it is not evaluated.
            plots: where the metrics are shown as well.

        Raises:
            ResourceError: as :meth:`run`.
        """
        ended_early = iteration < self.max_iter
        self.watch.begin(self.step.model)
        if ended_early and self.saver.lacks_final(iteration):
            self.save(iteration, final=True)
        log = MetricLog(self.checkpointer.output_dir, self.max_iter, iteration, self.runtime.is_main, plots)
        try:
            lacks = gather_objects(self.runtime.is_main and not log.has_evaluation(iteration))[0]
            if evaluate is None or (ended_early and not lacks):
                return
            self.time.begin()
            with self.time.on("evaluation"):
                metrics = evaluate()
            if lacks:
                if self.best is not None and self.best.observe_jointly(iteration, metrics):
                    self.saver.keep_best()
                log.write(iteration, metrics)
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
    ) -> int:
        stream = iter(loader)
        data_seconds = 0.0
        for iteration in range(start_iteration + 1, self.max_iter + 1):
            # A loader sees to its workers by itself, and says which clip it loads without them.
            doing(f"reading the clips of iteration {iteration}", limited=False)
            waiting_since = time.perf_counter()
            micro_batches = [next(stream) for _ in range(self.accumulation_steps)]
            waited = time.perf_counter() - waiting_since
            data_seconds += waited
            self.time.add("data", waited)

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
                        ends = self._evaluate(log, iteration, evaluate, saved=saves or due)
                    except StopAsked as early:
                        self._leave(early.number, iteration, saves or due)
                    if ends:
                        return iteration
            self.runtime.stop.vote(self.saver.is_due())
        return self.max_iter

    def _evaluate(self, log: MetricLog, iteration: int, evaluate: Evaluate, *, saved: bool) -> bool:
        """Evaluate, keep the weights if they are the best so far, and note the metrics.

        What is noted last may be done again after a crash, but never gets lost.

        Args:
            log: of the run.
            iteration: iterations done.
            evaluate: returns the metrics.
            saved: whether a checkpoint of this iteration is there already.

        Returns:
            whether the run is to end early, on all processes alike; it is saved as at its end then.

        Raises:
            StopAsked: if the run is to end before that; nothing is noted then.
        """
        with self.time.on("evaluation"):
            metrics = evaluate()
        ends = False
        if self.best is not None:
            if self.best.observe_jointly(iteration, metrics):
                # So that the run never goes on from before its best result, and has to do that again.
                if not saved:
                    self.save(iteration)
                self.saver.keep_best()
            if ends := self.best.exhausted and iteration < self.max_iter:
                get_logger().info(
                    "the training ends early, at iteration %d of %d: %s. %s",
                    iteration,
                    self.max_iter,
                    self.best.why_exhausted(),
                    how_to_go_on(self.best),
                )
                self.save(iteration, final=True)
        log.write(iteration, metrics)
        return ends

    def train_step(self, micro_batches: list[ClipBatch]) -> dict[str, Tensor]:
        """Run one optimizer step on this process's share of a global batch; return its loss terms on the device."""
        return self.step.run(micro_batches)

    def save(self, iteration: int, final: bool = False) -> bool:
        """Write a checkpoint, as :meth:`RunSaver.save` does; every process calls this."""
        return self.saver.save(iteration, final)

    def restore(self, extra: Mapping[str, Any]) -> None:
        """Take over, from what a checkpoint holds besides the weights, what the log and the checks of the run need."""
        for note in load_progress(extra.get("progress"), self.step, self.means, self.watch) if extra else ():
            get_logger().info(note)
        self.time.load_state_dict(extra.get("time"))

    def _leave(self, number: int, iteration: int, saved: bool) -> NoReturn:
        """End early, as signal ``number`` asks for, with a checkpoint of this iteration."""
        if not saved and self.runtime.stop.wants_checkpoint(number):
            self.save(iteration)
        self.runtime.stop.leave(number)

    def _lacks_evaluation(self, log: MetricLog, iteration: int) -> bool:
        """Return, on all processes alike, whether the run was stopped between a checkpoint and its evaluation."""
        due = iteration > 0 and iteration % self.eval_period == 0
        return due and gather_objects(self.runtime.is_main and not log.has_evaluation(iteration))[0]
