"""Where the frames of a dataset come from.

Every source puts frames on one timeline: slot i around second t is the frame nearest to t + i / fps seconds.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import av
import numpy as np

from alphaction.data.video.file import BrokenVideoError, Size, VideoInfo
from alphaction.utils.errors import UserError


class FileState(NamedTuple):
    """A file as it is now; a file with another content has another state.

    Attributes:
        path: where it lies.
        size: bytes; -1: there is no such file.
        mtime_ns: when it was last written, nanoseconds.
    """

    path: Path
    size: int
    mtime_ns: int

    @classmethod
    def of(cls, path: Path) -> FileState:
        """Return the state of ``path``."""
        try:
            status = path.stat()
        except OSError:
            return cls(path, -1, -1)
        return cls(path, status.st_size, status.st_mtime_ns)


class Origin(NamedTuple):
    """What decides the frames that :meth:`ClipSource.read` returns, besides its arguments.

    Attributes:
        files: the files that are read, in order; where one stands in for a missing neighbor, it is named again.
        fps: frames per second of the timeline; 0: the rate of the one file.
    """

    files: tuple[FileState, ...]
    fps: float


class ClipSource(ABC):
    """Frames of the videos in one folder. Safe to share with forked or spawned worker processes.

    Args:
        folder: where the videos lie.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = Path(folder)
        self._infos: dict[str, VideoInfo] = {}

    def probe(self, video: str) -> VideoInfo:
        """Return size, rate and length of ``video``, after decoding its first frame; remembered.

        Raises:
            UserError: if the video is missing or cannot be decoded.
        """
        if video not in self._infos:
            self._infos[video] = self._probe(video)
        return self._infos[video]

    def frame_size(self, video: str) -> Size:
        """Return (width, height) of ``video``; see :meth:`probe`."""
        info = self.probe(video)
        return info.width, info.height

    @abstractmethod
    def read(
        self, video: str, second: int, slots: Sequence[int], fps: float, size: Callable[[Size], Size] | None = None
    ) -> np.ndarray:
        """Return frames around a keyframe.

        Args:
            video: name of the video.
            second: the keyframe; slot 0.
            slots: timeline positions relative to the keyframe, ascending; they may lie before the video's first frame
                or after its last one, which then repeat.
            fps: frames per second of the timeline; 0: the video's own rate.
            size: (width, height) of the video -> of the result; None keeps it.

        Returns:
            uint8 [len(slots), H, W, 3], RGB.

        Raises:
            UserError: if the video is missing, cannot be decoded, or ends before ``second``.
        """

    @abstractmethod
    def origin(self, video: str, second: int, slots: Sequence[int], fps: float) -> Origin:
        """Return what decides the frames of :meth:`read` with these arguments; nothing is decoded.

        Raises:
            UserError: if the video or the keyframe's file is missing.
        """

    @abstractmethod
    def problems(self, video: str, seconds: Collection[int]) -> list[str]:
        """Return what would keep ``read`` from working at these keyframes, one sentence each; [] if nothing."""

    @abstractmethod
    def _probe(self, video: str) -> VideoInfo: ...


@contextmanager
def explained(path: Path, second: int | None) -> Iterator[None]:
    """Turn a :class:`BrokenVideoError` into an error that names the file, the second and the remedy."""
    try:
        yield
    except BrokenVideoError as error:
        where = "" if second is None else f" (wanted for second {second})"
        raise UserError(
            f"{path}{where}: {error}; PyAV {av.__version__}. The file is damaged, incomplete or no video: copy or "
            f'download it again, or repair it with ffmpeg -i "{path.name}" -c:v libx264 "{path.stem}_repaired.mp4". To '
            "leave it out, remove its rows from the annotations."
        ) from error


def shortened(seconds: Sequence[int], limit: int = 5) -> str:
    """Return the first ``limit`` seconds, and whether there are more."""
    return ", ".join(map(str, seconds[:limit])) + (", ..." if len(seconds) > limit else "")
