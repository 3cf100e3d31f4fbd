"""Moments of a video that are evenly apart: what a range of whole seconds is, for any interval."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from alphaction.data.keyframes import exact_interval, multiple, to_milliseconds


@dataclass(frozen=True)
class Moments(Sequence[int | float]):
    """Multiples of an interval, in order; each exact to the thousandth, and an int where it is whole.

    Attributes:
        interval: seconds from one to the next, above 0; see :func:`alphaction.data.keyframes.exact_interval`.
        first: number of the first multiple: 4 for 2.0 s at an interval of 0.5 s.
        count: how many there are.
    """

    interval: float
    first: int
    count: int

    @classmethod
    def between(cls, interval: float, start: float, end: float) -> Moments:
        """Return the last multiple at or before ``start`` and all after it that are before ``end``, in seconds."""
        step = exact_interval(interval)
        first = math.floor(start / step)
        # Multiples are rounded to the thousandth, which may bring one over the start.
        first += (multiple(step, first + 1) <= start) - (multiple(step, first) > start)
        count = max(0, math.ceil(end / step) - first)
        while count and multiple(step, first + count - 1) >= end:
            count -= 1
        return cls(interval, first, count)

    def __len__(self) -> int:
        return self.count

    def __getitem__(self, position):  # int -> time, slice -> list of times
        numbers = range(self.first, self.first + self.count)[position]
        step = exact_interval(self.interval)
        if isinstance(numbers, range):
            return [multiple(step, number) for number in numbers]
        return multiple(step, numbers)

    def holds(self, seconds: np.ndarray) -> np.ndarray:
        """Return which of some times, [n], are among these moments: bool [n]."""
        step = exact_interval(self.interval)
        times = to_milliseconds(np.asarray(seconds))
        shift = step.numerator * 1000
        numbers = (2 * times * step.denominator + shift) // (2 * shift)  # of the nearest multiple
        nearest = (2 * numbers * shift + step.denominator) // (2 * step.denominator)
        return (nearest == times) & (numbers >= self.first) & (numbers < self.first + self.count)

    def __contains__(self, second: object) -> bool:
        return isinstance(second, int | float) and bool(self.holds(np.array([second]))[0])
