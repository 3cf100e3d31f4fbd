"""uint8 clips -> normalized float clips, on the device where the model runs: the first step of the detector.

Axes: B clips, C = 3 channels, T frames, H and W rows and columns.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import torch
from torch import Tensor

from alphaction.data.sample import ClipBatch


def normalize_clips(batch: ClipBatch, mean: Sequence[float], std: Sequence[float], to_bgr: bool = False) -> ClipBatch:
    """Return the batch with float32 frames (x - mean) / std; padding is exactly 0 afterwards.

    Frames that are floats are taken to be normalized already and stay as they are.

    Args:
        batch: frames uint8 [B, 3, T, H, W], RGB.
        mean: per channel, RGB, in gray levels.
        std: per channel, RGB.
        to_bgr: reverse the channels after normalization, for weights trained on BGR frames.
    """
    return replace(
        batch,
        slow=_normalize(batch.slow, batch.sizes, mean, std, to_bgr),
        fast=_normalize(batch.fast, batch.sizes, mean, std, to_bgr),
    )


def _normalize(
    clips: Tensor | None, sizes: Tensor, mean: Sequence[float], std: Sequence[float], to_bgr: bool
) -> Tensor | None:
    if clips is None or clips.is_floating_point():
        return clips
    floats = clips.float()
    for channel in range(3):
        # Python numbers: a tensor of means would have to be copied to the device, which waits for it.
        floats[:, channel].sub_(mean[channel]).div_(std[channel])
    height, width = clips.shape[-2:]
    sizes = sizes.to(clips.device)
    inside_x = torch.arange(width, device=clips.device) < sizes[:, :1]
    inside_y = torch.arange(height, device=clips.device) < sizes[:, 1:]
    inside = inside_y[:, None, None, :, None] & inside_x[:, None, None, None, :]
    floats.mul_(inside)
    return floats.flip(1) if to_bgr else floats
