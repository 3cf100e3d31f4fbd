"""Checks that videos open, decode and last long enough, before a long run needs them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from tqdm import tqdm

from alphaction.data.keyframes import exact_times
from alphaction.data.video.clip_source import ClipSource, VideoCheck
from alphaction.data.video.time_units import likely_unit
from alphaction.utils.cores import available_cores
from alphaction.utils.errors import DataError
from alphaction.utils.messages import counted, first_lines, listed

_MAX_THREADS = 8
_SHOWN_SIZES = 4


def check_videos(
    source: ClipSource,
    seconds: Mapping[str, Sequence[float] | np.ndarray],
    *,
    decode: bool = True,
    progress: str = "",
    hide_progress: bool | None = None,
) -> list[VideoCheck]:
    """Open every video, and check that it reaches the given seconds and that some of them can be decoded.

    Args:
        source: where the videos are.
        seconds: video -> the seconds that it has to have, one or more.
        decode: decode some of the keyframes; otherwise the first frame of each video only.
        progress: title of a progress bar; without one there is none.
        hide_progress: True: never show the bar; None: only on a terminal.
    """
    work = [(video, np.sort(exact_times(wanted))) for video, wanted in seconds.items()]
    # Decoding releases the GIL, and on network file systems most of the time is waiting.
    threads = max(1, min(_MAX_THREADS, available_cores(), len(work)))
    with ThreadPoolExecutor(threads) as pool:
        done = pool.map(lambda item: source.check(*item, decode), work)
        hide = hide_progress if progress else True
        return list(tqdm(done, total=len(work), desc=progress, unit="video", disable=hide, leave=False))


def require_usable(checks: Sequence[VideoCheck], what: str) -> None:
    """Raise one :class:`UserError` that lists what is wrong (up to ten problems), each with file, seconds and remedy.

    Args:
        checks: what :func:`check_videos` returned.
        what: what the videos belong to, for the message.
    """
    faulty = [check for check in checks if check.sentences()]
    if not faulty:
        return
    problems = [problem for check in faulty for problem in check.sentences()]
    lines = first_lines([f"{number}. {problem}" for number, problem in enumerate(problems, start=1)])
    opened = [(check.seconds, check.info) for check in checks if check.info is not None]
    if any(len(check.beyond) for check in faulty):
        lines.append(f"On seconds beyond the end: {likely_unit(opened)}")
    raise DataError("\n  ".join([f"{what}: problems in {len(faulty)} of {counted(len(checks), 'video')}:", *lines]))


def describe_videos(checks: Sequence[VideoCheck]) -> str:
    """Return number, frame sizes, frame rates and length of videos that could be opened, for the log."""
    infos = [check.info for check in checks if check.info is not None]
    sizes = sorted({f"{info.width}x{info.height}" for info in infos})
    rates = sorted({round(info.fps, 2) for info in infos})
    speed = " to ".join(f"{rate:g}" for rate in dict.fromkeys([*rates[:1], *rates[-1:]]))
    seconds = sum(info.duration or 0.0 for info in infos)
    return f"{counted(len(infos), 'video')} checked ({listed(sizes, _SHOWN_SIZES)}; {speed} frames/s; {seconds:.0f} s)"
