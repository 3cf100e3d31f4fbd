"""One optimizer step: from clips to updated weights, and what it leaves for the memory."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LambdaLR
from yacs.config import CfgNode

from alphaction.data.sample import ClipBatch, Keyframe
from alphaction.engine.setup import Runtime, autocast_for
from alphaction.memory import FeatureExchange, MemoryFeatures, MemoryPool
from alphaction.modeling.detector import TrainOutput
from alphaction.utils.distributed import reduce_mean


class TrainStep:
    """Runs optimizer steps on this process's share of global batches.

    Args:
        model: the detector, in DistributedDataParallel if there are several processes.
        optimizer: its optimizer.
        scheduler: learning rate schedule; steps once an iteration.
        scaler: gradient scaler; enabled for ``amp`` "fp16" only.
        runtime: device and processes.
        amp: "off", "bf16" or "fp16".
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
        runtime: Runtime,
        amp: str = "off",
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
        self.runtime = runtime
        self.amp = amp
        self.clip_grad_norm = clip_grad_norm
        self.pool = pool
        self.keyframes = keyframes
        self.penalty = penalty
        self.exchange = FeatureExchange(max_boxes)
        # Loss of the last step, on the device: what PENALTY compares a stored feature's loss with.
        self.last_loss: Tensor | None = None

    @classmethod
    def from_config(cls, cfg: CfgNode, *, runtime: Runtime, **parts: Any) -> TrainStep:
        """Return a step with the values of a config; ``parts``: model, optimizer, ... as the class takes them."""
        clips_per_process = cfg.SOLVER.VIDEOS_PER_BATCH // runtime.world_size
        return cls(
            runtime=runtime,
            amp=cfg.SOLVER.AMP,
            clip_grad_norm=cfg.SOLVER.CLIP_GRAD_NORM,
            penalty=cfg.MODEL.IA_STRUCTURE.PENALTY,
            max_boxes=clips_per_process * cfg.MODEL.ROI_ACTION_HEAD.PROPOSAL_PER_CLIP,
            **parts,
        )

    def run(self, micro_batches: list[ClipBatch]) -> dict[str, Tensor]:
        """Run one optimizer step on this process's share of a global batch; return its loss terms on the device."""
        self.remember()
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

    def remember(self) -> None:
        """Store the person features of the last step, of all processes, in the memory."""
        records = self.exchange.finish()
        if records is None or len(records.indices) == 0:
            return
        clips, position = torch.unique(records.indices, return_inverse=True)
        keyframes = [self.keyframes[index] for index in clips.tolist()]
        self.pool.write(keyframes, records.features, position, tag=records.tags[0], scores=records.scores)

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


def _total(output: TrainOutput) -> Tensor:
    return sum(output.losses.values())


def _report(outputs: list[TrainOutput]) -> dict[str, Tensor]:
    """Return the step's loss terms (summed over micro-batches) and accuracies (averaged), on the device."""
    losses = {name: sum(output.losses[name].detach() for output in outputs) for name in outputs[0].losses}
    accuracies = {
        name: sum(output.accuracies[name] for output in outputs) / len(outputs) for name in outputs[0].accuracies
    }
    return {"loss": sum(losses.values()), **losses, **accuracies}
