"""Frames in the order of their times, and which of them is the nearest to a time."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator, Sequence

import av
import numpy as np

TIME_TOLERANCE = 1e-6
"""Seconds. Two instants nearer than this are the same one: frame times are fractions, slot times are floats."""


class UnorderedTimestampsError(Exception):
    """The container's timestamps are missing or run backwards."""


def timed(frames: Iterable[av.VideoFrame], origin: float | None) -> Iterator[tuple[av.VideoFrame, float]]:
    """Yield frames with their times in seconds.

    Args:
        frames: as they are shown.
        origin: the stream's own time, in seconds, that counts as 0; None: that of the first frame.

    Raises:
        UnorderedTimestampsError: if a frame has no time, or an earlier one than the frame before.
    """
    last = -np.inf
    for frame in frames:
        if frame.pts is None:
            raise UnorderedTimestampsError
        if origin is None:
            origin = frame.time
        time = frame.time - origin
        if time < last - TIME_TOLERANCE:
            raise UnorderedTimestampsError
        yield frame, time
        last = time


def nearest_frames(
    frames: Iterable[tuple[av.VideoFrame, float]],
    times: Sequence[float],
    at_end: Callable[[av.VideoFrame | None, float], None],
) -> Iterator[av.VideoFrame]:
    """Yield, for each time, the nearest frame; of two equally near, the earlier. The first and the last one repeat.

    Args:
        frames: with their times in seconds, ascending; no more are taken than are needed.
        times: seconds, ascending.
        at_end: called with the last frame, None if there is not one, and its time, where frames end before ``times``.
    """
    done, previous, previous_time = 0, None, -np.inf
    for frame, time in frames:
        while done < len(times) and time >= times[done] - TIME_TOLERANCE:
            before = previous is not None and times[done] - previous_time <= time - times[done] + TIME_TOLERANCE
            done += 1
            yield previous if before else frame
        if done == len(times):
            return
        previous, previous_time = frame, time
    at_end(previous, previous_time)
    for _ in times[done:]:
        yield previous


def nearest_position(seconds: Sequence[float], time: float) -> int:
    """Return the position of the frame that :func:`nearest_frames` takes, of those at ``seconds`` (ascending)."""
    after = bisect_left(seconds, time - TIME_TOLERANCE)
    if after == len(seconds):
        return after - 1
    if after > 0 and time - seconds[after - 1] <= seconds[after] - time + TIME_TOLERANCE:
        return after - 1
    return after
