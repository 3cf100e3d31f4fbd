"""How many CPU cores there are to use."""

from __future__ import annotations

import os
import sys


def available_cores() -> int:
    """Return the number of CPU cores that this process may use: those left by Slurm, taskset or Docker (Linux)."""
    return len(os.sched_getaffinity(0)) if sys.platform == "linux" else os.cpu_count() or 1
