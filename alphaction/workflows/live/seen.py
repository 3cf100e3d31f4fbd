"""What the loop tells those who write: persons with their actions, moment by moment, and frames.

Sizes in shapes: C classes.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

import numpy as np

from alphaction.evaluation.tubes import Event
from alphaction.workflows.predict.tracking.protocol import FollowedPerson


@dataclass(frozen=True, eq=False)
class SeenPerson:
    """A person at a moment.

    Attributes:
        person: number of the person.
        box: float64 [4] x1, y1, x2, y2 as fractions of the frame.
        box_score: of the detection.
        scores: float32 [C], as predicted.
        smoothed: float [C], smoothed along the track.
        actions: name and smoothed score of the classes that count, best first.
    """

    person: int
    box: np.ndarray
    box_score: float
    scores: np.ndarray
    smoothed: np.ndarray
    actions: Sequence[tuple[str, float]]


@dataclass(frozen=True)
class OpenedEvent:
    """An action that a person began.

    Attributes:
        person: number of the person.
        action: class name.
        time: seconds of the first moment.
        score: smoothed, at that moment.
    """

    person: int
    action: str
    time: float
    score: float


@dataclass(frozen=True, eq=False)
class SeenMoment:
    """A moment that is classified.

    Attributes:
        time: seconds since the first frame.
        clock: when its frame was read.
        lag: seconds from then to now.
        persons: who was there.
        opened, closed: events that begin and that are complete.
    """

    time: int | float
    clock: datetime
    lag: float
    persons: Sequence[SeenPerson]
    opened: Sequence[OpenedEvent] = ()
    closed: Sequence[Event] = ()


class MomentSink(Protocol):
    """Writes what people do."""

    def add(self, seen: SeenMoment) -> None:
        """Write a moment, which is later than those before.

        Raises:
            FullDiskError: the disk is full.
        """

    def finish(self, events: Sequence[Event], clock: datetime) -> None:
        """Write the events that the end closes, now; nothing comes after them."""


class FrameSink(Protocol):
    """Takes note of where people are on every frame."""

    def frame(self, time: float, persons: Sequence[FollowedPerson]) -> None:
        """Note a frame, which is later than those before."""


class PictureSink(Protocol):
    """Shows or writes frames with what is drawn on them."""

    def picture(self, time: float, image: np.ndarray) -> bool:
        """Take a picture, uint8 [H, W, 3] RGB with even sides; return False if the user wants to end."""

    def close(self) -> None:
        """Finish; called once, however the loop ends."""


def clock_of(arrived: float) -> datetime:
    """Return the time of day, with its zone, of a moment of ``time.monotonic``."""
    return datetime.now().astimezone() - timedelta(seconds=time.monotonic() - arrived)
