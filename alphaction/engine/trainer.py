"""The train loop. One optimizer step is :meth:`Trainer.train_step`, from clips to the memory's write-back."""

from __future__ import annotations

import math
import time
import warnings
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import torch
from torch import Tensor
from yacs.config import CfgNode

from alphaction.checkpoint import FINAL_CHECKPOINT, Checkpointer
from alphaction.data.sample import ClipBatch
from alphaction.engine.metric_log import MetricLog, RunningMeans
from alphaction.engine.resume import run_settings
from alphaction.engine.setup import Runtime, seed_step
from alphaction.engine.train_step import TrainStep
from alphaction.solver import base_rate
from alphaction.utils.errors import DivergenceError
from alphaction.utils.logging import get_logger

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
        if step.scaler.is_enabled():
            # The scaler skips the first steps while it looks for its scale. The schedule advances all the same.
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
            DivergenceError: if the loss or the weights are no longer finite.
        """
        log = MetricLog(
            self.checkpointer.output_dir, self.max_iter, start_iteration, self.runtime.is_main, use_tensorboard
        )
        means = RunningMeans()
        stream = iter(loader)
        data_seconds = 0.0
        self.step.model.train()
        for iteration in range(start_iteration + 1, self.max_iter + 1):
            waiting_since = time.perf_counter()
            micro_batches = [next(stream) for _ in range(self.accumulation_steps)]
            data_seconds += time.perf_counter() - waiting_since

            lr = base_rate(self.step.optimizer, self.step.scheduler)
            seed_step(self.runtime.seed, iteration, self.runtime.rank)
            means.add(self.train_step(micro_batches))

            log.advance()
            is_last = iteration == self.max_iter
            saves = is_last or iteration % self.checkpoint_period == 0
            # Also before a checkpoint, which must not hold NaN.
            if saves or iteration % self.log_period == 0 or iteration == start_iteration + 1:
                values = means.pop()
                log.log_train(iteration, values, lr, data_seconds, self.runtime.device)
                data_seconds = 0.0
                self._require_finite(values, iteration)
            with log.paused():
                if saves:
                    self.save(iteration, final=is_last)
                evaluate = evaluate_at_end if is_last else evaluate_between
                if evaluate is not None and (is_last or iteration % self.eval_period == 0):
                    log.write(iteration, evaluate())
        log.close()

    def train_step(self, micro_batches: list[ClipBatch]) -> dict[str, Tensor]:
        """Run one optimizer step on this process's share of a global batch; return its loss terms on the device."""
        return self.step.run(micro_batches)

    def save(self, iteration: int, final: bool = False) -> None:
        """Write a checkpoint, and the memory beside it, from the main process."""
        self.step.remember()
        if self.runtime.is_main:
            # The memory first: the checkpoint then never lacks it.
            if self.step.pool is not None:
                self.checkpointer.save_memory(self.step.pool.state_dict(), iteration)
            path = self.checkpointer.save(FINAL_CHECKPOINT if final else None, iteration, self.settings)
            get_logger().info("saved %s", path)

    def _require_finite(self, values: dict[str, float], iteration: int) -> None:
        broken = [name for name, value in values.items() if not math.isfinite(value)]
        norms = torch.stack(torch._foreach_norm([parameter.detach() for parameter in self.step.model.parameters()]))
        if not torch.isfinite(norms).all():
            broken.append("some weight")
        if broken:
            raise DivergenceError(
                f"the training diverged at or before iteration {iteration}: {', '.join(broken)} is not finite. Lower "
                "SOLVER.BASE_LR, lengthen SOLVER.WARMUP_ITERS, set SOLVER.CLIP_GRAD_NORM (10, say), or set SOLVER.AMP "
                "to bf16 or off. Checkpoints that were saved before are intact."
            )
