"""What a live source reads from, and the readers of files and of frames in memory."""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import av
import numpy as np

from alphaction.data.video.frame_converter import FrameConverter
from alphaction.data.video.intact_frames import IntactFrames
from alphaction.data.video.open_video import OpenVideo
from alphaction.data.video.opening import BrokenVideoError, failures_of, rate_of
from alphaction.data.video.stream_clock import StreamClock
from alphaction.utils.errors import DataError, UserError


class Shot(NamedTuple):
    """A frame as it was read.

    Attributes:
        time: seconds since the first one; of a file, those that it says.
        image: uint8 [H, W, 3] RGB.
        arrived: when, by :func:`time.monotonic`.
        interrupted: nothing was seen between the one before and this one.
    """

    time: float
    image: np.ndarray
    arrived: float
    interrupted: bool = False


class LostError(DataError):
    """A stream that was open gives no more frames, though nobody ended it."""


class Reader(ABC):
    """Reads frames, one after the other.

    Attributes:
        title: what messages call it.
        is_live: whether frames come whether or not somebody takes them, and it may be opened again once it is lost.
        fps: frames per second, nominal; known once it is open.
    """

    title: str
    is_live: bool = False
    fps: float = 25.0

    @property
    def corrupt(self) -> int:
        """How many packets or frames were damaged, and left out."""
        return 0

    @abstractmethod
    def open(self, wait: float) -> None:
        """Open it, or open it again.

        Args:
            wait: seconds for an answer.

        Raises:
            UserError: it does not open.
        """

    @abstractmethod
    def shots(self) -> Iterator[Shot]:
        """Yield the frames until the stream ends.

        Raises:
            LostError: it was interrupted.
            UserError: it cannot be read.
        """

    @abstractmethod
    def close(self) -> None:
        """Close it; nothing happens if it is closed."""


class FramesReader(Reader):
    """Frames from a program, at an even rate.

    Args:
        frames: uint8 [H, W, 3] RGB each.
        fps: frames per second.
        title: what messages call them.
    """

    def __init__(self, frames: Iterable[np.ndarray], fps: float, title: str) -> None:
        self.title, self.fps = title, fps
        self._frames = iter(frames)

    def open(self, wait: float) -> None:
        pass

    def shots(self) -> Iterator[Shot]:
        for number, frame in enumerate(self._frames):
            if not (isinstance(frame, np.ndarray) and frame.dtype == np.uint8 and frame.shape[2:] == (3,)):
                given = f"{frame.dtype} {list(frame.shape)}" if isinstance(frame, np.ndarray) else type(frame).__name__
                raise UserError(f"{self.title}: frame {number} is {given}, expected uint8 [height, width, 3], RGB")
            yield Shot(number / self.fps, frame, time.monotonic())

    def close(self) -> None:
        pass


class FileReader(Reader):
    """A file, whose frames have the times that they have in every other reader of it.

    Args:
        path: the file.
    """

    def __init__(self, path: Path) -> None:
        self.title, self._path = str(path), path
        self._video: OpenVideo | None = None
        self._intact = IntactFrames(self.title)

    @property
    def corrupt(self) -> int:
        return self._intact.corrupt

    def open(self, wait: float) -> None:
        with self._explained():
            self._video = OpenVideo(self._path)
            self._video.require_careful()
            with failures_of(self._path, "its header cannot be read"):
                self.fps = rate_of(self._video.stream)

    def shots(self) -> Iterator[Shot]:
        video = self._video
        clock = StreamClock(1 / self.fps, video.origin)
        with self._explained(), failures_of(self._path, "decoding fails"):
            for frame, image in converted(self._intact.decode(video.packets()), self._path):
                stamp = None if video.is_counted else frame.time
                arrived = time.monotonic()
                yield Shot(clock.time(stamp, arrived), image, arrived)

    def close(self) -> None:
        if self._video is not None:
            self._video.close()

    @contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except BrokenVideoError as error:
            raise DataError(f"{self.title}: {error.clause}. {error.remedy or 'Copy or download it again.'}") from error


def converted(frames: Iterable[av.VideoFrame], path: Path) -> Iterator[tuple[av.VideoFrame, np.ndarray]]:
    """Yield frames with their pixels as they are shown, uint8 [H, W, 3] RGB, each in its own size.

    Args:
        frames: decoded.
        path: the video, for errors.
    """
    size, convert = None, None
    for frame in frames:
        if size != (frame.width, frame.height, frame.rotation):
            size, convert = (frame.width, frame.height, frame.rotation), FrameConverter(None, path)
        yield frame, convert(frame)
