"""The watch of a run's processes over each other: none waits for one that is dead, stopped or stuck.

Each process publishes what it is doing (:mod:`alphaction.utils.progress`) every few seconds through the store that the
processes met at, and looks at the others. A thread talks to the store, which may itself no longer answer; another one
judges, and ends the process where its main thread cannot, as it waits in a collective. A process that ends by an error
leaves its message there, so that the others say that one, and not that they have lost it.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta
from pathlib import Path
from typing import Any

import torch.distributed as dist

from alphaction.engine.verdict import Peer, Verdict, judge
from alphaction.utils.errors import StallError, UserError, end_now, is_first_process, status_of
from alphaction.utils.logging import append_to_log
from alphaction.utils.patience import Patience
from alphaction.utils.processes import machine_id
from alphaction.utils.progress import Mark, current_mark, doing

# How long the others have to hear why a process ends, and one that is not the first to be ended by its launcher.
_LINGER = 5.0  # seconds
_EAGER = 0.3  # seconds between two looks when something is wrong
_LOST = ("gloo", "NCCL", "Connection closed", "Connection reset", "Broken pipe", "Socket", "socket", "Timed out")


class Watch:
    """Watches over the processes of a run, from :meth:`start` to :meth:`stop`.

    Args:
        rank: this process.
        world_size: number of processes.
        timeout: SOLVER.TIMEOUT_SECONDS.
        log_file: gets the message that ends the run, if it is there.
    """

    def __init__(self, rank: int, world_size: int, timeout: float, log_file: Path) -> None:
        self.rank = rank
        self.world_size = world_size
        self.timeout = timeout
        self.log_file = log_file
        self.period = min(max(timeout / 6, 0.3), 5.0)
        self._store: dist.Store | None = None
        self._peers = [Peer(rank=number, silent=Patience(timeout)) for number in range(world_size)]
        self._me = Peer(
            rank=rank,
            silent=Patience(timeout),
            host=socket.gethostname(),
            machine=machine_id(),
            pid=os.getpid(),
            first=is_first_process(),
        )
        self._answered = Patience(timeout)
        self._idle = Patience(timeout)
        self._mark: Mark | None = None
        self._wake = threading.Event()
        self._hurry = False
        self._speaker = rank
        self._talker = threading.Thread(target=self._talk, name="watch: talk", daemon=True)
        self._prefix = ""
        self._started = False
        self._stopped = False
        self._ending = False

    def start(self, attempt: str = "") -> None:
        """Begin to watch. With several processes it comes after they have met at their store.

        Args:
            attempt: prefix of what these processes keep in the store.

        Raises:
            StallError: if another process does not come.
        """
        self._started = True
        self._prefix = f"{attempt}/watch"
        doing("starting", limited=False)
        if self.world_size > 1:
            self._store = connect(self.timeout, self._prefix)
            self._say()
            keys = [_key(number) for number in range(self.world_size)]
            try:
                self._store.wait(keys, timedelta(seconds=self.timeout))
            except RuntimeError as error:
                raise StallError(late_message(self.world_size, self.timeout, error)) from None
            self._talker.start()
        threading.Thread(target=self._judge, name="watch: judge", daemon=True).start()

    def stop(self, error: BaseException | None = None) -> None:
        """End the watch as this process ends, well or by ``error``, which the others are told.

        It waits a few seconds for them to hear that where it matters. ``error.told`` then says whether the first
        process of this machine ends by the same error, and shows it.
        """
        if self._ending:
            return
        self._ending = True
        doing("ending", limited=False)
        self._me.end = _end_of(error, self._speaker)
        if self._store is not None:
            self._hurry = True
            self._wake.set()
            deadline = time.monotonic() + _LINGER
            while time.monotonic() < deadline and not self._may_leave(error):
                time.sleep(_EAGER / 3)
            if isinstance(error, UserError) and error.told is None and not self._me.first:
                first = self._first_of_host()
                error.told = first is not None and first.end == {**self._me.end, "by": first.rank}
        self._stopped = True
        self._wake.set()
        if self._talker.is_alive():
            # Python ends by aborting where a thread comes back from the store too late.
            self._talker.join(_LINGER)

    @contextmanager
    def watching(self) -> Iterator[None]:
        """Watch until the block ends, with :meth:`explaining`."""
        if not self._started:
            self.start()
        with self.explaining():
            yield
        self.stop()

    @contextmanager
    def explaining(self) -> Iterator[None]:
        """Turn what a collective raises where another process is gone into the reason; tell others of any error."""
        try:
            yield
        except UserError as error:
            self.stop(error)
            raise
        except Exception as error:
            if self.world_size == 1 or not is_lost_connection(error):
                self.stop(error)
                raise
            reason = self._reason(error)
            self._end_at_last(reason.status)
            self.stop(reason)
            raise reason from None
        except BaseException as error:
            self.stop(error)
            raise

    def _reason(self, error: Exception) -> UserError:
        """Return why another process is gone, once that is known."""
        self._hurry = True
        self._wake.set()
        deadline = time.monotonic() + _LINGER
        while time.monotonic() < deadline:
            if verdict := judge(self._me, self._others(), self.timeout, gone_only=True):
                self._speaker = verdict.speaker
                self._log(verdict)
                return verdict.error(self._me)
            time.sleep(_EAGER / 3)
        lines = str(error).strip().splitlines() or [type(error).__name__]
        return StallError(f"process {self.rank} has lost the connection to another process: {lines[0][:300]}")

    def _log(self, verdict: Verdict) -> None:
        """Write to the log of process 0, if that cannot."""
        if self.rank == verdict.speaker and self.rank:
            append_to_log(self.log_file, f"stopped: {verdict.message}")

    # The thread that talks to the store.

    def _talk(self) -> None:
        while True:
            self._wake.wait(_EAGER if self._hurry else self.period)
            self._wake.clear()
            stopping = self._stopped
            try:
                self._say()
                self._listen()
            except RuntimeError:
                # The judge looks at when the store last answered.
                if stopping or not self._connect_again():
                    return
            if stopping:
                return

    def _connect_again(self) -> bool:
        if not agent_holds_store() and (self.rank == 0 or self._peers[0].is_gone(self._me.machine)):
            return False
        try:
            self._store = connect(self.timeout, self._prefix)
        except RuntimeError:
            return False
        return True

    def _say(self) -> None:
        mark = current_mark()
        if mark is not self._mark:
            self._mark = mark
            self._idle.renew()
        self._idle.look()
        me = self._me
        me.text, me.limited, me.joint, me.idle = mark.text, mark.limited, mark.joint, self._idle.waited
        if self._store is not None:
            me.beat += 1
            self._store.set(_key(self.rank), me.to_json())

    def _listen(self) -> None:
        values = self._store.multi_get([_key(number) for number in range(self.world_size)])
        for peer, value in zip(self._peers, values, strict=True):
            peer.update(json.loads(value))
            if peer.end is not None and peer.rank not in self._me.heard:
                self._me.heard = [*self._me.heard, peer.rank]
                self._wake.set()
        self._answered.renew()

    # The thread that judges.

    def _judge(self) -> None:
        while not self._stopped:
            time.sleep(min(self.period, 1.0))
            if self._store is None:
                self._say()
            self._idle.look()
            self._me.idle = self._idle.waited if current_mark() is self._mark else 0.0
            self._answered.look()
            if self._ending:
                continue
            verdict = judge(self._me, self._others(), self.timeout, store_rank=self._silent_store())
            if verdict is not None and not self._ending:
                self._leave(verdict)

    def _silent_store(self) -> int | None:
        """Return who holds the store (-1: the launcher), if it no longer answers."""
        if self._store is None or self._answered.look():
            return None
        return -1 if agent_holds_store() else 0

    def _leave(self, verdict: Verdict) -> None:
        """End this process from outside of its main thread, which waits for what never comes."""
        self._ending = True
        error = verdict.error(self._me)
        self._me.end = _end_of(error, verdict.speaker)
        self._wake.set()
        if self.rank == 0 or self.rank == verdict.speaker:
            append_to_log(self.log_file, f"stopped: {error}")
        if error.told:
            time.sleep(_LINGER)
        for pid in verdict.stopped:
            with suppress(OSError):
                os.kill(pid, signal.SIGKILL)
        end_now("" if error.told else str(error), error.status)

    def _end_at_last(self, status: int) -> None:
        """Let no clean-up of what is broken keep this process."""
        timer = threading.Timer(6 * _LINGER, end_now, ("", status))
        timer.daemon = True
        timer.start()

    def _others(self) -> list[Peer]:
        return [peer for peer in self._peers if peer.rank != self.rank]

    def _first_of_host(self) -> Peer | None:
        return next((peer for peer in self._others() if peer.first and peer.machine == self._me.machine), None)

    def _may_leave(self, error: BaseException | None) -> bool:
        """Return whether all have heard of this process's end who could not do so later."""
        others = self._others()
        deaf = [peer for peer in others if not (self.rank in peer.heard or peer.end or peer.is_gone(self._me.machine))]
        if self.rank == 0 and not agent_holds_store():
            return not deaf  # The store ends with this process.
        first = self._first_of_host()
        return error is None or first is None or first.end is not None or first.is_gone(self._me.machine)


