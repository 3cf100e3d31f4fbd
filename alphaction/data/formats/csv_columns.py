"""The cells of rows of text -> checked numpy columns, with the line of what is wrong.

Blocks of ordinary rows are parsed as arrays; only those with odd rows or wrong values go the slow way, cell by cell.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from alphaction.data.formats.cells import Column, Time, bad_cell, decimal_points, parse_cell
from alphaction.data.formats.csv_layout import RowLayout, split_line, wrong_width
from alphaction.data.formats.file_content import more_rows
from alphaction.data.formats.plain_rows import PlainRows, TextCodes
from alphaction.data.formats.rows import Keep
from alphaction.data.keyframes import encode, exact_times
from alphaction.utils.errors import DataError

_EXACT_INTEGERS = 2**53  # a float holds every whole number below this, and no other one becomes one of them
_OF_ONE_ROW = {"class", "person", "score"}  # the columns before these are often the same in many rows


class Faults:
    """Wrong cells by kind: the first one's place and message, and how many there are.

    Args:
        path: the file.
        what: what it is to the user.
        strict: refuse the file; False: leave out the rows, which are counted.
    """

    def __init__(self, path: Path, what: str, strict: bool = True) -> None:
        self._path, self._what, self._strict = path, what, strict
        self._first: dict[str, tuple[int, str]] = {}
        self._lines: dict[str, set[int]] = {}

    def add(self, kind: str, line: int, message: str) -> None:
        """Note a fault; those of one ``kind`` are counted together."""
        self._first.setdefault(kind, (line, message))
        self._lines.setdefault(kind, set()).add(line)

    def lines(self) -> set[int]:
        """Return the lines with a fault."""
        return set().union(*self._lines.values())

    def check(self) -> dict[str, int]:
        """Raise for the fault that comes first in the file; if not strict, return the counts of rows left out."""
        if self._first and self._strict:
            kind = min(self._first, key=lambda name: self._first[name][0])
            line, message = self._first[kind]
            more = more_rows(len(self._lines[kind]) - 1)
            raise DataError(f"{self._what}: {self._path}, line {line}: {message}{more}")
        return {
            f"rows left out (the first: line {line}: {message})": len(self._lines[kind])
            for kind, (line, message) in self._first.items()
        }


@dataclass
class ColumnReader:
    """Reads blocks of lines into columns.

    Args:
        layout: of the rows.
        faults: receives wrong rows and cells.
        keep: which rows to read, by the text in the column ``class``; the others are not looked at.

    Attributes:
        known: role of a ``str`` column -> its distinct texts and their codes, in order of appearance.
        left_out: how many rows ``keep`` left out.
    """

    layout: RowLayout
    faults: Faults
    keep: Keep | None = None

    def __post_init__(self) -> None:
        self.known: dict[str, dict[str, int]] = {c.role: {} for c in self.layout.columns if c.kind is str}
        self.left_out = 0
        self._wanted: list[bool] = []
        self._codes = {
            c.role: TextCodes(self.known[c.role], may_be_blank=c.absent is not None)
            for c in self.layout.columns
            if c.kind is str
        }

    def read(self, lines: str, first_line: int) -> tuple[np.ndarray, dict[str, np.ndarray], int]:
        """Return the line number, int64 [n], of each row, role -> column [n], and the number of the next line.

        Args:
            lines: whole lines, each with its line feed but perhaps the last.
            first_line: number of the first one.
        """
        values = self._by_array(lines)
        if values is None:
            return *self._by_cell(lines, first_line), first_line + lines.count("\n")
        end = first_line + len(next(iter(values.values())))
        numbers = np.arange(first_line, end, dtype=np.int64)
        wanted = self._wanted_rows(values, numbers)
        if wanted is not None:
            numbers, values = numbers[wanted], {role: column[wanted] for role, column in values.items()}
        return numbers, values, end

    def _by_array(self, lines: str) -> dict[str, np.ndarray] | None:
        """Return the columns of a block without a single odd row or wrong cell, else None."""
        layout = self.layout
        block = (lines if lines.endswith("\n") else f"{lines}\n").encode()
        rows = PlainRows.find(block, layout.delimiter, len(layout.names))
        if rows is None:
            return None
        start = min((column.position for column in layout.columns if column.role in _OF_ONE_ROW), default=0)
        heads = rows.heads(start) if start else None
        shared = [c for c in layout.columns if c.position < start] if heads is not None else []
        values = self._columns_of(rows, shared, heads)
        if values is None:
            return None
        lengths = np.diff(heads, append=len(rows)) if shared else 1
        values = {role: np.repeat(column, lengths) for role, column in values.items()}
        for column in layout.columns:
            if column not in shared:
                found = self._columns_of(rows, [column], slice(None))
                if found is None:
                    return None
                values |= found
        return values

    def _columns_of(
        self, rows: PlainRows, columns: Sequence[Column], chosen: np.ndarray | slice | None
    ) -> dict[str, np.ndarray] | None:
        """Return some columns of the chosen rows; None if a cell is wrong."""
        values: dict[str, np.ndarray] = {}
        numeric = [column for column in columns if column.kind is not str]
        if numeric:
            found = rows.numbers([c.position for c in numeric], chosen, lambda k, text: self._odd(numeric[k], text))
            if found is None or any(not _fits(c, row) for c, row in zip(numeric, found, strict=True)):
                return None
            values = {column.role: _typed(column, row) for column, row in zip(numeric, found, strict=True)}
        for column in columns:
            if column.kind is str:
                codes = rows.codes(column.position, chosen, self._codes[column.role])
                if codes is None:
                    return None
                values[column.role] = codes
        return values

    def _odd(self, column: Column, text: str) -> float | None:
        return parse_cell(column, decimal_points([text], self.layout.delimiter == ",")[0])

    def _by_cell(self, lines: str, first_line: int) -> tuple[np.ndarray, dict[str, np.ndarray]]:
        """Return line numbers and columns of a block with odd rows; wrong ones go to ``faults``."""
        layout = self.layout
        width, shortest = len(layout.names), layout.shortest
        numbers: list[int] = []
        rows: list[list[str]] = []
        for number, line in enumerate(lines.rstrip("\n").split("\n"), start=first_line):
            if not line.strip():
                continue
            row = split_line(line, layout.delimiter)
            if shortest <= len(row) <= width:
                numbers.append(number)
                rows.append(row + [""] * (width - len(row)))
            else:
                self.faults.add("width", number, wrong_width(row, {width: layout.names}))
        found = np.array(numbers, dtype=np.int64)
        texts = [c for c in layout.columns if c.kind is str]
        values = {c.role: encode((row[c.position].strip() for row in rows), self.known[c.role]) for c in texts}
        wanted = self._wanted_rows(values, found)
        if wanted is not None:
            rows = [row for row, use in zip(rows, wanted.tolist(), strict=True) if use]
            found, values = found[wanted], {role: column[wanted] for role, column in values.items()}
        for column in texts:
            if column.absent is None and "" in self.known[column.role]:
                for number in found[values[column.role] == self.known[column.role][""]].tolist():
                    self.faults.add(column.name, number, f"the {column.name} is empty.")
        for column in layout.columns:
            if column.kind is not str:
                cells = decimal_points([row[column.position] for row in rows], layout.delimiter == ",")
                values[column.role] = _convert(column, cells, found, self.faults)
        return found, values

    def _wanted_rows(self, values: Mapping[str, np.ndarray], numbers: np.ndarray) -> np.ndarray | None:
        """Return which rows, bool [n], are of a class to read; None: all."""
        if self.keep is None or "class" not in values:
            return None
        codes = values["class"]
        for code, text in enumerate(self.known["class"]):
            if code >= len(self._wanted):
                self._wanted.append(self.keep(text, f"line {numbers[np.argmax(codes == code)]}"))
        wanted = np.array(self._wanted, dtype=bool)[codes]
        self.left_out += int((~wanted).sum())
        return wanted


def _fits(column: Column, values: np.ndarray) -> bool:
    """Return whether a column of float64 holds only what its kind allows, as exactly as the file has it."""
    if column.kind is float:
        return True
    whole = column.kind is Time or not (values % 1 != 0).any()
    return whole and not (np.abs(values) >= _EXACT_INTEGERS).any()


def _typed(column: Column, values: np.ndarray) -> np.ndarray:
    if column.kind is Time:
        return exact_times(values + 0.0)  # "-0" is 0
    return values.astype(column.dtype, copy=False)


def _convert(column: Column, texts: Sequence[str], lines: np.ndarray, faults: Faults) -> np.ndarray:
    """Return a column cell by cell; wrong cells are added to ``faults``."""
    values: list[float | int] = [0] * len(texts)
    for row, (line, text) in enumerate(zip(lines.tolist(), texts, strict=True)):
        value = parse_cell(column, text)
        if value is None:
            faults.add(column.name, line, bad_cell(column, text))
        else:
            values[row] = value
    return exact_times(values) if column.kind is Time else np.array(values, dtype=column.dtype)
