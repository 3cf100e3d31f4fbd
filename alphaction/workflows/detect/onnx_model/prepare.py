"""From a frame to the input of a network, and back from its boxes to the frame.

Axes: H and W rows and columns of a frame or an input, n boxes.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import cv2
import numpy as np
import torch
from torch import Tensor
from torchvision.transforms.v2 import functional as F

UNIT, BYTES, IMAGENET = PIXELS = ("0-1", "0-255", "imagenet")
"""Values that a network takes: divided by 255, as they are, or also normalized by ImageNet's mean and deviation."""
LETTERBOX, CORNER, STRETCH, SMOOTH, WHOLE = "letterbox", "corner", "stretch", "smooth", "whole"
"""How a frame is brought to the input's size: keeping its proportions, in the middle or in the upper left corner of
gray; stretched, by linear interpolation or with antialiasing; not at all, if the input may have any size."""
FIT_WORDS = {
    LETTERBOX: "in proportion, in the middle of gray",
    CORNER: "in proportion, in the upper left of gray",
    STRETCH: "stretched",
    SMOOTH: "stretched, with antialiasing",
    WHOLE: "as they are, or in proportion where the size is fixed",
}
_GRAY = 114
_MEAN = np.array([0.485, 0.456, 0.406], dtype=np.float32)
_DEVIATION = np.array([0.229, 0.224, 0.225], dtype=np.float32)


@dataclass(frozen=True)
class Preparation:
    """What is done to a frame.

    Attributes:
        fit: one of the ways above.
        pixels: one of :data:`PIXELS`.
        bgr: whether the network takes blue first.
    """

    fit: str = LETTERBOX
    pixels: str = UNIT
    bgr: bool = False


@dataclass(frozen=True)
class InputSize:
    """The sizes that an input takes, in pixels.

    Attributes:
        height, width: None: any.
        long_side: what frames are brought to if height and width are free.
        stride: height and width must then be multiples of it.
    """

    height: int | None
    width: int | None
    long_side: int = 640
    stride: int = 32

    @property
    def free(self) -> bool:
        """Whether neither height nor width is fixed."""
        return self.height is None and self.width is None

    def of_frame(self, height: int, width: int, fit: str) -> tuple[int, int]:
        """Return (height, width) of the input for a frame."""
        if not self.free or fit in (STRETCH, SMOOTH):
            return self.height or self.long_side, self.width or self.long_side
        if fit == WHOLE:
            return height, width
        ratio = self.long_side / max(height, width)
        high, wide = (math.ceil(round(side * ratio) / self.stride) * self.stride for side in (height, width))
        return max(high, self.stride), max(wide, self.stride)


@dataclass(frozen=True)
class Placement:
    """Where the frame lies in the input, in pixels of the input."""

    left: int
    top: int
    width: int
    height: int

    def fractions(self, boxes: Tensor) -> Tensor:
        """Return boxes [n, 4] x1, y1, x2, y2 in pixels of the input as fractions of the frame, float64."""
        start = torch.tensor([self.left, self.top] * 2, dtype=torch.float64)
        return (boxes.double() - start) / torch.tensor([self.width, self.height] * 2, dtype=torch.float64)


def place(frame: np.ndarray, size: tuple[int, int], fit: str) -> tuple[np.ndarray, Placement]:
    """Return the frame brought to ``size`` (height, width), uint8 [H, W, 3], and where it lies there."""
    (height, width), (high, wide) = frame.shape[:2], size
    if (height, width) == size:
        return frame, Placement(0, 0, wide, high)
    if fit == SMOOTH:
        image = F.resize(torch.from_numpy(np.ascontiguousarray(frame)).permute(2, 0, 1), [high, wide], antialias=True)
        return image.permute(1, 2, 0).numpy(), Placement(0, 0, wide, high)
    if fit == STRETCH:
        return cv2.resize(frame, (wide, high), interpolation=cv2.INTER_LINEAR), Placement(0, 0, wide, high)
    ratio = min(high / height, wide / width)
    new_high, new_wide = max(round(height * ratio), 1), max(round(width * ratio), 1)
    # YOLO's own rounding: of an odd number of gray rows, the one more is below.
    top, left = (0, 0) if fit == CORNER else ((high - new_high) // 2, (wide - new_wide) // 2)
    inner = frame
    if (new_high, new_wide) != (height, width):
        inner = cv2.resize(frame, (new_wide, new_high), interpolation=cv2.INTER_LINEAR)
    image = np.full((high, wide, 3), _GRAY, dtype=np.uint8)
    image[top : top + new_high, left : left + new_wide] = inner
    return image, Placement(left, top, new_wide, new_high)


def to_values(image: np.ndarray, preparation: Preparation, dtype: np.dtype) -> np.ndarray:
    """Return uint8 [H, W, 3] RGB as the values that the network takes, [H, W, 3] of ``dtype``."""
    if preparation.bgr:
        image = image[..., ::-1]
    if dtype == np.uint8:
        return image
    values = image.astype(np.float32)
    if preparation.pixels != BYTES:
        values /= 255
    if preparation.pixels == IMAGENET:
        values = (values - _MEAN) / _DEVIATION
    return values.astype(dtype)
