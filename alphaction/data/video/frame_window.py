"""Frames that are in memory, or come one after the other, as the source of clips."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path

import cv2
import numpy as np

from alphaction.data.video.clip_source import ClipSource, Origin, VideoCheck
from alphaction.data.video.file import Size, VideoInfo
from alphaction.data.video.frame_times import TIME_TOLERANCE
from alphaction.utils.errors import DataError


class FrameWindow(ClipSource):
    """The frames of one video at an even rate, of which only those around the moment are kept.

    Frame i is at i / ``fps`` seconds. Moments are read in ascending order, and what lies ``behind`` one is forgotten.

    Args:
        frames: uint8 [H, W, 3] RGB each, all of one size; taken as they are needed.
        fps: frames per second.
        name: of the video.
        behind: seconds before a moment that may still be read.
    """

    def __init__(self, frames: Iterable[np.ndarray], fps: float, name: str, behind: float = math.inf) -> None:
        super().__init__(Path())
        self.fps, self.name, self._behind = fps, name, behind
        self._frames = iter(frames)
        self._kept: deque[np.ndarray] = deque()
        self._first = 0  # number of the first frame that is kept
        self._ended = False

    def reaches(self, second: float) -> bool:
        """Return whether there is a frame at ``second``, or later; takes frames up to there."""
        return self._take_to(math.ceil(second * self.fps - TIME_TOLERANCE))

    @property
    def taken(self) -> int:
        """How many frames were taken so far: all of them once :meth:`reaches` was False."""
        return self._first + len(self._kept)

    def frames(
        self, video: str, second: float, slots: Sequence[int], fps: float, size: Callable[[Size], Size] | None = None
    ) -> Iterator[np.ndarray]:
        if not self.reaches(second):
            raise DataError(f"{self.name}: ends at {self.taken / self.fps:.2f} s, before second {second:g}")
        # Nothing is lost that the next moment, which is later, needs.
        while self._kept and self._first + 2 < (second - self._behind) * self.fps:
            self._kept.popleft()
            self._first += 1
        last: tuple[int, np.ndarray] | None = None
        for slot in slots:
            number = self._nearest(second + slot / (fps or self.fps))
            if last is None or last[0] != number:
                last = number, _resized(self._kept[number - self._first], size)
            yield last[1]

    def origin(self, video: str, second: float, slots: Sequence[int], fps: float) -> Origin:
        raise DataError(f"{self.name}: its frames are in memory, and no file holds them")

    def check(self, video: str, seconds: np.ndarray, decode: bool = True) -> VideoCheck:
        return VideoCheck(video, None, seconds, self.probe(video))

    def _probe(self, video: str) -> VideoInfo:
        if not self._take_to(0):
            raise DataError(f"{self.name}: there are no frames")
        height, width = self._kept[0].shape[:2]
        return VideoInfo(width, height, self.fps, None, None)

    def _take_to(self, number: int) -> bool:
        """Take frames up to ``number``; return whether there is one of that number."""
        while not self._ended and self.taken <= number:
            found = list(islice(self._frames, 1))
            self._kept += found
            self._ended = not found
        return self.taken > number

    def _nearest(self, time: float) -> int:
        """Return the number of the frame nearest to ``time``; of two equally near, the earlier. The ends repeat."""
        number = max(math.ceil(time * self.fps - 0.5 - TIME_TOLERANCE * self.fps), 0)
        self._take_to(number)
        number = min(number, self.taken - 1)
        if number < self._first:
            raise ValueError(f"frame {number} of {self.name} is forgotten: moments are read in ascending order")
        return number


def _resized(frame: np.ndarray, size: Callable[[Size], Size] | None) -> np.ndarray:
    """Return the frame in its new size, as frames of files are resized."""
    shown = (frame.shape[1], frame.shape[0])
    wanted = shown if size is None else size(shown)
    return frame if wanted == shown else cv2.resize(frame, wanted, interpolation=cv2.INTER_LINEAR)
