"""Ctrl-C and other signals during a live prediction: the frame in hand is finished, then everything is closed."""

from __future__ import annotations

from collections.abc import Iterator
from types import FrameType
from typing import TypeVar

from alphaction.utils.errors import Interrupted
from alphaction.utils.signals import ended_by

Item = TypeVar("Item")


class _Wanted(BaseException):
    """Ends the wait for a frame; nobody takes it for an error."""


class Stop:
    """Takes signals that ask to end, for :func:`alphaction.utils.signals.handling`.

    It ends the wait for the next frame; while a frame is worked on, the loop asks. A second signal ends the program
    where it is.

    Attributes:
        number: the signal that came; None: none.
    """

    def __init__(self) -> None:
        self.number: int | None = None
        self._waits = False

    @property
    def asked(self) -> bool:
        """Whether a signal came."""
        return self.number is not None

    def handle(self, number: int, frame: FrameType | None) -> None:
        """Take a signal."""
        if self.asked:
            raise Interrupted(number=number)
        self.number = number
        if self._waits:
            raise _Wanted

    def next_of(self, items: Iterator[Item]) -> Item | None:
        """Return the next item; None at the end, and when a signal came."""
        try:
            try:
                self._waits = True
                return None if self.asked else next(items, None)
            finally:
                self._waits = False
        except _Wanted:
            return None

    def __str__(self) -> str:
        """What ended the loop, for people."""
        return "" if self.number is None else ended_by(self.number)
