"""Which rows of the bank a clip reads: those of the seconds around it, and of each second so many persons.

Axes: B clips, S seconds around a clip, P persons a second.
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from alphaction.data.keyframes import MILLISECONDS, Keyframe, milliseconds_of
from alphaction.memory.entries import EntryTable, spans
from alphaction.memory.padding import counter_random
from alphaction.memory.window import MemoryWindow

_NONE = np.zeros(0, dtype=np.int64)


class Found(NamedTuple):
    """What is remembered around some clips, at most P persons of a second.

    Attributes:
        entries: int64 [E] that are remembered.
        rows: int64 [R] of the bank.
        places: int64 [R], of each among the B*S*P of the result.
        owner: int64 [R], position in ``entries`` of each.
    """

    entries: np.ndarray
    rows: np.ndarray
    places: np.ndarray
    owner: np.ndarray


class LookUp:
    """Finds what a window remembers.

    Args:
        window: around a clip.
    """

    def __init__(self, window: MemoryWindow) -> None:
        self._window = window
        # The slots but the clip's own: their numbers, and how much later they are.
        self._slots = np.delete(np.arange(window.slots), window.current_slot)
        self._shifts = (self._slots - window.current_slot) * window.rate * MILLISECONDS

    def __call__(self, table: EntryTable, keyframes: Sequence[Keyframe], seeds: np.ndarray | None) -> Found:
        """Return what ``table`` has around the B keyframes.

        Args:
            table: the entries.
            keyframes: of the clips.
            seeds: int64 [B] of the choice where a second has more than P persons; None: the first ones.
        """
        slots, limit = self._window.slots, self._window.max_per_second
        found = [(_NONE, _NONE)]
        for clip, (video, second) in enumerate(keyframes):
            near, entries = table.near(video, milliseconds_of(second) + self._shifts, self._shifts > 0)
            found.append((self._slots[near] + clip * slots, entries))
        cells, entries = (np.concatenate(parts) for parts in zip(*found, strict=True))
        counts = table.counts[entries]
        rows = table.rows_of(entries)
        owner = np.repeat(np.arange(len(entries)), counts)
        cells = cells[owner]
        place = position = spans(np.zeros(len(counts), dtype=np.int64), counts)
        if seeds is not None:
            clip, slot = np.divmod(cells, slots)
            drawn = counter_random(counter_random(seeds[clip], slot), position)
            place = np.empty_like(position)
            place[np.lexsort((-drawn, cells))] = position
        places = cells * limit + place
        if len(counts) and counts.max() > limit:
            kept = place < limit
            rows, places, owner = rows[kept], places[kept], owner[kept]
        return Found(entries, rows, places, owner)


def clip_seed(seed: int, keyframe: Keyframe) -> int:
    """Return a seed for one clip that does not depend on its place in the batch or on the process that reads it."""
    time = keyframe[1] if isinstance(keyframe[1], int) else milliseconds_of(keyframe[1])
    mixed = (seed * 1_000_003 + zlib.crc32(keyframe[0].encode()) * 40_503 + time) & (2**64 - 1)
    return mixed - 2**64 if mixed >= 2**63 else mixed
