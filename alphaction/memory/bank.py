"""The rows of the memory pool, in one piece of host memory.

Axes: N rows in use, C rows that there is room for, R rows of a call, D channels.
"""

from __future__ import annotations

import mmap
import os
import sys
import weakref
from contextlib import suppress
from typing import Literal

import numpy as np
import torch
from torch import Tensor

from alphaction.memory.buffers import private_memory
from alphaction.utils.mapped_pages import BLOCK_BYTES, row_blocks
from alphaction.utils.messages import listed

DTYPES = {"float32": torch.float32, "float16": torch.float16}
_NUMPY = {torch.float32: np.float32, torch.float16: np.float16}
RowType = Literal["float32", "float16"]

_LARGEST = 65504.0  # of float16
_SMALL = 2.0**-8  # a row whose largest value is below loses precision in float16
_EXPONENT = 15  # of the power of two that a scaled row's largest value lies below
_LARGEST_SCALED = 32752.0  # the last of float16 below it
_GROWTH = 8  # room grows by this part of itself
_LEAST_ROWS = 256
# Of Linux, and not in Python's mmap. MADV_DONTFORK would leave a hole in a forked process, which is given to what is
# mapped next there, and taken from it when the bank is freed.
_WIPE_ON_FORK, _KEEP_ON_FORK = 18, 19


def row_type(dtype: RowType | torch.dtype) -> torch.dtype:
    """Return the type that rows are stored in.

    Raises:
        ValueError: for another one.
    """
    name = str(dtype).removeprefix("torch.")
    if name not in DTYPES:
        raise ValueError(f"a memory cannot be stored in {name}. Choose one of {listed(DTYPES)}.")
    return DTYPES[name]


