"""Boxes in upstream's pixel convention: xyxy with the last pixel included.

A box covers the pixels x1..x2 and y1..y2, so its width is ``x2 - x1 + 1`` and the largest coordinate of a frame ``w``
pixels wide is ``w - 1``. The public weights were trained with this convention, so it stays. "Unit" boxes are normalized
xyxy in [0, 1] with exclusive far sides, as annotation files write them. All functions take and return tensors of
shape [N, 4] and leave their arguments alone; sizes are (width, height) in pixels.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

Size = tuple[int, int]


def unit_to_pixel(unit: Tensor, size: Size) -> Tensor:
    """Return normalized boxes as pixel boxes of a frame of ``size``, at least one pixel wide and high.

    Args:
        unit: [N, 4] in [0, 1]; use float64 to keep annotated digits.
        size: (width, height) of the *original* video; resize afterwards with :func:`resize_boxes`.
    """
    width, height = size
    pixels = unit * unit.new_tensor([width, height, width, height]) - unit.new_tensor([0.0, 0.0, 1.0, 1.0])
    pixels = clip_boxes(pixels, size)
    return torch.cat([pixels[:, :2], torch.maximum(pixels[:, 2:], pixels[:, :2])], dim=1)


def resize_boxes(boxes: Tensor, old_size: Size, new_size: Size) -> Tensor:
    """Return boxes after their frame was resized: every coordinate is multiplied by new / old."""
    x_ratio, y_ratio = new_size[0] / old_size[0], new_size[1] / old_size[1]
    return boxes * boxes.new_tensor([x_ratio, y_ratio, x_ratio, y_ratio])


def clip_boxes(boxes: Tensor, size: Size) -> Tensor:
    """Return boxes with x clipped to [0, width - 1] and y to [0, height - 1]."""
    return torch.stack(
        [boxes[:, side].clamp(0, size[side % 2] - 1) for side in range(4)],
        dim=1,
    )


def flip_horizontal(boxes: Tensor, width: int) -> Tensor:
    """Return boxes of a mirrored frame: x' = width - 1 - x."""
    return torch.stack([width - 1 - boxes[:, 2], boxes[:, 1], width - 1 - boxes[:, 0], boxes[:, 3]], dim=1)


def extend_boxes(boxes: Tensor, scale: Sequence[float], size: Size) -> Tensor:
    """Return boxes enlarged by ``scale`` (x, y) of their width and height, half on each side, clipped to the frame."""
    sides = boxes[:, 2:] - boxes[:, :2] + 1
    margin = sides * boxes.new_tensor([scale[0], scale[1]]) / 2
    return clip_boxes(torch.cat([boxes[:, :2] - margin, boxes[:, 2:] + margin], dim=1), size)


def jitter_boxes(
    boxes: Tensor,
    rng: np.random.Generator,
    jitter_x: Sequence[float],
    jitter_y: Sequence[float],
    size: Size,
) -> Tensor:
    """Return boxes whose four sides moved independently and uniformly, clipped to the frame.

    Args:
        boxes: [N, 4].
        rng: source of the random numbers; four are drawn for each box.
        jitter_x: largest shift of a vertical side (outwards, inwards), as fractions of the box's width.
        jitter_y: the same for horizontal sides, as fractions of the height.
        size: (width, height) of the frame.
    """
    low = -np.array([jitter_x[0], jitter_y[0], jitter_x[0], jitter_y[0]])
    high = np.array([jitter_x[1], jitter_y[1], jitter_x[1], jitter_y[1]])
    inwards = torch.from_numpy(rng.uniform(low, high, size=(len(boxes), 4))).to(boxes)
    sides = boxes[:, 2:] - boxes[:, :2] + 1
    near = boxes[:, :2] + inwards[:, :2] * sides
    far = boxes[:, 2:] - inwards[:, 2:] * sides
    return clip_boxes(torch.cat([near, torch.maximum(near, far)], dim=1), size)
