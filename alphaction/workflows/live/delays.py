"""How long things took, in memory that does not grow with their number."""

from __future__ import annotations

import math

import numpy as np

_STEP = 0.001  # seconds
_LONGEST = 60.0


class Delays:
    """Counts delays by thousandths of a second; all above a minute count as a minute."""

    def __init__(self) -> None:
        self._counts = np.zeros(round(_LONGEST / _STEP) + 1, dtype=np.int64)

    def __len__(self) -> int:
        return int(self._counts.sum())

    def add(self, seconds: float) -> None:
        """Count a delay; one below 0 counts as 0."""
        self._counts[round(min(max(seconds, 0.0), _LONGEST) / _STEP)] += 1

    def quantile(self, share: float) -> float:
        """Return the delay in seconds that a ``share`` (0 to 1) of all delays does not exceed; NaN where there is none.

        The median is the quantile of 0.5.
        """
        if not len(self):
            return math.nan
        reached = np.cumsum(self._counts) >= share * len(self)
        return float(reached.argmax()) * _STEP

    def __str__(self) -> str:
        """Return "0.035 s (95%: 0.080 s)", the median and what few exceed; "not measured" where there is none."""
        return f"{self.quantile(0.5):.3f} s (95%: {self.quantile(0.95):.3f} s)" if len(self) else "not measured"
