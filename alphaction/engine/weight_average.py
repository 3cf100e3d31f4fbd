"""An exponential moving average of the weights: SOLVER.EMA_DECAY.

Why not ``torch.optim.swa_utils.AveragedModel``: at each update it reads its counter from the device, which waits for
all that is queued there; it averages counters and frozen buffers as well; it holds frozen weights a second time; and
its decay cannot rise.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

import torch
from yacs.config import CfgNode

from alphaction.layers import FrozenBatchNorm3d
from alphaction.modeling.detector import DetectionModel


class WeightAverage:
    """A copy of a model whose trained weights follow the model's: average = decay x average + (1 - decay) x weight.

    The decay is that of the config, or (1 + t) / (10 + t) after t updates where this is lower, so that the weights
    which a training starts from are soon forgotten. Running statistics of batch norms, which are averages already, are
    the model's of the same step. What is frozen is shared with the model.

    Args:
        model: the detector, on its device, before it is put into DistributedDataParallel or compiled.
        decay: SOLVER.EMA_DECAY, in [0, 1).

    Attributes:
        model: has the averaged weights; predicts as the model itself does.
        updates: steps that are in the average.
    """

    def __init__(self, model: DetectionModel, decay: float) -> None:
        self.decay = decay
        self.updates = 0
        shared = [weight for weight in model.parameters() if not weight.requires_grad]
        norms = (module for module in model.modules() if isinstance(module, FrozenBatchNorm3d))
        shared += [buffer for norm in norms for buffer in norm.buffers(recurse=False)]
        # What deepcopy finds in its memo it takes for copied already.
        memo = {id(tensor): tensor for tensor in shared}
        kept = set(memo)
        self.model: DetectionModel = copy.deepcopy(model, memo).requires_grad_(False)
        self._weights = [weight for weight in model.parameters() if id(weight) not in kept]
        self._averages = [weight for weight in self.model.parameters() if id(weight) not in kept]
        self._buffers = [buffer for buffer in model.buffers() if id(buffer) not in kept]
        self._copies = [buffer for buffer in self.model.buffers() if id(buffer) not in kept]

    @classmethod
    def from_config(cls, cfg: CfgNode, model: DetectionModel) -> WeightAverage | None:
        """Return the average that SOLVER.EMA_DECAY asks for, None for 0."""
        return cls(model, cfg.SOLVER.EMA_DECAY) if cfg.SOLVER.EMA_DECAY > 0 else None

    @torch.no_grad()
    def update(self) -> None:
        """Take in the weights after a step; queued on the device, and nothing waits for it."""
        decay = min(self.decay, (1 + self.updates) / (10 + self.updates))
        if self._weights:
            torch._foreach_lerp_(self._averages, self._weights, 1 - decay)
        self._copy_buffers()
        self.updates += 1

    @torch.no_grad()
    def begin(self) -> None:
        """Begin anew, with the weights that the model has."""
        if self._weights:
            torch._foreach_copy_(self._averages, self._weights)
        self._copy_buffers()
        self.updates = 0

    def _copy_buffers(self) -> None:
        if self._buffers:
            torch._foreach_copy_(self._copies, self._buffers)

    def state_dict(self) -> dict[str, Any]:
        """Return what a checkpoint keeps. Tensors that are shared with the model are written once."""
        return {"model": self.model.state_dict(), "updates": self.updates}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Take over the average of a run that is continued, which has been checked."""
        own = self.model.state_dict()
        self.model.load_state_dict({name: value for name, value in state["model"].items() if name in own}, strict=False)
        self.updates = state["updates"]
