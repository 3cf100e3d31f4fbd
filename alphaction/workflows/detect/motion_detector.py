"""Boxes of what moves before a fixed camera, for a first look where no weights of a person detector are at hand.

It needs no network: what differs from the background moves. The background is the median of frames of about a minute,
before and after the moment where these can be read, otherwise before it.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Sequence
from itertools import groupby
from typing import Any

import cv2
import numpy as np

from alphaction.data.video.clip_source import ClipSource
from alphaction.workflows.detect.detected_boxes import MOVING, DetectedBoxes, VideoDetector, Wanted, check_frame
from alphaction.workflows.detect.moving_regions import background_of, looked_at, moving_boxes, moving_pixels

logger = logging.getLogger(__name__)

WHAT_IT_IS = "moving regions, not persons: a standing person is not found, and a car is"

# Seconds of a video that have one background, and those before and after them of which frames belong to it, too.
_STRETCH, _BEYOND = 30.0, 10.0
# Frames from which a background is made.
_FRAMES = 48
# Frames of the past from which one is made at least, and how many of those that were given lie between two of them.
_FEWEST, _WIDEST = 8, 16
# Slots of a timeline of milliseconds.
_SLOTS = 1000.0
# Where more of the picture moves, it is the camera, or the light.
_MOST = 0.4


class MotionDetector(VideoDetector):
    """Finds what moves.

    Args:
        wanted: which boxes are kept. Classes are not known: every box is one of a person.
    """

    def __init__(self, wanted: Wanted) -> None:
        self.wanted = wanted
        self._known: tuple[ClipSource, str, int, np.ndarray] | None = None
        self._past = _Past()
        self._past_of: tuple[ClipSource, str] | None = None
        self._told = False

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_known": None, "_past_of": None}

    def detect(self, frames: Sequence[np.ndarray]) -> list[DetectedBoxes]:
        """Return the boxes of each frame, uint8 [H, W, 3] RGB, from those before it; none of the first few."""
        found = []
        for frame in frames:
            check_frame(frame)
            small = _small(frame)
            self._past.add(small)
            found.append(self._boxes(small, self._past.background, "the camera"))
        return found

    def detect_at(self, source: ClipSource, video: str, second: float) -> DetectedBoxes:
        """See :class:`VideoDetector`; where the length of the video is not known, only what was asked before counts."""
        frame = source.read(video, second, [0], 0.0, looked_at)[0]
        length = source.probe(video).duration
        if length is None:
            if self._past_of is None or self._past_of[0] is not source or self._past_of[1] != video:
                self._past, self._past_of = _Past(), (source, video)
            return self.detect([frame])[0]
        return self._boxes(frame, self._background(source, video, second, length), f"{video} at second {second:g}")

    def together(self, seconds: Sequence[float]) -> list[Sequence[float]]:
        return [list(group) for _, group in groupby(seconds, _stretch_of)]

    def _background(self, source: ClipSource, video: str, second: float, length: float) -> np.ndarray:
        """Return the background at a moment; that of the stretch which was asked for last is remembered."""
        stretch = _stretch_of(second)
        if self._known is None or self._known[0] is not source or self._known[1:3] != (video, stretch):
            first = max(stretch * _STRETCH - _BEYOND, 0.0)
            # Clips of a part of a movie tell the length of that part.
            end = length - 1 / source.probe(video).fps if second < length else math.inf
            last = max(min((stretch + 1) * _STRETCH + _BEYOND, end), first)
            slots = np.unique(((np.linspace(first, last, _FRAMES) - second) * _SLOTS).round().astype(int)).tolist()
            frames = list(source.frames(video, second, slots, _SLOTS, looked_at))
            self._known = source, video, stretch, background_of(frames)
        return self._known[3]

    def _boxes(self, frame: np.ndarray, background: np.ndarray | None, where: str) -> DetectedBoxes:
        """Return the boxes of a frame, [h, w, 3]; ``where`` it is, for a warning."""
        if background is None or background.shape != frame.shape:
            return DetectedBoxes(np.zeros((0, 4)), np.zeros(0, dtype=np.float32), [])
        moving = moving_pixels(frame, background)
        share = float(moving.mean())
        if share > _MOST:
            if not self._told:
                logger.warning(
                    "%s: %.0f%% of the picture moves, so the camera does, or the light changes; --detector motion "
                    "needs a fixed camera, and proposes nothing at such moments",
                    where,
                    100 * share,
                )
            self._told = True
            moving = np.zeros_like(moving)
        boxes, scores = moving_boxes(moving)
        use = np.flatnonzero(scores >= np.float32(self.wanted.score))[: self.wanted.max_per_frame]
        return DetectedBoxes(boxes[use], scores[use], [MOVING] * len(use))


class _Past:
    """Frames of the past, and the background that they show.

    Every frame is kept at first, later every second one, ...: so a background is there soon, and in the end of a time
    in which those who stand a while move on.
    """

    def __init__(self) -> None:
        self._frames: list[np.ndarray] = []
        self._step, self._count, self._new = 1, 0, 0
        self.background: np.ndarray | None = None

    def add(self, frame: np.ndarray) -> None:
        """Add the next frame, uint8 [h, w, 3]."""
        if self._frames and self._frames[0].shape != frame.shape:
            self._frames.clear()
        self._count += 1
        if self._count % self._step:
            return
        self._frames.append(frame)
        self._new += 1
        if len(self._frames) > _FRAMES:
            if self._step < _WIDEST:
                self._frames, self._step = self._frames[::2], 2 * self._step
            else:
                del self._frames[0]
        # A median of all of them takes as long as detecting on a hundred frames.
        if len(self._frames) >= _FEWEST and self._new >= len(self._frames) / 8:
            self.background, self._new = background_of(self._frames), 0


def _stretch_of(second: float) -> int:
    """Return the number of the stretch of a video, all of which has one background."""
    return math.floor(second / _STRETCH)


def _small(frame: np.ndarray) -> np.ndarray:
    shown = (frame.shape[1], frame.shape[0])
    size = looked_at(shown)
    return frame if size == shown else cv2.resize(frame, size, interpolation=cv2.INTER_LINEAR)
