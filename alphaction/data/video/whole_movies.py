"""Whole movies as the source of frames."""

from __future__ import annotations

import os
from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import numpy as np

from alphaction.data.keyframes import time_list
from alphaction.data.video.clip_source import ClipSource, FileState, Origin, VideoCheck, explained, past_the_end
from alphaction.data.video.file import VIDEO_SUFFIXES, Size, VideoFile, VideoInfo
from alphaction.data.video.names import VideoNames
from alphaction.data.video.time_units import END_TOLERANCE
from alphaction.utils.errors import DataError, UserError
from alphaction.utils.files import missing_file
from alphaction.utils.messages import suggest

# Opening a movie costs as much as decoding several frames; each open one holds a decoder's reference frames.
_OPEN_MOVIES = 8


class MovieSource(ClipSource):
    """Whole videos, ``folder/{video}.{mp4,avi,mkv,...}``, read by seeking.

    Args:
        folder: where the videos are.
    """

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        if not self.folder.is_dir():
            raise DataError(
                f"the folder of videos {missing_file(self.folder, folders=True)} Correct `videos` of the dataset."
            )
        self._paths: dict[str, list[str]] = {}
        for name in sorted(os.listdir(self.folder)):
            stem, suffix = os.path.splitext(name)
            if suffix.lower() in VIDEO_SUFFIXES:
                self._paths.setdefault(stem, []).append(name)
                # Annotations may name the file in full.
                self._paths.setdefault(name, []).append(name)
        self._names = VideoNames([stem for stem, files in self._paths.items() if stem not in files], str(self.folder))
        self._open: OrderedDict[FileState, VideoFile] = OrderedDict()
        self._process = os.getpid()

    @classmethod
    def of_file(cls, path: Path, info: VideoInfo) -> MovieSource:
        """Return a source of one video alone, whose folder is not read; it is known by the name of its file.

        Args:
            path: the video.
            info: what :meth:`probe` is to return.
        """
        source = cls.__new__(cls)
        ClipSource.__init__(source, path.parent)
        source._paths, source._names = {path.name: [path.name]}, VideoNames((), str(path.parent))
        source._infos[path.name] = info
        source._open, source._process = OrderedDict(), os.getpid()
        return source

    def __getstate__(self) -> dict:
        return {**self.__dict__, "_open": OrderedDict()}

    def path(self, video: str) -> Path:
        """Return the file of ``video``.

        Raises:
            DataError: if there is none, or more than one.
        """
        names = self._paths.get(video) or self._paths.get(self._names.known(video), [])
        if len(names) == 1:
            return self.folder / names[0]
        if names:
            raise DataError(f'video "{video}": {self.folder} holds {", ".join(names)}. Keep one of them.')
        raise DataError(
            f'video "{video}" is annotated, but {self.folder} holds no {video}.mp4 (or .avi, .mkv, .webm, ...). '
            f"{suggest(video, self._names.names)} Add the file, or remove the video's rows from the annotations."
        )

    def frames(
        self, video: str, second: float, slots: Sequence[int], fps: float, size: Callable[[Size], Size] | None = None
    ) -> Iterator[np.ndarray]:
        path = self.path(video)
        with explained(path, second):
            movie = self._movie(path)
            rate = fps or movie.fps
            yield from movie.frames([second + slot / rate for slot in slots], size, must_reach=float(second))

    def origin(self, video: str, second: float, slots: Sequence[int], fps: float) -> Origin:
        return Origin((FileState.of(self.path(video)),), fps)

    def check(self, video: str, seconds: np.ndarray, decode: bool = True) -> VideoCheck:
        path = None
        try:
            path, info = self.path(video), self.probe(video)
        except UserError as error:
            return VideoCheck(video, path, seconds, problems=(str(error),))
        checked = VideoCheck(video, path, seconds, info, info.duration)
        if not decode:
            return replace(checked, beyond=seconds[seconds > _latest(info.duration, END_TOLERANCE)])
        try:
            end, tolerance = self.end_near(video, float(seconds[-1]))
        except UserError as error:
            return replace(checked, problems=(str(error),))
        promised = _latest(info.duration, END_TOLERANCE)
        cut = info.duration is not None and end + tolerance < info.duration
        lost = seconds[(seconds > end + tolerance) & (seconds <= promised)] if cut else seconds[:0]
        checked = replace(checked, end=end, beyond=np.setdiff1d(seconds[seconds > end + tolerance], lost))
        if len(lost):
            problem = (
                f"{path}: {past_the_end(end, lost, len(seconds))}; its header promises {info.duration:.2f} s, so the "
                "file was cut off: copy or download it again."
            )
            return replace(checked, problems=(problem,))
        try:
            self._decode_some(path, time_list(np.setdiff1d(seconds, checked.beyond)))
        except UserError as error:
            return replace(checked, problems=(str(error),))
        return checked

    def end_near(self, video: str, second: float) -> tuple[float, float]:
        """Return where a video ends (``second`` or more if it reaches that), and how far a second may be past it.

        Not its header decides, but where its data end; nothing is decoded.

        Raises:
            DataError: the video is missing or cannot be read.
        """
        path, info = self.path(video), self.probe(video)
        with explained(path, None), closing(VideoFile(path)) as movie:
            return movie.end_near(second, min(second, _latest(info.duration, 0))), movie.tolerance

    def _decode_some(self, path: Path, seconds: Sequence[float]) -> None:
        """Decode the first, middle and last keyframe: header and index do not show damage in between."""
        for second in sorted({*seconds[:1], *seconds[len(seconds) // 2 :][:1], *seconds[-1:]}):
            with explained(path, second), closing(VideoFile(path)) as movie:
                movie.frames_at([float(second)], size=None, must_reach=float(second))

    def _probe(self, video: str) -> VideoInfo:
        path = self.path(video)
        with explained(path, None), closing(VideoFile(path)) as movie:
            return movie.info()

    def _movie(self, path: Path) -> VideoFile:
        """Return the file, open; the last few that this process used stay open until they change."""
        if self._process != os.getpid():
            # A fork shares the parent's file positions, so its open files must not be read from here.
            self._open, self._process = OrderedDict(), os.getpid()
        state = FileState.of(path)
        movie = self._open.pop(state, None) or VideoFile(path)
        self._open[state] = movie
        if len(self._open) > _OPEN_MOVIES:
            self._open.popitem(last=False)[1].close()
        return movie


def _latest(duration: float | None, tolerance: float) -> float:
    """Return the latest second that a video of this length may have; without a known length, any."""
    return np.inf if duration is None else duration + tolerance
