"""Numbers of frames as times, and the second that a time stands for."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import groupby

import numpy as np

from alphaction.data.formats.annotation_file import AnnotationFile
from alphaction.data.formats.frame_facts import FIRST_FRAME, FRAME_RATE, FrameFacts, Keyframe, Rank
from alphaction.data.formats.rows import FRAME, SECOND, RowTable
from alphaction.data.keyframes import exact_interval, exact_time, exact_times, multiple
from alphaction.data.video.file import VideoInfo

FAR = 0.1
"""Seconds; a box this far from its second is counted."""
MOVED = f"boxes moved by more than {FAR:g} s to the nearest keyframe"
NOT_NEAREST = "boxes at no keyframe left out: others are nearer to it, or the video ends before it"
_MOST = 0.9  # of a video's frames


@dataclass(frozen=True)
class FrameClock:
    """Turns numbers of frames into times.

    Attributes:
        first: number of the first frame.
        rate: frames of the numbering per second; None: the video's own.
        info: what is known of a video.
    """

    first: int
    rate: float | None
    info: Callable[[str], VideoInfo]

    @classmethod
    def of(cls, file: AnnotationFile, lowest: Mapping[str, int], from_0: bool = False) -> FrameClock:
        """Return the clock of a file: it counts from 0 if this or another file of the import has a frame 0, else 1.

        Args:
            file: the file.
            lowest: spelling of its names -> the lowest number in it.
            from_0: it counts from 0 unless the lowest number of all is 1.
        """
        naming = file.naming
        file.said.add_lowest(lowest)
        file.said.used |= {FIRST_FRAME, FRAME_RATE} if lowest else set()
        first = naming.first_frame
        if first is None:
            facts = FrameFacts.joined([file.said, file.known])
            first = 0 if from_0 and all(facts.lowest[name] != 1 for name in lowest) else facts.first_frame(lowest)
        return cls(first, naming.frame_rate, file.info)

    def fps(self, video: str) -> float:
        """Return the frames of the numbering per second."""
        return self.rate or self.info(video).fps

    def time(self, video: str, number: int) -> float:
        """Return the seconds from the start of the video; negative before the first frame."""
        return (number - self.first) / self.fps(video)

    def note(self, video: str, number: int) -> str:
        """Return how a number is read: "frame 61 of 30 a second counted from 1 = second 2"."""
        second = plain_number(self.time(video, number), 5)
        return f"frame {number} of {self.fps(video):.6g} a second counted from {self.first} = second {second}"


def nearest_seconds(
    videos: Sequence[str],
    times: Sequence[float],
    info: Callable[[str], VideoInfo],
    interval: float = 1,
    exact: Sequence[bool] = (),
    boxed: Sequence[bool] = (),
    all_listed: bool = False,
) -> list[int | float | None]:
    """Return the second that each time stands for: the nearest multiple of ``interval``.

    None where another time of that video is nearer to the same second, where the video goes on after the time but ends
    before that second, and where ``interval`` is above 1 and no multiple of it lies within half a second. Of two
    equally near, the earlier counts. A time beyond the end keeps its second, which is reported as beyond the end later.

    Args:
        videos, times: of each picture or box.
        info: what is known of a video.
        interval: seconds.
        exact: which times are seconds already, whatever the interval and the video's end; (): none.
        boxed: which have boxes; (): all.
        all_listed: the times are of all frames of a video, whether someone looked at them or not.
    """
    step = exact_interval(interval)  # as the grid of tracks has it
    interval = float(step)
    last = {video: _last_second(info(video)) for video in dict.fromkeys(videos)}
    keys: list[Keyframe | None] = []
    for index, (video, time) in enumerate(zip(videos, times, strict=True)):
        is_second = bool(exact and exact[index])
        second = exact_time(time) if is_second else multiple(step, math.ceil(time / interval - 0.5 - 1e-9))
        key = (video, second)
        away = abs(time - second)
        inside = second <= max(time, last[video]) or is_second or time > last[video]
        keys.append(key if inside and away <= min(interval, 1) / 2 + 1e-9 else None)
    for index in _give_way(videos, times, keys, info, boxed, all_listed):
        keys[index] = None
    nearest = _nearest(keys, times)
    return [
        None if key is None or nearest[key] != _rank(key, time) else key[1]
        for key, time in zip(keys, times, strict=True)
    ]


def seconds_of(
    file: AnnotationFile,
    videos: Sequence[str],
    times: Sequence[float],
    exact: Sequence[bool] = (),
    boxed: Sequence[bool] = (),
    all_listed: bool = False,
) -> list[int | float | None]:
    """Return the second that each time of a file stands for, see :func:`nearest_seconds`; None also where another file
    of its split is nearer to that second."""
    seconds = nearest_seconds(videos, times, file.info, file.keyframe_interval, exact, boxed, all_listed)
    for index, (video, time, second) in enumerate(zip(videos, times, seconds, strict=True)):
        if second is None:
            continue
        key = (video, second)
        rank = _rank(key, time, bool(boxed) and not boxed[index])
        file.said.ranks.setdefault(key, set()).add(rank)
        if not file.known.is_nearest(key, rank):
            seconds[index] = None
    return seconds


def _rank(key: Keyframe, time: float, bare: bool = False) -> Rank:
    return bare, round(abs(time - key[1]), 6), round(time, 6)  # rounded, so that equally near is equal


def _nearest(keys: Sequence[Keyframe | None], times: Sequence[float]) -> dict[Keyframe, Rank]:
    nearest: dict[Keyframe, Rank] = {}
    for key, time in zip(keys, times, strict=True):
        if key is not None:
            nearest[key] = min(_rank(key, time), nearest.get(key, _rank(key, time)))
    return nearest


def _give_way(
    videos: Sequence[str],
    times: Sequence[float],
    keys: Sequence[Keyframe | None],
    info: Callable[[str], VideoInfo],
    boxed: Sequence[bool],
    all_listed: bool,
) -> list[int]:
    """Return the frames without boxes that do not compete with those that have some.

    Where a list has (nearly) every frame of a video and few have boxes, most were never looked at. But where boxes were
    drawn frame by frame up to a keyframe at least, one without boxes next to them is empty.
    """
    found = []
    nearest = _nearest(keys, times) if boxed else {}
    by_video: dict[str, list[int]] = {}
    for index, video in enumerate(videos if boxed else ()):
        by_video.setdefault(video, []).append(index)
    for video, own in by_video.items():
        own.sort(key=lambda index: times[index])
        frames = (times[own[-1]] - times[own[0]]) * info(video).fps + 1
        if 2 * sum(boxed[index] for index in own) > len(own) or not (all_listed or len(own) >= _MOST * frames):
            continue
        first: set[Keyframe | None] = set()
        for has_boxes, run in groupby(own, key=lambda index: boxed[index]):
            some = list(run)
            if has_boxes and not any(keys[i] and nearest[keys[i]] == _rank(keys[i], times[i]) for i in some):
                first.update(keys[index] for index in some)
        found += [index for index in own if not boxed[index] and keys[index] in first]
    return found


def plain_number(value: float, digits: int) -> str:
    """Return a number with so many digits, but never with an exponent: "24950.3" with 4 digits is "24950"."""
    return f"{value:.{digits}g}" if abs(value) < 10**digits - 1 else f"{value:.0f}"


def _last_second(info: VideoInfo) -> float:
    """Return the last moment to which some frame of a video is the nearest there would be."""
    return math.inf if info.duration is None else info.duration - 0.5 / info.fps


def in_seconds(file: AnnotationFile, rows: RowTable) -> RowTable:
    """Return rows of known videos whose numbers are frames with the seconds that these stand for.

    Rows of frames that stand for none are left out, and those with a box counted.

    Raises:
        UserError: a frame comes before the first one.
    """
    if rows.unit != FRAME or not len(rows):
        return rows
    clock = FrameClock.of(file, {"rows": int(rows.numbers.min())})
    rows.source.reject(
        rows.numbers < clock.first, lambda row: f"frame {rows.numbers[row]}, but the first frame is {clock.first}."
    )
    videos = [rows.videos[code] for code in rows.video_codes.tolist()]
    times = [clock.time(video, number) for video, number in zip(videos, rows.numbers.tolist(), strict=True)]
    seconds = seconds_of(file, videos, times)
    use = np.array([second is not None for second in seconds], dtype=bool)
    counts = {
        NOT_NEAREST: int((rows.has_box & ~use).sum()),
        MOVED: sum(
            second is not None and boxed and abs(time - second) > FAR
            for second, time, boxed in zip(seconds, times, rows.has_box.tolist(), strict=True)
        ),
    }
    middle = len(videos) // 2
    note = f"numbers of frames: video {videos[middle]}, {clock.note(videos[middle], int(rows.numbers[middle]))}"
    return replace(
        rows.take(use),
        numbers=exact_times([second for second in seconds if second is not None]),
        unit=SECOND,
        of_frames=True,
        counts={**rows.counts, **{what: count for what, count in counts.items() if count}},
        notes=(*rows.notes, f"{note} (--frame-rate and --first-frame say otherwise)"),
    )
