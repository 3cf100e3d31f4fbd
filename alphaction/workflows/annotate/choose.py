"""Which keyframes or videos are worth a person's look, the first ones first."""

from __future__ import annotations

from bisect import bisect, insort
from collections.abc import Collection, Sequence
from math import inf
from statistics import fmean

import numpy as np

from alphaction.data.keyframes import exact_time
from alphaction.evaluation.tubes.tube import VideoTubes
from alphaction.utils.errors import UserError
from alphaction.utils.messages import suggest
from alphaction.workflows.annotate.uncertainty import Moment, moments_of

UNCERTAIN, RANDOM = ORDERS = ("uncertain", "random")
SECOND, VIDEO = UNITS = ("second", "video")
GAP = 3.0
"""Seconds between two keyframes of a video that are chosen, as long as there are others: persons mostly do what they
did a second before, so the second of two neighbors teaches little."""
_LEAST_GAP = 0.1
_DIGITS = 9  # of bits, so that what differs by rounding alone is in the order of names


def choose(
    videos: Sequence[VideoTubes],
    budget: int | None = None,
    order: str = UNCERTAIN,
    seed: int = 0,
    *,
    unit: str = SECOND,
    exclusive: Sequence[Collection[str]] = (),
    labeled: Collection[tuple[str, float]] = (),
    excluded: Collection[tuple[str, float]] = (),
) -> list[tuple[str, float]]:
    """Return (video, time) of the keyframes that a person should look at, those with most to learn from first.

    Args:
        videos: the persons of each, with the scores of all classes at their keyframes.
        budget: at most so many keyframes, or with ``unit="video"`` videos with all their keyframes. None: all.
        order: "uncertain" first (see :func:`by_uncertainty`), or "random".
        seed: of the random order. The order of ``videos`` changes nothing.
        unit: "second": single keyframes; "video": whole videos, by the mean of their keyframes.
        exclusive: groups of class names; those of a group exclude each other.
        labeled: (video, time) of keyframes that have labels already: they are left out, and keyframes near them wait
            like those near a chosen one.
        excluded: (video, time) of keyframes that are never chosen.

    Raises:
        UserError: an unknown order or unit.
    """
    for name, value, known in (("order", order, ORDERS), ("unit", unit, UNITS)):
        if value not in known:
            raise UserError(f"--{name} {value}: there is no such {name}. {suggest(value, known)}")
    by_name = sorted(videos, key=lambda video: video.video)
    moments = [moment for video in by_name for moment in moments_of(video, exclusive)]
    not_asked = {(video, exact_time(time)) for video, time in (*labeled, *excluded)}
    left = [moment for moment in moments if (moment.video, exact_time(moment.time)) not in not_asked]
    if unit == VIDEO:
        chosen = whole_videos(left, budget, order, seed)
    elif order == RANDOM:
        chosen = shuffled(left, seed)[:budget]
    else:
        chosen = by_uncertainty(left, labeled)[:budget]
    return [(moment.video, moment.time) for moment in chosen]


def by_uncertainty(moments: Sequence[Moment], labeled: Collection[tuple[str, float]] = ()) -> list[Moment]:
    """Return keyframes, the most uncertain first, where near ones of a video wait.

    A keyframe that is closer than :data:`GAP` to one before it in the order, or to a labeled one, waits until no other
    is left; then half of the gap holds, and so on. Equal ones are by name and time.
    """
    waiting = sorted(moments, key=lambda moment: (-round(moment.uncertainty, _DIGITS), moment.video, moment.time))
    taken: dict[str, list[float]] = {}
    for video, time in labeled:
        insort(taken.setdefault(video, []), time)
    order: list[Moment] = []
    gap = GAP
    while waiting:
        later = []
        for moment in waiting:
            times = taken.setdefault(moment.video, [])
            if _distance(moment.time, times) < gap:
                later.append(moment)
            else:
                insort(times, moment.time)
                order.append(moment)
        waiting, gap = later, gap / 2 if gap > _LEAST_GAP else 0.0
    return order


def _distance(time: float, times: Sequence[float]) -> float:
    """Return the seconds, to the thousandth, from a time to the nearest of ``times``, which ascend."""
    place = bisect(times, time)
    return min((round(abs(time - near), 3) for near in times[max(0, place - 1) : place + 1]), default=inf)


def whole_videos(moments: Sequence[Moment], budget: int | None, order: str, seed: int) -> list[Moment]:
    """Return all keyframes of at most ``budget`` videos: the videos in order, the keyframes of each by time."""
    of_video: dict[str, list[Moment]] = {}
    for moment in moments:
        of_video.setdefault(moment.video, []).append(moment)
    if order == RANDOM:
        names = shuffled(list(of_video), seed)
    else:
        means = {name: fmean(moment.uncertainty for moment in found) for name, found in of_video.items()}
        names = sorted(means, key=lambda name: (-round(means[name], _DIGITS), name))
    return [moment for name in names[:budget] for moment in of_video[name]]


def shuffled(things: Sequence, seed: int) -> list:
    """Return things in a random order, the same for the same seed."""
    return [things[place] for place in np.random.default_rng(seed).permutation(len(things))]
