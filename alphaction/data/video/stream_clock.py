"""What time it is in a stream: its frames' time stamps where they make sense, else the clock on the wall."""

from __future__ import annotations

# Seconds by which time stamps may run ahead of the wall: what a server has buffered comes at once.
_AHEAD = 10.0
# Seconds between two frames at least: two may arrive at one moment.
_SHORTEST = 1e-3


class StreamClock:
    """Seconds of frame after frame, always ascending.

    A time stamp that is missing, runs backwards or jumps is replaced by the time that has passed since the frame
    before, or by ``step``; those after it count from there.

    Args:
        step: seconds from one frame to the next, where the wall clock does not tell them; None: it does.
        origin: the time stamp, in seconds, of time 0; None: that of the first frame.
    """

    def __init__(self, step: float | None = None, origin: float | None = None) -> None:
        self._step = step
        self._origin = origin  # time stamp of time 0; None: the next frame decides
        self._last: tuple[float, float] | None = None  # time and arrival of the frame before

    def time(self, stamp: float | None, arrived: float) -> float:
        """Return the time of the next frame, seconds.

        Args:
            stamp: what the stream says, seconds.
            arrived: by :func:`time.monotonic`.
        """
        passed = 0.0 if self._last is None else arrived - self._last[1]
        step = passed if self._step is None else self._step
        before = -step if self._last is None else self._last[0]
        time = None if stamp is None or self._origin is None else stamp - self._origin
        # Without a wall clock (a file) pauses and cuts are believed.
        latest = before + (max(passed, 0.0) + _AHEAD if self._step is None else float("inf"))
        if time is None or not before < time <= latest:
            time = max(before + max(step, _SHORTEST), 0.0) if self._last is not None else 0.0
            self._origin = None if stamp is None else stamp - time
        self._last = time, arrived
        return time

    def interrupt(self) -> None:
        """Let the next frame's time follow from the wall, whatever its time stamp says."""
        self._origin = None
