"""The columns of a csv file: cells -> checked numpy columns, with the place of what is wrong."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from alphaction.data.annotations.keyframes import encode
from alphaction.data.formats.files import more_rows
from alphaction.utils.errors import UserError

_DECIMAL_COMMA = re.compile(r"[-+]?\d*,\d+")
# Columns whose role in a header is not their name.
_ROLES = {"class id": "class", "person id": "person"}


@dataclass(frozen=True)
class Column:
    """One column of a csv file.

    Attributes:
        name: as messages name it.
        kind: ``str`` (becomes codes into a list of names), ``int`` or ``float``.
        absent: value of an empty cell (``str``: any value lets "" pass); None: an empty cell is an error.
        hint: cell text -> remedy, for a cell that is not a number.
        may_miss: rows may end before this column.
    """

    name: str
    kind: type
    absent: float | None = None
    hint: Callable[[str], str] | None = None
    may_miss: bool = False

    @property
    def role(self) -> str:
        """What a header may call the column; see :class:`CsvHeader`."""
        return _ROLES.get(self.name, self.name)

    @property
    def dtype(self) -> type:
        """Numpy type of the parsed column."""
        return np.float64 if self.kind is float else np.int64


VIDEO = Column("video", str)
SECOND = Column(
    "second",
    int,
    hint=lambda text: "Keyframes are whole seconds from the start of the video: round to the nearest one.",
)


class Faults:
    """Wrong cells by kind: the first one's place and message, and how many there are."""

    def __init__(self, path: Path, what: str) -> None:
        self._path, self._what = path, what
        self._first: dict[str, tuple[int, str]] = {}
        self._lines: dict[str, int] = {}

    def add(self, kind: str, line: int, message: str) -> None:
        """Note a fault; those of one ``kind`` are counted together."""
        self._first.setdefault(kind, (line, message))
        self._lines[kind] = self._lines.get(kind, 0) + 1

    def check(self) -> None:
        """Raise for the fault that comes first in the file."""
        if self._first:
            kind = min(self._first, key=lambda name: self._first[name][0])
            line, message = self._first[kind]
            raise UserError(f"{self._what}: {self._path}, line {line}: {message}{more_rows(self._lines[kind] - 1)}")


def convert(
    column: Column, texts: Sequence[str], lines: Sequence[int], known: dict[str, int], faults: Faults
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
