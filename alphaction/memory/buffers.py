"""Host memory that is used again: fresh memory would be zeroed by the system page by page at every read of the pool."""

from __future__ import annotations

import mmap
import sys
import weakref
from collections import deque

import numpy as np
import torch
from torch import Tensor

_KEPT = 4


def private_memory(size: int) -> mmap.mmap:
    """Return zeroed memory of this process alone, which on Linux can be given more room later by ``resize``."""
    if sys.platform == "win32":
        return mmap.mmap(-1, size)
    return mmap.mmap(-1, size, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)


class Buffers:
    """Tensors on the CPU in memory that returns here once no tensor lies in it any more."""

    def __init__(self) -> None:
        self._free: deque[mmap.mmap] = deque(maxlen=_KEPT)

    def array(self, size: int) -> np.ndarray:
        """Return an array of so many bytes, with any content. The memory is in use until that very array is gone."""
        try:
            memory = self._free.popleft()
        except IndexError:
            memory = None
        if memory is None or len(memory) < size:
            memory = private_memory(max(size, 1))
        array = np.frombuffer(memory, dtype=np.uint8, count=size)
        weakref.finalize(array, self._free.append, memory).atexit = False
        return array

    def empty(self, *shape: int) -> Tensor:
        """Return a float32 tensor with any content."""
        size = 4 * int(np.prod(shape, dtype=np.int64))
        # A tensor from numpy, and whatever views it, holds that very array.
        return torch.from_numpy(self.array(size)).view(torch.float32).view(shape)
