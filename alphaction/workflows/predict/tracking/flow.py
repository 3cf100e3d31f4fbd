"""Boxes moved from one frame to another by the optical flow of points in them.

Points are followed by pyramidal Lucas-Kanade forth and back. Those that do not come back to where they started, or look
different there, are dropped, and the box moves by the median of the others (Kalal et al., "Forward-backward error:
automatic detection of tracking failures", ICPR 2010).

Sizes in shapes: n boxes.
"""

from __future__ import annotations

import cv2
import numpy as np

# Frames are reduced to this long side: movements get short, and the flow quick.
_LONG_SIDE = 480
# Points of a box: a grid in its middle, as the corners of a box show the background.
_GRID = 8
_INNER = (0.5, 0.8)  # share of width and height
# A point that comes back further away than this, in pixels of the reduced frame, is lost.
_MAX_RETURN = 1.0
# A point whose surroundings differ by more than this is another one, in levels of gray.
_MAX_CHANGE = 30.0
# A box with a smaller share of points that come back is lost.
_MIN_KEPT = 0.25


def gray_frame(image: np.ndarray) -> np.ndarray:
    """Return a frame as the flow needs it: uint8 [h, w], gray and not larger than necessary.

    Args:
        image: uint8 [H, W, 3] RGB.
    """
    gray = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)
    share = _LONG_SIDE / max(gray.shape)
    return gray if share >= 1 else cv2.resize(gray, None, fx=share, fy=share, interpolation=cv2.INTER_AREA)


def moved_boxes(before: np.ndarray, after: np.ndarray, boxes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return where boxes of one frame are on another.

    Args:
        before, after: uint8 [h, w] of :func:`gray_frame`; in time, either may be the earlier one.
        boxes: float64 [n, 4] x1, y1, x2, y2 as fractions of the frame.

    Returns:
        boxes float64 [n, 4], and bool [n]: which of them were found again. The others are where they were.
    """
    boxes = np.asarray(boxes, dtype=np.float64).reshape(-1, 4)
    if not len(boxes) or before.shape != after.shape:
        return boxes.copy(), np.zeros(len(boxes), dtype=bool)
    size = np.array(before.shape[::-1], dtype=np.float64)
    places = _grid(boxes) * size
    start = places.reshape(-1, 1, 2).astype(np.float32)
    there, found, change = cv2.calcOpticalFlowPyrLK(before, after, start, None)
    back, found_back, _ = cv2.calcOpticalFlowPyrLK(after, before, there, None)
    error = np.linalg.norm((back - start).reshape(len(boxes), -1, 2), axis=2)
    good = (found & found_back).astype(bool) & (change <= _MAX_CHANGE)
    kept = good.reshape(len(boxes), -1) & (error <= _MAX_RETURN)
    moves = (there - start).reshape(len(boxes), -1, 2)
    moved, sound = boxes.copy(), kept.mean(1) >= _MIN_KEPT
    for index in np.flatnonzero(sound):
        moved[index] += np.tile(np.median(moves[index, kept[index]], axis=0) / size, 2)
    # Nobody is followed out of the frame.
    middles = (moved[:, :2] + moved[:, 2:]) / 2
    return moved, sound & ((middles >= 0) & (middles <= 1)).all(1)


def _grid(boxes: np.ndarray) -> np.ndarray:
    """Return points in the middle of boxes, float64 [n, points, 2], as fractions of the frame."""
    steps = (np.arange(_GRID) + 0.5) / _GRID - 0.5
    offsets = np.stack(np.meshgrid(steps * _INNER[0], steps * _INNER[1]), axis=-1).reshape(-1, 2)
    middles, sides = (boxes[:, :2] + boxes[:, 2:]) / 2, boxes[:, 2:] - boxes[:, :2]
    return middles[:, None] + offsets * sides[:, None]
