"""Whether the C library keeps the memory of large arrays that were freed."""

from __future__ import annotations

import ctypes
import sys

# Parameters of mallopt(), see its manual page.
_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3
_KEPT = 1 << 30
_OLD_LIMIT = 32 << 20  # of older versions of glibc


def keep_freed_memory() -> None:
    """Let freed arrays of up to 1 GB stay with this process for the next ones; does nothing without glibc.

    By default it returns each larger array to the kernel, which then has to clear every page of the next one: for
    frames of video, which are copied a few times, that takes longer than the copies, and for a small network it is a
    fifth of a training step. From then on, the process holds as much memory as it has ever needed.
    """
    if sys.platform != "linux":
        return
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (OSError, AttributeError):
        return
    if not mallopt(_MMAP_THRESHOLD, _KEPT):
        mallopt(_MMAP_THRESHOLD, _OLD_LIMIT)
    mallopt(_TRIM_THRESHOLD, 2 * _KEPT - 1)
