"""Where the frames of a live prediction come from: a camera, an address, a file or an iterator, all read one way.

A thread of its own reads. From what is live (a camera, a stream at an address) it takes every frame when it comes: the
newest one is for whoever asks next, and those that nobody took are counted. From anything else it reads a few frames
ahead and waits. So no camera ever waits for a network, and no frame of a file is left out.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import cv2
import numpy as np

from alphaction.data.video.addresses import scheme_of
from alphaction.data.video.file import VIDEO_SUFFIXES, Size
from alphaction.data.video.timed_frame import TimedFrame
from alphaction.data.video.timed_window import TimedWindow
from alphaction.utils import limits
from alphaction.utils.errors import DataError, UserError
from alphaction.utils.files import require_file
from alphaction.utils.logging import get_logger
from alphaction.workflows.live.address import AddressReader
from alphaction.workflows.live.camera import CameraReader, CaptureReader
from alphaction.workflows.live.reader import FileReader, FramesReader, Reader, Shot
from alphaction.workflows.live.reopening import reopening

# Frames that are read ahead of whoever takes them, where nothing is dropped.
_AHEAD = 4
# Seconds for which the end waits for a reader that hangs in a driver or a socket.
_PATIENCE = 2.0


class LiveSource:
    """Frames as they come, and the last seconds of them.

    Args:
        reader: what is read; opened here.
        keep: seconds that the window keeps.
        reconnect: seconds for which what is live is opened again once it is lost.
        stored: (width, height) of the frames -> at which the window keeps them; None: as they are.

    Attributes:
        title: what messages call it; without the password of an address.
        size: (width, height) of the frames in pixels. Frames that come in another size later are resized to it.
        fps: frames per second, nominal.
        is_live: frames that nobody takes are dropped; otherwise reading waits for who takes them.
        window: the last ``keep`` seconds, from which clips are read by time. Of what is live, all frames up to the
            newest one are in it; otherwise those up to the one that was taken last.
        dropped: frames that nobody took; they are in the window, too.
        reconnects: how often it was opened again.
        decode_seconds: seconds of CPU that reading, decoding and converting to RGB took so far.

    Raises:
        UserError: it cannot be opened, holds no video, or its frames are too large to keep so many.
    """

    def __init__(
        self, reader: Reader, keep: float, reconnect: float = 30.0, stored: Callable[[Size], Size] | None = None
    ) -> None:
        self._reader, self._reconnect = reader, reconnect
        self.title = reader.title
        self.dropped = self.reconnects = 0
        self.decode_seconds = 0.0
        self._waiting: deque[tuple[TimedFrame, bool]] = deque()
        self._changed = threading.Condition()
        self._stopped = threading.Event()
        self._over = False
        self._first_size: Size | None = None
        self._told_size = False
        self._error: BaseException | None = None
        reader.open(limits.STREAM_ANSWER_SECONDS)
        self.is_live, self.fps = reader.is_live, reader.fps
        self.window = TimedWindow(self.title, self.fps, keep, most_bytes=limits.LIVE_BYTES, stored=stored)
        self._thread = threading.Thread(target=self._read, name=f"reads {self.title}", daemon=True)
        self._thread.start()
        with self._changed:
            self._changed.wait_for(lambda: self._waiting or self._over)
            first = self._waiting[0][0].image if self._waiting else None
        if first is None:
            self.close()
            raise self._error or DataError(f"{self.title}: it ends before its first frame")
        self.size: Size = (first.shape[1], first.shape[0])
        self._require_room(keep, stored)

    @property
    def corrupt(self) -> int:
        """How many packets or frames were damaged, and left out."""
        return self._reader.corrupt

    def frames(self) -> Iterator[TimedFrame]:
        """Yield the newest frame that was not taken yet, or, of what is not live, the next one.

        It waits for frames, and ends with the stream, or soon after :meth:`close`.

        Raises:
            UserError: the stream was lost, or cannot be read any more; after the last frame.
        """
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._waiting or self._over)
                if not self._waiting:
                    break
                frame, interrupted = self._waiting.popleft()
                self._changed.notify_all()
            if not self.is_live:
                self.window.add(frame.time, frame.image, interrupted=interrupted)
            yield frame
        self.window.end()
        if self._error is not None:
            raise self._error

    def close(self) -> None:
        """Stop reading; frames that are not taken yet are forgotten."""
        self._stopped.set()
        with self._changed:
            self._waiting.clear()
            self._changed.notify_all()
        self._thread.join(_PATIENCE)

    def _read(self) -> None:
        """Read until the end: what the thread does."""
        try:
            for number, shot in enumerate(reopening(self._reader, self._reconnect, self._stopped, self._tell_reopened)):
                self._put(number, shot)
                self.decode_seconds = time.thread_time()
                if self._stopped.is_set():
                    break
        except BaseException as error:
            self._error = error
        finally:
            self._reader.close()
            if self.is_live:
                self.window.end()
            with self._changed:
                self._over = True
                self._changed.notify_all()

    def _put(self, number: int, shot: Shot) -> None:
        """Let a frame be taken."""
        frame = TimedFrame(number, shot.time, self._in_one_size(shot), shot.arrived)
        if self.is_live:
            self.window.add(frame.time, frame.image, interrupted=shot.interrupted)
        with self._changed:
            if self.is_live:
                self.dropped += len(self._waiting)
                self._waiting.clear()
            else:
                self._changed.wait_for(lambda: len(self._waiting) < _AHEAD or self._stopped.is_set())
            if not self._stopped.is_set():
                self._waiting.append((frame, shot.interrupted))
            self._changed.notify_all()

    def _in_one_size(self, shot: Shot) -> np.ndarray:
        """Return the frame in the size of the first one."""
        height, width = shot.image.shape[:2]
        if self._first_size is None:
            self._first_size = (width, height)
        if (width, height) == self._first_size:
            return shot.image
        if not self._told_size:
            self._told_size = True
            get_logger().warning(
                "%s: from second %.1f on its frames are %dx%d; they are resized to %dx%d, as the first ones were",
                self.title,
                shot.time,
                width,
                height,
                *self._first_size,
            )
        return cv2.resize(shot.image, self._first_size, interpolation=cv2.INTER_LINEAR)

    def _tell_reopened(self) -> None:
        self.reconnects += 1

    def _require_room(self, keep: float, stored: Callable[[Size], Size] | None) -> None:
        """Refuse frames of which so many seconds do not fit into the memory that they may take."""
        width, height = self.size if stored is None else stored(self.size)
        needed = keep * self.fps * width * height * 3
        if needed > limits.LIVE_BYTES:
            self.close()
            raise UserError(
                f"{self.title}: {keep:.1f} s of {width}x{height} frames, {self.fps:g} a second, are "
                f"{needed / 2**30:.1f} GB, and at most {limits.LIVE_BYTES >> 30} GB are kept. Let the camera send "
                "smaller or fewer frames."
            )


def is_live_address(video: str) -> bool:
    """Return whether this names a camera ("0") or an address ("rtsp://..."), not a file (which "./0" does)."""
    return _is_number(video) or scheme_of(video) is not None


def _is_number(video: str) -> bool:
    return video.isascii() and video.isdecimal()


def open_live(
    video: str | int | Path | cv2.VideoCapture | Iterable[np.ndarray],
    *,
    keep: float,
    fps: float | None = None,
    name: str = "frames",
    reconnect: float = 30.0,
    stored: Callable[[Size], Size] | None = None,
) -> LiveSource:
    """Return a source that is open: its first frame is there.

    Args:
        video: number of a camera, address, file, OpenCV's reader, or frames (uint8 [H, W, 3] RGB).
        keep: seconds of frames that the window keeps, at least those of a clip and of the time until it is read.
        fps: of an iterator's frames.
        name: what frames, or OpenCV's reader, are called.
        reconnect: seconds for which a camera or an address that was lost is opened again; 0: its end is the end.
        stored: (width, height) of the frames -> at which the window keeps them, where all readers want that.

    Raises:
        UserError: it cannot be opened, or holds no video.
    """
    if isinstance(video, cv2.VideoCapture):
        reader: Reader = CaptureReader(video, name)
    elif isinstance(video, int) or (isinstance(video, str) and _is_number(video)):
        reader = CameraReader(int(video))
    elif isinstance(video, str) and scheme_of(video) is not None:
        reader = AddressReader(video)
    elif isinstance(video, str | Path):
        require_file("--video", Path(video), VIDEO_SUFFIXES)
        reader = FileReader(Path(video))
    elif fps is None:
        raise UserError("fps= is missing: frames alone do not tell how many there are a second. Give it: fps=25, say.")
    else:
        reader = FramesReader(video, fps, name)
    return LiveSource(reader, keep, reconnect, stored)
