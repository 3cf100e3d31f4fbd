"""Bottleneck residual blocks and stages of them, which SlowFast and I3D share.

Axes: B clips, C channels, T frames, H and W rows and columns.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import ClassVar

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from alphaction.layers import conv_norm
from alphaction.modeling.backbone.nonlocal_block import NonLocalBlock, NonLocalOptions
from alphaction.modeling.backbone.norm import NormOptions
from alphaction.modeling.backbone.recompute import run_counting_once

# The attribute names of this file (btnk, res_0, nonlocal_1, conv, bn) are fixed by the public weights.

GROUP_FRAMES = 4  # frames that attend to each other where a CONV3_GROUP_NL key is set


def he_init(conv: nn.Conv3d) -> nn.Conv3d:
    """Initialize in place (He et al., ICCV 2015, arXiv 1502.01852; variance 2 / fan-out), bias 0; return ``conv``."""
    nn.init.kaiming_normal_(conv.weight, mode="fan_out", nonlinearity="relu")
    if conv.bias is not None:
        nn.init.zeros_(conv.bias)
    return conv


class ConvNorm(nn.Module):
    """A convolution without bias that keeps the size (divided by ``stride``), then batch norm.

    Args:
        kernel: (frames, rows, columns), odd.
        stride: of rows and columns.
        dilation: of rows and columns.
        last: the norm ends a residual branch.
    """

    norms_after: ClassVar = {"conv": "bn"}  # for optimize_for_inference

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel: tuple[int, int, int],
        norm: NormOptions,
        *,
        stride: int = 1,
        dilation: int = 1,
        last: bool = False,
    ) -> None:
        super().__init__()
        self.conv = he_init(
            nn.Conv3d(
                in_channels,
                out_channels,
                kernel,
                stride=(1, stride, stride),
                padding=(kernel[0] // 2, dilation * (kernel[1] // 2), dilation * (kernel[2] // 2)),
                dilation=(1, dilation, dilation),
                bias=False,
            )
        )
        self.bn = norm.build(out_channels, last=last)

    def forward(self, x: Tensor) -> Tensor:
        """Return [B, out_channels, T, H / stride, W / stride] (rounded up) for x [B, in_channels, T, H, W]."""
        return conv_norm(x, self.conv, self.bn)


class Bottleneck(nn.Module):
    """Convolutions (temporal_kernel, 1, 1), (1, 3, 3) and 1; ReLU after the first two."""

    def __init__(
        self,
        in_channels: int,
        inner_channels: int,
        out_channels: int,
        norm: NormOptions,
        *,
        temporal_kernel: int,
        stride: int,
        dilation: int,
    ) -> None:
        super().__init__()
        self.conv1 = ConvNorm(in_channels, inner_channels, (temporal_kernel, 1, 1), norm)
        self.conv2 = ConvNorm(inner_channels, inner_channels, (1, 3, 3), norm, stride=stride, dilation=dilation)
        self.conv3 = ConvNorm(inner_channels, out_channels, (1, 1, 1), norm, last=True)

    def forward(self, x: Tensor) -> Tensor:
        # In place is safe: neither a convolution nor a batch norm needs its own output to go backward.
        x = F.relu(self.conv1(x), inplace=True)
        x = F.relu(self.conv2(x), inplace=True)
        return self.conv3(x)


class ResidualBlock(nn.Module):
    """A bottleneck plus its input, which ``project`` brings to the bottleneck's shape; then ReLU."""

    def __init__(
        self,
        in_channels: int,
        inner_channels: int,
        out_channels: int,
        norm: NormOptions,
        *,
        temporal_kernel: int,
        stride: int = 1,
        dilation: int = 1,
        project: bool = False,
    ) -> None:
        super().__init__()
        self.btnk = Bottleneck(
            in_channels,
            inner_channels,
            out_channels,
            norm,
            temporal_kernel=temporal_kernel,
            stride=stride,
            dilation=dilation,
        )
        self.shortcut: ConvNorm | None = None
        if project:
            self.shortcut = ConvNorm(in_channels, out_channels, (1, 1, 1), norm, stride=stride)

    def forward(self, x: Tensor) -> Tensor:
        """Return [B, out_channels, T, H / stride, W / stride] for x [B, in_channels, T, H, W]."""
        shortcut = x if self.shortcut is None else self.shortcut(x)
        change = self.btnk(x)
        # A large new tensor costs about as much as the sum; autograd would have to undo a change in place of a view.
        total = change + shortcut if torch.is_grad_enabled() else change.add_(shortcut)
        return F.relu(total, inplace=True)


def every_second(blocks: int) -> tuple[int, ...]:
    """Return the residual blocks, from 0, that a non-local block follows unless others are chosen: 1, 3, 5, ..."""
    return tuple(range(1, blocks, 2))


class ResidualStage(nn.Sequential):
    """Residual blocks ``res_0``, ``res_1``, ... of one width; non-local blocks ``nonlocal_1``, ... after some of them.

    The first block projects its input, the others add it as it is.

    Args:
        in_channels: of the input.
        inner_channels: width of the bottlenecks.
        out_channels: of the output.
        temporal_kernels: one odd size per block.
        norm: batch norm of the residual blocks.
        stride: of rows and columns, in the first block.
        dilation: of rows and columns, in every block.
        nonlocal_blocks: the residual blocks, from 0, that a non-local block follows; it has the same number.
        nonlocal_options: of those.
        nonlocal_groups: non-local blocks work within groups of 4 frames.
        checkpointing: in training, keep only each block's input and compute the rest again when going backward.
    """

    def __init__(
        self,
        in_channels: int,
        inner_channels: int,
        out_channels: int,
        temporal_kernels: Sequence[int],
        norm: NormOptions,
        *,
        stride: int = 1,
        dilation: int = 1,
        nonlocal_blocks: Collection[int] = (),
        nonlocal_options: NonLocalOptions | None = None,
        nonlocal_groups: bool = False,
        checkpointing: bool = False,
    ) -> None:
        super().__init__()
        self.checkpointing = checkpointing
        nonlocal_options = nonlocal_options or NonLocalOptions()
        for index, temporal_kernel in enumerate(temporal_kernels):
            block = ResidualBlock(
                in_channels if index == 0 else out_channels,
                inner_channels,
                out_channels,
                norm,
                temporal_kernel=temporal_kernel,
                stride=stride if index == 0 else 1,
                dilation=dilation,
                # Always, though widths of slow and lateral channels may happen to add up to the output's.
                project=index == 0,
            )
            self.add_module(f"res_{index}", block)
            if index in nonlocal_blocks:
                group_frames = GROUP_FRAMES if nonlocal_groups else None
                self.add_module(f"nonlocal_{index}", NonLocalBlock(out_channels, nonlocal_options, group_frames))

    def forward(self, x: Tensor) -> Tensor:
        """Return [B, out_channels, T, H / stride, W / stride] for x [B, in_channels, T, H, W]."""
        if not (self.checkpointing and self.training and torch.is_grad_enabled()):
            return super().forward(x)
        for block in self:
            x = run_counting_once(block, x, modules=(block,))
        return x
