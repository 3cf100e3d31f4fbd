"""Transforms of the frames, boxes and labels of one clip: resize, color jitter, mirroring.

Axes of frames: T frames, H and W rows and columns, 3 channels (RGB).
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from torch import Tensor

from alphaction.data.box_geometry import flip_horizontal

Size = tuple[int, int]


@dataclass(frozen=True)
class ResizeRule:
    """Short side to ``min_size``, unless the long side would then exceed ``max_size``; the aspect ratio is kept."""

    min_size: int
    max_size: int

    def __call__(self, size: Size) -> Size:
        """Return the new (width, height) of a frame of ``size``; the long side is rounded down."""
        short, long = min(size), max(size)
        target = self.min_size
        if long * target > self.max_size * short:
            target = max(1, round(self.max_size * short / long))
        scaled = min(max(1, target * long // short), self.max_size)
        return (target, scaled) if size[0] <= size[1] else (scaled, target)


@dataclass(frozen=True)
class ColorShift:
    """One shift in HSV for all frames of a clip.

    Attributes:
        hue: degrees, added around the circle.
        saturation: added, as a fraction of full saturation; the result is clipped.
        value: added, as a fraction of full brightness; the result is clipped.
    """

    hue: float
    saturation: float
    value: float

    def __call__(self, frames: np.ndarray) -> np.ndarray:
        """Return shifted frames, uint8 [T, H, W, 3]; the argument stays as it is."""
        levels = np.arange(256)
        table = np.empty((1, 256, 3), dtype=np.uint8)
        # HSV_FULL spreads the circle over all 256 levels: finer than the 180 of plain HSV, and it wraps by itself.
        table[0, :, 0] = (levels + round(self.hue * 256 / 360)) % 256
        table[0, :, 1] = np.clip(levels + round(self.saturation * 255), 0, 255)
        table[0, :, 2] = np.clip(levels + round(self.value * 255), 0, 255)
        rows = frames.reshape(-1, *frames.shape[2:])  # all frames as one tall image
        hsv = cv2.cvtColor(rows, cv2.COLOR_RGB2HSV_FULL)
        return cv2.cvtColor(cv2.LUT(hsv, table), cv2.COLOR_HSV2RGB_FULL).reshape(frames.shape)


@dataclass(frozen=True)
class ColorJitter:
    """Largest shifts, to either side, of hue (degrees), saturation and value (fractions of full)."""

    hue: float
    saturation: float
    value: float

    def draw(self, rng: np.random.Generator) -> ColorShift:
        """Return a uniformly drawn shift."""
        hue, saturation, value = rng.uniform(-1, 1, size=3)
        return ColorShift(hue * self.hue, saturation * self.saturation, value * self.value)


@dataclass(frozen=True)
class ClipAugmentation:
    """What was drawn for one clip; it applies to frames, persons, objects and labels.

    Attributes:
        flip: mirror left to right.
        color: shift of the colors, or None.
    """

    flip: bool = False
    color: ColorShift | None = None

    def frames(self, frames: np.ndarray) -> np.ndarray:
        """Return augmented frames, uint8 [T, H, W, 3]; the argument stays as it is."""
        if self.color is not None:
            frames = self.color(frames)
        return frames[:, :, ::-1] if self.flip else frames

    def boxes(self, boxes: Tensor, width: int) -> Tensor:
        """Return pixel boxes [N, 4] in the augmented frames, ``width`` pixels wide."""
        return flip_horizontal(boxes, width) if self.flip else boxes

    def labels(self, labels: Tensor, mirrored_channels: Tensor) -> Tensor:
        """Return multi-hot labels [N, C]; a mirrored clip's channel c is the original's ``mirrored_channels[c]``."""
        return labels[:, mirrored_channels] if self.flip else labels
