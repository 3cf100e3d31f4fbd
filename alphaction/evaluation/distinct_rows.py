"""Which rows of numbers have occurred before, block after block: a hash table of numpy arrays."""

from __future__ import annotations

import numpy as np

_FEWEST_SLOTS = 1 << 16
_SPREAD = np.uint64(0x9E3779B97F4A7C15)
_HALF = np.uint64(32)
_FREE = -1


class DistinctRows:
    """Numbers the distinct rows of float64 tables in order of appearance.

    Args:
        width: w, columns of a row.
    """

    def __init__(self, width: int) -> None:
        self._rows = np.zeros((0, width))
        self._count = 0
        self._slots = np.full(_FEWEST_SLOTS, _FREE, dtype=np.int32)

    def add(self, rows: np.ndarray) -> np.ndarray:
        """Return the number, int64 [n], of each row of a table, float64 [n, w]."""
        base, count = self._count, len(rows)
        if 2 * (base + count) > len(self._slots):
            self._widen(4 * (base + count))
        if base + count > len(self._rows):
            # In place where there is room: a copy beside the former rows would be twice the memory.
            self._rows.resize((max(base + count, base + base // 8), self._rows.shape[1]), refcheck=False)
        self._rows[base : base + count] = rows
        self._rows[base : base + count] += 0.0  # -0 is 0
        number, slot = self._settle(base, base + count)
        # New ones have their row's place for a number so far.
        is_new = number == np.arange(base, base + count)
        final = np.cumsum(is_new) + (base - 1)
        new = np.flatnonzero(is_new)
        self._slots[slot[new]] = final[new]
        self._rows[base : base + len(new)] = self._rows[base + new]
        self._count += len(new)
        again = number >= base
        number[again] = final[number[again] - base]
        return number

    @property
    def rows(self) -> np.ndarray:
        """The distinct rows, float64 [m, w]."""
        return self._rows[: self._count]

    def _widen(self, slots: int) -> None:
        size = len(self._slots)
        while size < slots:
            size *= 2
        self._slots = np.full(size, _FREE, dtype=np.int32)
        step = 1 << 16
        for start in range(0, self._count, step):
            self._settle(start, min(start + step, self._count))

    def _settle(self, start: int, end: int) -> tuple[np.ndarray, np.ndarray]:
        """Find the stored rows from ``start`` to ``end`` in the table, or put them there.

        Returns the place of the first row that is the same, and its slot, both int64 [end - start].
        """
        stored = self._rows.view(np.uint64)
        bits = stored[start:end]
        mixed = bits[:, 0] * _SPREAD
        for k in range(1, bits.shape[1]):
            mixed = ((mixed >> _HALF) ^ mixed ^ bits[:, k]) * _SPREAD
        slot = (mixed >> np.uint64(64 - (len(self._slots).bit_length() - 1))).astype(np.int64)
        number = np.empty(end - start, dtype=np.int64)
        left = np.arange(end - start)
        while len(left):
            slots = slot[left]
            free = np.flatnonzero(self._slots[slots] == _FREE)[::-1]
            self._slots[slots[free]] = start + left[free]  # of those that share a slot, the first one gets it
            found = self._slots[slots].astype(np.int64)
            differ = stored.take(found, axis=0)
            differ ^= bits if len(left) == len(bits) else bits[left]
            any_bit = differ[:, 0].copy()
            for k in range(1, differ.shape[1]):
                any_bit |= differ[:, k]
            same = any_bit == 0
            number[left[same]] = found[same]
            left = left[~same]
            slot[left] = (slot[left] + 1) & (len(self._slots) - 1)
        return number, slot
