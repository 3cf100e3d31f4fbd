"""Whether a run can go on, judged from what its processes say of themselves."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from alphaction.utils.errors import StallError, UserError, error_of_status
from alphaction.utils.messages import listed
from alphaction.utils.patience import Patience
from alphaction.utils.processes import is_gone

_SENT = ("rank", "host", "machine", "pid", "first", "beat", "text", "limited", "joint", "idle", "end", "heard")
# A loader tells of its workers, and a collective of a closed connection, by itself and better.
_GRACE = 3.0  # seconds


@dataclass
class Peer:
    """What a process has said of itself last.

    Attributes:
        rank, host, pid: which process, and where.
        machine: see :func:`machine_id`; pids of other machines mean nothing here.
        silent: time since it last said something.
        first: whether it is the first of its machine, which speaks for the others there.
        beat: counts what it has said.
        text, limited, joint: what it does (:class:`alphaction.utils.progress.Mark`).
        idle: seconds that it has been doing that.
        end: exit status and message of one that has ended, or None.
        heard: ranks whose end it knows of.
    """

    rank: int
    silent: Patience
    host: str = ""
    machine: str = ""
    pid: int = 0
    first: bool = False
    beat: int = 0
    text: str = "starting"
    limited: bool = False
    joint: bool = False
    idle: float = 0.0
    end: dict[str, Any] | None = None
    heard: list[int] = field(default_factory=list)

    def to_json(self) -> str:
        """Return what is published."""
        return json.dumps({name: getattr(self, name) for name in _SENT})

    def update(self, said: dict[str, Any]) -> None:
        """Take over what the process has published."""
        if said["beat"] != self.beat:
            self.silent.renew()
        for name in _SENT:
            setattr(self, name, said[name])

    def is_gone(self, machine: str) -> bool:
        """Return whether the process, if it is on this ``machine``, no longer exists."""
        return bool(self.pid) and self.machine == machine and is_gone(self.pid)

    def __str__(self) -> str:
        where = f" ({self.host}, pid {self.pid})" if self.pid else ""
        return f"process {self.rank}{where}"


@dataclass(frozen=True)
class Verdict:
    """Why the run ends.

    Attributes:
        message: for people.
        speaker: the rank that says it.
        speaker_machine: where that one is: the first process of each other machine says it, too.
        status: of the error that it becomes.
        stopped: ids of processes of this machine to be ended too: a stopped process would hold its GPU.
    """

    message: str
    speaker: int
    speaker_machine: str
    status: int = StallError.status
    stopped: tuple[int, ...] = ()

    def error(self, me: Peer) -> UserError:
        """Return the error, which process ``me`` need not show if another one does."""
        error = error_of_status(self.status)(self.message)
        elsewhere = self.speaker_machine != me.machine and me.first
        error.told = me.rank != self.speaker and not elsewhere
        return error


def judge(
    me: Peer, others: Sequence[Peer], timeout: float, *, store_rank: int | None = None, gone_only: bool = False
) -> Verdict | None:
    """Return why the run cannot go on, None if it can.

    Args:
        me: this process.
        others: all others.
        timeout: SOLVER.TIMEOUT_SECONDS.
        store_rank: the rank that holds the store, -1 for the launcher, if that no longer answers.
        gone_only: look only for processes that have ended.
    """
    running = [me, *(peer for peer in others if peer.end is None)]
    # One that computes or saves goes on until it needs the others.
    if gone_only or (me.joint and me.idle >= _GRACE):
        for peer in others:
            if peer.end is not None and peer.end["status"]:
                return _of_end(peer)
        gone = [peer for peer in running if peer.is_gone(me.machine)]
        if gone:
            text = "; ".join(f"{peer} has died; it was last seen {peer.text}" for peer in gone)
            killed = "killed, by the kernel where the memory was full (`dmesg` tells) or by a person"
            return _verdict(f"{text}. It was {killed}, or it crashed.", running, gone)
    if gone_only:
        return None
    patience = f"{timeout:g} s (SOLVER.TIMEOUT_SECONDS)"
    if store_rank is not None:
        if me.limited and me.idle >= timeout:
            holder = "the launcher" if store_rank < 0 else str(others[0] if me.rank else me)
            holders = [peer for peer in running if peer.rank == store_rank]
            text = f"{holder}, where the processes meet, has not answered for {patience}"
            return _verdict(
                f"{text}: it is stopped, or cut off. Meanwhile {me} was {me.text}.",
                running,
                holders,
                holders,
            )
        return None
    silent = [peer for peer in running if peer.rank != me.rank and not peer.silent.look()]
    if silent:
        text = "; ".join(
            f"{peer} has not answered for {patience}: it is stopped, or its machine is; it was last seen {peer.text}"
            for peer in silent
        )
        return _verdict(f"{text}.", running, silent, silent)
    return _of_standstill(running, timeout)


def _of_standstill(running: Sequence[Peer], timeout: float) -> Verdict | None:
    still = [peer for peer in running if peer.limited and peer.idle >= timeout + _GRACE]
    alone = [peer for peer in still if not peer.joint]
    blamed = alone or (still if len(still) == len(running) else [])
    if not blamed:
        return None
    blamed.sort(key=lambda peer: peer.rank)
    text = listed([f"{peer} was {peer.text}" for peer in blamed], 8, "; ")
    return _verdict(
        f"nothing has gone on for {timeout:g} s (SOLVER.TIMEOUT_SECONDS): {text}. Raise SOLVER.TIMEOUT_SECONDS if that "
        "can take so long.",
        running,
    )


def _of_end(peer: Peer) -> Verdict:
    status, message = peer.end["status"], peer.end["message"]
    if status == 1:
        return Verdict(f"{peer} was ended by an error: {message}", peer.rank, peer.machine)
    return Verdict(message or f"{peer} has ended with status {status}.", peer.rank, peer.machine, status)


def _verdict(
    message: str, running: Sequence[Peer], accused: Sequence[Peer] = (), stopped: Sequence[Peer] = ()
) -> Verdict:
    """Return a verdict that the first of those says that can."""
    ranks = {peer.rank for peer in accused}
    speaker = min((peer for peer in running if peer.rank not in ranks), key=lambda peer: peer.rank)
    here = tuple(peer.pid for peer in stopped if peer.pid and peer.machine == running[0].machine)
    return Verdict(message, speaker.rank, speaker.machine, stopped=here)
