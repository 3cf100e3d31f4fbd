"""A frame of a stream, which has no file behind it to look up its time in."""

from __future__ import annotations

import time
from dataclasses import dataclass, field

import numpy as np


@dataclass(frozen=True, eq=False)
class TimedFrame:
    """A frame and its moment.

    Attributes:
        number: of the frame among all that the source delivered, from 0; those that nobody took count, too.
        time: seconds since the first frame; of a file, those that it says itself.
        image: uint8 [H, W, 3] RGB.
        arrived: when it was read, by :func:`time.monotonic`: what a lag is measured from.
    """

    number: int
    time: float
    image: np.ndarray
    arrived: float = field(default_factory=time.monotonic)
