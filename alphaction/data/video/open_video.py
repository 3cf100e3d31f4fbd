"""The video stream of an open file: going to a time in it, and decoding from there."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import av
import numpy as np

from alphaction.data.video.opening import (
    BrokenVideoError,
    failures_of,
    open_container,
    open_quickly,
    video_stream,
)
from alphaction.utils import limits


class OpenVideo:
    """A file that is open for reading, somewhere in its video stream.

    Args:
        path: the file.

    Attributes:
        container: its container; another one after :meth:`rewind` and :meth:`require_careful`.
        stream: the video stream of that.
        origin: the stream's own time, in seconds, at which the container starts; 0 if it does not say.
        is_counted: frames have no times: they are taken as evenly spaced, and every seek goes to the beginning.

    Raises:
        BrokenVideoError: if the file cannot be opened or holds no video.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._quickly = True
        self._open()
        with failures_of(self.path, "its header cannot be read"):
            start = self.container.start_time
            self.origin = 0.0 if start is None else start / av.time_base
            decoding_order = self.container.format.name == "avi" and self.stream.codec_context.has_b_frames
            self.is_counted = start is None or bool(decoding_order)

    def _open(self) -> None:
        if self._quickly:
            self.container, self._quickly = open_quickly(self.path)
        else:
            self.container = open_container(self.path)
        try:
            self.stream = video_stream(self.container, self.path)
        except BrokenVideoError:
            self.container.close()
            raise
        self._fresh = True

    def close(self) -> None:
        """Close the file."""
        self.container.close()

    def require_careful(self) -> None:
        """Open the file so that its decoder is ready for frames whose order is unknown."""
        if self._quickly:
            self._quickly = False
            self.close()
            self._open()

    def seek(self, time: float) -> None:
        """Go to the last key frame at or before ``time`` seconds; to the beginning where frames are counted."""
        if self.is_counted:
            self.rewind()
            return
        self._fresh = False
        position = (max(time, 0.0) + self.origin) / self.stream.time_base
        self.container.seek(int(np.floor(position)), stream=self.stream, backward=True)

    def rewind(self) -> None:
        """Go to the very beginning. Opening again is the one way that every container allows."""
        if not self._fresh:
            self.close()
            self._open()

    def packets(self) -> Iterator[av.Packet]:
        """Return what follows, in decoding order; it ends with an empty packet."""
        self._fresh = False
        return self.container.demux(self.stream)

    def decode(self) -> Iterator[av.VideoFrame]:
        """Yield all frames that follow.

        Raises:
            BrokenVideoError: if too many packets hold none.
        """
        without_frame = 0
        for packet in self.packets():
            frames = packet.decode()
            without_frame = 0 if frames else without_frame + 1
            if without_frame > limits.PACKETS_WITHOUT_FRAME:
                raise BrokenVideoError(f"{without_frame} packets in a row hold no frame", self.path)
            yield from frames
