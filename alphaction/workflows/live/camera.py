"""Frames of a camera of this machine, through OpenCV."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import cv2
import numpy as np

from alphaction.data.video.stream_clock import StreamClock
from alphaction.utils import limits
from alphaction.utils.errors import DataError
from alphaction.utils.messages import listed
from alphaction.workflows.live.reader import LostError, Reader, Shot

# Where Linux lists cameras.
_DEVICES = Path("/sys/class/video4linux")
# Frames per second of a camera that does not tell.
_USUAL_RATE = 30.0


class CameraReader(Reader):
    """A camera, by its number.

    Args:
        number: from 0.
        connect: number -> OpenCV's reader; None: of a camera of this machine.
    """

    is_live = True

    def __init__(self, number: int, connect: Callable[[int], cv2.VideoCapture] | None = None) -> None:
        self.title = f"camera {number}"
        self._number = number
        self._connect = connect or cv2.VideoCapture
        self._capture: cv2.VideoCapture | None = None
        self._clock = StreamClock()

    def open(self, wait: float) -> None:
        self.close()
        with _quiet_opencv():
            capture = self._connect(self._number)
        if not capture.isOpened():
            capture.release()
            raise DataError(f"{self.title}: there is no such camera, or another program uses it. {_cameras()}")
        self._capture = capture
        self.fps = rate_of_capture(capture) or _USUAL_RATE

    def shots(self) -> Iterator[Shot]:
        latest = 0.0
        for image in captured(self._capture):
            arrived = time.monotonic()
            latest = self._clock.time(None, arrived)
            yield Shot(latest, image, arrived)
        raise LostError(f"{self.title}: lost after {latest:.1f} s. Was it unplugged?")

    def close(self) -> None:
        if self._capture is not None:
            self._capture.release()
            self._capture = None


class CaptureReader(Reader):
    """OpenCV's reader that a program has opened, of a camera or a file; nobody but the program can open it again.

    Args:
        capture: OpenCV's reader.
        title: what messages call it.
    """

    def __init__(self, capture: cv2.VideoCapture, title: str) -> None:
        self.title, self._capture = title, capture

    def open(self, wait: float) -> None:
        if not self._capture.isOpened():
            raise DataError(
                f"{self.title}: the VideoCapture is not open: OpenCV found no such camera or file, or it was released"
            )
        # Files say how many frames they have.
        self.is_live = self._capture.get(cv2.CAP_PROP_FRAME_COUNT) <= 0
        self.fps = rate_of_capture(self._capture) or _USUAL_RATE

    def shots(self) -> Iterator[Shot]:
        clock = StreamClock(None if self.is_live else 1 / self.fps)
        for image in captured(self._capture):
            arrived = time.monotonic()
            yield Shot(clock.time(None, arrived), image, arrived)

    def close(self) -> None:
        pass


def captured(capture: cv2.VideoCapture) -> Iterator[np.ndarray]:
    """Yield the frames of OpenCV's reader, uint8 [H, W, 3] RGB; those that were read from it before are gone."""
    while (found := capture.read())[0]:
        image = found[1]
        if image.ndim == 2 or image.shape[2] == 1:
            yield cv2.cvtColor(image, cv2.COLOR_GRAY2RGB)
        else:
            yield cv2.cvtColor(image, cv2.COLOR_BGRA2RGB if image.shape[2] == 4 else cv2.COLOR_BGR2RGB)


def rate_of_capture(capture: cv2.VideoCapture) -> float | None:
    """Return the frames per second that OpenCV's reader tells; None: it tells none, or what cannot be."""
    rate = capture.get(cv2.CAP_PROP_FPS)
    return rate if 0 < rate <= limits.FRAMES_PER_SECOND else None


def _cameras() -> str:
    """Return a sentence on the cameras that there are, as far as the system tells."""
    if not _DEVICES.parent.is_dir():
        return "The first camera is --video 0."
    found = sorted(_DEVICES.glob("video*")) if _DEVICES.is_dir() else []
    if not found:
        return (
            "This machine has none (no /dev/video*). A network camera is taken by its address, --video rtsp://...; a "
            "container has to be given the camera (docker run --device /dev/video0)."
        )
    names = [f"{device.name.removeprefix('video')} ({_name_of(device)})" for device in found]
    return f"This machine has {listed(names)}; a camera may have several numbers, of which only some give frames."


def _name_of(device: Path) -> str:
    try:
        return (device / "name").read_text(encoding="utf-8", errors="replace").strip()
    except OSError:
        return "no name"


@contextmanager
def _quiet_opencv() -> Iterator[None]:
    """Keep OpenCV from writing its own words on what is told as an error."""
    before = cv2.utils.logging.getLogLevel()
    cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)
    try:
        yield
    finally:
        cv2.utils.logging.setLogLevel(before)