def is_lost_connection(error: Exception) -> bool:
    """Return whether a collective raised this as another process is gone."""
    return isinstance(error, dist.DistError) or (
        isinstance(error, RuntimeError) and any(word in str(error) for word in _LOST)
    )


def agent_holds_store() -> bool:
    """Return whether the store at which the processes meet is in torchrun, not in process 0."""
    return os.environ.get("TORCHELASTIC_USE_AGENT_STORE") == "True"


def late_message(world_size: int, timeout: float, error: Exception) -> str:
    """Return the message that not all processes have come, by what the store said."""
    where = f"{os.environ.get('MASTER_ADDR')}:{os.environ.get('MASTER_PORT')}"
    return (
        f"not all of the {world_size} processes have come to {where} within {timeout:g} s (SOLVER.TIMEOUT_SECONDS): "
        f"was each of them started, with the same MASTER_ADDR and MASTER_PORT? {str(error).splitlines()[0][:300]}"
    )


def connect(timeout: float, prefix: str) -> dist.Store:
    """Return a client of the store at which the processes met, of its own: one that waits must not keep another."""
    client = dist.TCPStore(
        os.environ["MASTER_ADDR"],
        int(os.environ["MASTER_PORT"]),
        is_master=False,
        wait_for_workers=False,
        timeout=timedelta(seconds=timeout),
    )
    return dist.PrefixStore(prefix, client)


def _key(rank: int) -> str:
    return str(rank)


def _end_of(error: BaseException | None, speaker: int) -> dict[str, Any]:
    """Return what the others are told of an end: exit status, message, and the rank that shows it."""
    status, message = 1, f"{type(error).__name__}: {str(error)[:500]}"
    if error is None:
        status, message = 0, ""
    elif isinstance(error, UserError):
        status, message = error.status, str(error)
    elif isinstance(error, KeyboardInterrupt):
        status, message = status_of(error), ""
    elif isinstance(error, SystemExit):
        status, message = error.code if isinstance(error.code, int) else 1, ""
    return {"status": status, "message": message, "by": speaker}
