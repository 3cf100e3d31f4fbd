"""Worker processes that load clips. They share no lock and no file with each other or with the process that reads them.

So a worker that is killed, stopped or stuck in a read of a dead disk ends the run with a message that names it, and
what it was to load; and it cannot keep the run from ending.
"""

from __future__ import annotations

import ctypes
import multiprocessing
import os
import pickle
import signal
import socket
import sys
import time
import traceback
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from multiprocessing.connection import wait
from multiprocessing.process import BaseProcess
from multiprocessing.util import Finalize
from pathlib import Path
from typing import Any, NamedTuple

import cv2
import torch

from alphaction.data.handover import receive, send
from alphaction.data.sample import SampleRequest
from alphaction.utils.errors import ResourceError, StallError, UserError
from alphaction.utils.heap import keep_freed_memory
from alphaction.utils.messages import counted
from alphaction.utils.patience import Patience
from alphaction.utils.signals import ENDING

Task = Sequence[SampleRequest]
Progress = Callable[[int], None]
"""Takes the position in its task of the clip that is loaded next."""

# What ends the training process, in its own way, is not for its workers: they serve until it is gone.
_NOT_FOR_WORKERS = (signal.SIGINT, *ENDING)
_LOOK = 1.0  # seconds between two looks at whether another process is there
_PR_SET_PDEATHSIG = 1
# Where memory runs out, the kernel is to end a worker, not the process that can tell of it.
_OOM_SCORE = "500"


