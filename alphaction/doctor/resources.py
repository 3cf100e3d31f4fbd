"""Memory, shared memory, disk, folders that are written to, and the network."""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
import urllib.error
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from urllib.parse import urlsplit

from alphaction.doctor.finding import Finding, State
from alphaction.doctor.packages import imported

_GIB, _MIB = 2**30, 2**20
_MEMORY_INFO = Path("/proc/meminfo")
_MEMORY_LIMITS = (
    (Path("/sys/fs/cgroup/memory.max"), Path("/sys/fs/cgroup/memory.current")),
    (Path("/sys/fs/cgroup/memory/memory.limit_in_bytes"), Path("/sys/fs/cgroup/memory/memory.usage_in_bytes")),
)
SHARED = Path("/dev/shm")
# Docker gives a container 64 MB; NCCL takes some ten for each pair of GPUs.
_LITTLE_SHARED = 512 * _MIB
_LITTLE_MEMORY, _NO_MEMORY = 4 * _GIB, _GIB
_LITTLE_DISK, _NO_DISK = 5 * _GIB, 200 * _MIB
_PATIENCE = 5  # seconds


def memory() -> Iterator[Finding]:
    """Yield the main memory that is available, to this container where it is limited."""
    known = _memory()
    if known is None:
        return
    free, total, limited = known
    where = "of this container's" if limited else "of"
    text = f"{free / _GIB:.1f} {where} {total / _GIB:.1f} GiB are available"
    facts = {"available": free, "total": total, "limited": limited}
    fix = "Close other programs, or give the container or job more; DATALOADER.NUM_WORKERS 0 takes least."
    if free < _LITTLE_MEMORY:
        yield Finding("memory", text, State.PROBLEM if free < _NO_MEMORY else State.NOTE, fix, facts)
    else:
        yield Finding("memory", text, facts=facts)


def shared_memory() -> Iterator[Finding]:
    """Yield the size of /dev/shm, which Docker makes small."""
    if not sys.platform.startswith("linux"):
        return
    try:
        size = shutil.disk_usage(SHARED)
    except OSError as error:
        text = f"{SHARED} is not there ({error.strerror}): several GPUs cannot work together"
        yield Finding("shared memory", text, State.NOTE, "Start the container with --ipc=host or --shm-size=8g.")
        return
    facts = {"free": size.free, "total": size.total}
    text = f"{_size(size.free)} of {_size(size.total)} in {SHARED} are free"
    if size.free >= _LITTLE_SHARED:
        yield Finding("shared memory", text, facts=facts)
        return
    text += ". Clips are loaded without it, but NCCL needs more for several GPUs"
    small = "docker run --shm-size=8g (or --ipc=host); Kubernetes: an emptyDir with medium: Memory there"
    fix = small if size.total < _LITTLE_SHARED else f"Remove what processes that were killed have left in {SHARED}."
    yield Finding("shared memory", text, State.NOTE, fix, facts)


def folders() -> Iterator[Finding]:
    """Yield each folder that is written to: whether it can be, and its free disk."""
    named = {
        "this folder": (Path.cwd(), "Change to a folder of your own (cd), or name one: OUTPUT_DIR /your/folder"),
        "temporary files": (_temporary(), "Make a folder that can be written to, and name it: export TMPDIR=/path"),
        "weights": (_torch_home(), "export TORCH_HOME=/path: downloaded weights go there"),
    }
    for name, (folder, fix) in named.items():
        yield _folder(name, folder, fix, needed=name != "weights")


