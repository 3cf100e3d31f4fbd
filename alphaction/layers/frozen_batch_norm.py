"""Batch norm with fixed statistics, and its folding into the convolution before it.

Axes: B clips, C channels, T frames, H and W rows and columns.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F


class FrozenBatchNorm3d(nn.Module):
    """``y = (x - running_mean) / sqrt(running_var + eps) * weight + bias``, nothing learned, nothing updated.

    The state has the names of ``nn.BatchNorm3d`` except ``num_batches_tracked``, which is dropped when loading.

    Args:
        num_features: channels C of the input [B, C, T, H, W].
        eps: added to the variance.
    """

    def __init__(self, num_features: int, eps: float = 1e-5) -> None:
        super().__init__()
        self.num_features = num_features
        self.eps = eps
        self.register_buffer("weight", torch.ones(num_features))
        self.register_buffer("bias", torch.zeros(num_features))
        self.register_buffer("running_mean", torch.zeros(num_features))
        self.register_buffer("running_var", torch.ones(num_features))

    def forward(self, x: Tensor) -> Tensor:
        """Normalize x [B, C, T, H, W]; the result has x's dtype."""
        scale, shift = _scale_and_shift(self)
        return (x * scale[:, None, None, None] + shift[:, None, None, None]).to(x.dtype)

    def extra_repr(self) -> str:
        return f"{self.num_features}, eps={self.eps}"

    def _load_from_state_dict(self, state_dict: dict[str, Any], prefix: str, *args: Any, **kwargs: Any) -> None:
        state_dict.pop(prefix + "num_batches_tracked", None)
        super()._load_from_state_dict(state_dict, prefix, *args, **kwargs)


def _scale_and_shift(norm: nn.Module) -> tuple[Tensor, Tensor]:
    """Return [C] and [C]: normalizing with fixed statistics is ``x * scale + shift``."""
    scale = norm.weight * torch.rsqrt(norm.running_var + norm.eps)
    return scale, norm.bias - norm.running_mean * scale


def conv_norm(x: Tensor, conv: nn.Conv3d, norm: nn.Module) -> Tensor:
    """Return ``norm(conv(x))``; with fixed statistics the norm is folded into the convolution's weight and bias.

    Folding saves a pass over the activations forward and one backward, and autograd need not keep the convolution's
    output. Gradients reach ``conv.weight`` through the folded weight, so training works.

    Args:
        x: [B, C_in, T, H, W].
        conv: a convolution with zero padding, with or without bias.
        norm: a :class:`FrozenBatchNorm3d`, or a ``BatchNorm3d`` (folded in evaluation mode only).
    """
    if norm.training and not isinstance(norm, FrozenBatchNorm3d):
        return norm(conv(x))
    scale, shift = _scale_and_shift(norm)
    weight = conv.weight * scale[:, None, None, None, None]
    bias = shift if conv.bias is None else shift + conv.bias * scale
    return F.conv3d(x, weight, bias, conv.stride, conv.padding, conv.dilation, conv.groups)
