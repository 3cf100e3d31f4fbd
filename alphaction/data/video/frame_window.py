"""Frames at an even rate that are in memory, or come from an iterator, as the source of clips."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import islice

import numpy as np

from alphaction.data.video.file import Size, VideoInfo
from alphaction.data.video.frame_times import TIME_TOLERANCE
from alphaction.data.video.timed_window import TimedWindow


class FrameWindow(TimedWindow):
    """The frames of one video at an even rate, of which only those around the moment are kept.

    Frame i is at i / ``fps`` seconds, and is taken when a moment needs it. Moments are read in ascending order, and
    what lies ``behind`` one is forgotten.

    Args:
        frames: uint8 [H, W, 3] RGB each, all of one size; taken as they are needed.
        fps: frames per second.
        name: of the video.
        behind: seconds before a moment that may still be read.
        count: number of frames; None: not known.
    """

    def __init__(
        self,
        frames: Iterable[np.ndarray],
        fps: float,
        name: str,
        behind: float = math.inf,
        count: int | None = None,
    ) -> None:
        super().__init__(name, fps)
        self._frames, self._behind_moment, self._count = iter(frames), behind, count

    def reaches(self, second: float) -> bool:
        """Return whether there is a frame at ``second``, or later; takes frames up to there."""
        return self._take_to(math.ceil(second * self.fps - TIME_TOLERANCE))

    def frames(
        self, video: str, second: float, slots: Sequence[int], fps: float, size: Callable[[Size], Size] | None = None
    ) -> Iterator[np.ndarray]:
        if not self.reaches(second):
            raise self._too_late(second)
        self._forget(second - self._behind_moment)
        for slot in slots[-1:]:
            last = second + slot / (fps or self.fps)
            self._take_to(math.ceil(last * self.fps - 0.5 - TIME_TOLERANCE * self.fps))
        yield from super().frames(video, second, slots, fps, size)

    def _probe(self, video: str) -> VideoInfo:
        self._take_to(0)
        info = super()._probe(video)
        return info if self._count is None else replace(info, duration=self._count / self.fps, frames=self._count)

    def _take_to(self, number: int) -> bool:
        """Take frames up to ``number``; return whether there is one of that number."""
        while not self._ended and self.taken <= number:
            found = list(islice(self._frames, 1))
            for frame in found:
                self.add(self.taken / self.fps, frame)
            if not found:
                self.end()
        return self.taken > number
