"""A csv file -> checked numpy columns, found by position or by the names of a header.

Rows are converted a chunk at a time; only chunks with odd rows or values go the slow way, cell by cell.
"""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from operator import methodcaller
from pathlib import Path

import numpy as np

from alphaction.data.formats.csv_columns import Column, Faults, convert
from alphaction.data.formats.csv_header import CsvHeader
from alphaction.data.formats.files import RowSource
from alphaction.utils.errors import UserError
from alphaction.utils.messages import counted

_CHUNK = 50_000
_DELIMITERS = (",", "\t", ";")


@dataclass(frozen=True)
class CsvData:
    """The columns of a csv file.

    Attributes:
        rows: names the line of each row.
        names: distinct texts of the ``str`` columns, in order of appearance.
        values: column name -> int64 or float64 [n] (``str``: codes into ``names``).
        header: whether the first row was a header.
        unused: names of the columns that were not read.
    """

    rows: RowSource
    names: list[str]
    values: dict[str, np.ndarray]
    header: bool
    unused: tuple[str, ...] = ()

    def counts(self) -> dict[str, int]:
        """Return the counts of header lines and of columns that were not read, for a summary."""
        names = ", ".join(self.unused)
        return {
            "header lines": int(self.header),
            **({f"columns not read ({names})": len(self.unused)} if names else {}),
        }


@dataclass(frozen=True)
class Layout:
    """Where in a row the columns are.

    Attributes:
        columns: the columns to read.
        positions: the cell of each.
        names: every cell of a row, as messages name it.
        shortest: how many cells a row must have; those beyond may be missing, and are empty then.
    """

    columns: Sequence[Column]
    positions: Sequence[int]
    names: Sequence[str]
    shortest: int

    @classmethod
    def of(cls, columns: Sequence[Column], positions: Sequence[int], names: Sequence[str]) -> Layout:
        """Return the layout; columns at the end that ``may_miss`` may be missing."""
        shortest, may_miss = len(names), {p for p, column in zip(positions, columns, strict=True) if column.may_miss}
        while shortest - 1 in may_miss:
            shortest -= 1
        return cls(columns, positions, names, shortest)


class CsvFile:
    """The lines of a csv file: separated by commas, tabs or semicolons, with or without a header.

    Attributes:
        header: the names of the columns; None: the first row is data.
        has_rows: whether there is a row besides the header.
    """

    def __init__(self, path: Path, what: str, text: str) -> None:
        self._path, self._what = path, what
        self._lines = text.replace("\r\n", "\n").replace("\r", "\n").rstrip("\n").split("\n")
        start = self._next_row(0)
        first = self._lines[start] if start < len(self._lines) else ""
        # Of a row with decimal commas between semicolons, the semicolons make more cells.
        self._delimiter = max(_DELIMITERS, key=lambda mark: len(_split(first, mark)))
        cells = _split(first, self._delimiter)
        self.header: CsvHeader | None = None
        if _is_header(cells):
            self.header = CsvHeader.parse(f"{what}: {path}, line {start + 1}", cells)
            start = self._next_row(start + 1)
        self._start = start
        self.has_rows = start < len(self._lines)

    def _next_row(self, begin: int) -> int:
        lines = self._lines
        return next((index for index in range(begin, len(lines)) if lines[index].strip()), len(lines))

    def by_position(self, layouts: Mapping[int, Sequence[Column]]) -> Layout:
        """Return the layout of rows without a header: number of columns -> the columns; the first row decides which.

        Raises:
            UserError: the first row has another number of columns.
        """
        columns = next(iter(layouts.values()))
        if self.has_rows:
            row = _split(self._lines[self._start], self._delimiter)
            if len(row) not in layouts:
                expected = {width: [column.name for column in some] for width, some in layouts.items()}
                raise UserError(f"{self._what}: {self._path}, line {self._start + 1}: {_wrong_width(row, expected)}")
            columns = layouts[len(row)]
            wider = layouts[max(layouts)]
            rest = wider[len(columns) :]
            if rest and all(column.may_miss for column in rest) and self._any_has(len(wider)):
                columns = wider
        return Layout.of(columns, range(len(columns)), [column.name for column in columns])

    def _any_has(self, width: int) -> bool:
        rows = (line for line in self._lines[self._start :] if line.count(self._delimiter) >= width - 1)
        return any(len(_split(line, self._delimiter)) == width for line in rows)

    def by_name(self, columns: Mapping[Column, int]) -> Layout:
        """Return the layout of a file with a header: column -> its position."""
        return Layout.of(list(columns), list(columns.values()), self.header.cells)

    def parse(self, layout: Layout) -> CsvData:
        """Return the checked columns.

        Raises:
            UserError: names file and line of the first wrong cell, and how many more rows have the same fault.
        """
        faults = Faults(self._path, self._what)
        known: dict[str, int] = {}
        places = [np.zeros(0, dtype=np.int64)]
        parts = {column.name: [np.zeros(0, dtype=column.dtype)] for column in layout.columns}
        for begin in range(self._start, len(self._lines), _CHUNK):
            lines = self._lines[begin : begin + _CHUNK]
            numbers, cells = _chunk_cells(lines, begin + 1, layout, self._delimiter, faults)
            places.append(np.asarray(numbers, dtype=np.int64))
            for column, texts in zip(layout.columns, cells, strict=True):
                parts[column.name].append(convert(column, texts, numbers, known, faults))
        faults.check()
        line_numbers = np.concatenate(places)
        values = {name: np.concatenate(pieces) for name, pieces in parts.items()}
        rows = RowSource(self._path, self._what, lambda row: f"line {line_numbers[row]}")
        unused = self.header.unused(layout.positions) if self.header and self.has_rows else ()
        return CsvData(rows, list(known), values, self.header is not None, unused)


