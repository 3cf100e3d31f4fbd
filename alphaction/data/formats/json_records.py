"""A list of JSON objects -> checked columns, with the index of what is wrong. Sizes in shapes: n records."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from alphaction.data.formats.cells import parse_integer
from alphaction.data.formats.file_content import RowSource
from alphaction.data.formats.wrong_entries import MOST
from alphaction.data.keyframes import exact_times, parse_time
from alphaction.utils.errors import UserError


class Records:
    """A list of JSON objects of one kind.

    Args:
        path: the file; what: what it is to the user; items: the list, as parsed.
        place: index -> "annotations[3]".
        strict: refuse the first wrong record; False: mark wrong ones in ``bad``, their values are of no use.

    Attributes:
        bad: bool [n], which records are wrong.
        wrong: what is wrong -> how many records; empty if strict.
        fault: the error for the first wrong record; None if strict, or all are right.

    Raises:
        UserError: an item is not an object.
    """

    def __init__(
        self, path: Path, what: str, items: Sequence[Any], place: Callable[[int], str], strict: bool = True
    ) -> None:
        self.rows = RowSource(path, what, place)
        self.items = items
        self.strict = strict
        self.bad = np.zeros(len(items), dtype=bool)
        self.wrong: dict[str, int] = {}
        self.fault: UserError | None = None
        self.refuse(
            np.fromiter((not isinstance(item, dict) for item in items), dtype=bool, count=len(items)),
            lambda row: f"a JSON object was expected, found {type(items[row]).__name__}.",
        )
        if self.bad.any():
            self.items = [{} if bad else item for item, bad in zip(items, self.bad.tolist(), strict=True)]

    def refuse(self, bad: np.ndarray, problem: Callable[[int], str]) -> None:
        """Refuse records that are ``bad``, bool [n], with ``problem(row)``; if not strict, mark and count them."""
        bad = bad & ~self.bad
        if self.strict or not bad.any():
            self.rows.reject(bad, problem)
            return
        first = int(np.argmax(bad))
        self.fault = self.fault or self.rows.error(first, problem(first), int(bad.sum()) - 1)
        self.wrong[f"rows left out (the first: {self.rows.place(first)}: {problem(first).rstrip('.')})"] = int(
            bad.sum()
        )
        self.bad |= bad

    def __len__(self) -> int:
        return len(self.items)

    def take(self, keep: np.ndarray) -> Records:
        """Return the records where ``keep``, bool [n], holds; places stay right."""
        if keep.all():
            return self
        kept = self.rows.take(np.flatnonzero(keep))
        items = [item for item, use in zip(self.items, keep.tolist(), strict=True) if use]
        taken = Records(kept.path, kept.what, items, kept.place, self.strict)
        taken.bad, taken.wrong, taken.fault = self.bad[keep], self.wrong, self.fault
        return taken

    def refuse_most(self, total: int) -> None:
        """Raise the error for the first wrong record where most of ``total`` records are wrong."""
        if self.fault is not None and sum(self.wrong.values()) > MOST * total:
            raise self.fault

    def has(self, key: str) -> np.ndarray:
        """Return which records, bool [n], have ``key``."""
        return np.fromiter((key in item for item in self.items), dtype=bool, count=len(self))

    def column(self, key: str, hint: str = "") -> list[Any]:
        """Return the values of ``key``; a record without it is a :class:`UserError` that ends in ``hint``."""
        try:
            return [item[key] for item in self.items]
        except KeyError:
            self.refuse(
                ~self.has(key),
                lambda row: f'"{key}" is missing (found: {", ".join(self.items[row]) or "nothing"}). {hint}'.rstrip(),
            )
            return [item.get(key) for item in self.items]

    def optional(self, key: str, default: Any = None) -> list[Any]:
        """Return the values of ``key``, ``default`` where absent or null."""
        values = (item.get(key) for item in self.items)
        return [default if value is None else value for value in values]

    def ids(self, key: str, hint: str = "") -> list[int | str]:
        """Return the values of ``key``, which are whole numbers or text."""
        values = self.column(key, hint)
        self.refuse(
            np.array([isinstance(value, bool) or not isinstance(value, (int, str)) for value in values], dtype=bool),
            lambda row: f'"{key}" is {values[row]!r}, expected a whole number or text. {hint}'.rstrip(),
        )
        return [0 if bad else value for value, bad in zip(values, self.bad.tolist(), strict=True)]

    def refuse_repeated(self, key: str, values: Sequence[Any], hint: str = "") -> None:
        """Refuse a value of ``key`` that an earlier record has, too; None may be repeated."""
        first: dict[Any, int] = {}
        self.refuse(
            np.array(
                [value is not None and first.setdefault(value, row) != row for row, value in enumerate(values)],
                dtype=bool,
            ),
            lambda row: (
                f"{key} {values[row]} is already used by {self.rows.place(first[values[row]])}. {hint}".rstrip()
            ),
        )

    def integers(self, key: str, default: int | None = None, hint: str = "") -> np.ndarray:
        """Return ``key`` as int64 [n]; text such as "0902" counts. Without ``default`` the key is required."""
        values = self.column(key, hint) if default is None else self.optional(key, default)
        numbers = [parse_integer(value) for value in values]
        self.refuse(
            np.array([number is None for number in numbers], dtype=bool),
            lambda row: f'"{key}" is {values[row]!r}, expected a whole number. {hint}'.rstrip(),
        )
        return np.array([0 if number is None else number for number in numbers], dtype=np.int64)

    def times(self, key: str) -> np.ndarray:
        """Return ``key``, [n] times in seconds; text such as "0902" or "0902.500" counts."""
        values = self.column(key)
        times = [parse_time(value) for value in values]
        self.refuse(
            np.array([time is None for time in times], dtype=bool),
            lambda row: f'"{key}" is {values[row]!r}, expected a number of seconds from the start of the video.',
        )
        return exact_times([0 if time is None else time for time in times])

    def integer_lists(self, key: str, hint: str = "") -> list[list[int]]:
        """Return ``key``, a list of whole numbers in each record."""
        values = self.column(key, hint)
        parsed = [[parse_integer(one) for one in value] if isinstance(value, list) else [None] for value in values]
        self.refuse(
            np.array([None in numbers for numbers in parsed], dtype=bool),
            lambda row: f'"{key}" is {values[row]!r}, expected a list of whole numbers: ids of the label map.',
        )
        return [[] if None in numbers else numbers for numbers in parsed]

    def numbers(self, key: str, hint: str = "") -> np.ndarray:
        """Return ``key`` as float64 [n]."""
        return self._floats(key, self.column(key, hint), (), "a number")

    def boxes(self, key: str = "bbox") -> np.ndarray:
        """Return ``key`` as float64 [n, 4], as written."""
        return self._floats(key, self.column(key), (4,), "four numbers: x, y, width, height").reshape(-1, 4)

    def _floats(self, key: str, values: list[Any], shape: tuple[int, ...], wanted: str) -> np.ndarray:
        try:
            array = np.array(values, dtype=np.float64)
            if array.shape == (len(values), *shape) and np.isfinite(array).all():
                return array
        except (ValueError, TypeError):
            pass  # find the record below
        bad = np.zeros(len(values), dtype=bool)
        for row, value in enumerate(values):
            try:
                one = np.array(value, dtype=np.float64)
                bad[row] = one.shape != shape or not np.isfinite(one).all()
            except (ValueError, TypeError):
                bad[row] = True
        self.refuse(bad, lambda row: f'"{key}" is {values[row]!r}, expected {wanted}.')
        fill = np.zeros(shape).tolist()
        array = np.array([fill if wrong else value for value, wrong in zip(values, bad.tolist(), strict=True)], float)
        return array.reshape(len(values), *shape)


def split_frame_name(name: Any) -> tuple[str, int | float] | None:
    """Return video and time of ``"video/0902.jpg"``, ``"video/902"`` or ``"video/0902.500.jpg"``, or None if it is not
    of that form."""
    if not isinstance(name, str):
        return None
    video, slash, frame = name.replace("\\", "/").rpartition("/")
    second = parse_time(frame)
    if second is None:
        second = parse_time(frame.rpartition(".")[0])
    return (video, second) if slash and video and second is not None else None
