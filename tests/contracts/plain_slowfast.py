"""SlowFast and Slow networks of all zoos written down once more, plainly: functions of tensors by PySlowFast's names.

They share nothing with the package, so what both give for weights of any shape is right by construction: the networks
whose outputs nobody recorded (R101 with non-local blocks, temporal kernels by block) are tested against these.

Axes: B clips, C channels, T frames, H and W rows and columns, L positions.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor
from torch.nn import functional as F

Tensors = Mapping[str, Tensor]


def plain_features(weights: Tensors, pathways: Sequence[Tensor], alpha: int, dilation: int = 2) -> list[Tensor]:
    """Return the features [B, C, T, H/16, W/16] of each pathway.

    Args:
        weights: by PySlowFast's names; their shapes say which blocks there are, and their kernels.
        pathways: frames [B, 3, T, H, W] of pathway 0 (slow) and, if there is one, 1 (fast).
        alpha: fast frames per slow frame.
        dilation: of the last stage.
    """
    maps = []
    for p, frames in enumerate(pathways):
        stem = _conv(weights, f"s1.pathway{p}_stem.conv", f"s1.pathway{p}_stem.bn", frames, stride=(1, 2, 2))
        maps.append(F.max_pool3d(stem.clamp(min=0), (1, 3, 3), (1, 2, 2), padding=(0, 1, 1)))
    for stage in range(2, 6):
        if len(maps) == 2:
            fuse = f"s{stage - 1}_fuse"
            norm = f"{fuse}.bn" if f"{fuse}.bn.weight" in weights else None  # MMAction2 has none, and no ReLU
            handed = _conv(weights, f"{fuse}.conv_f2s", norm, maps[1], stride=(alpha, 1, 1))
            handed = handed.clamp(min=0) if norm else handed
            maps[0] = torch.cat([maps[0], handed], dim=1)
        maps = [_stage(weights, stage, p, x, dilation if stage == 5 else 1) for p, x in enumerate(maps)]
    return maps


def plain_nonlocal(weights: Tensors, name: str, x: Tensor) -> Tensor:
    """Return x plus the dot products' mean over the positions pooled by (2, 2, 2), unscaled, through a batch norm."""

    def rows(key: str, source: Tensor) -> Tensor:
        kernel, bias = weights[f"{name}.conv_{key}.weight"], weights[f"{name}.conv_{key}.bias"]
        return source.flatten(2).transpose(1, 2) @ kernel[:, :, 0, 0, 0].T + bias  # [B, L, C]

    pooled = F.max_pool3d(x, 2)
    products = rows("theta", x) @ rows("phi", pooled).transpose(1, 2)
    mixed = products / products.shape[2] @ rows("g", pooled)
    mixed = mixed.transpose(1, 2)
    return x + _norm(weights, f"{name}.bn", rows("out", mixed).transpose(1, 2).unflatten(2, x.shape[2:]))


def _stage(weights: Tensors, stage: int, p: int, x: Tensor, dilation: int) -> Tensor:
    block = 0
    while f"{(name := f's{stage}.pathway{p}_res{block}')}.branch2.a.weight" in weights:
        stride = (1, 2, 2) if stage in (3, 4) and block == 0 else (1, 1, 1)
        y = _conv(weights, f"{name}.branch2.a", f"{name}.branch2.a_bn", x).clamp(min=0)
        b = f"{name}.branch2.b"
        y = _conv(weights, b, f"{b}_bn", y, stride=stride, dilation=dilation).clamp(min=0)
        y = _conv(weights, f"{name}.branch2.c", f"{name}.branch2.c_bn", y)
        if f"{name}.branch1.weight" in weights:
            x = _conv(weights, f"{name}.branch1", f"{name}.branch1_bn", x, stride=stride)
        x = (x + y).clamp(min=0)
        if f"{(extra := f's{stage}.pathway{p}_nonlocal{block}')}.conv_theta.weight" in weights:
            x = plain_nonlocal(weights, extra, x)
        block += 1
    return x


def _conv(
    weights: Tensors, conv: str, norm: str | None, x: Tensor, stride: Sequence[int] = (1, 1, 1), dilation: int = 1
) -> Tensor:
    kernel = weights[f"{conv}.weight"]
    frames, rows, columns = (size // 2 for size in kernel.shape[2:])
    padding, spread = (frames, rows * dilation, columns * dilation), (1, dilation, dilation)
    x = F.conv3d(x, kernel, None, tuple(stride), padding, spread)
    return _norm(weights, norm, x) if norm else x


def _norm(weights: Tensors, name: str, x: Tensor) -> Tensor:
    mean, var, gain, shift = (
        weights[f"{name}.{key}"][:, None, None, None] for key in ("running_mean", "running_var", "weight", "bias")
    )
    return (x - mean) / (var + 1e-5).sqrt() * gain + shift
