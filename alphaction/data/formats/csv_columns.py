"""The cells of rows of text -> checked numpy columns, with the line of what is wrong.

Blocks of ordinary rows are parsed by pandas; only those with odd rows or values go the slow way, cell by cell.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from alphaction.data.formats.cells import Column, Time, bad_cell, decimal_points, parse_cell
from alphaction.data.formats.csv_layout import RowLayout, split_line, wrong_width
from alphaction.data.formats.file_content import more_rows
from alphaction.data.formats.rows import Keep
from alphaction.data.keyframes import encode, exact_times
from alphaction.utils.errors import DataError

_EXACT_INTEGERS = 2**53  # a float holds every whole number up to this
# Every float as Python reads it, to the last bit; from pandas 3.1 on, that is what pandas does unasked.
_EXACT_FLOATS = {} if tuple(map(int, pd.__version__.split(".")[:2])) >= (3, 1) else {"float_precision": "round_trip"}
_DECIMAL_COMMA = re.compile(rb"[0-9],[0-9]")


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

    def read(self, lines: str, first_line: int) -> tuple[np.ndarray, dict[str, np.ndarray]]:
        """Return the line number, int64 [n], of each row, and role -> column [n].

        Args:
            lines: whole lines, each with its line feed but perhaps the last.
            first_line: number of the first one.
        """
        values = self._by_pandas(lines)
        if values is None:
            return self._by_cell(lines, first_line)
        numbers = np.arange(first_line, first_line + len(next(iter(values.values()))), dtype=np.int64)
        wanted = self._wanted_rows(values, numbers)
        return (numbers, values) if wanted is None else (numbers[wanted], {r: v[wanted] for r, v in values.items()})

    def _by_pandas(self, lines: str) -> dict[str, np.ndarray] | None:
        """Return the columns of a block without a single odd row or cell, else None."""
        columns, width = self.layout.columns, len(self.layout.names)
        block = (lines if lines.endswith("\n") else f"{lines}\n").encode()
        # pandas would fill up short rows, and cut long ones.
        row = self.layout.delimiter.encode() * (width - 1) + b"\n"
        marks = block.translate(None, bytes(set(range(256)) - set(row)))
        count = len(marks) // width
        if b'"' in block or marks != row * count:
            return None
        numeric = {column.position: [""] for column in columns if column.kind is not str and column.absent is not None}
        decimal = "," if self._has_decimal_commas(block) else "."
        try:
            frame = pd.read_csv(
                io.BytesIO(block), sep=self.layout.delimiter, header=None, names=range(width), index_col=False,
                usecols=sorted(column.position for column in columns),
                dtype={column.position: object for column in columns if column.kind is str}, decimal=decimal,
                quoting=csv.QUOTE_NONE, keep_default_na=False, na_values=numeric, low_memory=False, **_EXACT_FLOATS,
            )  # fmt: skip
        except ValueError:
            return None
        if len(frame) != count:  # blank lines
            return None
        values = {column.role: _numbers(column, frame[column.position]) for column in columns if column.kind is not str}
        # Distinct texts in order of appearance, and their codes.
        texts = {column.role: pd.factorize(frame[column.position]) for column in columns if column.kind is str}
        empty = [c for c in columns if c.kind is str and c.absent is None and not all(map(str.strip, texts[c.role][1]))]
        if empty or any(found is None for found in values.values()):
            return None
        for role, (codes, distinct) in texts.items():
            values[role] = encode((text.strip() for text in distinct), self.known[role])[codes]
        return values

    def _has_decimal_commas(self, block: bytes) -> bool:
        # The first test is many times as fast.
        return self.layout.delimiter != "," and b"," in block and _DECIMAL_COMMA.search(block) is not None

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


def _numbers(column: Column, cells: pd.Series) -> np.ndarray | None:
    """Return the numbers of a column as pandas read it, or None if a cell needs a closer look."""
    if cells.dtype.kind not in "if":  # text, or "true", or a number beyond int64
        return None
    values = cells.to_numpy()
    if values.dtype.kind == "f":
        empty = np.isnan(values)
        if not np.isfinite(values[~empty]).all():
            return None
        if empty.any():
            values = np.where(empty, column.absent, values)
        if column.kind is int and (values % 1 != 0).any():
            return None
        if column.kind in (int, Time) and (np.abs(values) > _EXACT_INTEGERS).any():
            return None
    return exact_times(values) if column.kind is Time else np.array(values, dtype=column.dtype).astype(column.dtype)


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
