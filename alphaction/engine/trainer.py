"""The train loop. One optimizer step is :meth:`Trainer.train_step`, from clips to the memory's write-back."""

from __future__ import annotations

import itertools
import math
import time
import warnings
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LambdaLR
from yacs.config import CfgNode

from alphaction.checkpoint import FINAL_CHECKPOINT, Checkpointer
from alphaction.data.sample import ClipBatch, Keyframe
from alphaction.engine.metric_log import MetricLog, RunningMeans
from alphaction.engine.resume import run_settings
from alphaction.engine.setup import Runtime, autocast_for, seed_step
from alphaction.memory import FeatureExchange, MemoryFeatures, MemoryPool
from alphaction.modeling.detector import TrainOutput
from alphaction.solver import base_rate
from alphaction.utils.distributed import reduce_mean
from alphaction.utils.errors import UserError
from alphaction.utils.logging import get_logger

Evaluate = Callable[[], dict[str, float]]


class Trainer:
    """Trains a detector from ``start_iteration`` to ``max_iter``.

    Args:
        model: the detector, in DistributedDataParallel if there are several processes.
        optimizer: its optimizer.
        scheduler: learning rate schedule; steps once an iteration.
        scaler: gradient scaler; enabled for ``amp`` "fp16" only.
        checkpointer: where to save; metrics are written to the same folder.
        runtime: device and processes.
        settings: what a checkpoint keeps to compare with when the run is continued (see ``run_settings``).
        max_iter: iterations of the whole run.
        log_period: iterations between two lines of the log.
        checkpoint_period: iterations between two checkpoints.
        eval_period: iterations between two evaluations.
        amp: "off", "bf16" or "fp16".
        accumulation_steps: micro-batches of an iteration.
        clip_grad_norm: largest norm of the gradient; 0: no limit.
        pool: long-term memory, or None if the model reads none.
        keyframes: those of the training set by position, to name what the memory stores.
        penalty: scale features read from the memory down by how much the loss has changed since they were written.
        max_boxes: most persons that a process can have in an iteration; sizes the exchange of features.
    """

    def __init__(
        self,
        *,
        model: nn.Module,
        optimizer: Optimizer,
        scheduler: LambdaLR,
        scaler: torch.amp.GradScaler,
        checkpointer: Checkpointer,
        runtime: Runtime,
        settings: Mapping[str, Any],
        max_iter: int,
        log_period: int,
        checkpoint_period: int,
        eval_period: int,
        amp: str = "off",
        accumulation_steps: int = 1,
        clip_grad_norm: float = 0.0,
        pool: MemoryPool | None = None,
        keyframes: Sequence[Keyframe] = (),
        penalty: bool = False,
        max_boxes: int = 0,
    ) -> None:
        self.model = model
        self.optimizer = optimizer
        self.scheduler = scheduler
        self.scaler = scaler
        self.checkpointer = checkpointer
        self.runtime = runtime
        self.settings = settings
        self.max_iter = max_iter
        self.amp = amp
        self.accumulation_steps = accumulation_steps
        self.clip_grad_norm = clip_grad_norm
        self.log_period = log_period
        self.checkpoint_period = checkpoint_period
        self.eval_period = eval_period
        self.pool = pool
        self.keyframes = keyframes
        self.penalty = penalty
        self.exchange = FeatureExchange(max_boxes)
        # Loss of the last step, on the device: what PENALTY compares a stored feature's loss with.
        self.last_loss: Tensor | None = None
        if scaler.is_enabled():
            # The scaler skips the first steps while it looks for its scale. The schedule advances all the same.
            warnings.filterwarnings("ignore", message="Detected call of `lr_scheduler.step")

    @classmethod
    def from_config(cls, cfg: CfgNode, *, runtime: Runtime, **parts: Any) -> Trainer:
        """Return a trainer with the values of a config.

        Args:
            cfg: the whole config.
            runtime: device and processes.
            parts: ``model``, ``optimizer``, ``scheduler``, ``scaler``, ``checkpointer``, ``pool`` and ``keyframes``.
        """
        solver = cfg.SOLVER
        clips_per_process = solver.VIDEOS_PER_BATCH // runtime.world_size
        return cls(
            runtime=runtime,
            settings=run_settings(cfg, runtime),
            max_iter=solver.MAX_ITER,
            amp=solver.AMP,
            accumulation_steps=solver.ACCUMULATION_STEPS,
            clip_grad_norm=solver.CLIP_GRAD_NORM,
            log_period=solver.LOG_PERIOD,
            checkpoint_period=solver.CHECKPOINT_PERIOD,
            eval_period=solver.EVAL_PERIOD,
            penalty=cfg.MODEL.IA_STRUCTURE.PENALTY,
            max_boxes=clips_per_process * cfg.MODEL.ROI_ACTION_HEAD.PROPOSAL_PER_CLIP,
            **parts,
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
            UserError: if the loss or the weights are no longer finite.
        """
        log = MetricLog(
            self.checkpointer.output_dir, self.max_iter, start_iteration, self.runtime.is_main, use_tensorboard
        )
        means = RunningMeans()
        stream = iter(loader)
        data_seconds = 0.0
        self.model.train()
        for iteration in range(start_iteration + 1, self.max_iter + 1):
            waiting_since = time.perf_counter()
            micro_batches = [next(stream) for _ in range(self.accumulation_steps)]
            data_seconds += time.perf_counter() - waiting_since

            lr = base_rate(self.optimizer, self.scheduler)
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
        self._remember_last_step()
        boxes_per_process = self._boxes_per_process(micro_batches)
        batches: list[ClipBatch] = []
        outputs: list[TrainOutput] = []
        for position, cpu_batch in enumerate(micro_batches):
            batch = cpu_batch.to(self.runtime.device)
            memory = self._read_memory(batch)
            is_last = position == len(micro_batches) - 1
            with self._gradient_sync(is_last):
                with autocast_for(self.amp, self.runtime.device):
                    output = self.model(batch, memory, boxes_per_process=boxes_per_process)
                batches.append(batch.without_frames())
                outputs.append(output)
                if is_last:
                    # Before the backward pass, so that the copy to the host is done when the next step needs it.
                    self.last_loss = reduce_mean(sum(_total(output) for output in outputs).detach())
                    self._share_features(batches, outputs)
                self.scaler.scale(_total(output)).backward()
        self._update_weights()
        return _report(outputs)

    def save(self, iteration: int, final: bool = False) -> None:
        """Write a checkpoint, and the memory beside it, from the main process."""
        self._remember_last_step()
        if self.runtime.is_main:
            # The memory first: the checkpoint then never lacks it.
            if self.pool is not None:
                self.checkpointer.save_memory(self.pool.state_dict(), iteration)
            path = self.checkpointer.save(FINAL_CHECKPOINT if final else None, iteration, self.settings)
            get_logger().info("saved %s", path)

    def _read_memory(self, batch: ClipBatch) -> MemoryFeatures | None:
        """Return what is remembered around the clips."""
        if self.pool is None:
            return None
        return self.pool.read(
            batch.keyframes,
            penalty=self.penalty,
            current_tag=self.last_loss,
            seed=self.runtime.seed * 1_000_003 + self.scheduler.last_epoch,
            device=self.runtime.device,
        )

    def _share_features(self, batches: list[ClipBatch], outputs: list[TrainOutput]) -> None:
        """Send this step's person features to every process's memory, tagged with the step's loss."""
        if self.pool is None:
            return
        ends = itertools.accumulate(len(batch) for batch in batches)
        self.exchange.start(
            torch.cat([batch.person_indices() for batch in batches]),
            torch.cat([batch.clip_index + end - len(batch) for batch, end in zip(batches, ends, strict=True)]),
            torch.cat([output.person_features for output in outputs]),
            torch.cat([batch.scores for batch in batches]),
            self.last_loss,
        )

    def _boxes_per_process(self, micro_batches: list[ClipBatch]) -> Tensor:
        """Return the mean number of boxes of a process in this step, by which all loss terms are divided."""
        count = float(sum(len(batch.boxes) for batch in micro_batches))
        # full() fills on the device; tensor() would copy from the host and wait for it.
        return reduce_mean(torch.full((), count, device=self.runtime.device)).clamp(min=1)

    def _gradient_sync(self, is_last: bool) -> AbstractContextManager:
        """Exchange gradients in the last micro-batch of a step only."""
        return nullcontext() if is_last or self.runtime.world_size == 1 else self.model.no_sync()

    def _update_weights(self) -> None:
        if self.clip_grad_norm > 0:
            self.scaler.unscale_(self.optimizer)
            nn.utils.clip_grad_norm_(self.model.parameters(), self.clip_grad_norm)
        self.scaler.step(self.optimizer)
        self.scaler.update()
        self.optimizer.zero_grad(set_to_none=True)
        self.scheduler.step()

    def _remember_last_step(self) -> None:
        """Store the person features of the last step, of all processes, in the memory."""
        records = self.exchange.finish()
        if records is None or len(records.indices) == 0:
            return
        clips, position = torch.unique(records.indices, return_inverse=True)
        keyframes = [self.keyframes[index] for index in clips.tolist()]
        self.pool.write(keyframes, records.features, position, tag=records.tags[0], scores=records.scores)

    def _require_finite(self, values: dict[str, float], iteration: int) -> None:
        broken = [name for name, value in values.items() if not math.isfinite(value)]
        norms = torch.stack(torch._foreach_norm([parameter.detach() for parameter in self.model.parameters()]))
        if not torch.isfinite(norms).all():
            broken.append("some weight")
        if broken:
            raise UserError(
                f"the training diverged at or before iteration {iteration}: {', '.join(broken)} is not finite. Lower "
                "SOLVER.BASE_LR, lengthen SOLVER.WARMUP_ITERS, set SOLVER.CLIP_GRAD_NORM (10, say), or set SOLVER.AMP "
                "to bf16 or off. Checkpoints that were saved before are intact."
            )


def _total(output: TrainOutput) -> Tensor:
    return sum(output.losses.values())


def _report(outputs: list[TrainOutput]) -> dict[str, Tensor]:
    """Return the step's loss terms (summed over micro-batches) and accuracies (averaged), on the device."""
    losses = {name: sum(output.losses[name].detach() for output in outputs) for name in outputs[0].losses}
    accuracies = {
        name: sum(output.accuracies[name] for output in outputs) / len(outputs) for name in outputs[0].accuracies
    }
    return {"loss": sum(losses.values()), **losses, **accuracies}
