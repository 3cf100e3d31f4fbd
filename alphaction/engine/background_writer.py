"""A service that shows a run, served by a thread of its own."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress

from alphaction.engine.plots import JpegPicture, PlotWriter
from alphaction.utils.logging import get_logger
from alphaction.utils.messages import one_line

_MOST_WAITING = 512  # calls; a sheet among them has about 300 kB
_MOST_FAILURES = 5
_SECONDS_AT_THE_END = 30.0
_SHORT_WAIT = 5.0  # seconds, where a run failed
_REASON = 300  # characters

Call = Callable[[PlotWriter], None]


class BackgroundWriter:
    """Hands everything to a service in a thread, so that a slow, failing or absent one costs the training nothing.

    A failure is a warning. After five calls in a row that failed, or if it cannot be started, the service is given up.
    What it has no time for is left out rather than kept without end.

    Args:
        title: of the service, for messages.
        start: connects to it.
        wait: seconds that the end of a run waits for what is on its way.
    """

    def __init__(self, title: str, start: Callable[[], PlotWriter], wait: float = _SECONDS_AT_THE_END) -> None:
        self._title = title
        self._start = start
        self._wait = wait
        self._calls: queue.Queue[Call | None] = queue.Queue(_MOST_WAITING)
        self._given_up = False
        self._started = False
        self._told_full = False
        self._failed_run = False
        self._thread = threading.Thread(target=self._work, name=f"plots of {title}", daemon=True)
        self._thread.start()

    def scalars(self, step: int, values: Mapping[str, float]) -> None:
        """See :class:`PlotWriter`."""
        self._hand_over(lambda writer: writer.scalars(step, values))

    def picture(self, step: int, tag: str, picture: JpegPicture) -> None:
        """See :class:`PlotWriter`."""
        self._hand_over(lambda writer: writer.picture(step, tag, picture))

    def text(self, step: int, tag: str, markdown: str) -> None:
        """See :class:`PlotWriter`."""
        self._hand_over(lambda writer: writer.text(step, tag, markdown))

    def close(self, failed: bool) -> None:
        """End the service, and wait for it a while."""
        if self._given_up:
            return
        self._failed_run = failed
        # A service that was not reached during the whole run will hardly be now.
        wait = self._wait if self._started and not failed else min(self._wait, _SHORT_WAIT)
        until = time.monotonic() + wait
        with suppress(queue.Full):
            self._calls.put(None, timeout=wait)
        self._thread.join(max(until - time.monotonic(), 0))
        if self._thread.is_alive():
            self._given_up = True
            had = f"had not received all of the run within {wait:g} s" if self._started else "was not reached"
            get_logger().warning("%s %s: see TensorBoard (--use-tfboard) or metrics.jsonl", self._title, had)

    def _hand_over(self, call: Call) -> None:
        if self._given_up:
            return
        try:
            self._calls.put_nowait(call)
        except queue.Full:
            if not self._told_full:
                self._told_full = True
                self._warn("does not keep up: some of what the run shows will be missing there")

    def _work(self) -> None:
        try:
            writer = self._start()
            self._started = True
        except Exception as error:  # whatever a service raises
            self._give_up("cannot be started", error)
            return
        failures = 0
        while (call := self._calls.get()) is not None:
            try:
                call(writer)
                failures = 0
            except Exception as error:
                failures += 1
                if failures == 1:
                    self._warn("did not accept a part of the run", error)
                if failures == _MOST_FAILURES:
                    self._give_up("fails again and again", error)
                    return
        try:
            writer.close(self._failed_run)
        except Exception as error:
            self._warn("was not ended properly", error)

    def _give_up(self, what: str, error: Exception) -> None:
        self._warn(f"{what}, and this run is no longer shown there", error)
        self._given_up = True

    def _warn(self, what: str, error: Exception | None = None) -> None:
        if self._given_up:  # It was told already, and the run may be over.
            return
        reason = f" ({one_line(str(error))[:_REASON] or type(error).__name__})" if error is not None else ""
        get_logger().warning("%s %s%s. The training goes on", self._title, what, reason)
