"""The numbers that make a pose, and curves through a few of them.

A pose is a row of :data:`CHANNELS`. Hands count from the own shoulder in arm lengths, in the frame of the trunk; feet
from the ground below the own hip in leg lengths: x outwards, y up, z forward. Angles are in radians.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

_POINTS = {"r": "right hand", "l": "left hand", "rf": "right foot", "lf": "left foot", "ball": "thing"}
_NUMBERS = ("hip", "lift", "ahead", "side", "pitch", "roll", "twist", "nod", "look", "yaw", "tip")
CHANNELS: tuple[str, ...] = (*(f"{point}{axis}" for point in _POINTS for axis in "xyz"), *_NUMBERS)
"""Hands, feet and the thing (from where it is held, body heights); then height of the hip (1: legs straight), lift of
the whole body, shift of the hip ahead and aside (leg lengths), the trunk's pitch, roll and twist, the head's, the turn
of the body, and how far it has tipped over (forwards)."""
INDEX = {name: i for i, name in enumerate(CHANNELS)}
_MIRROR_SIGN = ("ballx", "side", "roll", "twist", "look", "yaw")

Key = Mapping[str, float | tuple[float, float, float]]


HANGING: Key = {"r": (0.12, -0.96, 0.06), "l": (0.12, -0.96, 0.06)}


def pose_row(values: Key, base: np.ndarray | None = None) -> np.ndarray:
    """Return a pose, float64 [channels]: ``base``, or else :data:`NEUTRAL`, with some values replaced."""
    row = (NEUTRAL if base is None else base).copy()
    for name, value in values.items():
        if isinstance(value, tuple):
            row[INDEX[f"{name}x"] : INDEX[f"{name}x"] + 3] = value
        else:
            row[INDEX[name]] = value
    return row


NEUTRAL = pose_row({**HANGING, "hip": 0.985}, np.zeros(len(CHANNELS)))


def curve(phases: Sequence[float], rows: np.ndarray, at: np.ndarray, *, cyclic: bool) -> np.ndarray:
    """Return the poses of a smooth curve through ``rows``: a cubic Hermite spline with the slopes of its neighbors.

    Args:
        phases: of the rows, rising, in [0, 1).
        rows: [keys, channels].
        at: phases asked for, [T]; cyclic curves repeat, others stay at their ends.
        cyclic: whether the last key leads back to the first.

    Returns:
        [T, channels].
    """
    places = np.asarray(phases, dtype=np.float64)
    if cyclic:
        at = np.mod(at, 1.0)
        places = np.concatenate([places[-1:] - 1, places, places[:2] + 1])
        rows = np.concatenate([rows[-1:], rows, rows[:2]])
        before, after = rows[[-4, *range(len(rows) - 1)]], rows[[*range(1, len(rows)), 3]]
        left, right = places[[-4, *range(len(rows) - 1)]].copy(), places[[*range(1, len(rows)), 3]].copy()
        left[0] -= 1
        right[-1] += 1
    else:
        ends = [0, *range(len(rows) - 1)], [*range(1, len(rows)), len(rows) - 1]
        before, after = rows[ends[0]], rows[ends[1]]
        left, right = places[ends[0]], places[ends[1]]
        at = np.clip(at, places[0], places[-1])
    slopes = 0.85 * (after - before) / np.maximum(right - left, 1e-6)[:, None]
    if not cyclic:
        slopes[[0, -1]] = 0.0
    k = np.clip(np.searchsorted(places, at, side="right") - 1, 0, len(places) - 2)
    width = (places[k + 1] - places[k])[:, None]
    s = (at[:, None] - places[k][:, None]) / width
    return (
        rows[k] * (1 + 2 * s) * (1 - s) ** 2
        + rows[k + 1] * s**2 * (3 - 2 * s)
        + slopes[k] * width * s * (1 - s) ** 2
        + slopes[k + 1] * width * s**2 * (s - 1)
    )


def mirrored(rows: np.ndarray) -> np.ndarray:
    """Return poses [T, channels] of the mirror image: right and left change places."""
    swapped = rows.copy()
    for right, left in (("r", "l"), ("rf", "lf")):
        a, b = INDEX[f"{right}x"], INDEX[f"{left}x"]
        swapped[:, a : a + 3], swapped[:, b : b + 3] = rows[:, b : b + 3], rows[:, a : a + 3]
    swapped[:, [INDEX[name] for name in _MIRROR_SIGN]] *= -1
    return swapped
