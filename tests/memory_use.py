"""Memory for tests of what a process holds."""

from __future__ import annotations

import mmap


def take_memory(megabytes: int) -> mmap.mmap:
    """Return memory whose pages are all in use; it goes back to the system as soon as it is dropped or closed.

    An array may lie in memory that the process has kept of what was freed, and then adds nothing.
    """
    held = mmap.mmap(-1, megabytes << 20)
    for page in range(0, len(held), mmap.PAGESIZE):
        held[page] = 1
    return held
