"""Whole movies as the source of frames."""

from __future__ import annotations

import os
from collections import OrderedDict
from collections.abc import Callable, Collection, Sequence
from pathlib import Path

import numpy as np

from alphaction.data.video.clip_source import ClipSource, FileState, Origin, explained, shortened
from alphaction.data.video.file import VIDEO_SUFFIXES, Size, VideoFile, VideoInfo
from alphaction.utils.errors import UserError
from alphaction.utils.messages import suggest

# Opening a movie costs as much as decoding several frames; each open one holds a decoder's reference frames.
_OPEN_MOVIES = 8


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
        with explained(path, second):
            movie = self._movie(path)
            rate = fps or movie.fps
            return np.stack(movie.frames_at([second + slot / rate for slot in slots], size, must_reach=float(second)))

    def origin(self, video: str, second: int, slots: Sequence[int], fps: float) -> Origin:
        return Origin((FileState.of(self.path(video)),), fps)

    def problems(self, video: str, seconds: Collection[int]) -> list[str]:
        try:
            path, info = self.path(video), self.probe(video)
            with explained(path, None):
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
            f"second {shortened(beyond)}; {advice}."
        ]

    def _decode_some(self, path: Path, seconds: Sequence[int]) -> None:
        """Decode the first, middle and last keyframe: the header and the index do not tell of damage in between."""
        for second in sorted({seconds[0], seconds[len(seconds) // 2], seconds[-1]}):
            with explained(path, second):
                movie = VideoFile(path)
                movie.frames_at([float(second)], size=None, must_reach=float(second))
                movie.close()

    def _probe(self, video: str) -> VideoInfo:
        path = self.path(video)
        with explained(path, None):
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
