"""The batch norm of a network: learned, or frozen as pretrained."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from torch import nn

from alphaction.layers import FrozenBatchNorm3d


@dataclass(frozen=True)
class NormOptions:
    """How batch norm layers are built.

    Attributes:
        frozen: weight, bias and statistics are constants that only a checkpoint sets.
        momentum: weight of a batch in the running statistics.
        eps: added to the variance.
        last_gamma: initial weight of the last norm of a residual branch; at 0 the branch starts as the identity.
    """

    frozen: bool = False
    momentum: float = 0.1
    eps: float = 1e-5
    last_gamma: float = 0.0

    @classmethod
    def from_config(cls, node: Any) -> NormOptions:
        """Read the node MODEL.BACKBONE or MODEL.NONLOCAL."""
        return cls(frozen=node.FROZEN_BN, momentum=node.BN_MOMENTUM, eps=node.BN_EPSILON, last_gamma=node.BN_INIT_GAMMA)

    def build(self, channels: int, *, last: bool = False) -> nn.Module:
        """Return a norm of ``channels``; ``last`` says that it ends a residual branch."""
        if self.frozen:
            return FrozenBatchNorm3d(channels, eps=self.eps)
        norm = nn.BatchNorm3d(channels, eps=self.eps, momentum=self.momentum)
        if last:
            nn.init.constant_(norm.weight, self.last_gamma)
        return norm
