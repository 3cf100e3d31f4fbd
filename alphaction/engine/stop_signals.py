"""Notices what asks a run to end, in a thread, so also while the main thread waits for other processes.

That is a signal to this process, the end of torchrun or the launcher that started it, or word from another process of
the run, for each of which the processes have a key in the store through which they met.
"""

from __future__ import annotations

import os
import select
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from types import FrameType

from torch.distributed import Store

from alphaction.utils.errors import Interrupted, is_first_process
from alphaction.utils.signals import ENDING, LAUNCHER_GONE, ended_by, first_parent, handling

_KEY = "alphaction/stop"
_WITH_LAUNCHER = "TORCHELASTIC_RUN_ID"
# How often the launcher and the other processes are looked at, in seconds.
_PERIOD = 0.5
# A signal may arrive twice, directly and by the launcher: a person's second Ctrl-C comes later, in seconds.
_ECHO = 0.5
# How long the main thread has to end where nothing is to be saved, in seconds.
_PATIENCE = 10.0


class StopSignals:
    """What asks this process to end.

    Attributes:
        number: the signal that asked first, or LAUNCHER_GONE; 0: none. After Ctrl-C, another one takes its place.
        deferred: whether the main thread looks at ``number`` by itself; else a signal raises ``Interrupted`` there.
        asking: whether to ask in the store for word from other processes; votes bring it where there are any.
        hint: says how the run goes on, for an end at once.
        store: of the process group; None for a single process, or before the processes have met.

    Args:
        ends_process: whether the process may be ended where its main thread does not; otherwise a second Ctrl-C only
            raises ``Interrupted`` there, whatever the main thread does.
    """

    def __init__(self, *, ends_process: bool = True) -> None:
        self._ends_process = ends_process
        self.number = 0
        self.deferred = False
        self.asking = False
        self.hint: Callable[[], str] = str
        self._since = 0.0
        self._told = False
        self._raised = False
        self.store: Store | None = None
        self._parent = first_parent() if _WITH_LAUNCHER in os.environ else None

    @contextmanager
    def watching(self) -> Iterator[None]:
        """Notice signals within the block; only in the main thread, as no other one may handle signals."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        self._pid = os.getpid()
        inbox, outbox = os.pipe()
        os.set_blocking(outbox, False)
        closing = threading.Event()
        thread = threading.Thread(target=self._watch, args=(inbox, closing), daemon=True, name="stop signals")
        # The former handlers come back last: what is ending already is not to be interrupted by an echo.
        with handling(self._handle):
            former = signal.set_wakeup_fd(outbox, warn_on_full_buffer=False)
            thread.start()
            try:
                yield
            finally:
                signal.set_wakeup_fd(former)
                self.store = None
                closing.set()
                os.write(outbox, b"\0")
                thread.join()
                os.close(inbox)
                os.close(outbox)

    def note(self, number: int) -> None:
        """Take note of a signal, or of LAUNCHER_GONE."""
        if self.number == 0 or (self.number == signal.SIGINT and number != signal.SIGINT):
            self.number, self._since = number, time.monotonic()
        elif number == signal.SIGINT == self.number and time.monotonic() - self._since > _ECHO:
            if not self._ends_process:
                self._raise_now()
                return
            self._end_at_once("interrupted twice, and ended at once.")

    def launcher_lives(self) -> bool:
        """Return whether torchrun, or the launcher, that has started this process is still there."""
        return self._parent is not None and os.getppid() == self._parent

    def _handle(self, number: int, frame: FrameType | None) -> None:
        """Run in the main thread, after the watching thread has been told of the signal."""
        if os.getpid() != self._pid:  # a worker that is just being forked
            return
        if not self.deferred and not self._raised:
            self._raised = True
            self.note(number)
            raise Interrupted(number=self.number)

    def _watch(self, inbox: int, closing: threading.Event) -> None:
        while True:
            readable, _, _ = select.select([inbox], [], [], _PERIOD)
            for number in os.read(inbox, 64) if readable else b"":
                if number == signal.SIGINT or number in ENDING:
                    self.note(number)
            if closing.is_set():
                return
            if not self.number:
                self._look_around()
            self._tell()
            late = time.monotonic() - self._since > _PATIENCE
            if self.number and not self.deferred and late and self._ends_process:
                self._end_at_once(f"{ended_by(self.number)}, at once, as the work in progress did not end.")

    def _look_around(self) -> None:
        """Note the end of the launcher, or that another process was asked to end."""
        if self._parent is not None and not self.launcher_lives():
            self.note(LAUNCHER_GONE)
        elif self.asking and self.store is not None:
            try:
                if self.store.check([_KEY]):
                    self._told = True
                    self.note(int(self.store.get(_KEY)))
            except RuntimeError:  # It ends with the launcher.
                self.store = None
        if self.number and not self.deferred:
            os.kill(os.getpid(), signal.SIGTERM)  # wakes the main thread

    def _tell(self) -> None:
        """Tell the other processes, once, that this one was asked to end."""
        if not self.number or self._told or self.store is None:
            return
        self._told = True
        # The store of all machines is kept by the launcher of the first one.
        if self.number != LAUNCHER_GONE or os.environ.get("GROUP_RANK") != "0":
            with suppress(RuntimeError):
                self.store.set(_KEY, str(self.number))

    def _raise_now(self) -> None:
        """Let the main thread raise ``Interrupted`` wherever it is, by another signal, as this one is done with."""
        if self.deferred and not self._raised:
            self.deferred = False
            os.kill(os.getpid(), signal.SIGINT)

    def _end_at_once(self, message: str) -> None:
        try:
            if is_first_process():
                os.write(sys.stderr.fileno(), f"\n{message} {self.hint()}\n".encode())
        finally:
            os._exit(130 if self.number == signal.SIGINT else 6)