class WorkerPool:
    """Worker processes, each with tasks of its own in order.

    Args:
        load: does a task in a worker; a :class:`UserError` that it returns or raises arrives as itself.
        num_workers: how many, 1 or more.
        timeout: seconds that a worker may take from one clip to the next.
        name_clip: returns the dataset, video and second of a request, for messages.
        owner: "" or " of process 3", for messages.
        advice: how to need less memory, for messages.
    """

    def __init__(
        self,
        load: Callable[[Task, Progress], Any],
        num_workers: int,
        *,
        timeout: float,
        name_clip: Callable[[SampleRequest], str],
        owner: str = "",
        advice: str = "",
    ) -> None:
        self.timeout = timeout
        self.name_clip = name_clip
        self.owner = owner
        self.advice = advice
        self._load = load
        self._workers: list[_Worker] = []
        # Also when the program ends: before multiprocessing would wait for workers that may never end.
        self.close = Finalize(self, _kill, args=(self._workers,), exitpriority=100)
        for number in range(num_workers):
            self._workers.append(_start(load, number, timeout))

    def __len__(self) -> int:
        return len(self._workers)

    def submit(self, number: int, task: Task) -> None:
        """Give worker ``number`` another task.

        Raises:
            StallError: if it is gone.
        """
        worker = self._workers[number]
        if not worker.tasks:
            worker.patience.renew()
        worker.tasks.append(task)
        worker.channel.settimeout(self.timeout)
        try:
            send(worker.channel, task)
        except TimeoutError:
            raise self._stuck(number, worker) from None
        except OSError:
            # What it has finished may still be read: the loss is told when the next result is due.
            return

    def result(self, number: int) -> Any:
        """Wait for the result of the oldest task of worker ``number``.

        Raises:
            StallError: if the worker is dead or has not gone on for ``timeout`` seconds.
            ResourceError: if it lacked memory.
        """
        worker = self._workers[number]
        worker.patience.renew()
        while True:
            if worker.channel in wait([worker.channel, worker.process.sentinel], min(_LOOK, worker.patience.look())):
                finished, result = self._heard(number, worker)
                if finished:
                    return result
                continue
            if not worker.process.is_alive():
                if not wait([worker.channel], 0):
                    raise self._lost(number, worker)
            elif not worker.patience.look():
                raise self._stuck(number, worker)

    def finished(self, seconds: float) -> list[tuple[int, Any]]:
        """Return (worker, result) of tasks that are finished; wait up to ``seconds`` for the first one.

        In place of a result there may be the :class:`UserError` that ended the task, also where the worker is dead,
        stuck or without memory: it needs :meth:`replace` then.
        """
        end = time.monotonic() + seconds
        while True:
            busy = [(number, worker) for number, worker in enumerate(self._workers) if worker.tasks]
            left = max(end - time.monotonic(), 0.0)
            heard = wait([worker.channel for _, worker in busy], min(_LOOK, left)) if busy else []
            found = []
            for number, worker in busy:
                try:
                    if worker.channel in heard:
                        finished, result = self._heard(number, worker)
                        found += [(number, result)] if finished else []
                    elif not worker.process.is_alive() and not wait([worker.channel], 0):
                        raise self._lost(number, worker)
                    elif not worker.patience.look():
                        raise self._stuck(number, worker)
                except UserError as error:
                    found.append((number, error))
            if found or not busy or time.monotonic() >= end:
                return found

    def replace(self, number: int) -> None:
        """End worker ``number``, whose tasks are forgotten, and start another one in its place."""
        lost = [self._workers[number]]
        self._workers[number] = _start(self._load, number, self.timeout)
        _kill(lost)

    def _heard(self, number: int, worker: _Worker) -> tuple[bool, Any]:
        """Read what a worker says; return whether its oldest task is finished, and the result."""
        worker.channel.settimeout(max(worker.patience.look(), _LOOK))
        try:
            message = receive(worker.channel)
        except TimeoutError:
            raise self._stuck(number, worker) from None
        except (EOFError, ConnectionError):
            raise self._lost(number, worker) from None
        worker.patience.renew()
        if isinstance(message, _Begun):
            worker.position = message.position
            return False, None
        if isinstance(message, _NoRoom):
            raise ResourceError(
                f"{self._name(number, worker)} {message.reason} while it was to load {self._work(worker)}: "
                f"{self.advice}."
            )
        worker.tasks.popleft()
        worker.position = 0
        if isinstance(message, _Failed):
            message.raise_again()
        return True, message

    def _stuck(self, number: int, worker: _Worker) -> StallError:
        return StallError(
            f"{self._name(number, worker)} has not gone on for {self.timeout:g} s (SOLVER.TIMEOUT_SECONDS): it was to "
            f"load {self._work(worker)}. Is it on a disk or a network drive that no longer answers? Raise "
            "SOLVER.TIMEOUT_SECONDS if loading a clip can take so long."
        )

    def _lost(self, number: int, worker: _Worker) -> UserError:
        worker.process.join(_LOOK)
        code = worker.process.exitcode
        name = self._name(number, worker)
        work = self._work(worker)
        if code is None or code >= 0:
            ended = "no longer answers" if code is None else f"has ended with status {code}"
            return StallError(f"{name} {ended} while it was to load {work}.")
        killer = _signal_name(-code)
        ended = f"{name} was ended by {killer} while it was to load {work}."
        if -code == signal.SIGKILL:
            return StallError(
                f'{ended} If nobody killed it, the memory was full (`dmesg` tells of an "oom-kill"): {self.advice}.'
            )
        if -code == signal.SIGBUS:
            return ResourceError(
                f"{ended} The memory was full, or a file became shorter while it was read: {self.advice}."
            )
        return StallError(f"{ended} If it is always at this clip, the video is damaged: encode it anew with ffmpeg.")

    def _name(self, number: int, worker: _Worker) -> str:
        return f"worker {number + 1} of {len(self)} of the data loader{self.owner} (pid {worker.process.pid})"

    def _work(self, worker: _Worker) -> str:
        if not worker.tasks:
            return "nothing"
        task = worker.tasks[0]
        more = len(task) - worker.position - 1
        return self.name_clip(task[worker.position]) + (f" and {counted(more, 'more clip')}" if more else "")


@dataclass
class _Worker:
    """A process as its reader sees it: tasks that it has not finished, and the clip of the first that it is at."""

    process: BaseProcess
    channel: socket.socket
    patience: Patience
    tasks: deque[Task] = field(default_factory=deque)
    position: int = 0


class _Begun(NamedTuple):
    """A worker begins to load the clip at this position of its task."""

    position: int