def read_csv(path: Path, what: str, text: str, layouts: Mapping[int, Sequence[Column]]) -> CsvData:
    """Parse csv text (commas, tabs or semicolons; blank lines are skipped; a cell ends with its line).

    A header line names the columns, which may then be in any order: those of the smallest layout must be there, those
    of the others may. Boxes are corners here; a header that names sizes or centers is refused.

    Args:
        what: what the file is to the user, for messages.
        layouts: without a header, number of columns -> the columns; the first row decides which.

    Raises:
        UserError: names file and line of the first wrong cell, and how many more rows have the same fault.
    """
    file = CsvFile(path, what, text)
    header = file.header
    if header is None or not file.has_rows:
        return file.parse(file.by_position(layouts))
    header.refuse_unknown()
    required = layouts[min(layouts)]
    every = {column.role: column for columns in layouts.values() for column in columns}
    if "x1" in every:
        form, _ = header.box()
        if form != "xyxy":
            raise UserError(
                f"{header.where}: the header ({', '.join(header.cells)}) names boxes by size, expected corners: "
                "x1, y1, x2, y2. tools/prepare_dataset.py (annotations) and tools/detect_persons.py --import (boxes of "
                "a detector) read such a file and convert it."
            )
    if "score" not in every and header.find("score") is not None:
        raise header.error('the header has a column "score": detections or predictions? Remove it from annotations.')
    found = {column: header.require(column.role) for column in required}
    optional = {column: header.find(role) for role, column in every.items() if column not in found}
    found |= {column: position for column, position in optional.items() if position is not None}
    return file.parse(file.by_name(found))


def _split(line: str, delimiter: str) -> list[str]:
    return next(csv.reader([line], delimiter=delimiter), [])


def _chunk_cells(
    lines: list[str], first_number: int, layout: Layout, delimiter: str, faults: Faults
) -> tuple[Sequence[int], list[list[str]]]:
    """Return the line number of each row, and the cells of each column; rows of another width go to ``faults``."""
    width = len(layout.names)
    joined = delimiter.join(lines)
    if '"' not in joined and set(map(methodcaller("count", delimiter), lines)) == {width - 1}:
        # The common case in one split: no list per row, which would keep the garbage collector busy.
        cells = joined.split(delimiter)
        numbers = range(first_number, first_number + len(lines))
        return numbers, [cells[index::width] for index in layout.positions]
    numbers: list[int] = []
    rows: list[list[str]] = []
    for number, line in enumerate(lines, start=first_number):
        if not line.strip():
            continue
        row = _split(line, delimiter)
        if layout.shortest <= len(row) <= width:
            numbers.append(number)
            rows.append(row + [""] * (width - len(row)))
        else:
            faults.add("width", number, _wrong_width(row, {width: layout.names}))
    return numbers, [[row[index] for row in rows] for index in layout.positions]


def is_number(text: str) -> bool:
    """Return whether a cell is a number."""
    try:
        float(text)
    except ValueError:
        return False
    return True


def _is_header(row: Sequence[str]) -> bool:
    """A header names the second column and has no number where rows have the second and coordinates."""
    cells = [cell.strip() for cell in row[1:6]]
    return bool(cells) and bool(cells[0]) and not any(is_number(cell) for cell in cells)


def _wrong_width(row: Sequence[str], layouts: Mapping[int, Sequence[str]]) -> str:
    expected = " or ".join(f"{width} ({', '.join(names)})" for width, names in layouts.items())
    hint = ""
    if len(row) == 1 and " " in row[0].strip():
        hint = " It is separated by spaces: use commas."
    elif len(row) >= min(layouts) + 4:
        hint = " Decimal commas? Write decimal points, as in 0.5."
    return f"{counted(len(row), 'column')}, expected {expected}.{hint}"
