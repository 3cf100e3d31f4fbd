"""Errors that a user can cause and fix, and the way command lines show them."""

from __future__ import annotations

import errno
import io
import json
import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import FrameType
from typing import ClassVar, NoReturn

from alphaction.utils.command_text import this_command
from alphaction.utils.messages import visible

# How long a process waits for the first one of its machine to say the same and be noticed by torchrun.
_PATIENCE = 10.0  # seconds
_OUT_OF_SPACE = {errno.ENOSPC, errno.EDQUOT, errno.ENOMEM}
_ERROR_FILE = "TORCHELASTIC_ERROR_FILE"


class UserError(Exception):
    """A mistake in what the user gave: a flag, a config value; its subclasses: what else a user can mend.

    The message names the value, what was expected and the fix. Command lines print it without a traceback.

    Attributes:
        status: exit status of the command that it ends (docs/RELIABILITY.md lists them).
    """

    status: ClassVar[int] = 2


class DataError(UserError):
    """Wrong in the data: an annotation file, a row of it, a video, a dataset, results of a model."""

    status = 3


class CheckpointError(UserError):
    """Wrong in a checkpoint, a memory pool or a weight file."""

    status = 4


class DivergenceError(UserError):
    """The training diverged."""

    status = 5


class Preempted(UserError):  # noqa: N818 - nobody's error
    """A signal asked the training to end (SIGTERM, SIGUSR1), and it did, after it had saved a checkpoint."""

    status = 6


class ResourceError(UserError):
    """Not enough memory, shared memory or disk."""

    status = 7


class StallError(UserError):
    """A process, or a worker of a data loader, has died or no longer answers."""

    status = 8


class Interrupted(KeyboardInterrupt):
    """Ctrl-C during work that can be continued; the message says how far it was and how it goes on."""


@contextmanager
def saying_how_to_go_on(text: Callable[[], str]) -> Iterator[None]:
    """Turn Ctrl-C within the block into :class:`Interrupted` with that text, which is made only then."""
    try:
        yield
    except Interrupted:
        raise
    except KeyboardInterrupt as stop:
        raise Interrupted(text()) from stop


def end_when_interrupted() -> None:
    """Let Ctrl-C end a script that is still importing, with status 130 and a line, until :func:`run_command` runs.

    An exception would be a traceback from the middle of an import, which may even swallow it.
    """
    # A shell's background jobs ignore Ctrl-C, and go on doing so.
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, _end)


def _end(signum: int, frame: FrameType | None) -> None:
    if is_first_process():
        os.write(2, b"interrupted before anything was done\n")
    os._exit(130)


def run_command(main: Callable[[], int | None], *, goes_on: bool = False) -> None:
    """Run a command line's ``main``; a :class:`UserError` becomes one message on stderr and its exit status.

    So does an :class:`OSError` that names a file: a full disk, a folder without write permission. A reader of the
    output that stops early, as in ``| head``, ends the command quietly. Ctrl-C ends it with status 130 and the command
    that goes on.

    Args:
        main: does the work and returns the exit status; None is 0.
        goes_on: whether the same command continues work that was interrupted, instead of starting again.
    """
    write_any_character()
    try:
        if signal.getsignal(signal.SIGINT) is _end:
            signal.signal(signal.SIGINT, signal.default_int_handler)
        status = main()
    except UserError as error:
        fail(str(error), error.status)
    except BrokenPipeError:
        # The reader (`| head`) has had enough. Python would complain again when it flushes at its end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(141)
    except OSError as error:
        if error.filename is None:
            raise
        status = ResourceError.status if error.errno in _OUT_OF_SPACE else UserError.status
        fail(f"{error.filename}: {error.strerror}", status)
    except UnicodeEncodeError as error:
        fail(_unwritable(error))
    except KeyboardInterrupt as stop:
        if is_first_process():
            again = "goes on from there" if goes_on else "starts again"
            print(f"interrupted. {str(stop) or f'The same command {again}:'}", file=sys.stderr)
            if not str(stop):
                print(f"  {this_command()}", file=sys.stderr)
        sys.exit(130)
    sys.exit(status or 0)


def write_any_character() -> None:
    """Let stdout and stderr show what their encoding lacks as escapes: any name can be printed in any locale."""
    for stream in (sys.stdout, sys.stderr):
        # A stream whose file was replaced by a pipe cannot tell its position, which is asked for last.
        if isinstance(stream, io.TextIOWrapper):
            with suppress(OSError):
                stream.reconfigure(errors="backslashreplace")


def fail(message: str, status: int = UserError.status) -> NoReturn:
    """Print a mistake and exit with ``status``; of several processes that all say the same, the first one says it."""
    message = f"error: {visible(message)}"
    if not is_first_process():
        # Hardly any mistake is that of one process alone. torchrun ends this one when the first one has said it.
        time.sleep(_PATIENCE)
    print(message, file=sys.stderr, flush=True)
    path = os.environ.get(_ERROR_FILE)
    if path:
        # torchrun shows it in its summary of what failed, in place of a link to its manual.
        with suppress(OSError):
            Path(path).write_text(json.dumps({"message": message, "timestamp": int(time.time())}), encoding="utf-8")
    sys.exit(status)


def is_first_process() -> bool:
    """Return whether this is the first process of a run on this machine, or the only one."""
    return os.environ.get("LOCAL_RANK", "0") == "0"


def _unwritable(error: UnicodeEncodeError) -> str:
    text = error.object[max(0, error.start - 40) : error.end + 40].encode("ascii", "backslashreplace").decode()
    return (
        f'"{text}" cannot be written as {error.encoding}. A file name that is not UTF-8 has to be changed; for names '
        "that are, set PYTHONUTF8=1 in the environment."
    )
