"""A csv file -> checked numpy columns.

Rows are converted a chunk at a time; only chunks with odd rows or values go the slow way, cell by cell.
"""

from __future__ import annotations

import csv
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from operator import methodcaller
from pathlib import Path

import numpy as np

from alphaction.data.annotations.files import RowSource, more_rows
from alphaction.data.annotations.keyframes import encode
from alphaction.utils.errors import UserError

_CHUNK = 50_000
_WIDTH_HINTS = {";": "semicolons", " ": "spaces"}


@dataclass(frozen=True)
class Column:
    """One column of a csv file.

    Attributes:
        name: as messages name it.
        kind: ``str`` (becomes codes into a list of names), ``int`` or ``float``.
        absent: value of an empty cell (``str``: any value lets "" pass); None: an empty cell is an error.
        hint: cell text -> remedy, for a cell that is not a number.
    """

    name: str
    kind: type
    absent: float | None = None
    hint: Callable[[str], str] | None = None

    @property
    def dtype(self) -> type:
        """Numpy type of the parsed column."""
        return np.float64 if self.kind is float else np.int64


VIDEO = Column("video", str)
SECOND = Column("second", int, hint=lambda text: "Keyframes are whole seconds from the start of the video.")


@dataclass(frozen=True)
class CsvData:
    """The columns of a csv file.

    Attributes:
        rows: names the line of each row.
        names: distinct texts of the ``str`` columns, in order of appearance.
        values: column name -> int64 or float64 [n] (``str``: codes into ``names``).
        header: whether the first row was a header.
    """

    rows: RowSource
    names: list[str]
    values: dict[str, np.ndarray]
    header: bool


def read_csv(path: Path, what: str, text: str, layouts: Mapping[int, Sequence[Column]]) -> CsvData:
    """Parse csv text (commas or tabs; optional header line; blank lines are skipped; a cell ends with its line).

    Args:
        what: what the file is to the user, for messages.
        layouts: number of columns -> the columns; the first row decides which.

    Raises:
        UserError: names file and line of the first wrong cell, and how many more rows have the same fault.
    """
    lines = text.replace("\r\n", "\n").replace("\r", "\n").rstrip("\n").split("\n")
    start = next((index for index, line in enumerate(lines) if line.strip()), len(lines))
    delimiter = "\t" if start < len(lines) and "\t" in lines[start] and "," not in lines[start] else ","
    header = start < len(lines) and _is_header(_split(lines[start], delimiter))
    if header:
        start = next((index for index in range(start + 1, len(lines)) if lines[index].strip()), len(lines))
    columns = next(iter(layouts.values()))
    if start < len(lines):
        first_row = _split(lines[start], delimiter)
        if len(first_row) not in layouts:
            raise UserError(f"{what}: {path}, line {start + 1}: {_wrong_width(first_row, layouts)}")
        columns = layouts[len(first_row)]
    faults = _Faults(path, what)
    known: dict[str, int] = {}
    places = [np.zeros(0, dtype=np.int64)]
    parts = {column.name: [np.zeros(0, dtype=column.dtype)] for column in columns}
    for begin in range(start, len(lines), _CHUNK):
        numbers, cells = _chunk_cells(lines[begin : begin + _CHUNK], begin + 1, columns, delimiter, faults)
        places.append(np.asarray(numbers, dtype=np.int64))
        for column, texts in zip(columns, cells, strict=True):
            parts[column.name].append(_convert(column, texts, numbers, known, faults))
    faults.check()
    line_numbers = np.concatenate(places)
    values = {name: np.concatenate(pieces) for name, pieces in parts.items()}
    return CsvData(RowSource(path, what, lambda row: f"line {line_numbers[row]}"), list(known), values, header)


def _split(line: str, delimiter: str) -> list[str]:
    return next(csv.reader([line], delimiter=delimiter), [])