class RowBank:
    """Rows of one width, in float32 or float16, that can be written one by one and grow in number.

    Where the system can move pages (Linux), growing copies nothing, and room that no row was written to yet takes no
    memory. A row that float16 cannot hold is kept divided by a power of two, see :attr:`scales`.

    Args:
        dim: D.
        dtype: "float32" or "float16", or torch's own.

    Attributes:
        rows: [C, D] of ``dtype``. Rows that were never written are zero.
        scales: float32 [C], what a row must be multiplied by; None: all by 1.
    """

    def __init__(self, dim: int, dtype: RowType | torch.dtype = "float32") -> None:
        self.dim = dim
        self.dtype = row_type(dtype)
        self._block = max(1, BLOCK_BYTES // max(1, 4 * dim))
        self.clear()

    def reserve(self, count: int) -> None:
        """Make room for at least ``count`` rows."""
        self._check_process()
        room = len(self.rows)
        if count <= room:
            return
        room = max(count, room + room // _GROWTH, _LEAST_ROWS)
        if not self._stretch(room):
            self._move(room)
        if self.scales is not None:
            self.scales = np.concatenate([self.scales, np.ones(room - len(self.scales), dtype=np.float32)])

    def put(self, rows: np.ndarray, values: Tensor, order: np.ndarray) -> None:
        """Write some rows.

        Args:
            rows: int64 [R], each once, below C.
            values: [N, D] of any float type, on the CPU.
            order: int64 [R], which of ``values`` each row gets.
        """
        self._check_process()
        self._keep_lent()
        for start in range(0, len(rows), self._block):
            part = slice(start, start + self._block)
            block = torch.index_select(values, 0, torch.from_numpy(order[part]))
            if self.dtype == torch.float16:
                block = self._scaled(rows[part], block.float())
            self.rows[rows[part]] = block.to(self.dtype).numpy()

    def fill(self, rows: Tensor, scales: Tensor | None) -> None:
        """Become ``rows`` [N, D], of float32 or float16, times ``scales`` [N] (None: 1), read in blocks."""
        self.clear()
        self.reserve(len(rows))
        start = 0
        for block in row_blocks(rows):
            place = np.arange(start, start + len(block))
            start += len(block)
            if block.dtype == self.dtype:
                self.rows[place[0] : start] = block.numpy()
            else:
                block = block.float()
                self.put(place, block if scales is None else block * scales[place, None], np.arange(len(block)))
        if scales is not None and rows.dtype == self.dtype:
            self._scale(np.arange(len(rows)), scales.numpy())

    def clear(self) -> None:
        """Forget all rows, and give their memory back."""
        self.scales: np.ndarray | None = None
        self.rows = np.empty((0, self.dim), dtype=_NUMPY[self.dtype])
        self._map: mmap.mmap | None = None
        self._lent: weakref.ref | None = None

    def take(self, rows: np.ndarray, out: np.ndarray) -> None:
        """Copy rows [R] into ``out`` [R, D] of the same type."""
        self._check_process()
        np.take(self.rows, rows, axis=0, out=out, mode="clip")  # with "raise" it would go through a copy

    def lend(self, count: int) -> Tensor:
        """Return the first ``count`` rows as a tensor of their own, without a copy.

        The bank copies itself before it changes if that tensor, or a view of it, is still held then.
        """
        self._check_process()
        if count == 0 or self._map is None:
            return torch.zeros((count, self.dim), dtype=self.dtype)
        lent = self._lent() if self._lent is not None else None
        if lent is None or len(lent) < count * self._row_bytes:
            # The storage of a tensor from numpy holds that very array, so its end is the end of all views.
            lent = np.frombuffer(self._map, dtype=np.uint8, count=count * self._row_bytes)
            memory = self._map
            _advise(memory, _KEEP_ON_FORK)  # a forked process may have been made to save them
            self._lent = weakref.ref(lent, lambda _: _advise(memory, _WIPE_ON_FORK))
        return torch.from_numpy(lent[: count * self._row_bytes]).view(self.dtype).view(count, self.dim)

    def arrange(self, source: np.ndarray) -> None:
        """Move rows so that row i becomes what row ``source[i]`` was.

        Args:
            source: int64 [N], a permutation of the first N rows.
        """
        self._check_process()
        where = np.array(source)  # of what shall lie at i
        wanted_at = np.empty_like(where)  # and the other way around
        wanted_at[where] = np.arange(len(where))
        if (where == np.arange(len(where))).all():
            return
        self._keep_lent()
        for start in range(0, len(where), self._block):
            place = np.arange(start, min(start + self._block, len(where)))
            origin = where[place]
            if (origin == place).all():
                continue
            # What lies here and belongs further on moves to where the rows that come here have left.
            left = origin[origin >= place[-1] + 1]
            displaced = place[wanted_at[place] > place[-1]]
            block = self.rows[origin]
            self.rows[left] = self.rows[displaced]
            self.rows[start : start + len(place)] = block
            wanted_at[left] = wanted_at[displaced]
            where[wanted_at[left]] = left
        if self.scales is not None:
            self.scales[: len(source)] = self.scales[source]

    @property
    def _row_bytes(self) -> int:
        return self.dim * self.dtype.itemsize

    def _check_process(self) -> None:
        if self._map is not None and self._process != os.getpid():
            raise RuntimeError("the memory pool is not in processes that were forked; hand over its state_dict()")

    def _scaled(self, rows: np.ndarray, values: Tensor) -> Tensor:
        """Return float32 values as float16 can hold them, and note the scales; infinite ones and NaN stay so."""
        largest = values.abs().amax(dim=1)
        scales = np.ones(len(rows), dtype=np.float32)
        if not (largest.isfinite() & (largest <= _LARGEST) & ((largest >= _SMALL) | (largest == 0))).all():
            largest = torch.where(values.isfinite(), values.abs(), 0.0).amax(dim=1).numpy()
            exponent = np.frexp(largest)[1] - _EXPONENT
            outside = (largest > _LARGEST) | ((largest < _SMALL) & (largest > 0))
            # Not below what a float32 can be divided by.
            scales = np.where(outside, np.ldexp(np.float32(1), np.maximum(exponent, -126)), 1).astype(np.float32)
            # Rounding up must not lead beyond float32 when the row is multiplied again.
            limit = torch.from_numpy(np.where(outside, _LARGEST_SCALED, np.inf).astype(np.float32))[:, None]
            values = values / torch.from_numpy(scales)[:, None]
            values = torch.where(values.isfinite(), values.clamp(-limit, limit), values)
        self._scale(rows, scales)
        return values

    def _scale(self, rows: np.ndarray, scales: np.ndarray) -> None:
        if self.scales is None and (scales != 1).any():
            self.scales = np.ones(len(self.rows), dtype=np.float32)
        if self.scales is not None:
            self.scales[rows] = scales

    def _keep_lent(self) -> None:
        if self._lent is not None and self._lent() is not None:
            self._move(len(self.rows))

    def _stretch(self, room: int) -> bool:
        """Give the memory itself more room; return whether the system could."""
        if self._map is None:
            return False
        self.rows = self.rows[:0].copy()  # nothing may point into memory that moves
        try:
            self._map.resize(room * self._row_bytes)
        except (BufferError, OSError, SystemError, ValueError):  # rows are lent, or the system cannot
            self._view()
            return False
        self._view()
        return True

    def _move(self, room: int) -> None:
        """Continue in new memory, with a copy of all rows."""
        former = self.rows
        self._map = private_memory(room * self._row_bytes)
        self._process = os.getpid()
        _advise(self._map, _WIPE_ON_FORK)
        self._lent = None
        self._view()
        self.rows[: len(former)] = former

    def _view(self) -> None:
        count = len(self._map) // self._row_bytes
        content = np.frombuffer(self._map, dtype=_NUMPY[self.dtype], count=count * self.dim)
        self.rows = content.reshape(count, self.dim)


def _advise(memory: mmap.mmap, advice: int) -> None:
    if sys.platform == "linux":
        with suppress(OSError):  # a kernel before 4.14 always keeps
            memory.madvise(advice)
