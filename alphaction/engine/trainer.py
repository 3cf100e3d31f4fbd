"""The train loop. One optimizer step is :meth:`Trainer.train_step`, from clips to the memory's write-back."""

from __future__ import annotations

import itertools
import math
import time
import warnings
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler
from yacs.config import CfgNode

from alphaction.checkpoint import Checkpointer
from alphaction.data.dataset import ActionDataset
from alphaction.data.normalize import normalize_clips
from alphaction.data.sample import ClipBatch
from alphaction.engine.metric_log import MetricLog, RunningMeans
from alphaction.engine.resume import run_settings
from alphaction.engine.setup import Runtime, autocast_for, seed_step
from alphaction.memory.exchange import FeatureExchange
from alphaction.memory.features import MemoryFeatures
from alphaction.memory.pool import MemoryPool
from alphaction.modeling.detector import TrainOutput
from alphaction.utils.distributed import reduce_mean
from alphaction.utils.errors import UserError
from alphaction.utils.logging import get_logger

Evaluate = Callable[[], dict[str, float]]


class Trainer:
    """Trains a detector from ``start_iteration`` to SOLVER.MAX_ITER.

    Args:
        cfg: the whole config.
        model: the detector, in DistributedDataParallel if there are several processes.
        optimizer: its optimizer.
        scheduler: steps once an iteration.
        scaler: gradient scaler; enabled for SOLVER.AMP fp16 only.
        dataset: training set, for the keyframes of the memory.
        pool: long-term memory, or None if the model reads none.
        checkpointer: where to save.
        runtime: device and processes.
    """

    def __init__(
        self,
        cfg: CfgNode,
        model: nn.Module,
        optimizer: Optimizer,
        scheduler: LRScheduler,
        scaler: torch.amp.GradScaler,
        dataset: ActionDataset,
        pool: MemoryPool | None,
        checkpointer: Checkpointer,
        runtime: Runtime,
    ) -> None:
        self.cfg = cfg
        self.model = model
        self.optimizer = optimizer
        self.scheduler = scheduler
        self.scaler = scaler
        self.dataset = dataset
        self.pool = pool
        self.checkpointer = checkpointer
        self.runtime = runtime
        solver = cfg.SOLVER
        self.accumulation_steps = solver.ACCUMULATION_STEPS
        clips_per_process = solver.VIDEOS_PER_BATCH // runtime.world_size
        self.exchange = FeatureExchange(clips_per_process * cfg.MODEL.ROI_ACTION_HEAD.PROPOSAL_PER_CLIP)
        # Loss of the last step, on the device: what PENALTY compares a stored feature's loss with.
        self.last_loss: Tensor | None = None
        if scaler.is_enabled():
            # The scaler skips the first steps while it looks for its scale; the schedule goes on, which is intended.
            warnings.filterwarnings("ignore", message="Detected call of `lr_scheduler.step")

    def run(
        self,
        loader: Iterable[ClipBatch],
        start_iteration: int = 0,
        *,
        evaluate_between: Evaluate | None = None,
        evaluate_at_end: Evaluate | None = None,
        use_tensorboard: bool = False,
    ) -> None:
        """Train, log, checkpoint and evaluate until MAX_ITER; leaves ``model_final.pth`` in OUTPUT_DIR.

        Args:
            loader: yields this process's micro-batches from ``start_iteration`` on.
            start_iteration: iterations done before.
            evaluate_between: returns metrics of the model as it is; called every EVAL_PERIOD iterations. None to skip.
            evaluate_at_end: the same, after the last iteration.
            use_tensorboard: also write event files.

        Raises:
            UserError: if the loss or the weights are no longer finite.
        """
        solver = self.cfg.SOLVER
        log = MetricLog(
            Path(self.cfg.OUTPUT_DIR), solver.MAX_ITER, start_iteration, self.runtime.is_main, use_tensorboard
        )
        means = RunningMeans()
        stream = iter(loader)
        data_seconds = 0.0
        self.model.train()
        for iteration in range(start_iteration + 1, solver.MAX_ITER + 1):
            waiting_since = time.perf_counter()
            micro_batches = [next(stream) for _ in range(self.accumulation_steps)]
            data_seconds += time.perf_counter() - waiting_since

            lr = self.scheduler.get_last_lr()[0]
            seed_step(self.runtime.seed, iteration, self.runtime.rank)
            means.add(self.train_step(micro_batches))

            log.advance()
            is_last = iteration == solver.MAX_ITER
            saves = is_last or iteration % solver.CHECKPOINT_PERIOD == 0
            # Also before a checkpoint: one that holds NaN would be worth nothing.
            if saves or iteration % solver.LOG_PERIOD == 0 or iteration == start_iteration + 1:
                values = means.pop()
                log.log_train(iteration, values, lr, data_seconds, self.runtime.device)
                data_seconds = 0.0
                self._require_finite(values, iteration)
            with log.paused():
                if saves:
                    self.save(iteration, final=is_last)
                evaluate = evaluate_at_end if is_last else evaluate_between
                if evaluate is not None and (is_last or iteration % solver.EVAL_PERIOD == 0):
                    log.write(iteration, evaluate())
        log.close()

    def train_step(self, micro_batches: list[ClipBatch]) -> dict[str, Tensor]:
        """Run one optimizer step on this process's share of a global batch; return its loss terms on the device."""
        self._remember_last_step()
        boxes_per_process = self._boxes_per_process(micro_batches)
        batches: list[ClipBatch] = []
        outputs: list[TrainOutput] = []
        for position, cpu_batch in enumerate(micro_batches):
            batch = self._to_device(cpu_batch)
            memory = self._read_memory(batch)
            is_last = position == len(micro_batches) - 1
            with self._gradient_sync(is_last):
                with autocast_for(self.cfg, self.runtime.device):
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
            settings = run_settings(self.cfg, self.runtime)
            path = self.checkpointer.save("model_final" if final else None, iteration, settings)
            get_logger().info("saved %s", path)

    def _to_device(self, batch: ClipBatch) -> ClipBatch:
        inputs = self.cfg.INPUT
        return normalize_clips(batch.to(self.runtime.device), inputs.PIXEL_MEAN, inputs.PIXEL_STD, inputs.TO_BGR)

    def _read_memory(self, batch: ClipBatch) -> MemoryFeatures | None:
        """Return what is remembered around the clips, weighed by how old the network was that made it."""
        if self.pool is None:
            return None
        return self.pool.read(
            batch.keyframes,
            penalty=self.cfg.MODEL.IA_STRUCTURE.PENALTY,
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
        """Return the mean number of boxes that a process has in this step: what all loss terms are divided by."""
        count = float(sum(len(batch.boxes) for batch in micro_batches))
        # full() fills on the device; tensor() would copy from the host and wait for it.
        return reduce_mean(torch.full((), count, device=self.runtime.device)).clamp(min=1)

    def _gradient_sync(self, is_last: bool) -> AbstractContextManager:
        """Exchange gradients in the last micro-batch of a step only."""
        return nullcontext() if is_last or self.runtime.world_size == 1 else self.model.no_sync()

    def _update_weights(self) -> None:
        max_norm = self.cfg.SOLVER.CLIP_GRAD_NORM
        if max_norm > 0:
            self.scaler.unscale_(self.optimizer)
            nn.utils.clip_grad_norm_(self.model.parameters(), max_norm)
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
        keyframes = [self.dataset.keyframes[index] for index in clips.tolist()]
        self.pool.write(keyframes, records.features, position, tag=records.tags[0], scores=records.scores)

    def _require_finite(self, values: dict[str, float], iteration: int) -> None:
        broken = [name for name, value in values.items() if not math.isfinite(value)]
        norms = torch.stack(torch._foreach_norm([parameter.detach() for parameter in self.model.parameters()]))
        if not torch.isfinite(norms).all():
            broken.append("some weight")
        if broken:
            raise UserError(
                f"the training diverged at or before iteration {iteration}: {', '.join(broken)} is not finite. Lower "
                "SOLVER.BASE_LR, lengthen SOLVER.WARMUP_ITERS, set SOLVER.CLIP_GRAD_NORM (10, say), or turn SOLVER.AMP "
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
