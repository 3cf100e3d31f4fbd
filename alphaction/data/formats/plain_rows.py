"""A block of plain rows as one array of bytes: where its cells are, and which rows begin like the row before.

In a file of results some eighty rows in turn are of one box: what they share is read once.

Sizes in shapes: n rows, w cells of a row.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import numpy as np

from alphaction.data.formats.decimal_cells import MARGIN, WORD, first_bytes, parse_decimals, records
from alphaction.data.keyframes import encode

_LINE_FEED = ord("\n")
_LONGEST_START = 256  # bytes of two rows, or of texts, that are compared as arrays
_SLOTS = 1 << 16
_SPREAD, _HALF, _TO_SLOT = np.uint64(0x9E3779B97F4A7C15), np.uint64(32), np.uint64(48)


class PlainRows:
    """The cells of a block of lines, each of which has as many.

    Attributes:
        data: uint8, the block between bytes that belong to no cell.
        starts, ends: int64 [n, w], where each cell begins and ends.
    """

    def __init__(self, data: np.ndarray, starts: np.ndarray, ends: np.ndarray) -> None:
        self.data, self.starts, self.ends = data, starts, ends

    @classmethod
    def find(cls, block: bytes, delimiter: str, width: int) -> PlainRows | None:
        """Return the cells of a block; None if a line has another number of them, or if there are quotes or zero bytes.

        Args:
            block: whole lines, each with its line feed.
            delimiter: what stands between cells.
            width: w.
        """
        if b'"' in block or b"\0" in block:
            return None
        data = np.frombuffer(b"".join((bytes(MARGIN), block, bytes(_LONGEST_START))), dtype=np.uint8)
        line_feeds = data == _LINE_FEED
        marks = np.flatnonzero(line_feeds | (data == ord(delimiter)))
        rows = len(marks) // width
        if len(marks) != rows * width or np.count_nonzero(line_feeds) != rows:
            return None
        ends = marks.reshape(rows, width)
        if not line_feeds[ends[:, -1]].all():
            return None
        starts = np.empty_like(marks)
        starts[0], starts[1:] = MARGIN, marks[:-1] + 1
        return cls(data, starts.reshape(rows, width), ends)

    def __len__(self) -> int:
        """Return the number of rows, n."""
        return len(self.ends)

    def heads(self, cells: int) -> np.ndarray | None:
        """Return the rows, int64 ascending, whose first ``cells`` cells are not the bytes of the row before's.

        None: too few rows are like the one before for that to be of use.
        """
        begin = self.starts[:, 0]
        lengths = self.ends[:, cells - 1] + 1 - begin
        longest = int(lengths.max())
        if longest > _LONGEST_START:
            return None
        width = -(-longest // WORD) * WORD
        start = records(self.data, begin, width)
        differ = start[1:] ^ start[:-1]
        of_all = int(lengths.min()) // WORD  # words that lie within every start
        # Bytes of 255 up to each length.
        masks = (np.arange(width) < np.arange(width + 1)[:, None]).astype(np.uint8) * np.uint8(255)
        differ[:, of_all:] &= masks.view("<u8")[:, of_all:][lengths[1:]]
        any_bit = differ[:, 0].copy()
        for k in range(1, differ.shape[1]):
            any_bit |= differ[:, k]
        is_head = np.ones(len(self), dtype=bool)
        is_head[1:] = any_bit != 0
        found = np.flatnonzero(is_head)
        return found if 2 * len(found) <= len(self) else None

    def numbers(
        self, positions: Sequence[int], rows: np.ndarray | slice, odd: Callable[[int, str], float | None]
    ) -> np.ndarray | None:
        """Return the numbers of some columns, float64 [columns, rows]; None if a cell is wrong.

        Args:
            positions: of the columns.
            rows: those to read.
            odd: reads a cell that is not a plain number, by the place of its column in ``positions`` and its text;
                None: it is wrong.
        """
        starts, ends = (np.concatenate([edge[rows, k] for k in positions]) for edge in (self.starts, self.ends))
        starts = starts + (self.data[starts] == ord(" "))  # as some write after each comma
        values, left = parse_decimals(self.data, starts, ends)
        height = len(values) // len(positions)
        known: dict[tuple[int, str], float | None] = {}
        for place, text in zip(left.tolist(), self._texts(starts[left], ends[left]), strict=True):
            key = (place // height, text)
            if key not in known:
                known[key] = odd(*key)
            if known[key] is None:
                return None
            values[place] = known[key]
        return values.reshape(len(positions), height)

    def codes(self, position: int, rows: np.ndarray | slice, known: TextCodes) -> np.ndarray | None:
        """Return the codes of the texts in a column, int64; None if one is blank that must not be."""
        return known.encode(self.data, self.starts[rows, position], self.ends[rows, position])

    def _texts(self, starts: np.ndarray, ends: np.ndarray) -> list[str]:
        data = self.data.data
        return [str(data[start:end], "utf-8") for start, end in _pairs(starts, ends)]


class TextCodes:
    """The distinct texts of a column as codes, block after block.

    They are found in a hash table of numpy arrays, all rows at once, unless they are long.

    Args:
        known: stripped text -> code, in order of appearance; grows.
        may_be_blank: whether a cell may hold nothing.
    """

    def __init__(self, known: dict[str, int], may_be_blank: bool) -> None:
        self._known, self._may_be_blank = known, may_be_blank
        self._cells: dict[bytes, int] = {}
        self._words: list[np.ndarray] = []  # uint64 [slots]: the first eight bytes of what is in each slot, the next...
        self._codes = np.full(_SLOTS, -1, dtype=np.int64)

    def encode(self, data: np.ndarray, starts: np.ndarray, ends: np.ndarray) -> np.ndarray | None:
        """Return the code, int64 [n], of each cell; None, and nothing changes, if one is blank that must not be."""
        lengths = ends - starts
        words = [
            first_bytes(data, starts + WORD * k, lengths - WORD * k)
            for k in range(-(-min(int(lengths.max()), _LONGEST_START) // WORD) or 1)
        ]
        while len(self._words) < len(words):
            self._words.append(np.zeros(_SLOTS, dtype=np.uint64))
        mixed = words[0] * _SPREAD
        for word in words[1:]:
            mixed = ((mixed >> _HALF) ^ mixed ^ word) * _SPREAD
        slots = (mixed >> _TO_SLOT).astype(np.int64)
        codes = self._codes[slots]
        other = lengths > _LONGEST_START
        for k, known in enumerate(self._words):
            other |= known[slots] != (words[k] if k < len(words) else 0)
        codes[other] = -1
        missed = np.flatnonzero(codes < 0)
        if not len(missed):
            return codes
        # One of each run of equal texts: in rows that are ordered by class, all that are new may be of one class.
        differs = lengths[missed] > _LONGEST_START  # and what comes after such a text, too
        differs[1:] |= differs[:-1]
        differs[0] = True
        for word in words:
            differs[1:] |= word[missed[1:]] != word[missed[:-1]]
        heads = missed[differs]
        view = data.data
        cells = [bytes(view[start : start + length]) for start, length in _pairs(starts[heads], lengths[heads])]
        new = {cell: cell.decode().strip() for cell in dict.fromkeys(cells) if cell not in self._cells}
        if not self._may_be_blank and "" in new.values():
            return None
        self._cells.update(zip(new, encode(new.values(), self._known).tolist(), strict=True))
        found = np.array([self._cells[cell] for cell in cells], dtype=np.int64)
        codes[missed] = np.repeat(found, np.diff(np.flatnonzero(differs), append=len(missed)))
        short = heads[lengths[heads] <= _LONGEST_START]
        # Of those that share a slot, the last one gets it.
        free = short[self._codes[slots[short]] < 0]
        for k, known in enumerate(self._words):
            known[slots[free]] = words[k][free] if k < len(words) else 0
        self._codes[slots[free]] = codes[free]
        return codes


def _pairs(first: np.ndarray, second: np.ndarray) -> Iterator[tuple[int, int]]:
    return zip(first.tolist(), second.tolist(), strict=True)
