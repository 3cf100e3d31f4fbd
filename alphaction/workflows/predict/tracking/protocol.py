"""What follows persons through a stream of frames, in one direction only: the future is not known.

Sizes in shapes: n boxes of a frame, C classes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from alphaction.data.video.timed_frame import TimedFrame


@dataclass(frozen=True, eq=False)
class FollowedPerson:
    """A person on a frame.

    Attributes:
        id: number of the person, from 1 in order of appearance.
        box: float64 [4] x1, y1, x2, y2 as fractions of the frame.
        box_score: of the last detection.
    """

    id: int
    box: np.ndarray
    box_score: float


class FrameTracker(Protocol):
    """Follows the persons of one stream; is given every frame once, in order."""

    def detected(self, frame: TimedFrame, boxes: np.ndarray, scores: np.ndarray) -> Sequence[FollowedPerson]:
        """Return who is there on a frame on which a detector was run.

        Args:
            frame: later than those before.
            boxes: float64 [n, 4] as fractions of the frame; scores: float [n].
        """

    def moved(self, frame: TimedFrame) -> Sequence[FollowedPerson]:
        """Return who is there on a frame on which no detector was run."""


class ScoreSmoother(Protocol):
    """Evens out the scores of a person from keyframe to keyframe, from the past alone."""

    def update(self, person: int, time: float, scores: np.ndarray) -> np.ndarray:
        """Return the smoothed scores, float [C], of a person at a keyframe that is later than those before."""
