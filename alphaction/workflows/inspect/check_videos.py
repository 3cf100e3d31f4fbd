"""Checks of the videos of one split: do they open and decode, do keyframes lie inside, at which rates."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

import numpy as np
from tqdm import tqdm

from alphaction.data.video.clip_source import ClipSource
from alphaction.data.video.file import VideoInfo
from alphaction.data.video.time_units import END_TOLERANCE, likely_unit
from alphaction.data.video.whole_movies import MovieSource
from alphaction.utils.cores import available_cores
from alphaction.utils.errors import UserError
from alphaction.utils.messages import counted, listed
from alphaction.workflows.inspect.loaded import Split
from alphaction.workflows.inspect.report import Finding
from alphaction.workflows.inspect.rows import first_line
from alphaction.workflows.inspect.settings import Settings

_MAX_THREADS = 8
_SHOWN_VIDEOS = 8
_DECODED_KEYFRAMES = 3
_SLOW = 0.9  # of INPUT.FPS: frames of slower videos repeat


@dataclass(frozen=True)
class VideoCheck:
    """What became of one video.

    Attributes:
        video: its name.
        seconds: int64, annotated seconds, ascending.
        info: what its file says, None: it cannot be opened.
        beyond: int64, the seconds behind its end.
        problems: sentences on why it, or a clip of it, cannot be read.
    """

    video: str
    seconds: np.ndarray
    info: VideoInfo | None
    beyond: np.ndarray = field(default_factory=lambda: np.zeros(0, dtype=np.int64))
    problems: tuple[str, ...] = ()


def check_videos(split: Split, settings: Settings, checks: Sequence[VideoCheck]) -> Iterator[Finding]:
    """Yield what is wrong with the videos of a split, as :func:`open_videos` met them."""
    faulty = [check for check in checks if check.problems]
    for check in faulty[:_SHOWN_VIDEOS]:
        row = _row(split, check.video, None)
        for problem in check.problems[:_DECODED_KEYFRAMES]:
            yield Finding("error", "videos", f"{problem} First row: {row}.", split.name)
    if len(faulty) > _SHOWN_VIDEOS:
        names = listed([check.video for check in faulty[_SHOWN_VIDEOS:]], limit=20)
        yield Finding("error", "videos", f"{counted(len(faulty) - _SHOWN_VIDEOS, 'more video')} with such "
                      f"problems: {names}.", split.name)  # fmt: skip
    beyond = [check for check in checks if len(check.beyond)]
    if beyond:
        yield _beyond(split, beyond, checks)
    infos = [check.info for check in checks if check.info is not None]
    if infos:
        yield from frame_rate_findings(split, settings, infos)


def open_videos(split: Split, thorough: bool = True) -> list[VideoCheck]:
    """Probe every annotated video of ``split`` and decode some of its keyframes, with a progress bar.

    Args:
        split: its source must be there.
        thorough: decode keyframes; otherwise the first frame of each video only.
    """
    work = list(split.seconds_of_videos().items())
    threads = max(1, min(_MAX_THREADS, available_cores(), len(work)))
    with ThreadPoolExecutor(threads) as pool:
        done = pool.map(lambda item: _open_video(split.source, *item, thorough), work)
        return list(tqdm(done, total=len(work), desc=f"{split.name}: videos", unit="video", disable=None, leave=False))


def _open_video(source: ClipSource, video: str, seconds: np.ndarray, thorough: bool) -> VideoCheck:
    try:
        info = source.probe(video)
    except UserError as error:
        return VideoCheck(video, seconds, None, problems=(str(error),))
    beyond = np.zeros(0, dtype=np.int64)
    if isinstance(source, MovieSource) and info.duration is not None:
        # Keyframes far behind the end are a mistake in the seconds: one finding, below, says which for all videos.
        beyond = seconds[seconds > info.duration + END_TOLERANCE]
    inside = np.setdiff1d(seconds, beyond)
    problems = source.problems(video, inside.tolist()) if thorough and len(inside) else []
    return VideoCheck(video, seconds, info, beyond, tuple(problems))


def _beyond(split: Split, beyond: Sequence[VideoCheck], checks: Sequence[VideoCheck]) -> Finding:
    first = beyond[0]
    keyframes = sum(len(check.beyond) for check in beyond)
    total = len(split.annotations.keyframes)
    usable = [check for check in checks if check.info is not None]
    return Finding(
        "error",
        "timestamps",
        f"{_row(split, first.video, int(first.beyond[0]))}: second {first.beyond[0]}, but video {first.video} ends at "
        f"{first.info.duration:.2f} s. So do {keyframes} of {total} keyframes in {counted(len(beyond), 'video')}. "
        f"{likely_unit((check.seconds, check.info) for check in usable)}",
        split.name,
    )


def frame_rate_findings(split: Split, settings: Settings, infos: Sequence[VideoInfo]) -> Iterator[Finding]:
    """Yield what the videos' own rates mean for a timeline of INPUT.FPS frames per second."""
    rates = np.array([info.fps for info in infos])
    low, high = float(rates.min()), float(rates.max())
    slow = int((rates < _SLOW * settings.fps).sum())
    if settings.fps and slow and low == high:
        yield Finding(
            settings.level("warning", "note"),
            "frame rates",
            f"the videos have {low:g} frames per second, fewer than INPUT.FPS {settings.fps:g}: frames repeat in a "
            f"clip. Set INPUT.FPS {low:g}, or 0 for each video's own rate.",
            split.name,
        )
    elif settings.fps and slow:
        yield Finding(
            settings.level("warning", "note"),
            "frame rates",
            f"{slow} of {counted(len(infos), 'video')} have fewer frames per second (the slowest {low:g}) than "
            f"INPUT.FPS {settings.fps:g}: their frames repeat in a clip. INPUT.FPS {low:g} avoids that, with fewer "
            f"frames of the fastest videos ({high:g}).",
            split.name,
        )
    elif not settings.fps and high > 1.1 * low:
        yield Finding(
            "warning",
            "frame rates",
            f"videos have {low:g} to {high:g} frames per second, and with INPUT.FPS 0 their clips last differently "
            f"long. Set INPUT.FPS {low:g}.",
            split.name,
        )


def _row(split: Split, video: str, second: int | None) -> str:
    source = split.annotations.source
    line = first_line(source, video, second)
    return f"{source}, line {line}" if line else source
