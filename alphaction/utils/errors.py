"""Errors that a user can cause and fix, and the way command lines show them."""

from __future__ import annotations

import errno
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

from alphaction.utils.command_text import as_typed, this_command
from alphaction.utils.messages import hanging, shortened, visible
from alphaction.utils.signals import ENDING, ended_by, first_parent
from alphaction.utils.terminal import guard_terminal

# How long a process waits for the first one of its machine to say the same and be noticed by torchrun.
_PATIENCE = 10.0  # seconds
_OUT_OF_SPACE = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
_SIGINT_STATUS = 130
_ERROR_FILE = "TORCHELASTIC_ERROR_FILE"


class UserError(Exception):
    """A mistake in what the user gave: a flag, a config value; its subclasses: what else a user can mend.

    The message names the value, what was expected and the fix. Command lines print it without a traceback.

    Attributes:
        status: exit status of the command that it ends (docs/RELIABILITY.md lists them).
        told: whether another process of this machine shows the message; None: the first one may have the same.
    """

    status: ClassVar[int] = 2
    told: bool | None = None

    def _render_traceback_(self) -> list[str]:
        """Return what a notebook (IPython) shows in place of a traceback: the message."""
        return [f"{type(self).__name__}: {visible(str(self))}"]


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


class FullDiskError(ResourceError):
    """A file could not be written as the disk is full; ``strerror``: the reason, as :class:`OSError` has it."""

    def __init__(self, message: str, strerror: str = "") -> None:
        super().__init__(message, strerror)
        self.strerror = strerror

    def __str__(self) -> str:
        return self.args[0]


def is_out_of_space(error: OSError) -> bool:
    """Return whether a disk is full, or a quota or a limit of the size of files is reached."""
    return error.errno in _OUT_OF_SPACE


class StallError(UserError):
    """A process, or a worker of a data loader, has died or no longer answers."""

    status = 8


class Interrupted(KeyboardInterrupt):
    """Ctrl-C, or another signal that asks to end, during work; no handler of errors takes it for one.

    Args:
        text: how far the work was and how it goes on; "" where that is not known.
        number: the signal.
    """

    def __init__(self, text: str = "", number: int = signal.SIGINT) -> None:
        super().__init__(text)
        self.number = number

    def _render_traceback_(self) -> list[str]:
        """Return what a notebook (IPython) shows in place of a traceback."""
        return [f"{ended_by(self.number)}. {visible(str(self))}"]


@contextmanager
def saying_how_to_go_on(text: Callable[[], str]) -> Iterator[None]:
    """Give Ctrl-C and other signals within the block that text, which is made only then."""
    try:
        yield
    except KeyboardInterrupt as stop:
        if str(stop):
            raise
        raise Interrupted(text(), _number(stop)) from stop


def end_when_interrupted() -> None:
    """Let Ctrl-C and signals end a script that is still importing, with a line, until :func:`run_command` runs.

    An exception would be a traceback from the middle of an import, which may even swallow it.
    """
    first_parent()
    for number in (signal.SIGINT, *ENDING):
        # A shell's background jobs ignore Ctrl-C, those of nohup a closed terminal, and go on doing so.
        if signal.getsignal(number) in (signal.default_int_handler, signal.SIG_DFL):
            signal.signal(number, _end)


def _end(number: int, frame: FrameType | None) -> None:
    if is_first_process():
        os.write(2, f"{ended_by(number)} before anything was done\n".encode())
    os._exit(_SIGINT_STATUS if number == signal.SIGINT else Preempted.status)


def _let_signals_raise() -> bool:
    """Let a script's signals raise :class:`Interrupted` from here on; return whether this is a script."""
    owner = os.getpid()

    def interrupt(number: int, frame: FrameType | None) -> None:
        if os.getpid() == owner:
            raise Interrupted(number=number)
        # Processes that this one has forked end as if there were no handler.
        signal.signal(number, signal.SIG_DFL)
        os.kill(os.getpid(), number)

    numbers = [number for number in (signal.SIGINT, *ENDING) if signal.getsignal(number) is _end]
    for number in numbers:
        signal.signal(number, signal.default_int_handler if number == signal.SIGINT else interrupt)
    return bool(numbers)


def _number(stop: KeyboardInterrupt) -> int:
    return stop.number if isinstance(stop, Interrupted) else signal.SIGINT


def status_of(stop: KeyboardInterrupt) -> int:
    """Return the exit status of a command that a signal has ended: 130 for Ctrl-C, 6 for the others."""
    return _SIGINT_STATUS if _number(stop) == signal.SIGINT else Preempted.status


