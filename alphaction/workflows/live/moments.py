"""Moments at which actions are predicted, on their way to the network: each in turn, or the latest one only.

Sizes in shapes: n persons of a moment, C classes.
"""

from __future__ import annotations

import math
import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from alphaction.data.annotations import BoxTable
from alphaction.data.keyframes import exact_interval, multiple
from alphaction.data.video.frame_times import TIME_TOLERANCE
from alphaction.data.video.timed_frame import TimedFrame


@dataclass(frozen=True, eq=False)
class Moment:
    """A moment and who is there.

    Attributes:
        time: seconds, a multiple of the stride.
        arrived: when its frame was read, by time.monotonic.
        persons: n numbers of the persons.
        boxes: float64 [n, 4] as fractions of the frame.
        box_scores: float [n].
        objects: boxes of objects; None: there are none.
    """

    time: int | float
    arrived: float
    persons: list[int]
    boxes: np.ndarray
    box_scores: np.ndarray
    objects: BoxTable | None = None


@dataclass(frozen=True, eq=False)
class ScoredMoment:
    """A moment that is classified.

    Attributes:
        moment: who was there.
        scores: float32 [n, C].
    """

    moment: Moment
    scores: np.ndarray


Classify = Callable[[Moment], np.ndarray | None]
"""Returns the scores of the persons of a moment, float32 [n, C]; None: its frames are not there any more."""

# Of a stride: a frame that is later than this after a moment shows something else.
_LATEST = 0.5


class MomentSchedule:
    """Which frames are those of moments: of every multiple of ``stride`` seconds the frame nearest to it.

    Args:
        stride: seconds between moments.
        fps: frames per second, nominal.
    """

    def __init__(self, stride: float, fps: float) -> None:
        self._step, self._early = exact_interval(stride), 0.5 / fps
        self._latest = max(_LATEST * stride, self._early)
        self._next = 0
        self.passed_over = 0

    def due(self, frame: TimedFrame) -> int | float | None:
        """Return the moment that a frame is the frame of, None if it is of none.

        Where frames are lost, several moments may lie between two: the last of them counts, if the frame is at most
        half a stride later. ``passed_over`` counts the others.
        """
        reached = math.floor((frame.time + self._early + TIME_TOLERANCE) / self._step)
        if reached < self._next:
            return None
        moment = multiple(self._step, reached)
        is_late = frame.time - moment > self._latest
        self.passed_over += reached - self._next + is_late
        self._next = reached + 1
        return None if is_late else moment


class Line(Protocol):
    """Moments that wait for the frames of their clips, and for the network.

    Attributes:
        skipped: how many were left out as the network was busy, or frames of their clips gone or yet to come.
    """

    skipped: int

    @property
    def waiting(self) -> int:
        """How many moments wait."""

    def put(self, moment: Moment) -> None:
        """Let a moment wait; it is later than those before."""

    def advance(self, newest: float) -> list[ScoredMoment]:
        """Return what was classified since the last call, given that frames up to ``newest`` seconds are there."""

    def finish(self, ended: bool) -> list[ScoredMoment]:
        """Return what is left in the end; ``ended``: the video is over, so that clips repeat its last frame."""

    def close(self) -> None:
        """Drop what waits, and wait for the network."""


class InTurn:
    """Classifies every moment as soon as its frames are there; meanwhile the frames wait.

    Args:
        classify: does it.
        reach: seconds after a moment that its clip needs.
    """

    def __init__(self, classify: Classify, reach: float) -> None:
        self._classify, self._reach = classify, reach
        self._waiting: deque[Moment] = deque()
        self.skipped = 0

    @property
    def waiting(self) -> int:
        """See :class:`Line`."""
        return len(self._waiting)

    def put(self, moment: Moment) -> None:
        """See :class:`Line`."""
        self._waiting.append(moment)

    def advance(self, newest: float) -> list[ScoredMoment]:
        """See :class:`Line`."""
        found = []
        while self._waiting and _is_ready(self._waiting[0], self._reach, newest):
            moment = self._waiting.popleft()
            scores = self._classify(moment)
            if scores is None:
                self.skipped += 1
            else:
                found.append(ScoredMoment(moment, scores))
        return found

    def finish(self, ended: bool) -> list[ScoredMoment]:
        """See :class:`Line`."""
        return self.advance(math.inf) if ended else []

    def close(self) -> None:
        """See :class:`Line`."""
        self.skipped += len(self._waiting)
        self._waiting.clear()


class LatestWins:
    """Classifies in a thread of its own; a moment for which it has no time is skipped when a later one is ready.

    At most one moment is classified and one that is ready waits, besides those whose clips are not complete.

    Args:
        classify: does it, in the thread.
        reach: seconds after a moment that its clip needs.
    """

    def __init__(self, classify: Classify, reach: float) -> None:
        self._classify, self._reach = classify, reach
        self._early: deque[Moment] = deque()  # the clip is not complete
        self._changed = threading.Condition()
        self._ready: Moment | None = None
        self._done: list[ScoredMoment] = []
        self._error: Exception | None = None
        self._closed = False
        self.skipped = 0
        self._thread = threading.Thread(target=self._run, name="actions", daemon=True)
        self._thread.start()

    @property
    def waiting(self) -> int:
        """See :class:`Line`."""
        return len(self._early) + (self._ready is not None)

    def put(self, moment: Moment) -> None:
        """See :class:`Line`."""
        self._early.append(moment)

    def advance(self, newest: float) -> list[ScoredMoment]:
        """See :class:`Line`.

        Raises:
            UserError: what classifying has raised.
        """
        with self._changed:
            while self._early and _is_ready(self._early[0], self._reach, newest):
                self.skipped += self._ready is not None
                self._ready = self._early.popleft()
                self._changed.notify()
            done, self._done = self._done, []
            if self._error is not None:
                raise self._error
        return done

    def finish(self, ended: bool) -> list[ScoredMoment]:
        """See :class:`Line`: what is being classified counts, what waits does not."""
        self.close()
        return self.advance(-math.inf)

    def close(self) -> None:
        """See :class:`Line`."""
        with self._changed:
            self.skipped += self.waiting
            self._closed, self._ready = True, None
            self._early.clear()
            self._changed.notify()
        self._thread.join()

    def _run(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._closed or self._ready is not None)
                if self._closed:
                    return
                moment, self._ready = self._ready, None
            try:
                scores = self._classify(moment)
            except Exception as error:  # the loop raises it
                with self._changed:
                    self._error = error
                return
            with self._changed:
                if scores is None:
                    self.skipped += 1
                else:
                    self._done.append(ScoredMoment(moment, scores))


def _is_ready(moment: Moment, reach: float, newest: float) -> bool:
    return moment.time + reach <= newest + TIME_TOLERANCE
