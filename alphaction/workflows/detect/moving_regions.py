"""What moves before a fixed camera: the difference of a frame from the median of others, as boxes.

Axes: T frames, h and w rows and columns of a frame as it is looked at, n boxes.
"""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

from alphaction.data.video.file import Size

SHORT_SIDE = 360
"""Pixels of the short side at which frames are looked at; smaller ones stay as they are."""

# A pixel moves where its red, green or blue is farther than this from the background's.
_DIFFERENCE = 30
# Pixels: smaller specks are noise.
_SPECK = 3
# Width and height, in heights of the frame, of the holes that lie within one region: a person's head and legs often
# differ from the background where the waist does not.
_HOLE = (1 / 120, 7 / 120)
LOWEST = 0.06
"""The height that a region has at least, in heights of the frame."""
# The share of its box that a region fills at least.
_FILLED = 0.2


def looked_at(size: Size) -> Size:
    """Return the (width, height) at which a frame of that size is looked at."""
    scale = SHORT_SIDE / min(size)
    return size if scale >= 1 else (max(round(size[0] * scale), 1), max(round(size[1] * scale), 1))


def background_of(frames: Sequence[np.ndarray]) -> np.ndarray:
    """Return what is behind everything that moves: the median of each pixel, uint8 [h, w, 3].

    Args:
        frames: uint8 [h, w, 3] each, at moments in which moving things are at different places.
    """
    return np.median(np.stack(frames), axis=0).astype(np.uint8)


def moving_pixels(frame: np.ndarray, background: np.ndarray) -> np.ndarray:
    """Return which pixels of a frame, uint8 [h, w, 3], differ from the background: bool [h, w]."""
    return cv2.absdiff(frame, background).max(axis=2) > _DIFFERENCE


def moving_boxes(moving: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the regions of moving pixels, best score first.

    Args:
        moving: bool [h, w].

    Returns:
        boxes, float64 [n, 4] x1, y1, x2, y2 as fractions of the frame, and scores, float32 [n]: the share of the box's
        rows that hold moving pixels, times that of its columns.
    """
    height, width = moving.shape
    mask = cv2.morphologyEx(moving.astype(np.uint8), cv2.MORPH_OPEN, np.ones((_SPECK, _SPECK), np.uint8))
    hole = [round(side * height) | 1 for side in reversed(_HOLE)]  # even ones would move the regions
    mask = cv2.morphologyEx(mask, cv2.MORPH_CLOSE, np.ones(hole, np.uint8))
    _, _, regions, _ = cv2.connectedComponentsWithStats(mask)
    boxes, scores = [], []
    for x, y, wide, high, pixels in regions[1:].tolist():  # the first one is what does not move
        if high < LOWEST * height or pixels < _FILLED * wide * high:
            continue
        inside = moving[y : y + high, x : x + wide]
        boxes.append((x / width, y / height, (x + wide) / width, (y + high) / height))
        scores.append(inside.any(axis=1).mean() * inside.any(axis=0).mean())
    order = np.argsort(-np.array(scores), kind="stable")
    return np.array(boxes).reshape(-1, 4)[order], np.array(scores, dtype=np.float32)[order]
