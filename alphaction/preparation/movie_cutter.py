"""Cutting one open movie: which seconds are missing, decoding them once, and writing each file whole or not at all."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from itertools import chain, islice
from pathlib import Path

import cv2
import numpy as np

from alphaction.data.encode import write_jpeg, write_video
from alphaction.data.video import BrokenVideoError, Size, VideoFile, VideoInfo

# A header may count a sound track that outlasts the picture; frames that end so much earlier were cut off.
_CUT_OFF = 1.0
# Finished stretches up to this length are decoded and skipped; beyond, a seek is cheaper.
_LONGEST_SKIP = 10


@dataclass(frozen=True)
class CutReport:
    """What was done with one movie.

    Attributes:
        written: seconds that were cut now, or whose missing keyframe was added.
        kept: seconds that were complete before.
        seconds: the seconds that have files now.
        ends_at: where the movie ends, in seconds, if that is before the end that was asked for; else None.
    """

    written: int
    kept: int
    seconds: range
    ends_at: float | None = None


class MovieCutter:
    """Cuts one open movie; see :func:`alphaction.preparation.movies.cut_movie`.

    Args:
        video: the movie.
        clip_folder: where ``{t}.mp4`` goes.
        keyframe_folder: where ``{t}.jpg`` goes; None: no keyframes.
        fps: frames of a clip, rounded; None: the movie's rate.
        short_side: pixels; None: as in the movie.
        on_second: called after each second that was cut.

    Raises:
        BrokenVideoError: if the first frame cannot be decoded.
    """

    def __init__(
        self,
        video: VideoFile,
        clip_folder: Path,
        keyframe_folder: Path | None,
        fps: float | None,
        short_side: int | None,
        on_second: Callable[[], None] | None,
    ) -> None:
        self._video = video
        self._clips, self._keyframes = clip_folder, keyframe_folder
        self._info = video.info()
        self._rate = max(round(fps or video.fps), 1)
        self._size = clip_size((self._info.width, self._info.height), short_side)
        self._on_second = on_second

    def cut(self, start: int, end: int | None) -> CutReport:
        """Write what is missing of the seconds of [start, end); None: to the movie's end.

        Raises:
            BrokenVideoError: decoding fails, the movie ends before ``start`` or was cut off (what is whole has been
                written), or clips that are there were cut with other options.
        """
        seconds, ends_at, lost = _seconds_to_cut(self._video, self._info, start, end)
        for folder in (self._clips, self._keyframes):
            if folder is not None:
                folder.mkdir(parents=True, exist_ok=True)
        kept_clip = next((path for path in map(self._clip, seconds) if _is_finished(path)), None)
        if kept_clip is not None:
            self._check_kept(kept_clip)
        todo = [second for second in seconds if self._missing(second)]
        for run in _runs(todo):
            self._cut_run(run)
        if lost:
            raise BrokenVideoError(lost)
        return CutReport(len(todo), len(seconds) - len(todo), seconds, ends_at)

    def _clip(self, second: int) -> Path:
        return self._clips / f"{second}.mp4"

    def _missing(self, second: int) -> list[Path]:
        """Return the files of a second that are still to be written."""
        files = [self._clip(second)]
        if self._keyframes is not None:
            files.append(self._keyframes / f"{second}.jpg")
        return [path for path in files if not _is_finished(path)]

    def _check_kept(self, clip: Path) -> None:
        """Refuse to mix clips of different sizes or rates in one folder."""
        with closing(VideoFile(clip, from_first_frame=True)) as video:
            info = video.info()
        found, wanted = (info.width, info.height, round(info.fps)), (*self._size, self._rate)
        if found != wanted:
            raise BrokenVideoError(
                f"{clip} was cut before with {found[0]}x{found[1]} pixels and {found[2]} frames, these options "
                f"give {wanted[0]}x{wanted[1]} and {wanted[2]}. Give the same options, another folder, or remove the "
                "old clips"
            )

    def _cut_run(self, seconds: Sequence[int]) -> None:
        """Decode a stretch of the movie once and write what is missing of its seconds."""
        rate = self._rate
        missing = {second: self._missing(second) for second in seconds}
        counts = {second: rate if self._clip(second) in missing[second] else 1 for second in seconds}
        times = [second + k / rate for second in seconds for k in range(counts[second])]
        frames = _resized(self._video.stream(times, must_reach=float(seconds[-1])), self._size)
        for second in seconds:
            first, others = next(frames), islice(frames, counts[second] - 1)
            for path in missing[second][::-1]:
                with _complete_or_absent(path) as part:
                    if path.suffix == ".jpg":
                        write_jpeg(part, first)
                    else:
                        write_video(part, chain([first], others), rate, "mp4")
            if self._on_second is not None:
                self._on_second()


def clip_size(shown: Size, short_side: int | None) -> Size:
    """Return the (width, height) of the clips of a video: reduced to ``short_side``, never enlarged, and even.

    The encoder stores color for blocks of 2 x 2 pixels.
    """
    scale = 1.0 if short_side is None else min(1.0, short_side / min(shown))
    width, height = (max(2, 2 * round(side * scale / 2)) for side in shown)
    return width, height


def _seconds_to_cut(
    video: VideoFile, info: VideoInfo, start: int, end: int | None
) -> tuple[range, float | None, str | None]:
    """Return the seconds, the movie's end if it comes before ``end``, and what is wrong if frames are lost there."""
    asked = float(end) if end is not None else (info.duration or 0.0) + 1.0
    while (reach := video.end_near(asked)) >= asked and end is None:
        asked *= 2
    if reach >= asked:
        return range(start, end), None, None
    last, lost = int(np.floor(reach + video.tolerance)), None
    if info.duration is not None and reach + _CUT_OFF < info.duration:
        last = int(np.floor(reach)) - 1
        lost = (
            f"its header promises {info.duration:.2f} s, but its frames end at {reach:.2f} s: it was cut off. Copy or "
            f"download it again (the seconds before {last + 1} are cut and kept), or set the end to {last + 1}"
        )
    stop = last + 1 if end is None else min(end, last + 1)
    if stop <= start:
        raise BrokenVideoError(
            lost
            or f"it ends at {reach:.2f} s, before the first second to cut, {start}. Whole videos are cut with "
            "--start 0 --end 0"
        )
    return range(start, stop), None if end is None else reach, lost


def _runs(seconds: Sequence[int]) -> Iterator[list[int]]:
    """Yield stretches of ascending seconds without a gap that is worth a seek."""
    run: list[int] = []
    for second in seconds:
        if run and second - run[-1] > _LONGEST_SKIP:
            yield run
            run = []
        run.append(second)
    if run:
        yield run


def _resized(frames: Iterator[np.ndarray], size: Size) -> Iterator[np.ndarray]:
    """Yield frames in the size (width, height); one that repeats is resized once."""
    last, resized = None, None
    for frame in frames:
        if frame is not last:
            fits = (frame.shape[1], frame.shape[0]) == size
            # Averaging areas, unlike sampling, keeps fine patterns from flickering in a reduced video.
            last, resized = frame, frame if fits else cv2.resize(frame, size, interpolation=cv2.INTER_AREA)
        yield resized


def _is_finished(path: Path) -> bool:
    return path.is_file() and path.stat().st_size > 0


@contextmanager
def _complete_or_absent(path: Path) -> Iterator[Path]:
    """Yield a name to write to, which becomes ``path`` when all went well and vanishes when not."""
    part = path.with_name(path.name + ".part")
    try:
        yield part
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)