def _chunk_cells(
    lines: list[str], first_number: int, columns: Sequence[Column], delimiter: str, faults: _Faults
) -> tuple[Sequence[int], list[list[str]]]:
    """Return the line number of each row, and the cells of each column; rows of another width go to ``faults``."""
    width = len(columns)
    joined = delimiter.join(lines)
    if '"' not in joined and set(map(methodcaller("count", delimiter), lines)) == {width - 1}:
        # The common case in one split: no list per row, which would keep the garbage collector busy.
        cells = joined.split(delimiter)
        return range(first_number, first_number + len(lines)), [cells[index::width] for index in range(width)]
    numbers: list[int] = []
    rows: list[list[str]] = []
    for number, line in enumerate(lines, start=first_number):
        if not line.strip():
            continue
        row = _split(line, delimiter)
        if len(row) == width:
            numbers.append(number)
            rows.append(row)
        else:
            faults.add("width", number, _wrong_width(row, {width: columns}))
    return numbers, [[row[index] for row in rows] for index in range(width)]


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _is_header(row: Sequence[str]) -> bool:
    """A header names the second column and has no number where rows have the second and coordinates."""
    cells = [cell.strip() for cell in row[1:6]]
    return bool(cells) and bool(cells[0]) and not any(_is_number(cell) for cell in cells)


def _wrong_width(row: Sequence[str], layouts: Mapping[int, Sequence[Column]]) -> str:
    expected = " or ".join(f"{width} ({', '.join(c.name for c in columns)})" for width, columns in layouts.items())
    hint = ""
    if len(row) == 1:
        separator = next((name for mark, name in _WIDTH_HINTS.items() if mark in row[0].strip()), None)
        hint = f" It is separated by {separator}: use commas." if separator else ""
    return f"{len(row)} {'column' if len(row) == 1 else 'columns'}, expected {expected}.{hint}"


class _Faults:
    """Wrong cells by kind: the first one's place and message, and how many there are."""

    def __init__(self, path: Path, what: str) -> None:
        self._path, self._what = path, what
        self._first: dict[str, tuple[int, str]] = {}
        self._lines: dict[str, int] = {}

    def add(self, kind: str, line: int, message: str) -> None:
        self._first.setdefault(kind, (line, message))
        self._lines[kind] = self._lines.get(kind, 0) + 1

    def check(self) -> None:
        """Raise for the fault that comes first in the file."""
        if self._first:
            kind = min(self._first, key=lambda name: self._first[name][0])
            line, message = self._first[kind]
            raise UserError(f"{self._what}: {self._path}, line {line}: {message}{more_rows(self._lines[kind] - 1)}")


def _convert(
    column: Column, texts: Sequence[str], lines: Sequence[int], known: dict[str, int], faults: _Faults
) -> np.ndarray:
    """Return the column of a chunk as int64 or float64; wrong cells are added to ``faults``."""
    if column.kind is str:
        texts = [text.strip() for text in texts]
        if "" in texts and column.absent is None:
            for line, text in zip(lines, texts, strict=True):
                if not text:
                    faults.add(column.name, line, f"the {column.name} is empty.")
        return encode(texts, known)
    try:
        values = np.array(list(map(column.kind, texts)), dtype=column.dtype)
        if np.isfinite(values).all():
            return values
    except (ValueError, OverflowError):
        pass  # an empty cell, "902.0", or a fault: go cell by cell
    values = np.zeros(len(texts), dtype=column.dtype)
    for row, (line, text) in enumerate(zip(lines, texts, strict=True)):
        value = _parse_cell(column, text)
        if value is None:
            faults.add(column.name, line, _bad_cell(column, text))
        else:
            values[row] = value
    return values


def _parse_cell(column: Column, text: str) -> float | int | None:
    """Return the value of a cell, or None if it is wrong."""
    if not text.strip():
        return column.absent
    if column.kind is int:
        return parse_integer(text)
    try:
        value = float(text)
    except ValueError:
        return None
    return value if math.isfinite(value) else None


def _bad_cell(column: Column, text: str) -> str:
    text = text.strip()
    if not text:
        return f"the {column.name} is empty."
    wanted = "a whole number" if column.kind is int else "a number"
    hint = f" {column.hint(text)}" if column.hint and column.hint(text) else ""
    return f'{column.name} "{text}" is not {wanted}.{hint}'


def parse_integer(value: object) -> int | None:
    """Return a whole number given as int, float or text ("0902", "902.0"); None if it is not one, or beyond int64."""
    number: int | float
    try:
        number = int(value) if isinstance(value, (int, str)) else float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        try:
            number = float(value)  # type: ignore[arg-type]
        except (TypeError, ValueError):
            return None
    if isinstance(number, float) and not number.is_integer():
        return None
    return int(number) if abs(number) < 2**63 else None
