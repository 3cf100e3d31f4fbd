"""Batch norm with fixed statistics, and its folding into the convolution before it.

Axes: B clips, C channels, T frames, H and W rows and columns.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from alphaction.layers.convolution import conv3d


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


def _folded(conv: nn.Conv3d, norm: nn.Module) -> tuple[Tensor, Tensor]:
    """Return weight and bias of a convolution that normalizes as well."""
    scale, shift = _scale_and_shift(norm)
    weight = conv.weight * scale[:, None, None, None, None]
    return weight, shift if conv.bias is None else shift + conv.bias * scale


def apply_conv(x: Tensor, conv: nn.Conv3d) -> Tensor:
    """Return ``conv(x)`` for x [B, C_in, T, H, W], by :func:`conv3d`; ``conv`` pads with zeros."""
    return conv3d(x, conv.weight, conv.bias, conv.stride, conv.padding, conv.dilation, conv.groups)


class Conv3d(nn.Conv3d):
    """``nn.Conv3d`` with zero padding, by :func:`conv3d`."""

    def forward(self, x: Tensor) -> Tensor:
        """Return [B, C_out, T', H', W'] for x [B, C_in, T, H, W]."""
        return apply_conv(x, self)


def fold_norm(conv: nn.Conv3d, norm: nn.Module) -> Conv3d:
    """Return a convolution that computes ``norm(conv(x))`` with the statistics of ``norm``; both stay as they are.

    Args:
        conv: a convolution with zero padding, with or without bias.
        norm: a :class:`FrozenBatchNorm3d`, or a ``BatchNorm3d`` with running statistics.
    """
    weight, bias = _folded(conv, norm)
    with torch.device("meta"):
        folded = Conv3d(
            conv.in_channels,
            conv.out_channels,
            conv.kernel_size,
            conv.stride,
            conv.padding,
            conv.dilation,
            conv.groups,
        )
    folded.weight = nn.Parameter(weight.detach(), requires_grad=False)
    folded.bias = nn.Parameter(bias.detach(), requires_grad=False)
    return folded.train(conv.training)


def conv_norm(x: Tensor, conv: nn.Conv3d, norm: nn.Module) -> Tensor:
    """Return ``norm(conv(x))``; with fixed statistics the norm is folded into the convolution's weight and bias.

    Folding saves a pass over the activations forward and one backward, and autograd need not keep the convolution's
    output. Gradients reach ``conv.weight`` through the folded weight, so training works.

    Args:
        x: [B, C_in, T, H, W].
        conv: a convolution with zero padding, with or without bias.
        norm: a :class:`FrozenBatchNorm3d`; a ``BatchNorm3d`` (folded in evaluation mode only); or a ``nn.Identity``,
            which :func:`alphaction.modeling.optimize_for_inference` leaves of a norm.
    """
    if isinstance(norm, nn.Identity):
        return apply_conv(x, conv)
    if norm.training and not isinstance(norm, FrozenBatchNorm3d):
        return norm(apply_conv(x, conv))
    weight, bias = _folded(conv, norm)
    return conv3d(x, weight, bias, conv.stride, conv.padding, conv.dilation, conv.groups)
