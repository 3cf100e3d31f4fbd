"""Starts a planned command so that signals reach it and its exit status is passed on."""

from __future__ import annotations

import logging
import os
import signal
import sys
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from types import FrameType

import psutil
from torch.distributed.elastic.multiprocessing.errors import ChildFailedError
from torch.distributed.run import parse_args
from torch.distributed.run import run as run_processes

from alphaction.utils.errors import Preempted
from alphaction.utils.signals import ended_by, handling

TORCHRUN = ("-m", "torch.distributed.run")


def execute(command: Sequence[str], env: Mapping[str, str]) -> int:
    """Run ``command``, Python and its arguments, with ``env`` added to the environment; return the exit status.

    A single process takes the place of this one, so nothing is returned then. ``python -m torch.distributed.run`` is
    run within this process: on its own it ends in a traceback of its insides whenever a process of the training stops
    or Ctrl-C is pressed, and the training's own message is lost above it.
    """
    sys.stdout.flush()
    if tuple(command[1:3]) != TORCHRUN:
        os.execve(command[0], list(command), {**os.environ, **env})
    os.environ.update(env)
    # torchrun would say of every process that it failed, or was stopped because of another one.
    logging.disable(logging.ERROR)
    return _run_processes(command[3:])


def _run_processes(arguments: Sequence[str]) -> int:
    """Run torchrun in a thread, where it minds no signals, and hand those that come on to the training.

    torchrun itself would kill what has not saved after 30 seconds, and knows neither SIGUSR1 nor a second Ctrl-C.
    """
    with ThreadPoolExecutor(1) as pool, handling(_hand_on):
        running = pool.submit(run_processes, parse_args(list(arguments)))
        try:
            running.result()
        except ChildFailedError as error:
            return _status_of(error)
    return 0


def _hand_on(number: int, frame: FrameType | None) -> None:
    training = psutil.Process().children()
    if not training:
        # Nothing is started yet: it waits for another machine, perhaps for long.
        print(f"{ended_by(number)} before the training had started", file=sys.stderr, flush=True)
        os._exit(130 if number == signal.SIGINT else Preempted.status)
    for process in training:
        with suppress(psutil.NoSuchProcess):
            process.send_signal(number)


def _status_of(error: ChildFailedError) -> int:
    rank, failure = error.get_first_failure()
    if not os.path.isfile(failure.error_file):  # else it ended with a message (alphaction.utils.errors)
        print(
            f"process {rank} of the training ended with status {failure.exitcode}; see its message above",
            file=sys.stderr,
        )
    return failure.exitcode if failure.exitcode > 0 else 128 - failure.exitcode
