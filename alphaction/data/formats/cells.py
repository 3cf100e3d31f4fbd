"""One cell of a table of text: is it a number, and what is wrong if not."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from alphaction.utils.values import parse_integer

_DECIMAL_COMMA = re.compile(r"[-+]?\d*,\d+([eE][-+]?\d+)?")
_THOUSANDS = re.compile(r"[-+]?[1-9]\d{0,2},\d{3}")


def is_number(text: str) -> bool:
    """Return whether a cell is a number."""
    try:
        float(text)
    except ValueError:
        return False
    return True


def decimal_points(texts: Sequence[str], by_comma: bool) -> Sequence[str]:
    """Return the cells of a column of numbers with decimal points where they have decimal commas.

    Args:
        texts: the cells.
        by_comma: commas also separate cells. Then "1,234" may be a thousand, so that some cell has to show that commas
            are decimal: "0,5".
    """
    if not any("," in text for text in texts):
        return texts
    decimal = [_DECIMAL_COMMA.fullmatch(text.strip()) is not None for text in texts]
    if by_comma and not any(
        is_decimal and not _THOUSANDS.fullmatch(text.strip()) for text, is_decimal in zip(texts, decimal, strict=True)
    ):
        return texts
    return [text.replace(",", ".") if is_decimal else text for text, is_decimal in zip(texts, decimal, strict=True)]


class Time(float):
    """The kind of a column of times; see :mod:`alphaction.data.keyframes`."""


@dataclass(frozen=True)
class Column:
    """One column of a table of text.

    Attributes:
        role: what it holds ("video", "second", "x1", ...; see :class:`CsvHeader`).
        name: as messages name it.
        kind: ``str`` (becomes codes into a list of distinct texts), ``int``, ``float`` or ``Time``.
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
        """Numpy type of the parsed column; a column of times that are not all whole is float64."""
        return np.float64 if self.kind is float else np.int64


def parse_cell(column: Column, text: str) -> float | int | None:
    """Return the value of a cell, or None if it is wrong."""
    if not text.strip():
        return column.absent
    if column.kind in (int, Time):
        number = parse_integer(text)
        if number is not None or column.kind is int:
            return number
    try:
        value = float(text)
    except ValueError:
        return None
    beyond = column.kind is Time and value.is_integer()
    return value if math.isfinite(value) and not beyond else None


def bad_cell(column: Column, text: str) -> str:
    """Return the message for a cell that is wrong."""
    text = text.strip()
    if not text:
        return f"the {column.name} is empty."
    if column.kind in (int, Time) and is_number(text) and float(text).is_integer():
        return f'{column.name} "{text}" is too large.'
    wanted = "a whole number" if column.kind is int else "a number"
    hint = f" {column.hint}" if column.hint else ""
    if column.kind in (float, Time) and _DECIMAL_COMMA.fullmatch(text):
        hint = f" It has a decimal comma: write {text.replace(',', '.')}, in all rows."
    return f'{column.name} "{text}" is not {wanted}.{hint}'
