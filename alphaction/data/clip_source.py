"""Where the frames of a dataset come from: whole movies, or upstream's folders of one-second clips.

Both put frames on one timeline: slot i around second t is the frame nearest to t + i / fps seconds.
"""

from __future__ import annotations

import logging
import os
from abc import ABC, abstractmethod
from collections import OrderedDict
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import av
import numpy as np

from alphaction.data.video import VIDEO_SUFFIXES, BrokenVideoError, Size, VideoFile, VideoInfo
from alphaction.utils.errors import UserError, suggest

if TYPE_CHECKING:
    from alphaction.config.paths_catalog import DatasetSpec

logger = logging.getLogger(__name__)

# Opening a movie costs as much as decoding several frames; each open one holds a decoder's reference frames.
_OPEN_MOVIES = 8
# A check opens every annotated one-second clip, but decodes at most so many of a video.
_DECODED_CLIPS = 20


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


class MovieSource(ClipSource):
    """Whole videos, ``folder/{video}.{mp4,avi,mkv,...}``, read by seeking.

    Args:
        folder: where the videos lie.
    """

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        if not self.folder.is_dir():
            raise UserError(f"the folder of videos {self.folder} does not exist. Correct `videos` of the dataset.")
        self._paths: dict[str, list[str]] = {}
        for name in sorted(os.listdir(self.folder)):
            stem, suffix = os.path.splitext(name)
            if suffix.lower() in VIDEO_SUFFIXES:
                self._paths.setdefault(stem, []).append(name)
                # Annotations may name the file in full.
                self._paths.setdefault(name, []).append(name)
        self._open: OrderedDict[FileState, VideoFile] = OrderedDict()
        self._process = os.getpid()

    def __getstate__(self) -> dict:
        return {**self.__dict__, "_open": OrderedDict()}

    def path(self, video: str) -> Path:
        """Return the file of ``video``.

        Raises:
            UserError: if there is none, or more than one.
        """
        names = self._paths.get(video, [])
        if len(names) == 1:
            return self.folder / names[0]
        if names:
            raise UserError(f'video "{video}": {self.folder} holds {", ".join(names)}. Keep one of them.')
        stems = [stem for stem, files in self._paths.items() if stem not in files]
        raise UserError(
            f'video "{video}" is annotated, but {self.folder} holds no {video}.mp4 (or .avi, .mkv, .webm, ...). '
            f"{suggest(video, stems)} Add the file, or remove the video's rows from the annotations."
        )

    def read(
        self, video: str, second: int, slots: Sequence[int], fps: float, size: Callable[[Size], Size] | None = None
    ) -> np.ndarray:
        path = self.path(video)
        with _explained(path, second):
            movie = self._movie(path)
            rate = fps or movie.fps
            return np.stack(movie.frames_at([second + slot / rate for slot in slots], size, must_reach=float(second)))

    def origin(self, video: str, second: int, slots: Sequence[int], fps: float) -> Origin:
        return Origin((FileState.of(self.path(video)),), fps)

    def problems(self, video: str, seconds: Collection[int]) -> list[str]:
        try:
            path, info = self.path(video), self.probe(video)
            with _explained(path, None):
                movie = VideoFile(path)
                end, tolerance = movie.end_near(float(max(seconds))), movie.tolerance
                movie.close()
            beyond = sorted(second for second in seconds if second > end + tolerance)
            if not beyond:
                self._decode_some(path, sorted(seconds))
                return []
        except UserError as error:
            return [str(error)]
        cut = info.duration is not None and end + tolerance < info.duration
        advice = (
            f"its header promises {info.duration:.2f} s, so the file was cut off: copy or download it again"
            if cut
            else "correct the seconds (they count from the start of the video) or remove those rows"
        )
        return [
            f"{path}: ends at {end:.2f} s, but {len(beyond)} of its {len(seconds)} annotated keyframes lie beyond: "
            f"second {_shortened(beyond)}; {advice}."
        ]

    def _decode_some(self, path: Path, seconds: Sequence[int]) -> None:
        """Decode the first, middle and last keyframe: the header and the index do not tell of damage in between."""
        for second in sorted({seconds[0], seconds[len(seconds) // 2], seconds[-1]}):
            with _explained(path, second):
                movie = VideoFile(path)
                movie.frames_at([float(second)], size=None, must_reach=float(second))
                movie.close()

    def _probe(self, video: str) -> VideoInfo:
        path = self.path(video)
        with _explained(path, None):
            movie = VideoFile(path)
            info = movie.info()
            movie.close()
        return info

    def _movie(self, path: Path) -> VideoFile:
        """Return the open file, from those that this process used last; one that has changed is opened anew."""
        if self._process != os.getpid():
            # A fork shares the parent's file positions, so its open files must not be read from here.
            self._open, self._process = OrderedDict(), os.getpid()
        state = FileState.of(path)
        movie = self._open.pop(state, None) or VideoFile(path)
        self._open[state] = movie
        if len(self._open) > _OPEN_MOVIES:
            self._open.popitem(last=False)[1].close()
        return movie


class OneSecondClipSource(ClipSource):
    """Upstream's layout: one file a second, ``folder/{video}/{t}.mp4`` or ``{t:04d}.mp4``; folders are listed once.

    The keyframe of second t is the first frame of clip t. A clip's frames are read up to its own end; a missing
    neighbor is replaced by the nearest frame of the next clip towards the keyframe.

    Args:
        folder: holds one folder per video.
    """

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        if not self.folder.is_dir():
            raise UserError(f"the folder of clips {self.folder} does not exist. Correct `clips` of the dataset.")

        self._names: dict[str, dict[int, str]] = {}

    def path(self, video: str, second: int) -> Path | None:
        """Return the file of one second, or None if there is none.

        Raises:
            UserError: if there is no folder of ``video``.
        """
        name = self._clips(video).get(second)
        return None if name is None else self.folder / video / name

    def read(
        self, video: str, second: int, slots: Sequence[int], fps: float, size: Callable[[Size], Size] | None = None
    ) -> np.ndarray:
        frames: list[np.ndarray] = []
        fixed_size: list[Size] = []

        def one_size(shown: Size) -> Size:
            if not fixed_size:
                fixed_size.append(shown if size is None else size(shown))
            return fixed_size[0]

        for path, times in self._parts(video, second, slots, self._rate(video, second, fps)):
            with _explained(path, second):
                clip = VideoFile(path, from_first_frame=True)
                frames += clip.frames_at(times, one_size)
                clip.close()
        return np.stack(frames)

    def origin(self, video: str, second: int, slots: Sequence[int], fps: float) -> Origin:
        rate = self._rate(video, second, fps)
        return Origin(tuple(FileState.of(path) for path, _ in self._parts(video, second, slots, rate)), rate)

    def problems(self, video: str, seconds: Collection[int]) -> list[str]:
        try:
            missing = sorted(set(seconds) - self._clips(video).keys())
            if missing:
                return [self._missing(video, missing, len(seconds))]
            self.probe(video)
        except UserError as error:
            return [str(error)]
        found, ordered = [], sorted(seconds)
        decoded = set(np.linspace(0, len(ordered) - 1, _DECODED_CLIPS).round().astype(int).tolist())
        for index, second in enumerate(ordered):
            path = self.path(video, second)
            if path.stat().st_size == 0:
                found.append(f"{path}: is empty (0 bytes), as a failed cut leaves it. Cut the clip again.")
            elif index in decoded:
                try:
                    with _explained(path, second):
                        clip = VideoFile(path, from_first_frame=True)
                        clip.frames_at([0.0], size=None)
                        clip.close()
                except UserError as error:
                    found.append(str(error))
        return found

    def _rate(self, video: str, second: int, fps: float) -> float:
        """Return the timeline's frames per second, once it is known that the keyframe has a file."""
        if self.path(video, second) is None:
            raise UserError(self._missing(video, [second], 1))
        # A second holds a whole number of frames here, or rounding would drift away from the clips' borders.
        return fps or max(round(self.probe(video).fps), 1)

    def _parts(self, video: str, second: int, slots: Sequence[int], rate: float) -> Iterator[tuple[Path, list[float]]]:
        """Yield (file, times in it) of ascending slots around a keyframe that has a file."""
        for offset, times in _by_second(slots, rate):
            clip_offset, path = offset, self.path(video, second + offset)
            while path is None:
                clip_offset -= int(np.sign(offset))
                path = self.path(video, second + clip_offset)
            if clip_offset != offset:
                times = [0.0 if offset < 0 else 1.0] * len(times)
            yield path, times

    def _clips(self, video: str) -> dict[int, str]:
        """Return the name of each second's file; of several, .mp4 and the shortest number first."""
        if video not in self._names:
            folder = self.folder / video
            if not folder.is_dir():
                others = [entry.name for entry in os.scandir(self.folder) if entry.is_dir()]
                raise UserError(
                    f'video "{video}" is annotated, but {self.folder} holds no folder {video}. '
                    f"{suggest(video, others)} Add its clips, or remove the video's rows from the annotations."
                )
            files = [(*os.path.splitext(name), name) for name in sorted(os.listdir(folder))]
            clips = [
                (VIDEO_SUFFIXES.index(suffix.lower()), len(stem), int(stem), name)
                for stem, suffix, name in files
                if suffix.lower() in VIDEO_SUFFIXES and stem.isdecimal()
            ]
            self._names[video] = {second: name for _, _, second, name in sorted(clips, reverse=True)}
        return self._names[video]

    def _missing(self, video: str, missing: list[int], annotated: int) -> str:
        return (
            f"{self.folder / video}: {len(missing)} of {annotated} annotated keyframes have no clip: second "
            f"{_shortened(missing)} (looked for {missing[0]}.mp4 and {missing[0]:04d}.mp4). Cut these clips from the "
            "movie, or list the keyframes in the exclusions."
        )

    def _probe(self, video: str) -> VideoInfo:
        clips = self._clips(video)
        if not clips:
            raise UserError(f"{self.folder / video} holds no clip named {{second}}.mp4. Cut the movie into seconds.")
        path = self.folder / video / clips[min(clips)]
        with _explained(path, None):
            clip = VideoFile(path, from_first_frame=True)
            info = clip.info()
            clip.close()
        # What one clip says of its length is not the video's.
        return replace(info, duration=float(len(clips)), frames=None)


def open_source(spec: DatasetSpec) -> ClipSource:
    """Return the source of a dataset: its one-second clips where it has them, else its whole videos.

    Raises:
        UserError: if the folder does not exist, or the dataset names neither.
    """
    if spec.clips is not None:
        return OneSecondClipSource(spec.clips)
    if spec.videos is not None:
        return MovieSource(spec.videos)
    raise UserError(f'dataset "{spec.name}" ({spec.source}) names neither `videos` nor `clips`. Add one of them.')


def _by_second(slots: Sequence[int], rate: float) -> Iterator[tuple[int, list[float]]]:
    """Yield (whole seconds from the keyframe, times within that second) of ascending slots."""
    groups: dict[int, list[float]] = {}
    for slot in slots:
        offset = int(np.floor(slot / rate + 1e-9))
        groups.setdefault(offset, []).append(slot / rate - offset)
    yield from groups.items()


@contextmanager
def _explained(path: Path, second: int | None) -> Iterator[None]:
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


def _shortened(seconds: Sequence[int], limit: int = 5) -> str:
    return ", ".join(map(str, seconds[:limit])) + (", ..." if len(seconds) > limit else "")
