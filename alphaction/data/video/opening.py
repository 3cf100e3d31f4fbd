"""The one place where a video is opened for reading, and where every failure of PyAV becomes one kind of error.

A file may be damaged, or written by an attacker: only containers of videos are opened, never a playlist that names
other files or addresses, tags need not be UTF-8, no frame may be larger than any camera's, and no wait is without end.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import av
import cv2

from alphaction.utils import limits
from alphaction.utils.errors import DataError
from alphaction.utils.messages import counted

# All that PyAV and OpenCV were seen to raise on damaged files: decoding text, odd fractions, sizes beyond C's.
_FAILURES = (
    av.FFmpegError, OSError, ValueError, ArithmeticError, TypeError, AttributeError, LookupError, RuntimeError,
    MemoryError, EOFError, cv2.error,
)  # fmt: skip
# Demuxers of files that hold all that they show. Playlists (hls, dash, concat, sdp) would open whatever they name.
CONTAINERS = ",".join(
    (
        "mov", "mp4", "matroska", "webm", "avi", "mpeg", "mpegts", "mpegtsraw", "mpegvideo", "asf", "asf_o", "flv",
        "live_flv", "kux", "ogg", "mjpeg", "mpjpeg", "h264", "hevc", "m4v", "vvc", "obu", "av1", "ivf", "vc1",
        "vc1test", "h261", "h263", "dirac", "dv", "mxf", "nut", "gif", "rm", "wtv", "yuv4mpegpipe", "nsv",
        "nuv", "gxf", "swf", "mp3", "aac", "wav", "flac",
    )
)  # fmt: skip
_OPTIONS = {"format_whitelist": CONTAINERS, "max_pixels": str(limits.FRAME_PIXELS)}
# How the containers of the MP4 family begin: their header says all that others are searched for.
_MP4_MARK = (4, b"ftyp")
# While a file is opened ffmpeg decodes frames of H.264 to learn how many of them are out of order.
_WITHOUT_DECODING = {"skip_frame": "all"}
# From PyAV 19 on no tag fails to decode, and the argument is gone.
LENIENT_TAGS = {"metadata_errors": "replace"} if int(av.__version__.split(".")[0]) < 19 else {}


class BrokenVideoError(DataError):
    """A file cannot be opened or decoded.

    Args:
        clause: what is wrong, in words that name neither file nor remedy.
        path: the file.
        remedy: sentences; "": those for a damaged file.
    """

    def __init__(self, clause: str, path: Path | None = None, remedy: str = "") -> None:
        self.clause, self.remedy = clause, remedy
        super().__init__(clause if path is None else self.explain(path))

    def explain(self, path: Path, second: float | None = None) -> str:
        """Return the whole message.

        Args:
            path: the file.
            second: the keyframe for which it was read.
        """
        where = "" if second is None else f" (wanted for second {second})"
        remedy = self.remedy or (
            "The file is damaged, incomplete or no video: copy or download it again, or repair it with "
            f"ffmpeg -i {shlex.quote(str(path))} -c:v libx264 {shlex.quote(f'{path.stem}_repaired.mp4')} "
            "and put that file in its place."
        )
        leave_out = "To leave it out, remove its rows from the annotations."
        return f"{path}{where}: {self.clause}; PyAV {av.__version__}. {remedy} {leave_out}"


@contextmanager
def failures_of(path: Path, what: str) -> Iterator[None]:
    """Turn whatever PyAV raises within the block into a :class:`BrokenVideoError`.

    Args:
        path: the file that is read.
        what: begins the clause, "decoding fails".
    """
    try:
        yield
    except av.error.ExitError as error:
        late = f"{what} (no answer within {counted(limits.VIDEO_ANSWER_SECONDS, 'second')})"
        raise BrokenVideoError(late, path) from error
    except _FAILURES as error:
        raise BrokenVideoError(f"{what} ({reason(error)})", path) from error


def reason(error: Exception) -> str:
    """Return PyAV's words for an error, without numbers and names of C functions."""
    return getattr(error, "strerror", None) or str(error) or type(error).__name__


