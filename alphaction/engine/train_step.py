"""One optimizer step: from clips to updated weights, and what it leaves for the memory.

A step whose loss or gradient is not finite changes nothing. All processes see that in the same numbers, which are
reduced over them anyway. The host has to know before the optimizer runs: its state is partly on the host (Adam counts
steps there). On CUDA it would have to wait for the backward pass, while it could prepare the next step; so the
optimizer runs at the beginning of the next step, when that one's memory has been read (``TrainStep.settle``). What
stays is that the first kernels of a step are queued when the device is idle.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LambdaLR
from yacs.config import CfgNode

from alphaction.data.keyframes import Keyframe
from alphaction.data.sample import ClipBatch
from alphaction.engine.bad_steps import BadSteps, RunningStatistics, clip_gradients, clips_at_fault, norm_of
from alphaction.engine.divergence import remedies
from alphaction.engine.setup import Runtime, autocast_for
from alphaction.engine.weight_average import WeightAverage
from alphaction.memory import FeatureExchange, MemoryFeatures, MemoryPool
from alphaction.modeling.detector import TrainOutput
from alphaction.utils.distributed import reduce_mean
from alphaction.utils.host_copy import HostCopy

_JUDGED = ("loss", "running statistics", "gradient")


@dataclass(frozen=True)
class _Pending:
    """A step whose gradients are computed, and whose weights are not updated yet.

    Attributes:
        verdict: the :data:`_JUDGED` numbers, each finite if it is good.
        batches, outputs: of this process, to name the clips of a bad step.
    """

    verdict: HostCopy
    batches: list[ClipBatch]
    outputs: list[TrainOutput]


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
        bad_steps: counts steps that are not finite.
        dataset: name of the training set, where the videos of ``keyframes`` are not named after theirs.
        average: takes in the weights after each good step; None: there is none.

    Attributes:
        settles_late: whether :meth:`run` leaves the update of the weights to the next one (on CUDA).
        good: 1 if the last step was finite, else 0; a scalar on the device.
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
        bad_steps: BadSteps | None = None,
        dataset: str = "",
        average: WeightAverage | None = None,
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
        self.bad_steps = bad_steps or BadSteps()
        self.dataset = dataset
        self.average = average
        self.settles_late = runtime.device.type == "cuda"
        self.good = torch.ones((), device=runtime.device)
        # Loss of the last good step, on the device: what PENALTY compares a stored feature's loss with. NaN: unknown.
        self.last_loss: Tensor | None = None
        # Looked up once: a walk over all modules takes as long as a small network's update.
        self._parameters = tuple(model.parameters())
        self._statistics: RunningStatistics | None = None
        self._pending: _Pending | None = None

    @classmethod
    def from_config(cls, cfg: CfgNode, *, runtime: Runtime, **parts: Any) -> TrainStep:
        """Return a step with the values of a config; ``parts``: model, optimizer, ... as the class takes them."""
        clips_per_process = cfg.SOLVER.VIDEOS_PER_BATCH // runtime.world_size
        train_sets = cfg.DATASETS.TRAIN
        return cls(
            runtime=runtime,
            amp=cfg.SOLVER.AMP,
            clip_grad_norm=cfg.SOLVER.CLIP_GRAD_NORM,
            penalty=cfg.MODEL.IA_STRUCTURE.PENALTY,
            max_boxes=clips_per_process * cfg.MODEL.ROI_ACTION_HEAD.PROPOSAL_PER_CLIP,
            bad_steps=BadSteps(cfg.SOLVER.MAX_BAD_STEPS, remedies(cfg)),
            dataset=train_sets[0] if len(train_sets) == 1 else "",
            **parts,
        )

    def run(self, micro_batches: list[ClipBatch]) -> dict[str, Tensor]:
        """Run one optimizer step on this process's share of a global batch; return its loss terms on the device.

        Raises:
            DivergenceError: after too many steps in a row that were not finite.
        """
        self.remember()
        boxes_per_process = self._boxes_per_process(micro_batches)
        batches: list[ClipBatch] = []
        outputs: list[TrainOutput] = []
        for position, cpu_batch in enumerate(micro_batches):
            batch = cpu_batch.to(self.runtime.device)
            memory = self._read_memory(batch)
            if position == 0:
                self.settle()
                self._running_statistics().keep()
            is_last = position == len(micro_batches) - 1
            with self._gradient_sync(is_last):
                with autocast_for(self.amp, self.runtime.device):
                    output = self.model(batch, memory, boxes_per_process=boxes_per_process)
                batches.append(batch.without_frames())
                outputs.append(output)
                if is_last:
                    # Before the backward pass, so that the copy to the host is done when the next step needs it.
                    loss, statistics = self._judge(outputs)
                    self._share_features(batches, outputs, loss)
                self.scaler.scale(_total(output)).backward()
        self._end_step(batches, outputs, loss, statistics)
        return _report(outputs)

    def settle(self) -> None:
        """Update the weights with the gradients of the last step, or skip them if they are not finite; do it once.

        Raises:
            DivergenceError: after too many steps in a row that were not finite.
        """
        if self._pending is None:
            return
        pending, self._pending = self._pending, None
        values = dict(zip(_JUDGED, pending.verdict.wait().tolist(), strict=True))
        broken = [f"{name} ({value:g})" for name, value in values.items() if not math.isfinite(value)]
        if broken:
            self._running_statistics().put_back()
        else:
            if self.clip_grad_norm > 0:
                clip_gradients(self._gradients(), self.clip_grad_norm, values["gradient"])
            self.scaler.step(self.optimizer)
            if self.average is not None:
                self.average.update()
        self.scaler.update()
        self.optimizer.zero_grad(set_to_none=True)
        self.scheduler.step()
        if not broken:
            self.bad_steps.good()
            return
        # What the scaler does until it has found its scale: gradients of float16 overflow, the loss does not.
        scaling = self.scaler.is_enabled() and math.isfinite(values["loss"])
        prefix = f"{self.dataset}/" if self.dataset else ""
        clips = [] if scaling else clips_at_fault(pending.batches, pending.outputs, self.keyframes, prefix)
        self.bad_steps.bad(self.scheduler.last_epoch, ", ".join(broken), clips, scaling=scaling)

    def remember(self) -> None:
        """Store the finite person features of the last step, of all processes, in the memory, if its loss is finite."""
        records = self.exchange.finish()
        if records is None:
            return
        records = records.finite()
        if len(records.indices) == 0:
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
            seed=self.runtime.seed * 1_000_003 + self.scheduler.last_epoch + (self._pending is not None),
            device=self.runtime.device,
        )

    def _judge(self, outputs: list[TrainOutput]) -> tuple[Tensor, Tensor]:
        """Return the loss and the norm of running statistics, means over processes; note the loss for PENALTY."""
        loss = sum(_total(output) for output in outputs).detach()
        statistics = self._running_statistics().norm(loss.device)
        loss, statistics = reduce_mean(torch.stack([loss.float(), statistics])).unbind()
        before = torch.full_like(loss, math.nan) if self.last_loss is None else self.last_loss
        self.last_loss = torch.where(loss.isfinite(), loss, before)
        return loss, statistics

    def _share_features(self, batches: list[ClipBatch], outputs: list[TrainOutput], loss: Tensor) -> None:
        """Send this step's person features to every process's memory, tagged with the step's loss."""
        if self.pool is None:
            return
        ends = itertools.accumulate(len(batch) for batch in batches)
        self.exchange.start(
            torch.cat([batch.person_indices() for batch in batches]),
            torch.cat([batch.clip_index + end - len(batch) for batch, end in zip(batches, ends, strict=True)]),
            torch.cat([output.person_features for output in outputs]),
            torch.cat([batch.scores for batch in batches]),
            loss,
        )

    def _boxes_per_process(self, micro_batches: list[ClipBatch]) -> Tensor:
        """Return the mean number of boxes of a process in this step, by which all loss terms are divided."""
        count = float(sum(len(batch.boxes) for batch in micro_batches))
        # full() fills on the device; tensor() would copy from the host and wait for it.
        return reduce_mean(torch.full((), count, device=self.runtime.device)).clamp(min=1)

    def _gradient_sync(self, is_last: bool) -> AbstractContextManager:
        """Exchange gradients in the last micro-batch of a step only."""
        return nullcontext() if is_last or self.runtime.world_size == 1 else self.model.no_sync()

    def _end_step(self, batches: list[ClipBatch], outputs: list[TrainOutput], loss: Tensor, statistics: Tensor) -> None:
        """Judge the gradients, which are the same on all processes now, and leave the update to :meth:`settle`."""
        self.scaler.unscale_(self.optimizer)
        verdict = torch.stack([loss, statistics, norm_of(self._gradients(), loss.device)])
        self.good = verdict.isfinite().all().float()
        kept = [replace(output, losses=_detached(output.losses)) for output in outputs]
        self._pending = _Pending(HostCopy(verdict), batches, kept)
        if not self.settles_late:
            self.settle()

    def _gradients(self) -> list[Tensor]:
        return [parameter.grad for parameter in self._parameters if parameter.grad is not None]

    def _running_statistics(self) -> RunningStatistics:
        # Only now the model is in training mode.
        if self._statistics is None:
            self._statistics = RunningStatistics(self.model)
        return self._statistics


def _detached(losses: dict[str, Tensor]) -> dict[str, Tensor]:
    """Return losses without the graph that they come from, which would keep all activations in memory."""
    return {name: loss.detach() for name, loss in losses.items()}


def _total(output: TrainOutput) -> Tensor:
    return sum(output.losses.values())


def _report(outputs: list[TrainOutput]) -> dict[str, Tensor]:
    """Return the step's loss terms (summed over micro-batches) and accuracies (averaged), on the device."""
    losses = {name: sum(output.losses[name].detach() for output in outputs) for name in outputs[0].losses}
    accuracies = {
        name: sum(output.accuracies[name] for output in outputs) / len(outputs) for name in outputs[0].accuracies
    }
    return {"loss": sum(losses.values()), **losses, **accuracies}
