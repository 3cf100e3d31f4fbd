"""What part of its frames a training clip shows: a random zoom, stretch and shift of frames and boxes together.

torchvision.transforms.v2 has RandomZoomOut, RandomResizedCrop and RandomHorizontalFlip for that. Here one bilinear
resampling does all three, frame by frame as the decoder hands them over. On one core it takes about as long: 1.4 ms for
12 frames of 128 x 96 pixels where those three take 1.7, 18 ms for 20 frames of 384 x 288, as they do.

Axes: N boxes.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from alphaction.data.box_geometry import Size

# Of a person, at least this share of the box must be seen, or the labels say what nobody could tell.
_SEEN = 0.5
# A view in which fewer than this share of the persons are seen is drawn again, so many times.
_KEPT, _DRAWS = 0.5, 10


@dataclass(frozen=True)
class View:
    """A window in the frame that fills the frame of the clip; what lies beyond the frame is filled with one color.

    Attributes:
        left, top, right, bottom: its sides, as fractions of the frame; below 0 or above 1 beyond it.
        fill: color beyond the frame, RGB gray levels.
    """

    left: float
    top: float
    right: float
    bottom: float
    fill: tuple[int, int, int] = (0, 0, 0)

    @property
    def zoom(self) -> tuple[float, float]:
        """How much larger things are, (horizontally, vertically)."""
        return 1 / (self.right - self.left), 1 / (self.bottom - self.top)

    def matrix(self, size: Size, *, mirrored: bool) -> np.ndarray:
        """Return what maps pixels (x, y, 1) of a frame of ``size`` to those of the clip, float64 [2, 3].

        Args:
            size: (width, height) of both.
            mirrored: whether the view is mirrored left to right.
        """
        (width, height), (zoom_x, zoom_y) = size, self.zoom
        # A pixel's center lies half a pixel right of and below its number.
        matrix = np.array(
            [
                [zoom_x, 0.0, (0.5 - self.left * width) * zoom_x - 0.5],
                [0.0, zoom_y, (0.5 - self.top * height) * zoom_y - 0.5],
            ]
        )
        if mirrored:
            matrix[0] = [-zoom_x, 0.0, width - 1 - matrix[0, 2]]
        return matrix

    def boxes(self, boxes: Tensor) -> Tensor:
        """Return boxes [N, 4], fractions of the frame, as fractions of the view, clipped to it."""
        return self._moved(boxes).clamp(0, 1)

    def shows(self, boxes: Tensor) -> Tensor:
        """Return which boxes [N, 4], fractions of the frame, have half of their area or more in the view, bool [N]."""
        return _areas(self.boxes(boxes)) >= _SEEN * _areas(self._moved(boxes)) - 1e-9

    def _moved(self, boxes: Tensor) -> Tensor:
        return (boxes - boxes.new_tensor([self.left, self.top] * 2)) * boxes.new_tensor(self.zoom * 2)


@dataclass(frozen=True)
class ViewJitter:
    """How views vary.

    Attributes:
        zoom: smallest and largest factor by which things are enlarged, above 0.
        stretch: largest ratio of the horizontal to the vertical factor, and of the vertical to the horizontal one.
        fill: see :class:`View`.
    """

    zoom: tuple[float, float]
    stretch: float = 1.0
    fill: tuple[int, int, int] = (0, 0, 0)

    @classmethod
    def of(cls, zoom: Sequence[float], stretch: float, fill: Sequence[float]) -> ViewJitter | None:
        """Return how views vary by INPUT.ZOOM_JITTER, STRETCH_JITTER and PIXEL_MEAN; None: not at all."""
        if tuple(zoom) == (1.0, 1.0) and stretch == 1:
            return None
        return cls(tuple(zoom), stretch, tuple(round(level) for level in fill))

    def draw(self, rng: np.random.Generator, boxes: np.ndarray) -> View | None:
        """Return a view that shows half of the persons or more; None, the frame as it is, if ten in a row do not.

        Factors are drawn evenly on a logarithmic scale. A view that is smaller than the frame lies anywhere in it, and
        the frame anywhere in a larger view.

        Args:
            rng: source of the random numbers.
            boxes: persons, float64 [N, 4] as fractions of the frame.
        """
        persons = torch.from_numpy(np.asarray(boxes, dtype=np.float64))
        for _ in range(_DRAWS):
            zoom = math.exp(rng.uniform(*np.log(self.zoom)))
            stretch = math.exp(rng.uniform(-0.5, 0.5) * math.log(self.stretch))
            (left, right), (top, bottom) = _interval(rng, 1 / (zoom * stretch)), _interval(rng, stretch / zoom)
            view = View(left, top, right, bottom, self.fill)
            if view.shows(persons).sum() >= _KEPT * len(persons):
                return view
        return None


def _interval(rng: np.random.Generator, length: float) -> tuple[float, float]:
    """Return the ends of a random interval that lies in [0, 1], or that [0, 1] lies in if it is longer."""
    start = rng.uniform(min(0.0, 1 - length), max(0.0, 1 - length))
    return start, start + length


def _areas(boxes: Tensor) -> Tensor:
    return (boxes[:, 2:] - boxes[:, :2]).prod(dim=1)
