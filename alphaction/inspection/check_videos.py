"""Checks of the videos of one split: do they open and decode, do keyframes lie inside, at which rates."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

import numpy as np
from tqdm import tqdm

from alphaction.data.clip_source import ClipSource, MovieSource
from alphaction.data.video import VideoInfo
from alphaction.inspection.loaded import Split
from alphaction.inspection.report import Finding, listed, plural
from alphaction.inspection.rows import first_line
from alphaction.inspection.settings import Settings
from alphaction.utils.errors import UserError

_MAX_THREADS = 8
_SHOWN_VIDEOS = 8
_DECODED_KEYFRAMES = 3
_SLOW = 0.9  # of INPUT.FPS: frames of slower videos repeat
_END = 1.0  # seconds that a header may be off


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
        yield Finding("error", "videos", f"{plural(len(faulty) - _SHOWN_VIDEOS, 'more video')} with such "
                      f"problems: {names}.", split.name)  # fmt: skip
    beyond = [check for check in checks if len(check.beyond)]
    if beyond:
        yield _beyond(split, beyond, checks)
    infos = [check.info for check in checks if check.info is not None]
    if infos:
        yield from _rates(split, settings, infos)


def open_videos(split: Split, thorough: bool = True) -> list[VideoCheck]:
    """Probe every annotated video of ``split`` and decode some of its keyframes, with a progress bar.

    Args:
        split: its source must be there.
        thorough: decode keyframes; otherwise the first frame of each video only.
    """
    work = list(split.seconds_of_videos().items())
    threads = max(1, min(_MAX_THREADS, os.cpu_count() or 1, len(work)))
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
        beyond = seconds[seconds > info.duration + _END]
    inside = np.setdiff1d(seconds, beyond)
    problems = source.problems(video, inside.tolist()) if thorough and len(inside) else []
    return VideoCheck(video, seconds, info, beyond, tuple(problems))


def _beyond(split: Split, beyond: Sequence[VideoCheck], checks: Sequence[VideoCheck]) -> Finding:
    first = beyond[0]
    keyframes = sum(len(check.beyond) for check in beyond)
    total = len(split.annotations.keyframes)
    usable = [check for check in checks if check.info is not None and check.info.duration is not None]
    return Finding(
        "error",
        "timestamps",
        f"{_row(split, first.video, int(first.beyond[0]))}: second {first.beyond[0]}, but video {first.video} ends at "
        f"{first.info.duration:.2f} s. So do {keyframes} of {total} keyframes in {plural(len(beyond), 'video')}. "
        f"{_guess_unit(usable)}",
        split.name,
    )


def _guess_unit(checks: Sequence[VideoCheck]) -> str:
    """Return what the seconds probably are, with the remedy."""
    seconds = np.concatenate([check.seconds for check in checks])
    lengths = np.concatenate([np.full(len(check.seconds), check.info.duration + _END) for check in checks])
    rates = np.concatenate([np.full(len(check.seconds), check.info.fps) for check in checks])
    starts = np.concatenate([np.full(len(check.seconds), check.seconds.min()) for check in checks])
    if (seconds % 1000 == 0).all() and (seconds / 1000 <= lengths).all():
        return "All are multiples of 1000: milliseconds? Divide the second column by 1000."
    if (seconds / rates <= lengths).all():
        speed = f"{rates.min():g}" if rates.min() == rates.max() else f"{rates.min():g} to {rates.max():g}"
        return (
            f"All would fit as frame numbers: divide the second column by the frames per second ({speed}) and keep "
            "whole seconds."
        )
    if (seconds / 1000 <= lengths).all():
        return "All would fit as milliseconds: divide the second column by 1000 and keep whole seconds."
    if (seconds - starts <= lengths).all():
        return (
            f"Do they count from another start? The first is {int(starts.min())}; seconds count from the start of the "
            "video file."
        )
    return "Correct the seconds (they count from the start of the video), remove the rows, or get the whole video."


def _rates(split: Split, settings: Settings, infos: Sequence[VideoInfo]) -> Iterator[Finding]:
    rates = np.array([info.fps for info in infos])
    low, high = float(rates.min()), float(rates.max())
    slow = int((rates < _SLOW * settings.fps).sum())
    speed = f"{low:g}" if low == high else f"from {low:g}"
    if settings.fps and slow:
        yield Finding(
            settings.level("warning", "note"),
            "frame rates",
            f"{'the' if slow == len(infos) else f'{slow} of {len(infos)}'} videos have {speed} frames per second, "
            f"fewer than INPUT.FPS {settings.fps:g}: frames repeat in a clip. Set INPUT.FPS {low:g}"
            + (", or 0 for each video's own rate." if low == high else "."),
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
