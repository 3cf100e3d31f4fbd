"""Waiting for a limited time that a process was awake for: one that was suspended for an hour has not waited."""

from __future__ import annotations

import time

# A longer pause between two looks means that this process was stopped meanwhile, and most likely the others too.
_GAP = 5.0  # seconds


class Patience:
    """Counts the seconds that are waited, without those in which this process (or the machine) was suspended.

    Args:
        seconds: how long to wait.

    Attributes:
        waited: seconds so far.
    """

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self.waited = 0.0
        self._last = time.monotonic()

    def look(self) -> float:
        """Count the time since the last look, which is at most a second ago; return what is left, 0 or more."""
        now = time.monotonic()
        if now - self._last < _GAP:
            self.waited += now - self._last
        self._last = now
        return max(self.seconds - self.waited, 0.0)

    def renew(self) -> None:
        """Begin anew."""
        self.waited = 0.0
        self._last = time.monotonic()
