"""Cutting one open movie: which seconds are missing, decoding them once, and writing each file whole or not at all."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from itertools import chain, islice
from pathlib import Path

import cv2
import numpy as np

from alphaction.data.video.encoder import write_jpeg, write_video
from alphaction.data.video.file import BrokenVideoError, Size, VideoFile, VideoInfo
from alphaction.utils.atomic import replacing
from alphaction.utils.output_folder import read_record, write_record

# In each folder of clips or keyframes: what movie they show. The dot keeps it from being taken for one of them.
SOURCE_RECORD = ".source.json"
_SAMPLE = 1 << 16
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
    """Cuts one open movie; see :func:`alphaction.workflows.prepare.movies.cut_movie`.

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
        self._reduces = self._size[1] < self._info.height
        self._on_second = on_second

    def cut(self, start: int, end: int | None) -> CutReport:
        """Write what is missing of the seconds of [start, end); None: to the movie's end.

        Raises:
            BrokenVideoError: decoding fails, the movie ends before ``start`` or was cut off (what is whole has been
                written), or clips that are there were cut with other options.
        """
        seconds, ends_at, lost = _seconds_to_cut(self._video, self._info, start, end)
        self._claim(self._clips, ".mp4")
        if self._keyframes is not None:
            self._claim(self._keyframes, ".jpg")
        kept_clip = next((path for path in map(self._clip, seconds) if _is_finished(path)), None)
        if kept_clip is not None:
            self._check_kept(kept_clip)
        todo = [second for second in seconds if self._missing(second)]
        for run in _runs(todo):
            self._cut_run(run)
        if lost:
            raise BrokenVideoError(lost)
        return CutReport(len(todo), len(seconds) - len(todo), seconds, ends_at)

    def _claim(self, folder: Path, suffix: str) -> None:
        """Note in ``folder`` which file it is cut from, and refuse what was cut from another one of the same name."""
        folder.mkdir(parents=True, exist_ok=True)
        found, wanted = read_record(folder, SOURCE_RECORD), _fingerprint(self._video.path)
        if not any(_is_finished(path) for path in folder.glob(f"*{suffix}")):
            write_record(folder, SOURCE_RECORD, wanted)
        elif found and found != wanted:
            raise BrokenVideoError(
                f"{folder} was cut from another file of this name ({found.get('bytes')} bytes, now {wanted['bytes']}). "
                "Remove that folder to have it cut again, or name another folder"
            )

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
        try:
            with closing(VideoFile(clip, from_first_frame=True)) as video:
                info = video.info()
        except BrokenVideoError as error:
            raise BrokenVideoError(
                f"the clip {clip}, which was there before, is damaged ({error.clause}). Remove it to have it cut again"
            ) from error
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
                with replacing(path) as part:
                    if path.suffix == ".jpg":
                        write_jpeg(part, first)
                    else:
                        write_video(part, chain([first], others), rate, "mp4", fast_to_decode=self._reduces)
            if self._on_second is not None:
                self._on_second()


def _fingerprint(movie: Path) -> dict[str, object]:
    """Return what identifies a file among others of its name, also after copying; a container's tables are at its ends.

    The rest of a large movie is not read.
    """
    size = movie.stat().st_size
    with movie.open("rb") as file:
        ends = file.read(_SAMPLE)
        file.seek(max(0, size - _SAMPLE))
        ends += file.read()
    return {"bytes": size, "sha256_of_ends": hashlib.sha256(ends).hexdigest()}


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
    credible = None if end is not None or info.duration is None else info.duration - _CUT_OFF
    while (reach := video.end_near(asked, credible)) >= asked and end is None:
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
