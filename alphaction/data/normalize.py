"""uint8 clips -> normalized float clips, on the device where the model runs: the first step of the detector.

Axes: B clips, C = 3 channels, T frames, H and W rows and columns.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import torch
from torch import Tensor

from alphaction.data.device_colors import shift_colors
from alphaction.data.sample import ClipBatch


def normalize_clips(batch: ClipBatch, mean: Sequence[float], std: Sequence[float], to_bgr: bool = False) -> ClipBatch:
    """Return the batch with float32 frames (x - mean) / std; padding is exactly 0 afterwards.

    Color shifts that the batch still has are applied first.
    Frames that are floats are taken to be normalized already and stay as they are.

    Args:
        batch: frames uint8 [B, 3, T, H, W], RGB.
        mean: per channel, RGB, in gray levels.
        std: per channel, RGB.
        to_bgr: reverse the channels after normalization, for weights trained on BGR frames.
    """
    return replace(
        batch,
        slow=_normalize(batch.slow, batch, mean, std, to_bgr),
        fast=_normalize(batch.fast, batch, mean, std, to_bgr),
        color_shifts=None,
    )


def _normalize(
    clips: Tensor | None, batch: ClipBatch, mean: Sequence[float], std: Sequence[float], to_bgr: bool
) -> Tensor | None:
    if clips is None or clips.is_floating_point():
        return clips
    if batch.color_shifts is not None:
        clips = shift_colors(clips, batch.color_shifts)
    height, width = clips.shape[-2:]
    if clips.device.type == "cpu" and clips.is_contiguous(memory_format=torch.channels_last_3d):
        # As the batch has them, and as convolutions on the CPU want them.
        floats = clips.float()
        rows = floats.permute(0, 2, 3, 4, 1).view(-1, width * 3)
        rows.sub_(torch.tensor(mean).repeat(width)).div_(torch.tensor(std).repeat(width))
    else:
        floats = clips.to(torch.float32, memory_format=torch.contiguous_format)
        for channel in range(3):
            # Python numbers: a tensor of means would have to be copied to the device, which waits for it.
            floats[:, channel].sub_(mean[channel]).div_(std[channel])
    sizes = batch.sizes.to(clips.device)
    inside_x = torch.arange(width, device=clips.device) < sizes[:, :1]
    inside_y = torch.arange(height, device=clips.device) < sizes[:, 1:]
    inside = inside_y[:, None, None, :, None] & inside_x[:, None, None, None, :]
    floats.mul_(inside)
    return floats.flip(1) if to_bgr else floats
