"""Findings about the videos of one split: which do not open or decode, keyframes past their end, frame rates."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from alphaction.checks.check_settings import CheckSettings
from alphaction.checks.findings import Finding
from alphaction.data.keyframes import exact_time
from alphaction.data.row_places import first_row
from alphaction.data.tables import DatasetTables
from alphaction.data.video.clip_source import VideoCheck
from alphaction.data.video.file import VideoInfo
from alphaction.data.video.time_units import likely_unit
from alphaction.utils.messages import counted, listed

_SHOWN_VIDEOS = 8
_DECODED_KEYFRAMES = 3
_SLOW = 0.9  # of INPUT.FPS: frames of slower videos repeat


def video_findings(split: DatasetTables, settings: CheckSettings, checks: Sequence[VideoCheck]) -> Iterator[Finding]:
    """Yield the problems that :mod:`alphaction.data.video.check_videos` found in the videos of a split."""
    faulty = [check for check in checks if check.problems]
    for check in faulty[:_SHOWN_VIDEOS]:
        row = first_row(split.annotations.source, check.video)
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


def _beyond(split: DatasetTables, beyond: Sequence[VideoCheck], checks: Sequence[VideoCheck]) -> Finding:
    first = beyond[0]
    second = exact_time(first.beyond[0].item())
    where = first_row(split.annotations.source, first.video, second)
    keyframes = sum(len(check.beyond) for check in beyond)
    total = len(split.annotations.keyframes)
    usable = [check for check in checks if check.info is not None]
    return Finding(
        "error",
        "timestamps",
        f"{where}: second {second} is beyond the end of video "
        f"{first.video}, {first.end:.2f} s. So are {keyframes} of {counted(total, 'keyframe')}, in "
        f"{counted(len(beyond), 'video')}. {likely_unit((check.seconds, check.info) for check in usable)}",
        split.name,
    )


def frame_rate_findings(split: DatasetTables, settings: CheckSettings, infos: Sequence[VideoInfo]) -> Iterator[Finding]:
    """Yield frame rates that do not fit a timeline of INPUT.FPS frames per second."""
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
            f"the videos have {low:g} to {high:g} frames per second, so with INPUT.FPS 0 a clip spans more time in "
            f"some than in others. Set INPUT.FPS {low:g}.",
            split.name,
        )