@dataclass(frozen=True)
class _NoRoom:
    """A worker lacks memory: how, as the end of a sentence."""

    reason: str


@dataclass(frozen=True)
class _Failed:
    """A task ended by an error: as itself where it can travel, and as text."""

    error: BaseException | None
    text: str

    @classmethod
    def of(cls, error: BaseException) -> _Failed:
        text = "".join(traceback.format_exception(error))
        try:
            pickle.loads(pickle.dumps(error))
        except Exception:
            return cls(None, text)
        return cls(error, text)

    def raise_again(self) -> None:
        if isinstance(self.error, UserError):
            raise self.error from None
        where = RuntimeError(f"in a worker of the data loader:\n{self.text}")
        if self.error is None:
            raise where
        raise self.error from where


def _flush_or_drop() -> None:
    """Empty the output streams, which starting a process flushes, even if their terminal is gone or their disk full."""
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except OSError:
            with suppress(OSError), open(os.devnull, "wb") as nowhere:
                number = stream.fileno()
                kept = os.dup(number)
                os.dup2(nowhere.fileno(), number)
                stream.flush()
                os.dup2(kept, number)
                os.close(kept)
        except (AttributeError, ValueError):  # there is none, or it is closed
            continue


def _start(load: Callable[[Task, Progress], Any], number: int, timeout: float) -> _Worker:
    here, there = socket.socketpair()
    # Threads of this process would not be there in a fork, but PyTorch, OpenCV and CUDA are not used across it.
    context = multiprocessing.get_context("fork" if sys.platform == "linux" else None)
    process = context.Process(
        target=_serve, args=(load, there, os.getpid()), name=f"clip loader {number + 1}", daemon=True
    )
    before = signal.pthread_sigmask(signal.SIG_BLOCK, _NOT_FOR_WORKERS)
    _flush_or_drop()
    try:
        process.start()
    except OSError as error:
        here.close()
        raise ResourceError(
            f"worker {number + 1} of the data loader cannot be started ({error.strerror}). Lower "
            "DATALOADER.NUM_WORKERS."
        ) from error
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
        there.close()
    return _Worker(process, here, Patience(timeout))


def _kill(workers: list[_Worker]) -> None:
    """End workers whatever they do; one that waits for a disk in the kernel is left to it."""
    for worker in workers:
        with suppress(OSError):
            worker.process.kill()
        worker.channel.close()
    for worker in workers:
        worker.process.join(_LOOK)
        # What never ends must not be waited for when the program ends.
        multiprocessing.process._children.discard(worker.process)
    workers.clear()


def _serve(load: Callable[[Task, Progress], Any], channel: socket.socket, parent: int) -> None:
    """Do tasks until the parent is gone: the main function of a worker."""
    for number in _NOT_FOR_WORKERS:
        signal.signal(number, signal.SIG_IGN)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, _NOT_FOR_WORKERS)
    _end_with_parent()
    keep_freed_memory()
    # The number of workers is the number of cores to use.
    cv2.setNumThreads(0)
    torch.set_num_threads(1)
    with suppress(EOFError, ConnectionError):
        while os.getppid() == parent:
            if wait([channel], 5 * _LOOK):
                _answer(load, channel, receive(channel))


def _answer(load: Callable[[Task, Progress], Any], channel: socket.socket, task: Task) -> None:
    try:
        result = load(task, lambda position: send(channel, _Begun(position)))
    except ConnectionError:
        raise
    except MemoryError:
        result = _NoRoom("has no memory left")
    except BaseException as error:
        result = _Failed.of(error)
    try:
        send(channel, result)
    except ConnectionError:
        raise
    except OSError as error:
        send(channel, _NoRoom(f"has no room to hand over its clips ({error.strerror})"))


def _end_with_parent() -> None:
    """Let the kernel end this process when its parent ends, in whichever way; elsewhere than on Linux it asks."""
    if sys.platform != "linux":
        return
    with suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    with suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text(_OOM_SCORE, encoding="ascii")


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
