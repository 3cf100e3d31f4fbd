"""Transforms of the frames, boxes and labels of one clip: resize, color jitter, mirroring.

Axes of frames: T frames, H and W rows and columns, 3 channels (RGB).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import torch
from torch import Tensor

from alphaction.data.box_geometry import Size, flip_horizontal
from alphaction.data.playback import Playback
from alphaction.data.view import View


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

    @property
    def levels(self) -> tuple[int, int, int]:
        """The shift in levels of 8 bits: hue 0 to 255, saturation and value -255 to 255.

        OpenCV's HSV_FULL spreads the circle over all 256 levels: finer than the 180 of plain HSV, and it wraps.
        """
        return round(self.hue * 256 / 360) % 256, round(self.saturation * 255), round(self.value * 255)

    def __call__(self, frames: np.ndarray) -> np.ndarray:
        """Return shifted frames, uint8 [T, H, W, 3]; the argument stays as it is."""
        shift = FrameShift(self, frames.shape[1:])
        return np.stack([shift(frame).copy() for frame in frames])


class FrameShift:
    """A color shift of single frames of one size; each result lies in the same memory.

    Args:
        shift: the shift.
        shape: (H, W, 3) of a frame.
    """

    def __init__(self, shift: ColorShift, shape: tuple[int, ...]) -> None:
        hue, saturation, value = shift.levels
        self._hsv, self._shifted = np.empty(shape, dtype=np.uint8), np.empty(shape, dtype=np.uint8)
        self._rows = self._hsv.reshape(len(self._hsv), -1)
        self._hues = np.resize(np.array([hue, 0, 0], dtype=np.uint8), self._rows.shape[1])
        self._others = (0, saturation, value, 0)

    def __call__(self, frame: np.ndarray) -> np.ndarray:
        """Return the shifted frame, uint8 [H, W, 3], until the next call."""
        cv2.cvtColor(frame, cv2.COLOR_RGB2HSV_FULL, dst=self._hsv)
        np.add(self._rows, self._hues, out=self._rows)  # wraps
        cv2.add(self._hsv, self._others, dst=self._hsv)  # saturates
        return cv2.cvtColor(self._hsv, cv2.COLOR_HSV2RGB_FULL, dst=self._shifted)


@dataclass(frozen=True)
class ColorJitter:
    """Largest shifts, to either side, of hue (degrees), saturation and value (fractions of full), and gray clips.

    Attributes:
        gray: how often a clip loses its colors altogether.
    """

    hue: float
    saturation: float
    value: float
    gray: float = 0.0

    def draw(self, rng: np.random.Generator) -> ColorShift:
        """Return a uniformly drawn shift."""
        hue, saturation, value = rng.uniform(-1, 1, size=3)
        if self.gray and rng.random() < self.gray:
            return ColorShift(0.0, -1.0, value * self.value)
        return ColorShift(hue * self.hue, saturation * self.saturation, value * self.value)


@dataclass(frozen=True)
class ClipAugmentation:
    """What was drawn for one clip; it applies to frames, persons, objects and labels.

    Attributes:
        flip: mirror left to right.
        color: shift of the colors, or None.
        view: part of the frames that is shown, before it is mirrored, or None: all of them.
        playback: when and how fast the clip runs, or None: around its keyframe, as it was filmed.
        color_later: it is not applied to frames here, but on the device: see :mod:`alphaction.data.device_colors`.
    """

    flip: bool = False
    color: ColorShift | None = None
    color_later: bool = False
    view: View | None = None
    playback: Playback | None = None

    def pathways(self, frames: Iterable[np.ndarray], positions: Sequence[np.ndarray]) -> list[Tensor | None]:
        """Return the augmented clip of each pathway. Each frame is finished before the next one is taken.

        Args:
            frames: one or more, uint8 [H, W, 3] of one size; they stay as they are.
            positions: of a pathway's frames in ``frames``; none if it is off.

        Returns:
            for each pathway uint8 [3, T', H, W], channels last in memory, or None if it has no frame.
        """
        clips: list[np.ndarray] = []
        last, image = None, None
        for position, frame in enumerate(frames):
            if not clips:
                clips = [np.empty((len(chosen), *frame.shape), dtype=np.uint8) for chosen in positions]
                changed = self._frame_change(frame.shape)
            if frame is not last:  # frames repeat beyond the ends of a video
                last, image = frame, changed(frame)
            for clip, chosen in zip(clips, positions, strict=True):
                for place in np.flatnonzero(chosen == position):
                    clip[place] = image
        return [torch.from_numpy(clip).permute(3, 0, 1, 2) if len(clip) else None for clip in clips]

    def _frame_change(self, shape: tuple[int, ...]) -> Callable[[np.ndarray], np.ndarray]:
        """Return what changes a frame of ``shape`` (H, W, 3); its result is good until the next call."""
        shift = None if self.color is None or self.color_later else FrameShift(self.color, shape)
        placed = np.empty(shape, dtype=np.uint8) if self.flip or self.view is not None else None
        matrix = None if self.view is None else self.view.matrix((shape[1], shape[0]), mirrored=self.flip)

        def change(frame: np.ndarray) -> np.ndarray:
            image = frame
            if matrix is not None:
                image = cv2.warpAffine(frame, matrix, shape[1::-1], dst=placed, borderValue=self.view.fill)
            elif self.flip:
                image = cv2.flip(frame, 1, dst=placed)
            # Colors come last, as on the device, which also shifts what lies beyond the frame.
            return image if shift is None else shift(image)

        return change

    def later_shift(self) -> Tensor | None:
        """Return the color shift that is applied on the device, int16 [3]; see :attr:`ColorShift.levels`."""
        if self.color is None or not self.color_later:
            return None
        return torch.tensor(self.color.levels, dtype=torch.int16)

    def shows(self, boxes: Tensor) -> Tensor:
        """Return which boxes [N, 4], fractions of the frame, half of which or more is shown, bool [N]."""
        if self.view is None:
            return torch.ones(len(boxes), dtype=torch.bool)
        return self.view.shows(boxes)

    def shown(self, boxes: Tensor) -> Tensor:
        """Return boxes [N, 4], fractions of the frame, as fractions of what is shown of it, not mirrored."""
        return boxes if self.view is None else self.view.boxes(boxes)

    def boxes(self, boxes: Tensor, width: int) -> Tensor:
        """Return pixel boxes [N, 4] in the augmented frames, ``width`` pixels wide."""
        return flip_horizontal(boxes, width) if self.flip else boxes

    def labels(self, labels: Tensor, mirrored_channels: Tensor) -> Tensor:
        """Return multi-hot labels [N, C]; a mirrored clip's channel c is the original's ``mirrored_channels[c]``."""
        return labels[:, mirrored_channels] if self.flip else labels
