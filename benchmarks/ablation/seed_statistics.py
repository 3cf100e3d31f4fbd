"""Mean and spread over seeds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Summary:
    """Some values of one quantity.

    Attributes:
        values: one or more.
    """

    values: tuple[float, ...]

    @classmethod
    def of(cls, values: Sequence[float]) -> Summary | None:
        """Return the summary of ``values``, None if there are none."""
        return cls(tuple(values)) if values else None

    @property
    def mean(self) -> float:
        """Mean of the values."""
        return mean(self.values)

    @property
    def std(self) -> float | None:
        """Standard deviation of the population that the values are drawn from (n - 1); None for a single value."""
        if self.count == 1:
            return None
        center = self.mean
        return (sum((value - center) ** 2 for value in self.values) / (self.count - 1)) ** 0.5

    @property
    def count(self) -> int:
        """How many values there are."""
        return len(self.values)


def mean(values: Sequence[float]) -> float:
    """Return the mean of one or more values."""
    return sum(values) / len(values)


# Points: less than that is no difference, even where a few seeds happen to agree.
LEAST_SPREAD = 1.0
# Points: a reference that fails with one seed would excuse whatever is compared with it.
MOST_SPREAD = 2.0


@dataclass(frozen=True)
class Comparison:
    """Whether one quantity is at least as large as another, its reference.

    Attributes:
        margin: difference of the means.
        spread: standard deviation of the reference, at least :data:`LEAST_SPREAD` and at most :data:`MOST_SPREAD`;
            within it, they are equal. That of the other quantity is left out: an arm that fails with one seed would
            excuse itself.
    """

    margin: float
    spread: float

    @classmethod
    def of(cls, one: Summary, reference: Summary) -> Comparison:
        """Compare ``one`` with ``reference``."""
        spread = min(max(reference.std or 0.0, LEAST_SPREAD), MOST_SPREAD)
        return cls(one.mean - reference.mean, spread)

    @property
    def verdict(self) -> str:
        """ "above", "equal" (within one spread) or "below"."""
        if abs(self.margin) <= self.spread:
            return "equal"
        return "above" if self.margin > 0 else "below"
