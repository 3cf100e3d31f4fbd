"""What the time of a run was spent on, over all its starts."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

PARTS = ("data", "evaluation", "saving")
"""What is told apart: waiting for clips, evaluations, checkpoints. The rest of the total is training."""


class TimeSpent:
    """Seconds of this process since :meth:`begin`, and of the starts before."""

    def __init__(self) -> None:
        self._before = 0.0
        self._began: float | None = None
        self._parts = dict.fromkeys(PARTS, 0.0)

    def begin(self) -> None:
        """Let the time run from now on."""
        self._began = time.monotonic()

    def add(self, part: str, seconds: float) -> None:
        """Count seconds as one of :data:`PARTS`."""
        self._parts[part] += seconds

    @contextmanager
    def on(self, part: str) -> Iterator[None]:
        """Count the time of the block as one of :data:`PARTS`."""
        began = time.monotonic()
        try:
            yield
        finally:
            self.add(part, time.monotonic() - began)

    def state_dict(self) -> dict[str, float]:
        """Return "total" and each of :data:`PARTS`, in seconds."""
        now = 0.0 if self._began is None else time.monotonic() - self._began
        return {"total": self._before + now, **self._parts}

    def load_state_dict(self, state: object) -> None:
        """Go on from what :meth:`state_dict` returned; anything else is left out."""
        if not isinstance(state, Mapping):
            return
        values: dict[str, Any] = {name: state.get(name) for name in ("total", *PARTS)}
        if all(type(value) is float and math.isfinite(value) and value >= 0 for value in values.values()):
            self._before = values.pop("total")
            self._parts = values
