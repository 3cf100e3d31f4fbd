"""The cells of rows of text -> checked numpy columns, with the line of what is wrong.

Blocks of ordinary rows are parsed by pandas; only those with odd rows or values go the slow way, cell by cell.
"""

from __future__ import annotations

import csv
import io
import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from alphaction.data.formats.files import more_rows
from alphaction.data.keyframes import encode
from alphaction.utils.errors import UserError
from alphaction.utils.messages import counted

_DECIMAL_COMMA = re.compile(r"[-+]?\d*,\d+")
_EXACT_INTEGERS = 2**53  # a float holds every whole number up to this
# Every float as Python reads it, to the last bit; from pandas 3.1 on, that is what pandas does unasked.
_EXACT_FLOATS = {} if tuple(map(int, pd.__version__.split(".")[:2])) >= (3, 1) else {"float_precision": "round_trip"}


@dataclass(frozen=True)
class Column:
    """One column of a table of text.

    Attributes:
        role: what it holds ("video", "second", "x1", ...; see :class:`CsvHeader`).
        name: as messages name it.
        kind: ``str`` (becomes codes into a list of distinct texts), ``int`` or ``float``.
        position: the cell of a row, from 0.
        absent: value of an empty cell (``str``: any value lets "" pass); None: an empty cell is an error.
        hint: the remedy, for a cell that is not a number.
        may_miss: rows may end before this column.
    """

    role: str
    name: str
    kind: type
    position: int
    absent: float | None = None
    hint: str = ""
    may_miss: bool = False

    @property
    def dtype(self) -> type:
        """Numpy type of the parsed column."""
        return np.float64 if self.kind is float else np.int64


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
            raise UserError(f"{self._what}: {self._path}, line {line}: {message}{more}")
        return {
            f"rows left out (the first: line {line}: {message})": len(self._lines[kind])
            for kind, (line, message) in self._first.items()
        }


@dataclass(frozen=True)
class RowLayout:
    """How the rows of a file are laid out.

    Attributes:
        columns: those to read.
        names: every cell of a row, as messages name it.
        delimiter: what stands between cells.
    """

    columns: Sequence[Column]
    names: Sequence[str]
    delimiter: str

    @property
    def shortest(self) -> int:
        """How many cells a row must have; those beyond may be missing, and are empty then."""
        shortest, may_miss = len(self.names), {column.position for column in self.columns if column.may_miss}
        while shortest - 1 in may_miss:
            shortest -= 1
        return shortest


Keep = Callable[[str, str], bool]
"""Class as written, place of its first row -> whether rows of that class are read."""


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
        try:
            frame = pd.read_csv(
                io.BytesIO(block), sep=self.layout.delimiter, header=None, names=range(width), index_col=False,
                usecols=sorted(column.position for column in columns),
                dtype={column.position: object for column in columns if column.kind is str},
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
                values[column.role] = _convert(column, [row[column.position] for row in rows], found, self.faults)
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
        if column.kind is int and ((values % 1 != 0).any() or (np.abs(values) > _EXACT_INTEGERS).any()):
            return None
    return values.astype(column.dtype)


def _convert(column: Column, texts: Sequence[str], lines: np.ndarray, faults: Faults) -> np.ndarray:
    """Return a column cell by cell; wrong cells are added to ``faults``."""
    values = np.zeros(len(texts), dtype=column.dtype)
    for row, (line, text) in enumerate(zip(lines.tolist(), texts, strict=True)):
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
    hint = f" {column.hint}" if column.hint else ""
    if column.kind is float and _DECIMAL_COMMA.fullmatch(text):
        hint = f" It has a decimal comma: write {text.replace(',', '.')}, in all rows."
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


def is_number(text: str) -> bool:
    """Return whether a cell is a number."""
    try:
        float(text)
    except ValueError:
        return False
    return True


def split_line(line: str, delimiter: str) -> list[str]:
    """Return the cells of a line, less quotes."""
    try:
        return next(csv.reader([line], delimiter=delimiter), [])
    except csv.Error:  # a cell of more than 128 KiB: a file of another kind, which the number of columns tells
        return line.split(delimiter)


def wrong_width(row: Sequence[str], layouts: Mapping[int, Sequence[str]]) -> str:
    """Return the message for a row of another width than that of any of ``layouts``: width -> names of the cells."""
    expected = " or ".join(f"{width} ({', '.join(names)})" for width, names in layouts.items())
    hint = ""
    if any(len(row) == width - 1 and names[-1] == "score" for width, names in layouts.items()):
        hint = " Are the scores missing, as in ground truth?"
    elif len(row) == 1 and " " in row[0].strip():
        hint = " It is separated by spaces: use commas."
    elif len(row) >= min(layouts) + 4:
        hint = " Decimal commas? Write decimal points, as in 0.5."
    return f"{counted(len(row), 'column')}, expected {expected}.{hint}"
