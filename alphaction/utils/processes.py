"""Which process this is, and whether another one that said so of itself still runs."""

from __future__ import annotations

import os
import socket
from contextlib import suppress
from pathlib import Path

import psutil

_DEAD = {psutil.STATUS_ZOMBIE, psutil.STATUS_DEAD}
_BOOT = Path("/proc/sys/kernel/random/boot_id")
_NAMESPACE = Path("/proc/self/ns/pid")
_START = 19  # field of /proc/PID/stat, behind the name


def host_name() -> str:
    """Return the name of this machine."""
    return socket.gethostname()


def boot_name() -> str:
    """Return what differs each time that this machine starts; the time of its start where nothing better is known."""
    with suppress(OSError):
        return _BOOT.read_text(encoding="ascii").strip()
    return str(round(psutil.boot_time() / 60))


def process_space() -> str:
    """Return a name of the set of processes whose ids this one sees, as each container has its own; "" if unknown."""
    with suppress(OSError):
        return os.readlink(_NAMESPACE)
    return ""


def machine_id() -> str:
    """Return a text that is equal for processes that see each other's ids: of one container, or of one machine."""
    return f"{host_name()} {boot_name()} {process_space()}"


def process_start(pid: int) -> str | None:
    """Return when the process of that id began, as a text that no later process of that id has.

    "" if it is there and says no more; None if it has ended, also where its parent has not looked yet (a zombie).
    """
    try:
        process = psutil.Process(pid)
        if process.status() in _DEAD:
            return None
        # The kernel's own count does not change when the clock is set.
        with suppress(OSError, IndexError):
            stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
            return stat.rpartition(")")[2].split()[_START]
        return f"{process.create_time():.2f}"
    except psutil.AccessDenied:
        return ""  # It belongs to another user.
    except (psutil.Error, ValueError, OverflowError):
        return None


def is_gone(pid: int) -> bool:
    """Return whether no process of this machine has this id, or only what is left of one that has ended."""
    return process_start(pid) is None
