"""Starts a planned command so that signals reach it and its exit status is passed on."""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Mapping, Sequence

from torch.distributed.elastic.multiprocessing.api import SignalException
from torch.distributed.elastic.multiprocessing.errors import ChildFailedError
from torch.distributed.run import parse_args
from torch.distributed.run import run as run_processes

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
    try:
        run_processes(parse_args(list(command[3:])))
    except ChildFailedError as error:
        rank, failure = error.get_first_failure()
        if not os.path.isfile(failure.error_file):  # else it ended with a message (alphaction.utils.errors)
            print(
                f"process {rank} of the training ended with status {failure.exitcode}; see its message above",
                file=sys.stderr,
            )
        return failure.exitcode if failure.exitcode > 0 else 128 - failure.exitcode
    except SignalException as error:
        print("interrupted", file=sys.stderr)
        return 128 + int(error.sigval)
    return 0
