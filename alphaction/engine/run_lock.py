"""One run per folder: ``run.lock`` in OUTPUT_DIR names the process that trains there.

The file appears whole, by a hard link, which only one of several processes can make, on shared storage too. Its time is
renewed as long as the run lives. A run that was killed leaves it behind, and the next run recognizes that: on the same
machine by the process (its number and its start), on another one by the time of the file. A lock that was left behind
may only be replaced by who holds the claim on it, a second file of the same kind, so that of several runs that find it
one goes on.
"""

from __future__ import annotations

import hashlib
import json
import os
import secrets
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from alphaction.utils.command_text import this_command
from alphaction.utils.errors import UserError, end_now
from alphaction.utils.processes import boot_name, host_name, process_space, process_start

RUN_LOCK = "run.lock"
BEAT_SECONDS = 15.0
"""How often a run renews the time of its lock."""
STALE_SECONDS = 180.0
"""A lock of another machine whose time is older than this is that of a run that has ended."""
_MOST_BYTES = 64 << 10
# What the launchers count up when they start the same run again: the ended attempt may have been on another machine.
_ATTEMPTS = {"SLURM_JOB_ID": "SLURM_RESTART_COUNT", "TORCHELASTIC_RUN_ID": "TORCHELASTIC_RESTART_COUNT"}
_NO_ID = ("", "none")  # torchrun's, where none was given


@dataclass(frozen=True)
class Holder:
    """Who holds a lock.

    Attributes:
        token: differs between any two locks.
        facts: what the file says; empty if it cannot be read.
        age: seconds since it was renewed, by the clock of the file system.
        folder: where the file is.
    """

    token: str
    facts: Mapping[str, Any]
    age: float
    folder: Path

    def text(self, name: str) -> str:
        """Return a fact as a text; "" if there is none."""
        value = self.facts.get(name)
        return value if isinstance(value, str) else ""

    @property
    def pid(self) -> int:
        """The number of its process, 0 if unknown."""
        value = self.facts.get("pid")
        return value if type(value) is int else 0

    @property
    def is_alive(self) -> bool:
        """Whether its run may still be going on."""
        if self._is_earlier_attempt():
            return False
        if self.text("host") == host_name() and self.pid > 0:
            if self.text("boot") != boot_name():
                return False  # The machine has been started anew since.
            if self.text("process_space") == process_space():
                return process_start(self.pid) in (self.text("process_start"), "") and not self._is_copy()
        return self.age < STALE_SECONDS

    def _is_copy(self) -> bool:
        """Return whether the file came here with a copy of the folder that its run writes to."""
        try:
            here, there = self.folder.stat(), os.stat(self.text("folder"))
        except (OSError, ValueError):
            return False
        # A container may see the same folder at another path, and some network drives number folders anew.
        return here.st_ino != self.facts.get("inode") and not os.path.samestat(here, there)

    def _is_earlier_attempt(self) -> bool:
        held = self.facts.get("attempts")
        if not isinstance(held, dict):
            return False
        for name, (identity, attempt) in _attempts().items():
            before = held.get(name)
            if isinstance(before, list) and len(before) == 2 and before[0] == identity and type(before[1]) is int:
                return before[1] < attempt
        return False

    def __str__(self) -> str:
        if not self.facts:
            return f"{RUN_LOCK} cannot be read"
        return f"process {self.pid or 'of unknown number'} on {self.text('host') or 'an unknown machine'}, since " + (
            self.text("since") or "an unknown time"
        )


@dataclass
class RunLock:
    """The lock of a run; see :func:`locked_folder`.

    Attributes:
        path: the file.
        content: its bytes.
        replaced: who held the lock that was left behind there, or None.
    """

    path: Path
    content: bytes
    replaced: Holder | None = None
    _ended: threading.Event = field(default_factory=threading.Event)

    @property
    def note(self) -> str:
        """A line for the log where a lock had been left behind, else ""."""
        return f"{self.path} was left behind by a run that has ended ({self.replaced})" if self.replaced else ""

    def is_held(self) -> bool:
        """Return whether the file is still that of this run; a person may have deleted it, another run replaced it."""
        try:
            return self.path.read_bytes() == self.content
        except OSError:
            return False

    def start_beating(self) -> None:
        """Renew the time of the file from now on, in a thread that ends with :meth:`release`.

        It ends the process if another run has the folder now: this one may have been suspended for long.
        """
        threading.Thread(target=self._beat, name="run lock", daemon=True).start()

    def release(self) -> None:
        """Remove the file, if it is still that of this run."""
        self._ended.set()
        if self.is_held():
            with suppress(OSError):
                self.path.unlink()

    def _beat(self) -> None:
        while not self._ended.wait(BEAT_SECONDS):
            with suppress(OSError):
                if self.is_held():
                    os.utime(self.path)
                    continue
            other = read_lock(self.path.parent)
            if other is not None and other.text("id") and other.is_alive and not self._ended.is_set():
                end_now(f"{refusal(self.path.parent, other)}\nThis run has ended.", UserError.status)


@contextmanager
def locked_folder(folder: Path, holds: bool = True) -> Iterator[RunLock | None]:
    """Hold the lock of a run's folder, which is made if absent, during the block.

    Args:
        folder: OUTPUT_DIR.
        holds: whether this process takes it: the first one of a run does, for all others.

    Raises:
        UserError: another run is going on in the folder.
    """
    if not holds:
        yield None
        return
    lock = take_lock(folder)
    lock.start_beating()
    try:
        yield lock
    finally:
        lock.release()