def open_container(path: Path) -> av.container.InputContainer:
    """Return a file that is open for reading.

    Raises:
        BrokenVideoError: it does not open, is a playlist, or no file.
    """
    return _opened(path, _OPTIONS)


def open_quickly(path: Path) -> tuple[av.container.InputContainer, bool]:
    """Return a file that is open for reading, and whether nothing was decoded for that (H.264 in MP4 or MOV).

    The decoder of such a file knows from the header alone how many frames are out of order. Where that is wrong, it
    yields other frames than after :func:`open_container`: who reads them has to check that they are the wanted ones.

    Raises:
        BrokenVideoError: as :func:`open_container`.
    """
    if _is_mp4(path):
        container = _opened(path, {**_OPTIONS, **_WITHOUT_DECODING})
        with failures_of(path, "its header cannot be read"):
            stream = container.streams.best("video")
            if stream is None or stream.codec_context is None or stream.codec_context.name != "h264":
                return container, False  # no other decoder takes several frames
            if container.format.name.startswith("mov") and stream.frames and stream.average_rate:
                return container, True
        container.close()  # fragments: the rate is estimated from the frames
    return open_container(path), False


def _is_mp4(path: Path) -> bool:
    offset, mark = _MP4_MARK
    try:
        if not path.is_file():
            return False
        with path.open("rb") as file:
            return file.read(offset + len(mark))[offset:] == mark
    except OSError:
        return False


def _opened(path: Path, options: dict[str, str]) -> av.container.InputContainer:
    if path.exists() and not (path.is_file() or path.is_dir()):
        # Nothing would ever come of a pipe into which nobody writes, and no limit holds there.
        raise BrokenVideoError("it is a pipe or a device, no file", path, "Write the video to a file.")
    with failures_of(path, "it does not open as a video"):
        # With its protocol, a name such as "concat:a|b.mp4" is a name.
        return av.open(f"file:{path}", options=options, timeout=limits.VIDEO_ANSWER_SECONDS, **LENIENT_TAGS)


def video_stream(container: av.container.InputContainer, path: Path) -> av.VideoStream:
    """Return the video stream of an open file, ready to be decoded by one thread.

    Raises:
        BrokenVideoError: there is none, its codec has no decoder here, or its frames are impossibly large.
    """
    with failures_of(path, "its header cannot be read"):
        stream = container.streams.best("video")
        if stream is None:
            raise BrokenVideoError("it holds no video stream", path)
        context = stream.codec_context
        if context is None:
            raise BrokenVideoError(
                "this ffmpeg has no decoder for its codec, or its header is damaged",
                path,
                "Re-encode it with a program that plays it, as H.264 (ffmpeg -i OLD -c:v libx264 NEW.mp4).",
            )
        require_frame_size(context.width, context.height, path)
        context.options = {**context.options, "max_pixels": _OPTIONS["max_pixels"]}
        # Loader workers are processes; more threads inside each would only fight for the same cores.
        stream.thread_type = "SLICE"
        context.thread_count = 1
        return stream


def rate_of(stream: av.VideoStream) -> float:
    """Return the frames per second of a stream; 25 if it does not say, or says what cannot be."""
    for rate in (stream.average_rate, stream.guessed_rate):
        if rate and 0 < float(rate) <= limits.FRAMES_PER_SECOND:
            return float(rate)
    return 25.0


def require_frame_size(width: int, height: int, path: Path) -> None:
    """Raise a :class:`BrokenVideoError` for frames larger than any camera's, which a damaged header can claim."""
    if width * height > limits.FRAME_PIXELS:
        raise BrokenVideoError(
            f"its frames would have {width}x{height} pixels, and {limits.FRAME_PIXELS} are the most that are read", path
        )
