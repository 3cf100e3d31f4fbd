"""Upstream's folders of one-second clips as the source of frames."""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import numpy as np

from alphaction.data.keyframes import time_list
from alphaction.data.video.clip_source import ClipSource, FileState, Origin, VideoCheck, explained
from alphaction.data.video.file import VIDEO_SUFFIXES, Size, VideoFile, VideoInfo
from alphaction.utils.errors import DataError, UserError
from alphaction.utils.files import missing_file
from alphaction.utils.inside import inside
from alphaction.utils.messages import listed, suggest

# A check looks at every annotated one-second clip, but decodes at most this many of a video.
_DECODED_CLIPS = 20


class OneSecondClipSource(ClipSource):
    """Upstream's layout: one file a second, ``folder/{video}/{t}.mp4`` or ``{t:04d}.mp4``; folders are listed once.

    The keyframe of second t is the first frame of clip t, that of 2.5 the middle one of clip 2. A clip's frames are
    read up to its own end; a missing neighbor is replaced by the nearest frame of the next clip towards the keyframe.

    Args:
        folder: holds one folder per video.
        follow_links: also read folders of videos that are links to places outside ``folder``.
    """

    def __init__(self, folder: Path, follow_links: bool = False) -> None:
        super().__init__(folder)
        self._follow_links = follow_links
        if not self.folder.is_dir():
            raise DataError(
                f"the folder of clips {missing_file(self.folder, folders=True)} Correct `clips` of the dataset."
            )

        self._names: dict[str, dict[int, str]] = {}

    def path(self, video: str, second: float) -> Path | None:
        """Return the file that shows a time, or None if there is none.

        Raises:
            DataError: if there is no folder of ``video``.
        """
        name = self._clips(video).get(math.floor(second))
        return None if name is None else self.folder / video / name

    def frames(
        self, video: str, second: float, slots: Sequence[int], fps: float, size: Callable[[Size], Size] | None = None
    ) -> Iterator[np.ndarray]:
        fixed_size: list[Size] = []

        def one_size(shown: Size) -> Size:
            if not fixed_size:
                fixed_size.append(shown if size is None else size(shown))
            return fixed_size[0]

        for path, times in self._parts(video, second, slots, self._rate(video, second, fps)):
            with explained(path, second), closing(VideoFile(path, from_first_frame=True)) as clip:
                yield from clip.frames(times, one_size)

    def origin(self, video: str, second: float, slots: Sequence[int], fps: float) -> Origin:
        rate = self._rate(video, second, fps)
        return Origin(tuple(FileState.of(path) for path, _ in self._parts(video, second, slots, rate)), rate)

    def check(self, video: str, seconds: np.ndarray, decode: bool = True) -> VideoCheck:
        checked = VideoCheck(video, None, seconds)
        try:
            clips = self._clips(video)
            checked = replace(checked, path=self.folder / video)
            checked = replace(checked, info=self.probe(video))
        except UserError as error:
            return replace(checked, problems=(str(error),))
        if not decode:
            return checked
        missing = [second for second in time_list(seconds) if math.floor(second) not in clips]
        problems = [self._missing(video, missing, len(seconds))] if missing else list(self._faults(video, seconds))
        return replace(checked, problems=tuple(problems))

    def _faults(self, video: str, seconds: np.ndarray) -> Iterator[str]:
        """Yield which clips, all of which exist, are empty or, of some of them, cannot be decoded."""
        seconds = np.unique(np.floor(seconds).astype(np.int64))  # a clip may hold several keyframes
        decoded = set(np.linspace(0, len(seconds) - 1, _DECODED_CLIPS).round().astype(int).tolist())
        for index, second in enumerate(seconds.tolist()):
            path = self.path(video, second)
            if path.stat().st_size == 0:
                yield f"{path}: is empty (0 bytes), as a failed cut leaves it. Cut the clip again."
            elif index in decoded:
                try:
                    with explained(path, second), closing(VideoFile(path, from_first_frame=True)) as clip:
                        clip.frames_at([0.0], size=None)
                except UserError as error:
                    yield str(error)

    def _rate(self, video: str, second: float, fps: float) -> float:
        """Return the timeline's frames per second, once it is known that the keyframe has a file."""
        if self.path(video, second) is None:
            raise DataError(self._missing(video, [second], 1))
        # A second holds a whole number of frames here, or rounding would drift away from the clips' borders.
        return fps or max(round(self.probe(video).fps), 1)

    def _parts(
        self, video: str, second: float, slots: Sequence[int], rate: float
    ) -> Iterator[tuple[Path, list[float]]]:
        """Yield (file, times in it) of ascending slots around a keyframe that has a file."""
        start = math.floor(second)
        for offset, times in _by_second(slots, rate, second - start):
            clip_offset, path = offset, self.path(video, start + offset)
            while path is None:
                clip_offset -= int(np.sign(offset))
                path = self.path(video, start + clip_offset)
            if clip_offset != offset:
                times = [0.0 if offset < 0 else 1.0] * len(times)
            yield path, times

    def _clips(self, video: str) -> dict[int, str]:
        """Return the name of each second's file; of several, .mp4 and the shortest number first."""
        if video not in self._names:
            folder = inside(self.folder, video, "video", follow_links=self._follow_links)
            if not folder.is_dir():
                others = [entry.name for entry in os.scandir(self.folder) if entry.is_dir()]
                raise DataError(
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

    def _missing(self, video: str, missing: list[int | float], annotated: int) -> str:
        first = math.floor(missing[0])
        return (
            f"{self.folder / video}: {len(missing)} of {annotated} annotated keyframes have no clip: second "
            f"{listed(missing, 5)} (looked for {first}.mp4 and {first:04d}.mp4). Cut these clips from the "
            "movie, or list the keyframes in the exclusions."
        )

    def _probe(self, video: str) -> VideoInfo:
        clips = self._clips(video)
        if not clips:
            raise DataError(f"{self.folder / video} holds no clip named {{second}}.mp4. Cut the movie into seconds.")
        path = self.folder / video / clips[min(clips)]
        with explained(path, None), closing(VideoFile(path, from_first_frame=True)) as clip:
            info = clip.info()
        # What one clip says of its length is not the video's.
        return replace(info, duration=float(len(clips)), frames=None)


def _by_second(slots: Sequence[int], rate: float, start: float) -> Iterator[tuple[int, list[float]]]:
    """Yield (whole seconds from the keyframe's clip, times within that second) of ascending slots.

    Args:
        start: the keyframe's own time within its clip.
    """
    groups: dict[int, list[float]] = {}
    for slot in slots:
        time = start + slot / rate
        offset = math.floor(time + 1e-9)
        groups.setdefault(offset, []).append(time - offset)
    yield from groups.items()
