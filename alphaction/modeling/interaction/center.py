"""A running mean of pooled features, to remove from them what all have in common.

Axes: N rows, D channels, ... slots of clips.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

MOMENTUM = 0.1


class RunningCenter(nn.Module):
    """Subtracts the mean of the rows seen in training, a moving average, from features.

    Features are maxima of activations after a ReLU: most of their length is one vector that all share. If it is not
    removed, values and keys hardly differ from slot to slot, and blocks with random weights take hundreds of steps to
    see more than that vector. The mean moves in training only; with several processes it is the first one's, as are
    the statistics of batch norms.

    Args:
        dim: D.
    """

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.register_buffer("mean", torch.zeros(dim))
        self.register_buffer("steps", torch.zeros(()))

    @torch.no_grad()
    def update(self, rows: Tensor) -> None:
        """Move the mean towards that of ``rows`` [N, D]; the first rows set it. No rows: no change."""
        if len(rows) == 0:
            return
        self.steps.add_(1.0)
        share = (1.0 / self.steps).clamp(min=MOMENTUM)
        self.mean.add_(share * (rows.float().mean(0) - self.mean))

    def forward(self, features: Tensor, weight: Tensor) -> Tensor:
        """Return features less ``weight`` times the mean.

        Args:
            features: [..., D].
            weight: [...], what the features were multiplied by: 1, a penalty, or 0 in slots that are empty.
        """
        return features - weight[..., None].to(features.dtype) * self.mean.to(features.dtype)
