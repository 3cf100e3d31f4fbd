"""How far a prediction of many videos is, how long it will take, and what it costs."""

from __future__ import annotations

import time
from collections.abc import Mapping

from alphaction.utils.logging import get_logger
from alphaction.utils.messages import counted
from alphaction.workflows.predict.ledger import Ledger, Overview
from alphaction.workflows.predict.work import STAGES

# Between two lines, in seconds; looking at the files of all videos takes at most a part of it.
_EVERY = 30.0
_REST = 50
_HOUR = 3600.0


class Progress:
    """Tells now and then how far all processes are.

    Args:
        ledger: knows it; None: nothing is told, as one process predicts a few videos.
    """

    def __init__(self, ledger: Ledger | None) -> None:
        self._ledger = ledger
        self._start = None if ledger is None else ledger.overview()
        self._began = self._next = time.monotonic()
        self._next += _EVERY
        if self._start is not None and self._start.done:
            verb = "is" if self._start.done == 1 else "are"
            get_logger().info("%d of %s %s done already", self._start.done, counted(len(ledger.jobs), "video"), verb)

    def tell(self) -> None:
        """Write a line if it is time for it; call this after each video."""
        now = time.monotonic()
        if self._ledger is None or now < self._next:
            return
        overview = self._ledger.overview()
        get_logger().info("%s", progress_line(self._start, overview, len(self._ledger.jobs), now - self._began))
        self._next = time.monotonic() + max(_EVERY, _REST * (time.monotonic() - now))


def progress_line(start: Overview, now: Overview, videos: int, seconds: float) -> str:
    """Return how far all processes are and when they will be done, if the bytes of the files tell.

    Args:
        start: what there was when this process began.
        now: what there is.
        videos: how many there are.
        seconds: between the two.
    """
    failed = f", {now.failed} could not be predicted" if now.failed else ""
    line = f"{now.done} of {counted(videos, 'video')} done{failed}, {duration(now.seconds)} of video"
    fresh, read = now.seconds - start.seconds, now.bytes_done - start.bytes_done
    if fresh <= 0 or read <= 0 or seconds <= 0:
        return line
    left = seconds * (now.bytes_all - now.bytes_done) / read
    return f"{line}; {fresh / seconds:.3g} times real time, about {duration(left)} left"


class Costs:
    """What a process has spent on the videos that it has finished."""

    def __init__(self) -> None:
        self._began = time.monotonic()
        self._length = 0.0
        self._cpu = dict.fromkeys(STAGES, 0.0)

    def add(self, length: float, cpu: Mapping[str, float]) -> None:
        """Count a video: its length, and its seconds of CPU by stage."""
        self._length += length
        for stage, spent in cpu.items():
            self._cpu[stage] += spent

    def __str__(self) -> str:
        """Return the cost of an hour of video, "" if there is none."""
        if self._length <= 0:
            return ""
        hours = self._length / _HOUR
        total = sum(self._cpu.values()) / hours
        stages = ", ".join(f"{stage} {spent / hours:.3g}" for stage, spent in self._cpu.items())
        return (
            f"cost of an hour of video: {total:.4g} s of CPU ({stages}); {duration(self._length)} of video in "
            f"{duration(time.monotonic() - self._began)}"
        )


def duration(seconds: float) -> str:
    """Return "40 s", "12 min" or "3.2 h"."""
    if seconds < 100:
        return f"{seconds:.3g} s"
    return f"{seconds / 60:.0f} min" if seconds < 6000 else f"{seconds / _HOUR:.3g} h"
