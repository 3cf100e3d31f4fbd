"""A list of JSON objects -> checked columns, with the index of what is wrong. Sizes in shapes: n records."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from alphaction.data.formats.file_content import RowSource
from alphaction.data.formats.rows import CLASS_ID
from alphaction.data.formats.wrong_entries import MOST
from alphaction.data.keyframes import exact_times, parse_time
from alphaction.utils.errors import DataError, UserError
from alphaction.utils.limits import LARGEST_NUMBER
from alphaction.utils.numbers import Range
from alphaction.utils.values import ANY_WHOLE, Value, identifier, in_words, keys_shown, parse_integer, shown


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
                lambda row: f'"{key}" is missing (found: {keys_shown(self.items[row])}). {hint}'.rstrip(),
            )
            return [item.get(key) for item in self.items]

    def optional(self, key: str, default: Any = None) -> list[Any]:
        """Return the values of ``key``, ``default`` where absent or null."""
        values = (item.get(key) for item in self.items)
        return [default if value is None else value for value in values]

    def ids(self, key: str, hint: str = "") -> list[int | str]:
        """Return the values of ``key``, which are whole numbers or text."""
        values = self.column(key, hint)
        found = [identifier(value) for value in values]
        self._refuse_others(key, values, found, "a whole number or text", hint)
        return [0 if value is None else value for value in found]

    def texts(self, key: str, hint: str = "", null: str | None = None) -> list[str]:
        """Return the values of ``key``, which are names, ``null`` where that is given; a number is one, too."""
        values = self.column(key, hint)
        found = [null if value is None else identifier(value) for value in values]
        self._refuse_others(key, values, found, "a name", hint)
        return ["" if value is None else str(value) for value in found]

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

    def integers(self, key: str, default: int | None = None, hint: str = "", within: Range = ANY_WHOLE) -> np.ndarray:
        """Return ``key`` as int64 [n]; text such as "0902" counts. Without ``default`` the key is required."""
        values = self.column(key, hint) if default is None else self.optional(key, default)
        numbers = [parse_integer(value, within) for value in values]
        self._refuse_others(key, values, numbers, in_words(within), hint)
        return np.array([0 if number is None else number for number in numbers], dtype=np.int64)

    def times(self, key: str) -> np.ndarray:
        """Return ``key``, [n] times in seconds; text such as "0902" or "0902.500" counts."""
        values = self.column(key)
        times = [parse_time(value) for value in values]
        self._refuse_others(key, values, times, "a number of seconds from the start of the video")
        return exact_times([0 if time is None else time for time in times])

    def class_lists(self, key: str, hint: str = "") -> list[list[int]]:
        """Return ``key``, a list of ids of classes in each record."""
        values = self.column(key, hint)
        parsed = [
            [parse_integer(one, CLASS_ID) for one in value] if isinstance(value, list) else [None] for value in values
        ]
        lists = [None if None in numbers else numbers for numbers in parsed]
        self._refuse_others(key, values, lists, "a list of whole numbers: ids of the label map")
        return [numbers or [] for numbers in lists]

    def numbers(self, key: str, hint: str = "") -> np.ndarray:
        """Return ``key`` as float64 [n]."""
        return self._floats(key, self.column(key, hint), (), "a number")

    def boxes(self, key: str = "bbox") -> np.ndarray:
        """Return ``key`` as float64 [n, 4], as written."""
        return self._floats(key, self.column(key), (4,), "four numbers: x, y, width, height").reshape(-1, 4)

    def values(self) -> list[Value]:
        """Return each record, with its place, for what only some of them say."""

        def error(place: str, problem: str) -> UserError:
            return DataError(f"{self.rows.what}: {self.rows.path}, {place}: {problem}")

        return [Value(item, error, self.rows.place(row)) for row, item in enumerate(self.items)]

    def _refuse_others(
        self, key: str, values: Sequence[Any], found: Sequence[Any], expected: str, hint: str = ""
    ) -> None:
        """Refuse the records in which nothing was found."""
        self.refuse(
            np.array([value is None for value in found], dtype=bool),
            lambda row: f'"{key}" is {shown(values[row])}, expected {expected}. {hint}'.rstrip(),
        )

    def _floats(self, key: str, values: list[Any], shape: tuple[int, ...], wanted: str) -> np.ndarray:
        array = _numbers(values, (len(values), *shape))
        if array is not None:
            return array
        each = [_numbers(value, shape) for value in values]
        self._refuse_others(key, values, each, wanted)
        return np.array([np.zeros(shape) if one is None else one for one in each]).reshape(len(values), *shape)


def _numbers(value: Any, shape: tuple[int, ...]) -> np.ndarray | None:
    """Return numbers, also those written as text, as float64 of a shape; None: they are none."""
    try:
        array = np.array(value, dtype=np.float64)
    except (ValueError, TypeError, OverflowError):
        return None
    return array if array.shape == shape and (np.abs(array) <= LARGEST_NUMBER).all() else None


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
