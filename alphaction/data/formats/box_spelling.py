"""The ways in which files write a box as four numbers. Shapes: n boxes."""

from __future__ import annotations

import numpy as np

BOX_FORMATS = ("xyxy", "xywh", "cxcywh")
BOX_FORMAT_CHOICES = ("auto", *BOX_FORMATS)
# Are boxes fractions of the frame (yes) or pixels (no)?
NORMALIZED_CHOICES = ("auto", "yes", "no")


def to_corners(values: np.ndarray, form: str) -> np.ndarray:
    """Return boxes as x1, y1, x2, y2 in the same unit, float64 [n, 4].

    Args:
        values: [n, 4] as written.
        form: "xyxy" (corners), "xywh" (corner and size) or "cxcywh" (center and size).
    """
    if form not in BOX_FORMATS:
        raise ValueError(f"form is {form!r}; expected {', '.join(BOX_FORMATS)}")
    values = values.astype(np.float64, copy=False)
    if form == "xyxy":
        return values
    start, size = values[:, :2], values[:, 2:]
    if form == "cxcywh":
        start = start - size / 2
    return np.concatenate([start, start + size], axis=1)