def run_command(main: Callable[[], int | None], *, goes_on: bool = False) -> None:
    """Run a command line's ``main``; a :class:`UserError` becomes one message on stderr and its exit status.

    So does an :class:`OSError` that names a file: a full disk, a folder without write permission. A reader of the
    output that stops early, as in ``| head``, ends the command quietly. Ctrl-C ends it with status 130 and the command
    that goes on, other signals that ask to end with status 6.

    Args:
        main: does the work and returns the exit status; None is 0.
        goes_on: whether the same command continues work that was interrupted, instead of starting again.
    """
    guard_terminal()
    is_script = False
    try:
        is_script = _let_signals_raise()
        with _flushing():
            status = main()
    except Preempted as stop:
        _end_with(str(stop), stop.status, is_script)
    except UserError as error:
        if error.told:
            # torchrun ends this one when it has noticed the other, whose message it shows.
            time.sleep(_PATIENCE / 2)
            sys.exit(error.status)
        fail(str(error), error.status, at_once=error.told is False)
    except MemoryError as error:
        fail(
            f"out of memory on this machine{f': {error}' if str(error) else ''}. Close other programs, or take a "
            "machine with more of it.",
            ResourceError.status,
        )
    except BrokenPipeError:
        # The reader (`| head`) has had enough. Python would complain again when it flushes at its end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(141)
    except OSError as error:
        full = is_out_of_space(error)
        if error.filename is None and not full:
            raise
        # Without a name it is the terminal's output, which can go to a file.
        fail(f"{error.filename or 'the output'}: {error.strerror}", (ResourceError if full else UserError).status)
    except UnicodeEncodeError as error:
        fail(_unwritable(error))
    except RuntimeError as error:
        # What pathlib raises, until Python 3.13, for links that lead in a circle.
        if not str(error).startswith("Symlink loop"):
            raise
        fail(f"{error}: a link that leads to itself. Remove it, or let it lead to a file.", DataError.status)
    except KeyboardInterrupt as stop:
        again = "goes on from there" if goes_on else "starts again"
        text = str(stop) or f"The same command {again}:\n  {this_command()}"
        _end_with(f"{ended_by(_number(stop))}. {shortened(text)}", status_of(stop), is_script)
    sys.exit(status or 0)


@contextmanager
def _flushing() -> Iterator[None]:
    """Write out what was printed within the block while a reader that has gone is still minded."""
    try:
        yield
    except SystemExit:  # --help
        _flush_output()
        raise
    _flush_output()


def _flush_output() -> None:
    if sys.stdout is not None:
        sys.stdout.flush()


def _end_with(message: str, status: int, is_script: bool) -> NoReturn:
    """Exit as a signal asked for; the first process says it for all, which have stopped together."""
    if is_script:
        # torchrun sends another one to those that are not as quick as the first.
        for number in (signal.SIGINT, *ENDING):
            signal.signal(number, signal.SIG_IGN)
    with suppress(OSError):  # The terminal may be gone.
        if is_first_process():
            print(message, file=sys.stderr, flush=True)
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except OSError:
            # Python would flush again at its end, and change the status.
            os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
    _tell_launcher(message.splitlines()[0])
    sys.exit(status)


def fail(message: str, status: int = UserError.status, *, at_once: bool = False) -> NoReturn:
    """Print a mistake and exit with ``status``; of several processes that all say the same, the first one says it.

    Args:
        message: without "error: ".
        status: exit status.
        at_once: no other process says the same.
    """
    message = _shown(message)
    if not is_first_process() and not at_once:
        # Hardly any mistake is that of one process alone. torchrun ends this one when the first one has said it.
        time.sleep(_PATIENCE)
    with suppress(OSError):  # a file on a full disk: the status still tells
        print(message, file=sys.stderr, flush=True)
    _tell_launcher(message)
    sys.exit(status)


def end_now(message: str, status: int) -> NoReturn:
    """End the process at once, from any thread, whatever the others do; show the message unless it is empty."""
    if message:
        message = _shown(message)
        with suppress(OSError):
            os.write(2, f"{message}\n".encode(errors="backslashreplace"))
        _tell_launcher(message)
    os._exit(status)


def error_of_status(status: int) -> type[UserError]:
    """Return the kind of error that ends a command with ``status``; :class:`StallError` for one that is of none."""
    kinds = [UserError, *UserError.__subclasses__()]
    return next((kind for kind in kinds if kind.status == status), StallError)


def _shown(message: str) -> str:
    return shortened(hanging(f"error: {visible(as_typed(message))}"))


def _tell_launcher(message: str) -> None:
    """Let torchrun show the message in its summary of what failed, in place of a link to its manual."""
    path = os.environ.get(_ERROR_FILE)
    if path:
        with suppress(OSError):
            Path(path).write_text(json.dumps({"message": message, "timestamp": int(time.time())}), encoding="utf-8")


def is_first_process() -> bool:
    """Return whether this is the first process of a run on this machine, or the only one."""
    return os.environ.get("LOCAL_RANK", "0") == "0"


def _unwritable(error: UnicodeEncodeError) -> str:
    text = error.object[max(0, error.start - 40) : error.end + 40].encode("ascii", "backslashreplace").decode()
    return (
        f'"{text}" cannot be written as {error.encoding}. A file name that is not UTF-8 has to be changed; for names '
        "that are, set PYTHONUTF8=1 in the environment."
    )
