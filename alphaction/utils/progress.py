"""What this process is doing, for the messages and the watch over processes that no longer go on."""

from __future__ import annotations

from typing import NamedTuple


class Mark(NamedTuple):
    """What a process does; a new one each time that it begins something.

    Attributes:
        text: "reading the clips of iteration 12".
        limited: whether it must go on to something else within SOLVER.TIMEOUT_SECONDS.
        joint: whether it may be waiting for other processes meanwhile.
    """

    text: str
    limited: bool
    joint: bool


_current = [Mark("starting", False, False)]


def doing(text: str, *, limited: bool = True, joint: bool = False) -> None:
    """Note what this process begins to do; cheap enough for each step."""
    _current[0] = Mark(text, limited, joint)


def current_mark() -> Mark:
    """Return what this process noted last."""
    return _current[0]
