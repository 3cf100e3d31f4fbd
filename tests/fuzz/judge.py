"""Whether a reader took an input as it should: read it, or refused it with one message for people."""

from __future__ import annotations

import faulthandler
import hashlib
import resource
import shutil
import signal
import sys
import time
import traceback
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from random import Random
from types import FrameType

from fuzz.mutations import mutated
from fuzz.target import Target

from alphaction.utils.errors import UserError

LONGEST_MESSAGE = 10_000
"""Characters of a message before a command shortens it."""
LONGEST_TIME = 10.0
"""Seconds of processor time that a reader may take for a small file."""
DEAD_TIME = 120.0
"""Seconds after which a process that no longer answers is ended."""
MOST_MEMORY = 3 << 30
"""Bytes that a process may have for itself more than at its start."""


class _TooLongError(BaseException):
    """The time is over; no reader catches it."""


@dataclass(frozen=True)
class Verdict:
    """What became of an input.

    Attributes:
        kind: "read", "refused", or a finding: "traceback", "hang", "memory", "message", "warning".
        text: the message, or the traceback.
        seconds: of processor time.
        place: of a finding: where it happened, the same for all inputs that show the same fault.
    """

    kind: str
    text: str
    seconds: float
    place: str = ""

    @property
    def is_finding(self) -> bool:
        """Whether the reader failed."""
        return self.kind not in ("read", "refused")


def input_of(target: Target, seed: int, number: int) -> tuple[str, bytes, dict[str, bytes]]:
    """Return the name and content of an input, and what lies beside it; one number gives the same one each time."""
    random = Random(f"{target.name} {seed} {number}")
    chosen = random.choice(target.seeds())
    return chosen.name, mutated(chosen, random), chosen.beside


def try_input(target: Target, folder: Path, name: str, content: bytes, beside: dict[str, bytes]) -> Verdict:
    """Give an input to a reader in ``folder``, which is emptied."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    for other, data in beside.items():
        (folder / other).parent.mkdir(parents=True, exist_ok=True)
        (folder / other).write_bytes(data)
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return judged(target, path)


def judged(target: Target, path: Path) -> Verdict:
    """Let a reader read a file, and judge what it does."""
    before = signal.signal(signal.SIGVTALRM, _stop)
    faulthandler.dump_traceback_later(DEAD_TIME, exit=True)
    signal.setitimer(signal.ITIMER_VIRTUAL, LONGEST_TIME)
    start = time.process_time()
    try:
        with warnings.catch_warnings(record=True) as warned:
            warnings.simplefilter("always")
            kind, text, place = _outcome(target, path)
        seen = [each for each in warned if issubclass(each.category, RuntimeWarning)]
        if kind in ("read", "refused") and seen:
            where = f"{Path(seen[0].filename).name}:{seen[0].lineno}"
            kind, text, place = (
                "warning",
                f"{where}: {seen[0].category.__name__}: {seen[0].message}",
                f"warning {where}",
            )
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        faulthandler.cancel_dump_traceback_later()
        signal.signal(signal.SIGVTALRM, before)
    return Verdict(kind, text, time.process_time() - start, place)


def _outcome(target: Target, path: Path) -> tuple[str, str, str]:
    try:
        target.run(path)
    except UserError as error:
        return _judge_message(target, path, str(error))
    except _TooLongError:
        return "hang", traceback.format_exc(limit=-12), f"hang {_place(sys.exc_info()[2])}"
    except MemoryError:
        return "memory", traceback.format_exc(limit=-12), f"MemoryError {_place(sys.exc_info()[2])}"
    except (SystemExit, KeyboardInterrupt):
        raise
    except OSError as error:  # commands show its file and reason
        return (
            _judge_message(target, path, f"{error.filename}: {error.strerror}") if error.filename else _traceback(error)
        )
    except BaseException as error:
        return _traceback(error)
    return "read", "", ""


def _traceback(error: BaseException) -> tuple[str, str, str]:
    place = f"{type(error).__name__} {_place(error.__traceback__)}"
    return "traceback", traceback.format_exc(limit=-12), place


def _judge_message(target: Target, path: Path, message: str) -> tuple[str, str, str]:
    place = f"{sys.exc_info()[1].__class__.__name__} {_place(sys.exc_info()[2])}"
    if len(message) > LONGEST_MESSAGE:
        return "message", f"{len(message)} characters: {message[:300]} ...", f"long {place}"
    if not message.strip():
        return "message", "an empty message", f"empty {place}"
    concerns_all = message.startswith("one annotation file for both splits:")
    if target.names_file and not concerns_all and path.name not in message:
        return "message", f"names no file: {message[:500]}", f"nameless {place}"
    return "refused", message, ""


def _place(trace: object) -> str:
    """Return the deepest place in this project that an error passed."""
    frames = [frame for frame in traceback.extract_tb(trace) if "/alphaction/" in frame.filename]
    return f"{frames[-1].filename.rpartition('/alphaction/')[2]}:{frames[-1].lineno}" if frames else "outside"


def _stop(number: int, frame: FrameType | None) -> None:
    raise _TooLongError


@contextmanager
def limited_memory() -> Iterator[None]:
    """Let this process have :data:`MOST_MEMORY` more than it has now, during the block."""
    with open("/proc/self/statm", encoding="ascii") as file:
        now = int(file.read().split()[0]) * resource.getpagesize()
    before = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (now + MOST_MEMORY, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, before)


def short_hash(content: bytes) -> str:
    """Return a name for the file of a finding."""
    return hashlib.sha256(content).hexdigest()[:10]
