"""Signals that ask a program to end: which they are, what they are called, and the process that started this one.

Only the standard library is imported here: scripts handle signals before they have imported anything else.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from types import FrameType

_NAMES = ("SIGTERM", "SIGUSR1", "SIGUSR2", "SIGHUP", "SIGXCPU")
ENDING: tuple[int, ...] = tuple(signal.Signals[name] for name in _NAMES if name in signal.Signals.__members__)
"""Besides Ctrl-C: what schedulers send before they take a machine away, and a terminal that is closed."""
LAUNCHER_GONE = 200
"""Stands beside the numbers of signals for the end of the process that started this one."""
Handler = Callable[[int, FrameType | None], None]


def ended_by(number: int) -> str:
    """Return "interrupted" for Ctrl-C, "ended by SIGTERM", or words for :data:`LAUNCHER_GONE`."""
    if number == signal.SIGINT:
        return "interrupted"
    return "ended, as its launcher is gone" if number == LAUNCHER_GONE else f"ended by {signal.Signals(number).name}"


@contextmanager
def handling(handler: Handler) -> Iterator[None]:
    """Let ``handler`` take Ctrl-C and the signals of :data:`ENDING`; those that are ignored (nohup, ``&``) stay so."""
    numbers = [number for number in (signal.SIGINT, *ENDING) if signal.getsignal(number) is not signal.SIG_IGN]
    before = {number: signal.signal(number, handler) for number in numbers}
    try:
        yield
    finally:
        for number, former in before.items():
            signal.signal(number, signal.SIG_DFL if former is None else former)


@cache
def first_parent() -> int:
    """Return the parent of this process when this was first called; another one later means that it has ended."""
    return os.getppid()


def has_terminal() -> bool:
    """Return whether a person can be asked: stdin and stderr are a terminal."""
    return all(stream is not None and not stream.closed and stream.isatty() for stream in (sys.stdin, sys.stderr))
