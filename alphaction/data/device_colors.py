"""The color shift of training clips on the device where the model runs: INPUT.COLOR_ON_DEVICE.

The arithmetic is OpenCV's, which the loader uses without that key: hue, saturation and value are rounded to 8 bits in
between, as there, or the two would differ by up to 8 gray levels.

Axes: B clips, 3 channels (RGB), T frames, H and W rows and columns.
"""

from __future__ import annotations

import torch
from torch import Tensor

_LEVELS = 256
_TOP = _LEVELS - 1
_SECTORS = 6  # of the circle of hues
_FRACTION = 1 << 12  # OpenCV divides by multiplying with whole numbers of 12 more bits


def shift_colors(clips: Tensor, shifts: Tensor) -> Tensor:
    """Return clips with their colors shifted, float32 [B, 3, T, H, W] of whole gray levels 0 to 255.

    Nothing waits for the device. Clips are taken one by one: the work needs room for about ten of a clip's channels.

    Args:
        clips: uint8 [B, 3, T, H, W], RGB.
        shifts: int16 [B, 3]: :attr:`alphaction.data.transforms.ColorShift.levels` of each clip.
    """
    shifts = shifts.to(clips.device)
    shifted = torch.empty(clips.shape, dtype=torch.float32, device=clips.device)
    for clip, levels, target in zip(clips, shifts, shifted, strict=True):
        _shift_clip(clip, levels, target)
    return shifted


def _shift_clip(clip: Tensor, levels: Tensor, target: Tensor) -> None:
    """Write uint8 [3, T, H, W] to float32 ``target`` of that shape, after adding ``levels`` [3] in HSV."""
    hue, saturation, value = _to_hsv(clip)
    hue.add_(levels[0]).remainder_(_LEVELS).mul_(_SECTORS / _TOP)  # not 256 levels: OpenCV again
    saturation.add_(levels[1]).clamp_(0, _TOP)
    value.add_(levels[2]).clamp_(0, _TOP)
    chroma = saturation.mul_(value).div_(_TOP)
    for channel, begin in enumerate((5, 3, 1)):
        # Going around the circle, a channel rises over one sector, stays for two, falls over one, and is 0 for two.
        place = (hue + begin).remainder_(_SECTORS)
        missing = torch.minimum(place, 4 - place).clamp_(0, 1)
        torch.sub(value, missing.mul_(chroma), out=target[channel])
    target.round_()


def _to_hsv(clip: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Return hue (-43 to 213 for the whole circle), saturation and value in 256 whole levels, float32 [T, H, W]."""
    red, green, blue = clip.float()
    value = torch.maximum(torch.maximum(red, green), blue)
    chroma = value - torch.minimum(torch.minimum(red, green), blue)
    saturation = _divided(_TOP, value).mul_(chroma).add_(_FRACTION / 2).div_(_FRACTION).floor_()
    hue = torch.where(
        value == red,
        green - blue,
        torch.where(value == green, blue - red + 2 * chroma, red - green + 4 * chroma),
    )
    hue.mul_(_divided(_LEVELS / _SECTORS, chroma)).add_(_FRACTION / 2).div_(_FRACTION).floor_()
    return hue, saturation, value


def _divided(number: float, by: Tensor) -> Tensor:
    """Return ``number`` divided by whole levels, as a whole number of 1 / _FRACTION; by 0: by 1."""
    return (number * _FRACTION / by.clamp(min=1)).round_()
