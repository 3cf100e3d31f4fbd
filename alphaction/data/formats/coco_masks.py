"""Masks of COCO annotations, as run-length codes of untrusted files: the box around one, without drawing it.

The counts are those of pixels outside and inside in turn, column by column; as text they are written six bits a
character, most of them as differences. (pycocotools trusts both: a height of 0 ends the process.)
"""

from __future__ import annotations

from typing import Any

import numpy as np

from alphaction.utils.limits import LARGEST_SIDE
from alphaction.utils.numbers import NOT_NEGATIVE, whole
from alphaction.utils.values import parse_integer

_SIDE = whole(1, LARGEST_SIDE)
_MOST_CHARACTERS = 12  # of one count


def box_of_mask(size: Any, counts: Any) -> list[float] | None:
    """Return x, y, width, height in pixels of the box around a mask; None: it is wrong, or empty.

    Args:
        size: height and width, as parsed.
        counts: a list of whole numbers, or text.
    """
    sides = [parse_integer(side, _SIDE) for side in size] if isinstance(size, list) else []
    runs = _decoded(counts) if isinstance(counts, str) else counts if isinstance(counts, list) else [None]
    runs = [parse_integer(run, NOT_NEGATIVE) for run in runs]
    if len(sides) != 2 or None in sides or None in runs or sum(runs) > sides[0] * sides[1]:
        return None
    height = sides[0]
    ends = np.cumsum(np.array(runs[: len(runs) // 2 * 2], dtype=np.int64)).reshape(-1, 2)
    ends = ends[ends[:, 0] < ends[:, 1]]
    if not len(ends):
        return None
    (x1, y1), (x2, y2) = divmod(ends[:, 0], height), divmod(ends[:, 1] - 1, height)
    whole_column = x1 < x2
    left, right = x1.min(), x2.max()
    top, bottom = np.where(whole_column, 0, y1).min(), np.where(whole_column, height - 1, y2).max()
    return [float(left), float(top), float(right - left + 1), float(bottom - top + 1)]


def _decoded(text: str) -> list[int | None]:
    """Return the counts written as text; [None]: it is wrong."""
    counts: list[int] = []
    value = shift = 0
    for character in text:
        bits = ord(character) - 48
        if not 0 <= bits < 64 or shift >= _MOST_CHARACTERS * 5:
            return [None]
        value |= (bits & 0x1F) << shift
        shift += 5
        if not bits & 0x20:
            if bits & 0x10:
                value -= 1 << shift
            counts.append(value + (counts[-2] if len(counts) > 2 else 0))
            value = shift = 0
    return [None] if shift else counts
