"""Going through a large tensor that lies in a mapped file without having all of it in memory.

``torch.load(mmap=True)`` gives such tensors. The pages of the file that were read count as memory of the process until
the system needs room; here they are handed back block by block.
"""

from __future__ import annotations

import ctypes
import mmap
import sys
from collections.abc import Iterator
from pathlib import Path

from torch import Tensor

BLOCK_BYTES = 1 << 20


def row_blocks(rows: Tensor) -> Iterator[Tensor]:
    """Yield the rows [N, ...] of a tensor in blocks of about :data:`BLOCK_BYTES`, in order.

    A block of a mapped file is to be used before the next one is asked for: its pages are handed back then, and would
    be read from the file again. What was written into such a tensor since it was mapped is lost with them.
    """
    size = max(1, BLOCK_BYTES // max(1, rows[:1].nbytes)) if len(rows) else 1
    mapped = rows.is_contiguous() and rows.nbytes > BLOCK_BYTES and _is_mapped_file(rows)
    for start in range(0, len(rows), size):
        block = rows[start : start + size]
        yield block
        if mapped:
            _hand_back(block)


def _is_mapped_file(tensor: Tensor) -> bool:
    """Return whether the values lie in a mapping of a file (on Linux; elsewhere False)."""
    if sys.platform != "linux":
        return False
    first = tensor.data_ptr()
    try:
        lines = Path("/proc/self/maps").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return False
    for line in lines:
        span, _, _, device, _, *name = line.split(maxsplit=5)
        start, end = (int(bound, 16) for bound in span.split("-"))
        if start <= first < end:
            # Memory without a file has device 00:00; shared memory has a name, but no file behind it.
            known = bool(name) and name[0].startswith("/") and not name[0].startswith(("/dev/", "/memfd:"))
            return known and device != "00:00" and first + tensor.nbytes <= end
    return False


def _hand_back(block: Tensor) -> None:
    page = mmap.PAGESIZE
    first = block.data_ptr()
    start, end = -(-first // page) * page, (first + block.nbytes) // page * page
    if end > start:
        # Only advice: where the system does not take it, the pages stay until it needs room.
        ctypes.CDLL(None).madvise(ctypes.c_void_p(start), ctypes.c_size_t(end - start), mmap.MADV_DONTNEED)
