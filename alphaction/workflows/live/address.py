"""Frames of a stream at an address: rtsp://, http://, ..."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import av

from alphaction.data.video.addresses import open_address, without_password
from alphaction.data.video.intact_frames import IntactFrames
from alphaction.data.video.opening import BrokenVideoError, rate_of, reason, video_stream
from alphaction.data.video.stream_clock import StreamClock
from alphaction.utils.errors import DataError
from alphaction.workflows.live.reader import LostError, Reader, Shot, converted

# Seconds that a video may end before its header says.
_EARLY = 1.0


class AddressReader(Reader):
    """A stream; or a video file on a server, which says how long or how large it is and is read like any file.

    Args:
        address: of the stream.
    """

    def __init__(self, address: str) -> None:
        self.title = without_password(address)
        self._address = address
        self._container: av.container.InputContainer | None = None
        self._intact = IntactFrames(self.title)
        self._clock: StreamClock | None = None
        self._length: float | None = None  # seconds

    @property
    def corrupt(self) -> int:
        return self._intact.corrupt

    def open(self, wait: float) -> None:
        self.close()
        container = open_address(self._address, wait)
        try:
            self._stream = video_stream(container, Path(self.title))
        except BrokenVideoError as error:
            kinds = ", ".join(sorted({stream.type for stream in container.streams})) or "nothing"
            container.close()
            raise DataError(f"{self.title}: {error.clause} (what it holds: {kinds})") from error
        self._container = container
        if self._clock is None:
            self.fps = rate_of(self._stream)
            self._length = None if container.duration is None else container.duration / av.time_base
            self.is_live = self._length is None and container.size <= 0
            self._clock = StreamClock() if self.is_live else StreamClock(1 / self.fps)
        else:
            self._clock.interrupt()

    def shots(self) -> Iterator[Shot]:
        latest: float | None = None
        try:
            for frame, image in converted(self._intact.decode(self._packets()), Path(self.title)):
                arrived = time.monotonic()
                latest = self._clock.time(frame.time, arrived)
                yield Shot(latest, image, arrived)
        except (av.FFmpegError, OSError) as error:
            where = "no frame can be read" if latest is None else f"lost after {latest:.1f} s"
            # Not from the error: its text has the password.
            raise LostError(f"{self.title}: {where} ({_in_words(error)})") from None
        if latest is not None and self._length is not None and latest + _EARLY < self._length:
            raise LostError(f"{self.title}: lost after {latest:.1f} of {self._length:.1f} s: the connection was closed")

    def _packets(self) -> Iterator[av.Packet]:
        return self._container.demux(self._stream)

    def close(self) -> None:
        if self._container is not None:
            self._container.close()
            self._container = None


def _in_words(error: Exception) -> str:
    return "no answer" if isinstance(error, av.error.ExitError) else reason(error)
