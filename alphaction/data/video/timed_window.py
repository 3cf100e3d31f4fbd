"""The last frames of a stream, each with its time, as the source of clips."""

from __future__ import annotations

import math
import threading
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np

from alphaction.data.video.clip_source import ClipSource, Origin, VideoCheck
from alphaction.data.video.file import Size, VideoInfo
from alphaction.data.video.frame_times import TIME_TOLERANCE, nearest_position
from alphaction.utils.errors import DataError


class _Kept(NamedTuple):
    """A frame that is kept: its time in seconds, pixels, and the number of interruptions before it."""

    time: float
    image: np.ndarray
    part: int


class TimedWindow(ClipSource):
    """The last seconds of one video, whose frames come one after the other at any times.

    A slot's frame is the one nearest to its time, as in files. An interruption is an end and a beginning: a clip has
    frames of the side that its moment is on, and the last or first one of them repeats beyond that.

    Frames may be added by one thread while others read.

    Args:
        name: of the video.
        fps: frames per second, nominal.
        behind: seconds before the newest frame but one that can be read.
        most_bytes: of all frames; older ones are forgotten earlier then.
        stored: (width, height) of the video -> at which frames are kept, if all readers want that; None: as they are.
    """

    def __init__(
        self,
        name: str,
        fps: float,
        behind: float = math.inf,
        *,
        most_bytes: float = math.inf,
        stored: Callable[[Size], Size] | None = None,
    ) -> None:
        super().__init__(Path())
        self.fps, self.name, self._behind, self._most_bytes, self._stored = fps, name, behind, most_bytes, stored
        self._kept: deque[_Kept] = deque()
        self._bytes = 0
        self._part = 0
        self._forgotten = 0  # frames
        self._ended = False
        self._size: Size | None = None  # as they were added
        self._lock = threading.Lock()

    def add(self, time: float, image: np.ndarray, *, interrupted: bool = False) -> None:
        """Add the next frame, and forget what is too old.

        Args:
            time: seconds, above those of the frames before.
            image: uint8 [H, W, 3] RGB, of one size always; not to be changed any more.
            interrupted: there was an interruption between the frame before and this one.
        """
        if self._size is None:
            self._size = (image.shape[1], image.shape[0])
        image = _resized(image, self._stored)
        with self._lock:
            self._part += interrupted
            last = self._kept[-1].time if self._kept else time
            self._kept.append(_Kept(time, image, self._part))
            self._bytes += image.nbytes
            # Counted from the frame before: this one may be long after it, and moments in between were not read yet.
            self._forget(last - self._behind)
            while self._bytes > self._most_bytes and len(self._kept) > 1:
                self._drop()

    def end(self) -> None:
        """Say that no frame follows."""
        self._ended = True

    @property
    def taken(self) -> int:
        """How many frames were added so far."""
        return self._forgotten + len(self._kept)

    def covers(self, second: float, before: float = 0.0, after: float = 0.0) -> bool:
        """Return whether a clip from ``before`` to ``after`` seconds around ``second`` can be read, and stays the same.

        It can where nothing of it is forgotten, or still to come: at the end, or before an interruption, the last
        frame repeats.
        """
        with self._lock:
            if not self._kept or second > self._reach() + TIME_TOLERANCE or self._gap_at(second) is not None:
                return False
            if self._forgotten and second - before < self._kept[0].time - TIME_TOLERANCE:
                return False
            last = self._kept[-1]
            complete = self._ended or last.time >= second + after - TIME_TOLERANCE
            return complete or last.part != self._part_of(second)

    def frames(
        self, video: str, second: float, slots: Sequence[int], fps: float, size: Callable[[Size], Size] | None = None
    ) -> Iterator[np.ndarray]:
        times = [second + slot / (fps or self.fps) for slot in slots]
        with self._lock:
            chosen = self._choose(second, times)
        target = None if size is None or self._size is None else size(self._size)
        last: tuple[_Kept, np.ndarray] | None = None
        for kept in chosen:
            if last is None or last[0] is not kept:
                last = kept, _resized(kept.image, None if target is None else lambda _: target)
            yield last[1]

    def origin(self, video: str, second: float, slots: Sequence[int], fps: float) -> Origin:
        raise DataError(f"{self.name}: its frames are in memory, and no file holds them")

    def check(self, video: str, seconds: np.ndarray, decode: bool = True) -> VideoCheck:
        return VideoCheck(video, None, seconds, self.probe(video))

    def _probe(self, video: str) -> VideoInfo:
        if self._size is None:
            raise DataError(f"{self.name}: there are no frames")
        return VideoInfo(*self._size, self.fps, None, None)

    def _choose(self, second: float, times: Sequence[float]) -> list[_Kept]:
        """Return the frame of each of ``times``, which are around ``second``."""
        kept = list(self._kept)
        if not kept or second > self._reach() + TIME_TOLERANCE:
            raise self._too_late(second)
        if (gap := self._gap_at(second)) is not None:
            raise DataError(
                f"{self.name}: nothing was seen at second {second:g}, as it was interrupted from {gap[0]:.2f} to "
                f"{gap[1]:.2f} s"
            )
        if self._forgotten and times and times[0] < kept[0].time - TIME_TOLERANCE:
            raise DataError(
                f"{self.name}: its frames before {kept[0].time:.2f} s are forgotten, and a clip around second "
                f"{second:g} needs them: moments are read in ascending order, and soon"
            )
        part = self._part_of(second)
        own = [frame for frame in kept if frame.part == part]
        seconds = [frame.time for frame in own]
        return [own[nearest_position(seconds, time)] for time in times]

    def _reach(self) -> float:
        """Return the latest second that can be read: that of the last frame, which at the end is shown for a while."""
        return self._kept[-1].time + (1 / self.fps if self._ended else 0.0)

    def _too_late(self, second: float) -> DataError:
        end = self._kept[-1].time + 1 / self.fps if self._kept else 0.0
        return DataError(f"{self.name}: ends at {end:.2f} s, before second {second:g}")

    def _part_of(self, second: float) -> int:
        """Return the part that the moment is in: the last that begins at or before it."""
        parts = [frame.part for frame in self._kept if frame.time <= second + TIME_TOLERANCE]
        return parts[-1] if parts else self._kept[0].part

    def _gap_at(self, second: float) -> tuple[float, float] | None:
        """Return the ends of the interruption that the moment is in; None: it is in none."""
        last: _Kept | None = None
        for frame in self._kept:
            # A frame is shown until the next one would have come.
            after = last is not None and frame.part != last.part and last.time + 1 / self.fps < second
            if after and second < frame.time - TIME_TOLERANCE:
                return last.time, frame.time
            last = frame
        return None

    def _forget(self, before: float) -> None:
        """Forget the frames that no time from ``before`` on is nearest to."""
        while len(self._kept) > 1 and self._kept[1].time <= before:
            self._drop()

    def _drop(self) -> None:
        self._bytes -= self._kept.popleft().image.nbytes
        self._forgotten += 1


def _resized(frame: np.ndarray, size: Callable[[Size], Size] | None) -> np.ndarray:
    """Return the frame in its new size, as frames of files are resized."""
    shown = (frame.shape[1], frame.shape[0])
    wanted = shown if size is None else size(shown)
    return frame if wanted == shown else cv2.resize(frame, wanted, interpolation=cv2.INTER_LINEAR)
