"""Which keyframes the memory pool has, when each was, and which rows of the bank are its persons: in numpy columns.

Axes: K keyframes, M of them in a call, S slots of a clip.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from alphaction.data.keyframes import MILLISECONDS, Keyframe, milliseconds_of
from alphaction.memory.window import NEAR

_NEAR = round(NEAR * MILLISECONDS)
_NONE = np.zeros(0, dtype=np.int64)
_LEAST = 64
_WASTE = 4096  # unused row numbers that are not worth tidying up


class Column:
    """A numpy column that grows at its end."""

    def __init__(self, dtype: type) -> None:
        self._room = np.zeros(_LEAST, dtype=dtype)
        self._count = 0

    @property
    def values(self) -> np.ndarray:
        """What was appended, as a view to read from and write to; appending may leave it behind."""
        return self._room[: self._count]

    def append(self, values: np.ndarray) -> None:
        """Add values at the end."""
        count = self._count + len(values)
        if count > len(self._room):
            room = np.zeros(max(count, 9 * self._count // 8), dtype=self._room.dtype)
            room[: self._count] = self.values
            self._room = room
        self._room[self._count : count] = values
        self._count = count

    def keep(self, which: np.ndarray) -> None:
        """Leave out the values where ``which``, a bool for each, does not hold."""
        kept = self.values[which]
        self._room[: len(kept)] = kept
        self._count = len(kept)


class EntryTable:
    """Entries in the order of their first appearance.

    An entry's persons lie in any rows: those that it no longer needs go to the next one that needs more, so that no row
    is ever lost between others.

    Attributes:
        videos: names, each with its number.
    """

    def __init__(self) -> None:
        self.videos: dict[str, int] = {}
        self._timelines: list[tuple[np.ndarray, np.ndarray]] = []  # of a video: times, ascending, and entries
        self._video, self._time = Column(np.int32), Column(np.int64)
        self._tag, self._count = Column(np.float32), Column(np.int32)
        self._first, self._capacity = Column(np.int64), Column(np.int32)  # the entry's part of _rows
        self._rows = Column(np.int32)
        self._free = _NONE
        self._used = 0

    def __len__(self) -> int:
        return len(self._time.values)

    @property
    def rows(self) -> int:
        """The number of rows that have been in use, free ones among them."""
        return self._used

    @property
    def video_index(self) -> np.ndarray:
        """int32 [K] number of each entry's video."""
        return self._video.values

    @property
    def times(self) -> np.ndarray:
        """int64 [K] milliseconds."""
        return self._time.values

    @property
    def counts(self) -> np.ndarray:
        """int32 [K] persons."""
        return self._count.values

    @property
    def tags(self) -> np.ndarray:
        """float32 [K], to be written to as well."""
        return self._tag.values

    def find(self, keyframe: Keyframe) -> int:
        """Return the entry of a keyframe, or -1."""
        number = self.videos.get(keyframe[0])
        if number is None:
            return -1
        times, entries = self._timelines[number]
        time = milliseconds_of(keyframe[1])
        position = int(times.searchsorted(time))
        return int(entries[position]) if position < len(times) and times[position] == time else -1

    def find_or_add(self, keyframes: Iterable[Keyframe]) -> np.ndarray:
        """Return the entries, int64 [M], of some keyframes; new ones are empty."""
        first = len(self)
        new: dict[tuple[int, int], int] = {}
        found = []
        for keyframe in keyframes:
            entry = self.find(keyframe)
            if entry < 0:
                number = self.videos.setdefault(keyframe[0], len(self.videos))
                if number == len(self._timelines):
                    self._timelines.append((_NONE, _NONE))
                entry = new.setdefault((number, milliseconds_of(keyframe[1])), first + len(new))
            found.append(entry)
        if new:
            self._add(np.array(list(new), dtype=np.int64))
        return np.array(found, dtype=np.int64)

    def extend(self, names: Sequence[str], index: np.ndarray, times: np.ndarray) -> None:
        """Add entries, none of which is there, without persons.

        Args:
            names: of videos.
            index: int64 [M] video of each entry, in ``names``.
            times: int64 [M] milliseconds.
        """
        numbers = []
        for name in names:
            numbers.append(self.videos.setdefault(name, len(self.videos)))
            if numbers[-1] == len(self._timelines):
                self._timelines.append((_NONE, _NONE))
        self._add(np.stack([np.array(numbers, dtype=np.int64)[index], times], axis=1))

    def _add(self, keys: np.ndarray) -> None:
        first, zeros = len(self), np.zeros(len(keys), dtype=np.int64)
        for column, values in (
            (self._video, keys[:, 0]),
            (self._time, keys[:, 1]),
            (self._tag, zeros),
            (self._count, zeros),
            (self._first, zeros),
            (self._capacity, zeros),
        ):
            column.append(values)
        for number in np.unique(keys[:, 0]).tolist():
            own = np.flatnonzero(keys[:, 0] == number)
            times, entries = self._timelines[number]
            times, entries = np.concatenate([times, keys[own, 1]]), np.concatenate([entries, first + own])
            order = np.argsort(times, kind="stable")
            self._timelines[number] = times[order], entries[order]

    def forget(self, video: str, before: int) -> None:
        """Leave out the entries of a video before a time; their rows go to the next ones that need any.

        Args:
            video: name.
            before: milliseconds.
        """
        number = self.videos.get(video)
        if number is None:
            return
        times, entries = self._timelines[number]
        gone = entries[: times.searchsorted(before)]
        if not len(gone):
            return
        self._free = np.concatenate([self._free, self.rows_of(gone)])
        kept = np.ones(len(self), dtype=bool)
        kept[gone] = False
        place = np.cumsum(kept) - 1
        for column in (self._video, self._time, self._tag, self._count, self._first, self._capacity):
            column.keep(kept)
        for index, (times, entries) in enumerate(self._timelines):
            stays = kept[entries]
            self._timelines[index] = times[stays], place[entries[stays]]

    def resize(self, entries: np.ndarray, counts: np.ndarray) -> np.ndarray:
        """Give entries so many rows; return the rows of all, those of the first entry first, int64.

        Args:
            entries: int64 [M], each once.
            counts: int64 [M].
        """
        before = self._count.values[entries].astype(np.int64)
        if (counts != before).any():
            fewer, more = counts < before, counts > before
            if fewer.any():
                self._free = np.concatenate([self._free, self._numbers(entries[fewer], counts[fewer], before[fewer])])
            if more.any():
                self._widen(entries[more], before[more], counts[more])
            self._count.values[entries] = counts
            if len(self._rows.values) > 2 * self._used + _WASTE:
                self._tidy()
        return self.rows_of(entries)

    def rows_of(self, entries: np.ndarray) -> np.ndarray:
        """Return the rows of some entries, those of the first one first, int64."""
        return self._numbers(entries, 0, self._count.values[entries])

    def arrange(self) -> np.ndarray:
        """Number the rows anew, in the order of the entries and free ones last; return what each row was, int64."""
        in_use = self.rows_of(np.arange(len(self)))
        former = np.concatenate([in_use, self._free])
        self._tidy()
        self._rows.values[:] = np.arange(len(in_use))
        self._free = np.arange(len(in_use), self._used)
        return former

    def near(self, video: str, wanted: np.ndarray, later: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return which slots remember something, and the entries: int64 each.

        A slot has the keyframe nearest to its time, at most half a second away. One that is half way between two slots
        belongs to the one further from the clip: a clip at 2.5 remembers second 2 before it and 3 after it.

        Args:
            video: name.
            wanted: int64 [S] milliseconds of the slots.
            later: bool [S], whether a slot is after the clip.
        """
        number = self.videos.get(video)
        if number is None or not len(self._timelines[number][0]):
            return _NONE, _NONE
        times, entries = self._timelines[number]
        after = times.searchsorted(wanted)
        before = after - 1
        to_next = times.take(after, mode="clip") - wanted  # negative behind the last
        to_last = wanted - times.take(before, mode="clip")
        to_next[after == len(times)] = _NEAR + 1
        to_last[before < 0] = _NEAR + 1
        forward = (to_next < to_last) | ((to_next == to_last) & ~later)
        distance = np.where(forward, to_next, to_last)
        slots = np.flatnonzero((distance < _NEAR) | ((distance == _NEAR) & (forward != later)))
        return slots, entries[np.where(forward, after, before)[slots]]

    def _numbers(self, entries: np.ndarray, start: np.ndarray | int, end: np.ndarray) -> np.ndarray:
        """Return the rows from place ``start`` to before ``end`` of each entry, int64."""
        return self._rows.values[spans(self._first.values[entries] + start, end - start)].astype(np.int64)

    def _widen(self, entries: np.ndarray, before: np.ndarray, counts: np.ndarray) -> None:
        short = counts > self._capacity.values[entries]
        if short.any():
            moved = entries[short]
            kept, room = before[short], counts[short]
            numbers = self._numbers(moved, 0, kept)
            first = len(self._rows.values) + np.cumsum(room) - room
            self._rows.append(np.zeros(int(room.sum()), dtype=np.int64))
            self._first.values[moved], self._capacity.values[moved] = first, room
            self._rows.values[spans(first, kept)] = numbers
        places = spans(self._first.values[entries] + before, counts - before)
        again = self._free[: len(places)]
        self._free = self._free[len(again) :]
        new = np.arange(self._used, self._used + len(places) - len(again))
        self._used += len(new)
        self._rows.values[places] = np.concatenate([again, new])

    def _tidy(self) -> None:
        """Leave out row numbers that no entry uses."""
        numbers, counts = self.rows_of(np.arange(len(self))), self._count.values
        self._rows = Column(np.int32)
        self._rows.append(numbers)
        self._first.values[:] = np.cumsum(counts) - counts
        self._capacity.values[:] = counts


def spans(starts: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """Return start, start + 1, ... of each span, one after another, int64."""
    ends = np.cumsum(counts)
    return np.arange(ends[-1] if len(ends) else 0) + np.repeat(starts - (ends - counts), counts)
