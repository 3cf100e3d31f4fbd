"""Where the time of a live prediction goes: seconds of CPU of each stage."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

DECODE, DETECT, TRACK, CLASSIFY, DRAW, WRITE = "decoding", "detection", "tracking", "action", "drawing", "writing"
STAGES = (DECODE, DETECT, TRACK, CLASSIFY, DRAW, WRITE)
OTHER = "threads of libraries and the rest"


class Stages:
    """Counts the CPU of stages, which may run in threads of their own.

    A stage is given the CPU of the thread that runs it. What libraries spend in threads that they start (PyTorch's, for
    detection and action; OpenCV's) cannot be told apart, and is counted together.
    """

    def __init__(self) -> None:
        self._cpu = dict.fromkeys(STAGES, 0.0)
        self._began = time.monotonic()
        self._process = time.process_time()

    @contextmanager
    def spending(self, stage: str) -> Iterator[None]:
        """Count what this thread spends within the block for a stage; a stage belongs to one thread."""
        began = time.thread_time()
        try:
            yield
        finally:
            self._cpu[stage] += time.thread_time() - began

    @property
    def elapsed(self) -> float:
        """Seconds since the beginning."""
        return time.monotonic() - self._began

    def cpu(self, decoding: float) -> dict[str, float]:
        """Return stage -> seconds of CPU so far, :data:`OTHER` included; ``decoding``: that of the source's thread."""
        known = self._cpu | {DECODE: decoding}
        spent = time.process_time() - self._process
        return known | {OTHER: max(0.0, spent - sum(known.values()))}