def take_lock(folder: Path) -> RunLock:
    """Take the lock of a folder; see :func:`locked_folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    lock = RunLock(folder / RUN_LOCK, _content(folder))
    # Named as alphaction.utils.atomic names what is not finished.
    mine = folder / f".{RUN_LOCK}-{secrets.token_hex(6)}.part"
    try:
        mine.write_bytes(lock.content)
        while not _link(mine, lock.path, lock.content):
            held = read_lock(folder, mine)
            if held is None:
                continue  # Its run has ended since.
            if held.is_alive:
                raise UserError(refusal(folder, held))
            if _replace(lock, mine, held):
                lock.replaced = held
                break
        return lock
    finally:
        with suppress(OSError):
            mine.unlink()


def read_lock(folder: Path, clock: Path | None = None) -> Holder | None:
    """Return who holds the lock of a folder, or has left it behind; None if nobody does.

    Args:
        folder: OUTPUT_DIR.
        clock: a file that was just written there, whose time is that of the file system; None: this machine's time.
    """
    return _read(folder / RUN_LOCK, clock)


def running_in(folder: Path) -> str:
    """Return which run is going on in a folder, in words; "" if there is none."""
    held = read_lock(folder)
    return str(held) if held is not None and held.is_alive else ""


def refusal(folder: Path, held: Holder) -> str:
    """Return the message that a run is going on in ``folder``, with what to do."""
    path = folder / RUN_LOCK
    command = held.text("command")
    lines = [f"OUTPUT_DIR {folder}: a run is going on there ({held}; {path}). Two runs in one folder would mix files."]
    if command:
        lines.append(f"It was started with: {command[:500]}")
    lines.append(f"Wait for its end, or choose another OUTPUT_DIR. If you are sure that it has ended: rm {path}")
    if held.text("host") != host_name() or held.text("process_space") != process_space():
        lines.append(
            f"It shows a sign of life every {BEAT_SECONDS:.0f} seconds, the last one {max(held.age, 0):.0f} seconds "
            f"ago; after {STALE_SECONDS:.0f} without one the folder is free by itself."
        )
    return "\n".join(lines)


def remove_left_claims(folder: Path) -> None:
    """Delete claims of runs that were killed while they replaced a lock; only the holder of the lock calls this."""
    for claim in folder.glob(f".{RUN_LOCK}-*.claim"):
        with suppress(OSError):
            if time.time() - claim.stat().st_mtime > STALE_SECONDS:
                claim.unlink()


def _content(folder: Path) -> bytes:
    pid = os.getpid()
    facts = {
        "host": host_name(),
        "pid": pid,
        "since": datetime.now().astimezone().isoformat(sep=" ", timespec="seconds"),
        "command": this_command(),
        "folder": str(folder.resolve()),
        "inode": folder.stat().st_ino,
        "process_start": process_start(pid) or "",
        "process_space": process_space(),
        "boot": boot_name(),
        "attempts": {name: list(attempt) for name, attempt in _attempts().items()},
        "id": secrets.token_hex(8),
    }
    return (json.dumps(facts, indent=2, ensure_ascii=False) + "\n").encode("utf-8", "backslashreplace")


def _attempts() -> dict[str, tuple[str, int]]:
    """Return the identity of the launch that this run belongs to, and which attempt this is, by variable."""
    found = {}
    for name, counter in _ATTEMPTS.items():
        identity, count = os.environ.get(name, ""), os.environ.get(counter, "0")
        if identity not in _NO_ID and count.isascii() and count.isdecimal():
            found[name] = (identity, int(count))
    return found


def _link(mine: Path, path: Path, content: bytes) -> bool:
    """Make ``path`` appear with its content, unless there is one: what decides between runs that start together."""
    try:
        os.link(mine, path)
    except FileExistsError:
        return False
    except OSError:  # a file system without hard links
        try:
            with path.open("xb") as file:
                file.write(content)
        except FileExistsError:
            return False
    return True


def _replace(lock: RunLock, mine: Path, left: Holder) -> bool:
    """Put the own lock in place of one that was left behind; returns whether this run was the one to do so."""
    claims, token = [], left.token
    try:
        while True:
            claim = lock.path.with_name(f".{RUN_LOCK}-{token}.claim")
            if _link(mine, claim, lock.content):
                claims.append(claim)
                break
            other = _read(claim, mine)
            if other is None:
                return False
            if other.is_alive:
                raise UserError(refusal(lock.path.parent, other))
            # Its run was killed just then: the claim on the claim decides.
            claims.append(claim)
            token = other.token
        now = _read(lock.path, mine)
        if now is None or now.token != left.token:
            return False
        os.replace(mine, lock.path)
        return True
    finally:
        if claims and _holds(claims[-1], lock.content):
            for claim in reversed(claims):
                with suppress(OSError):
                    claim.unlink()


def _holds(claim: Path, content: bytes) -> bool:
    try:
        return claim.read_bytes() == content
    except OSError:
        return False


def _read(path: Path, clock: Path | None) -> Holder | None:
    try:
        with path.open("rb") as file:
            content = file.read(_MOST_BYTES)
            written = os.fstat(file.fileno()).st_mtime
    except FileNotFoundError:
        return None
    now = time.time()
    if clock is not None:
        with suppress(OSError):
            os.utime(clock)
            now = clock.stat().st_mtime
    return Holder(hashlib.sha256(content).hexdigest()[:16], _facts(content), now - written, path.parent)


def _facts(content: bytes) -> dict[str, Any]:
    try:
        facts = json.loads(content)
    except (ValueError, RecursionError):
        return {}
    return facts if isinstance(facts, dict) else {}
