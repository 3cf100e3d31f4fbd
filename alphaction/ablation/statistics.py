"""Mean and spread over seeds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Summary:
    """Some values of one quantity.

    Attributes:
        mean: of the values.
        std: standard deviation of the population that they are drawn from (n - 1); None for a single value.
        count: n, 1 or more.
    """

    mean: float
    std: float | None
    count: int

    @classmethod
    def of(cls, values: Sequence[float]) -> Summary | None:
        """Return the summary of ``values``, None if there are none."""
        if not values:
            return None
        center = mean(values)
        if len(values) == 1:
            return cls(center, None, 1)
        variance = sum((value - center) ** 2 for value in values) / (len(values) - 1)
        return cls(center, variance**0.5, len(values))

    @property
    def spread(self) -> float:
        """The standard deviation; 0 where it is unknown."""
        return self.std or 0.0


def mean(values: Sequence[float]) -> float:
    """Return the mean of one or more values."""
    return sum(values) / len(values)


# Points: less than that is no difference, even where a few seeds happen to agree.
LEAST_SPREAD = 1.0


@dataclass(frozen=True)
class Comparison:
    """Whether one quantity is at least as large as another.

    Attributes:
        margin: difference of the means.
        spread: the larger of both standard deviations, at least :data:`LEAST_SPREAD`; within it, they are equal.
    """

    margin: float
    spread: float

    @classmethod
    def of(cls, one: Summary, other: Summary) -> Comparison:
        """Compare ``one`` with ``other``."""
        return cls(one.mean - other.mean, max(one.spread, other.spread, LEAST_SPREAD))

    @property
    def verdict(self) -> str:
        """ "above", "equal" (within one spread) or "below"."""
        if abs(self.margin) <= self.spread:
            return "equal"
        return "above" if self.margin > 0 else "below"