def network() -> Iterator[Finding]:
    """Yield for each host of public weights whether it answers."""
    try:
        from alphaction.zoo import WEIGHTS
    except Exception as error:  # torchvision, whose entries are in the list, may be broken
        yield Finding("network", f"the list of weights cannot be loaded ({error})", State.NOTE)
        return
    hosts: dict[str, str] = {}
    for entry in WEIGHTS.values():
        if entry.url:
            hosts.setdefault(urlsplit(entry.url).netloc, entry.url)
    with ThreadPoolExecutor(len(hosts)) as pool:
        for host, problem in zip(hosts, pool.map(_answers, hosts.values()), strict=True):
            if problem:
                fix = "Set https_proxy if there is a proxy, or download elsewhere (alphaction weights --list)."
                yield Finding(host, f"does not answer: {problem}", State.NOTE, fix)
            else:
                yield Finding(host, "answers: weights can be downloaded")


def _answers(url: str) -> str:
    """Return why the first byte of a file cannot be fetched, "" if it can."""
    try:
        request = urllib.request.Request(url, headers={"Range": "bytes=0-0", "User-Agent": "alphaction"})
        with urllib.request.urlopen(request, timeout=_PATIENCE) as answer:
            answer.read(1)
    except urllib.error.HTTPError as error:
        return f"HTTP {error.code} for {url}"
    except (OSError, ValueError) as error:
        return str(getattr(error, "reason", None) or error)
    return ""


def _memory() -> tuple[int, int, bool] | None:
    """Return available and total bytes, and whether they are those of a container; None where they are not known."""
    free = total = None
    psutil, problem = imported("psutil")
    if not problem:
        machine = psutil.virtual_memory()
        free, total = machine.available, machine.total
    else:
        with suppress(OSError, KeyError):
            lines = _MEMORY_INFO.read_text(encoding="ascii").splitlines()
            sizes = {line.split(":")[0]: int(line.split()[1]) * 1024 for line in lines}
            free, total = sizes["MemAvailable"], sizes["MemTotal"]
    if free is None or total is None:
        return None
    for limit, used in _MEMORY_LIMITS:
        with suppress(OSError, ValueError):
            most = int(limit.read_text(encoding="ascii"))
            if most < total:
                left = max(0, most - int(used.read_text(encoding="ascii")) + _cached())
                return min(free, left, most), most, True
    return free, total, False


def _cached() -> int:
    """Return the bytes of files that a container's memory holds, which it gives back."""
    with suppress(OSError, ValueError, StopIteration):
        lines = Path("/sys/fs/cgroup/memory.stat").read_text(encoding="ascii").splitlines()
        return int(next(line for line in lines if line.startswith("inactive_file ")).split()[1])
    return 0


def _folder(name: str, folder: Path, fix: str, needed: bool) -> Finding:
    existing = next((place for place in (folder, *folder.parents) if place.is_dir()), folder)
    state = State.PROBLEM if needed else State.NOTE
    facts = {"path": str(folder), "writable": False}
    try:
        with tempfile.TemporaryFile(dir=existing) as file:
            file.write(b"x")
        free = shutil.disk_usage(existing).free
    except OSError as error:
        return Finding(name, f"{folder} cannot be written to: {error.strerror or error}", state, fix, facts)
    facts = {"path": str(folder), "writable": True, "free": free}
    text = f"{folder}, {_size(free)} free"
    if free < _LITTLE_DISK:
        least = free < _NO_DISK
        return Finding(name, text, state if least else State.NOTE, f"Free some space, or: {fix}", facts)
    return Finding(name, text, facts=facts)


def _temporary() -> Path:
    try:
        return Path(tempfile.gettempdir())
    except FileNotFoundError:  # none of the usual ones can be written to
        return Path(os.environ.get("TMPDIR", "/tmp"))


def _torch_home() -> Path:
    """Return torch.hub's folder, without importing torch."""
    cache = os.environ.get("XDG_CACHE_HOME", "~/.cache")
    # Path.expanduser raises an error for a user without a home.
    return Path(os.path.expanduser(os.environ.get("TORCH_HOME", os.path.join(cache, "torch"))))


def _size(size: int) -> str:
    return f"{size / _GIB:.1f} GiB" if size >= _GIB else f"{size / _MIB:.0f} MiB"
