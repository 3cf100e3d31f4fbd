"""Where the frames of a dataset come from.

Every source puts frames on one timeline: slot i around second t is the frame nearest to t + i / fps seconds.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

import numpy as np

from alphaction.data.keyframes import time_list
from alphaction.data.video.file import BrokenVideoError, Size, VideoInfo
from alphaction.utils.errors import DataError
from alphaction.utils.messages import counted, listed


class FileState(NamedTuple):
    """A file as it is now; a file with another content has another state.

    Attributes:
        path: where it is.
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
        files: the files that are read, in order; one that replaces a missing neighbor is listed again.
        fps: frames per second of the timeline; 0: the rate of the one file.
    """

    files: tuple[FileState, ...]
    fps: float


@dataclass(frozen=True)
class VideoCheck:
    """The result of checking one video.

    Attributes:
        video: its name.
        path: its file, or the folder of its clips; None: there is none.
        seconds: [n] times that it has to have, ascending.
        info: what its file says, None: it cannot be opened.
        end: where it ends, in seconds; None: not known.
        beyond: those of ``seconds`` that are past its end.
        problems: sentences on why the video, or one of its seconds, cannot be read.
    """

    video: str
    path: Path | None
    seconds: np.ndarray
    info: VideoInfo | None = None
    end: float | None = None
    beyond: np.ndarray = field(default_factory=lambda: np.zeros(0, dtype=np.int64))
    problems: tuple[str, ...] = ()

    def sentences(self) -> list[str]:
        """Return the problems, and one more sentence if there are seconds past the end."""
        if not len(self.beyond):
            return list(self.problems)
        return [*self.problems, f"{self.path}: {past_the_end(self.end, self.beyond, len(self.seconds))}."]


class ClipSource(ABC):
    """Frames of the videos in one folder. Safe to share with forked or spawned worker processes.

    A source defines :meth:`read` or :meth:`frames`; each is made from the other where it is left out.

    Args:
        folder: where the videos are.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = Path(folder)
        self._infos: dict[str, VideoInfo] = {}

    def probe(self, video: str) -> VideoInfo:
        """Return size, rate and length of ``video``, after decoding its first frame; remembered.

        Raises:
            DataError: if the video is missing or cannot be decoded.
        """
        if video not in self._infos:
            self._infos[video] = self._probe(video)
        return self._infos[video]

    def frame_size(self, video: str) -> Size:
        """Return (width, height) of ``video``; see :meth:`probe`."""
        info = self.probe(video)
        return info.width, info.height

    def read(
        self, video: str, second: float, slots: Sequence[int], fps: float, size: Callable[[Size], Size] | None = None
    ) -> np.ndarray:
        """Return frames around a keyframe.

        Args:
            video: name of the video.
            second: the keyframe; slot 0.
            slots: timeline positions relative to the keyframe, ascending; they may be before the video's first frame
                or after its last one, which then repeat.
            fps: frames per second of the timeline; 0: the video's own rate.
            size: (width, height) of the video -> of the result; None keeps it.

        Returns:
            uint8 [len(slots), H, W, 3], RGB.

        Raises:
            DataError: if the video is missing, cannot be decoded, or ends before ``second``.
        """
        return np.stack(list(self.frames(video, second, slots, fps, size)))

    def frames(
        self, video: str, second: float, slots: Sequence[int], fps: float, size: Callable[[Size], Size] | None = None
    ) -> Iterator[np.ndarray]:
        """Yield the frames of :meth:`read` one by one, uint8 [H, W, 3]; those that repeat may be the same array.

        Raises:
            DataError: as :meth:`read`, when the fault is met.
        """
        yield from self.read(video, second, slots, fps, size)

    @abstractmethod
    def origin(self, video: str, second: float, slots: Sequence[int], fps: float) -> Origin:
        """Return what decides the frames of :meth:`read` with these arguments; nothing is decoded.

        Raises:
            DataError: if the video or the keyframe's file is missing.
        """

    @abstractmethod
    def check(self, video: str, seconds: np.ndarray, decode: bool = True) -> VideoCheck:
        """Return what would keep :meth:`read` from working at these keyframes.

        Args:
            video: name of the video.
            seconds: [n] times, ascending, one or more.
            decode: read to the end and decode some of the keyframes; otherwise its first frame only, and the end is
                where its header says.
        """

    @abstractmethod
    def _probe(self, video: str) -> VideoInfo: ...


@contextmanager
def explained(path: Path, second: float | None) -> Iterator[None]:
    """Turn a :class:`BrokenVideoError` into an error that names the file, the second and the remedy."""
    try:
        yield
    except BrokenVideoError as error:
        raise DataError(error.explain(path, second)) from error


def past_the_end(end: float, beyond: np.ndarray, total: int) -> str:
    """Return a clause on the seconds ``beyond``, of ``total`` annotated ones, past the ``end`` of a video."""
    return (
        f"ends at {end:.2f} s, but {len(beyond)} of its {counted(total, 'annotated keyframe')} "
        f"{'is' if len(beyond) == 1 else 'are'} beyond that: second {listed(time_list(beyond), 5)}"
    )
