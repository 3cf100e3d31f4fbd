"""How much memory this process holds and has held, as the kernel counts it."""

from __future__ import annotations

import gc
import math
import resource
import sys
from collections.abc import Callable
from pathlib import Path

_STATUS = Path("/proc/self/status")
_CLEAR = Path("/proc/self/clear_refs")


def resident_bytes() -> float:
    """Return the memory that is held now; NaN where it is unknown (known on Linux)."""
    return _status("VmRSS")


def peak_bytes() -> float:
    """Return the most memory that was held at any time, or since :func:`forget_peak`."""
    peak = _status("VmHWM")
    if not math.isnan(peak):
        return peak
    # Not on Linux, where this counts the process that started this one, too, if that one was larger.
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return float(peak) if sys.platform == "darwin" else peak * 1024.0


def forget_peak() -> bool:
    """Let the peak begin anew with what is held now; return whether that was possible (it is on Linux)."""
    try:
        _CLEAR.write_text("5", encoding="ascii")  # see proc(5)
    except OSError:
        return False
    return True


def added_bytes(run: Callable[[], object]) -> float:
    """Return the memory that ``run`` takes at most beyond what was held before it; NaN where it is unknown.

    Args:
        run: is run once. What it takes a second time may be less: the first time leaves caches.
    """
    gc.collect()
    known = forget_peak()
    before = resident_bytes()
    run()
    return max(0.0, peak_bytes() - before) if known else math.nan


def _status(name: str) -> float:
    try:
        lines = _STATUS.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return math.nan
    return next((int(line.split()[1]) * 1024.0 for line in lines if line.startswith(f"{name}:")), math.nan)
