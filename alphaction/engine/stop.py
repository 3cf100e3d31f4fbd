"""Ending a run early: all processes agree on when, after a step that is whole, and leave together.

Whether somebody wants to end is asked in a vote that is started after each step and counted after the next one, over
the CPU's own process group: no step waits for it, and no device is synchronized.
"""

from __future__ import annotations

import os
import select
import signal
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import NamedTuple, NoReturn, TypeVar

import torch
import torch.distributed as dist

from alphaction.engine.stop_signals import StopSignals
from alphaction.utils.errors import Interrupted, Preempted, StallError, is_first_process
from alphaction.utils.signals import ended_by, has_terminal

Item = TypeVar("Item")
# Of votes: the shares of an evaluation may take the processes differently long.
_LIMIT = timedelta(hours=2)
# How long Ctrl-C's question waits for an answer, in seconds; then a checkpoint is saved.
_ANSWER = 60
# How long word from another process may take, in seconds.
_WORD = 2.0
# What the end of another process, or of a loader's worker, leaves behind in one that had not heard of the signal yet.
_LEFT_BEHIND = (RuntimeError, StallError)


class StopAsked(Exception):  # noqa: N818 - nobody's error
    """All processes leave what they do, as one of them was asked to end.

    Attributes:
        number: the signal, or LAUNCHER_GONE.
    """

    def __init__(self, number: int) -> None:
        super().__init__(ended_by(number))
        self.number = number


class Verdict(NamedTuple):
    """What all processes have agreed on: the signal that ends the run (0: none), and whether a checkpoint is due."""

    number: int = 0
    save: bool = False


class Stop:
    """Agreement of all processes on an early end; without :meth:`listening` nobody ever asks for one.

    Args:
        in_library: the process is somebody else's, a notebook's say, and outlives the run: it is never ended, and not
            asked questions.
    """

    def __init__(self, *, in_library: bool = False) -> None:
        self._in_library = in_library
        self._signals = StopSignals(ends_process=not in_library)
        self._group: dist.ProcessGroup | None = None
        self._ballot = torch.zeros(2, dtype=torch.int64)
        self._vote: dist.Work | None = None

    @contextmanager
    def listening(self) -> Iterator[None]:
        """Notice signals within the block, which every process enters. A signal ends it at once, by ``Interrupted``.

        Of several processes, each calls :meth:`join` in it when they have met, for which they may wait long.
        """
        with self._signals.watching():
            try:
                yield
            except _LEFT_BEHIND as error:
                if self._asked_soon():
                    raise Interrupted(number=self._signals.number) from error
                raise
            finally:
                self._group = self._vote = None

    def join(self) -> None:
        """Agree with the other processes from now on, if there is a process group; every one of them calls this."""
        if dist.is_available() and dist.is_initialized():
            self._group = dist.new_group(backend="gloo", timeout=_LIMIT)
            self._signals.store = dist.distributed_c10d._get_default_store()

    @contextmanager
    def deferred(self, hint: Callable[[], str]) -> Iterator[None]:
        """Let signals within the block only be noted: it asks for them between its steps.

        Args:
            hint: says how the run goes on.

        Raises:
            Preempted: where the block raises :class:`StopAsked` for a signal other than Ctrl-C.
            Interrupted: the same for Ctrl-C.
        """
        self._signals.hint, self._signals.deferred = hint, True
        try:
            yield
        except StopAsked as stop:
            # Also where another process was asked: what torchrun sends to the slower ones changes nothing any more.
            self._signals.number = self._signals.number or stop.number
            if stop.number == signal.SIGINT:
                raise Interrupted(hint()) from None
            raise Preempted(f"{stop}. {hint()}") from None
        except _LEFT_BEHIND as error:
            if self._asked_soon():
                raise Preempted(f"{ended_by(self._signals.number)}, before a step was whole. {hint()}") from error
            raise
        finally:
            # One that was asked to end is on its way.
            self._signals.deferred = self._signals.number != 0

    def vote(self, save_due: bool = False) -> None:
        """Start a vote, without waiting; every process calls this after each step.

        Args:
            save_due: whether this process finds that a checkpoint is due by the clock.
        """
        self._ballot = torch.tensor([self._signals.number, save_due])
        if self._group is not None:
            self._vote = dist.all_reduce(self._ballot, dist.ReduceOp.MAX, group=self._group, async_op=True)

    def verdict(self) -> Verdict:
        """Return the outcome of the last vote, the same on every process; a single one looks at its signals anew."""
        if self._group is None:
            return Verdict(self._signals.number, bool(self._ballot[1]))
        if self._vote is None:
            return Verdict()
        self._vote.wait()
        self._vote = None
        number, save = self._ballot.tolist()
        return Verdict(number, bool(save))

    def agree(self) -> int:
        """Return the signal that some process was asked to end by, 0 for none; waits for every process."""
        ballot = torch.tensor([self._signals.number])
        if self._group is not None:
            dist.all_reduce(ballot, dist.ReduceOp.MAX, group=self._group)
        return int(ballot)

    def between(self, items: Iterable[Item]) -> Iterator[Item]:
        """Yield ``items`` until some process is asked to end; every process calls this, for any number of items.

        Raises:
            StopAsked: on all processes, even on those that are through.
        """
        self._signals.asking = True
        for item in items:
            if self._signals.number:
                break
            yield item
        self._signals.asking = False
        if number := self.agree():
            raise StopAsked(number)

    def leave(self, number: int) -> NoReturn:
        """Raise :class:`StopAsked` on all processes when the slowest of them, which has saved, is here.

        Where torchrun would start the processes again (``--max-restarts``), it is told to end, too.
        """
        self.agree()
        told = os.environ
        restarts = int(told.get("TORCHELASTIC_MAX_RESTARTS", 0)) - int(told.get("TORCHELASTIC_RESTART_COUNT", 0))
        if restarts > 0 and is_first_process() and self._signals.launcher_lives():
            os.kill(os.getppid(), signal.SIGTERM)
        raise StopAsked(number)

    def _asked_soon(self) -> bool:
        """Return whether this process was asked to end, or is within the time that word of it takes."""
        if self._group is not None and not self._signals.number:
            time.sleep(_WORD)
        return self._signals.number != 0

    def wants_checkpoint(self, number: int) -> bool:
        """Return whether to save before the end: after Ctrl-C a person is asked, if one is there and this is alone."""
        if number != signal.SIGINT or self._group is not None or self._in_library or not has_terminal():
            return True
        print("\nSave a checkpoint before the end? [Y/n] ", end="", file=sys.stderr, flush=True)
        deadline = time.monotonic() + _ANSWER
        # Another signal, which leaves less time, saves as well.
        while self._signals.number == number and time.monotonic() < deadline:
            if select.select([sys.stdin], [], [], 0.2)[0]:
                return not sys.stdin.readline().strip().lower().startswith("n")
        answer = "" if self._signals.number != number else f"no answer for {_ANSWER} s: saving"
        print(answer, file=sys.stderr)
        return True
