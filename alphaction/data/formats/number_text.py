"""Text files of numbers, one box a line, in one file or a folder of many: what YOLO's and MOTChallenge's share.

Sizes in shapes: n rows.
"""

from __future__ import annotations

import bisect
import math
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from alphaction.data.formats.file_content import RowSource, read_text
from alphaction.data.formats.rows import OTHER_CLASS, Keep, Label, RowTable
from alphaction.utils.errors import DataError
from alphaction.utils.limits import LARGEST_NUMBER

ANY_MARK = ","
"""Numbers stand between commas, semicolons, tabs or blanks, in any mixture; with semicolons, a comma is decimal."""
_MARK = re.compile(r"[^\S\n]*[,;][^\S\n]*|[^\S\n]+")
# Small arrays are joined now and then: a folder may have a file for every frame.
_MANY_PARTS = 4096
# Lists of class names that annotation tools put beside the boxes.
_NOT_BOXES = {"classes.txt", "labels.txt", "obj.names", "train.txt", "val.txt", "test.txt", "readme.txt"}
# Folders that hold the boxes of all videos, or of the one video that the folder above is named after.
LABEL_FOLDERS = {"labels", "det", "gt"}


@dataclass(frozen=True)
class NumberRows:
    """The n rows of numbers of one text file.

    Attributes:
        source: the file, and the line of each row.
        values: float64 [n, columns], NaN beyond the end of a short row.
        widths: int64 [n], how many numbers each row has.
        lines: int32 [n], line of each row in the file, from 1.
        wrong: messages on lines that were left out.
    """

    source: RowSource
    values: np.ndarray
    widths: np.ndarray
    lines: np.ndarray
    wrong: tuple[str, ...] = ()

    def column(self, index: int) -> np.ndarray:
        """Return a column, float64 [n]; NaN where a row does not reach it."""
        return self.values[:, index] if index < self.values.shape[1] else np.full(len(self.values), np.nan)

    def less(self, bad: np.ndarray, problem: Callable[[int], str], strict: bool) -> NumberRows:
        """Return the rows without those that are ``bad``, bool [n]; if strict, refuse them."""
        if strict or not bad.any():
            self.source.reject(bad, problem)
            return self
        wrong = tuple(f"{self.source.place(row)}: {problem(row)}" for row in np.flatnonzero(bad).tolist())
        return _numbers_of(self.source, self.values[~bad], self.widths[~bad], self.lines[~bad], (*self.wrong, *wrong))


def _numbers_of(
    source: RowSource, values: np.ndarray, widths: np.ndarray, lines: np.ndarray, wrong: tuple[str, ...] = ()
) -> NumberRows:
    source = RowSource(source.path, source.what, lambda row: f"line {lines[row]}")
    return NumberRows(source, values, widths, lines, wrong)


def read_numbers(
    file: Path,
    what: str,
    separator: str | None,
    widths: range,
    expected: str,
    strict: bool = True,
    header: re.Pattern[str] | None = None,
) -> NumberRows:
    """Read the rows of a text file; blank lines and those that begin with # are skipped.

    Args:
        separator: what stands between numbers: white space (None), or :data:`ANY_MARK`.
        widths: how many numbers a row may have.
        expected: what a row should be, for messages.
        strict: refuse a wrong line; False: leave it out.
        header: a first line that names the columns as they are expected, which is skipped, too.

    Raises:
        DataError: names file and line.
    """
    written = read_text(file, what).splitlines()
    lines = ["" if line.lstrip().startswith("#") else line for line in written]
    first = next((k for k, line in enumerate(lines) if line.strip()), 0)
    if header is not None and lines and header.match(lines[first].casefold()):
        lines[first] = ""
    source = RowSource(file, what, str)
    numbers = np.array([k for k, line in enumerate(lines, start=1) if line.strip()], dtype=np.int32)
    if separator == ANY_MARK:
        lines = [_with_commas(line) for line in lines]
    values = _equal_rows(lines, separator) if len(numbers) else None
    if values is not None and len(values) == len(numbers) and values.shape[1] in widths and _are_numbers(values):
        return _numbers_of(source, values, np.full(len(values), values.shape[1]), numbers)
    # Ten times as slow, this takes rows of unequal length and finds the wrong lines.
    values, counts = np.full((len(numbers), widths.stop - 1), np.nan), np.zeros(len(numbers), dtype=np.int64)
    bad = np.zeros(len(numbers), dtype=bool)
    for position, number in enumerate(numbers.tolist()):
        line = lines[number - 1].strip()
        try:
            row = [float(cell) for cell in line.strip(",").split(separator)]
        except ValueError:
            row = []
        if len(row) in widths and _are_numbers(np.array(row)):
            values[position, : len(row)], counts[position] = row, len(row)
        else:
            bad[position] = True
    found = _numbers_of(source, values, counts, numbers)
    return found.less(bad, lambda row: f'"{written[numbers[row] - 1].strip()[:80]}": expected {expected}.', strict)


def _are_numbers(values: np.ndarray) -> bool:
    """Return whether values are finite, and none is beyond what a file can mean."""
    return bool((np.abs(values) <= LARGEST_NUMBER).all())


def _with_commas(line: str) -> str:
    """Return a row of numbers with one comma between two of them, and none at its end."""
    line = line.strip().rstrip(",; \t")
    if line.isascii() and not any(mark in line for mark in " ;\t"):
        return line
    return _MARK.sub(",", line.replace(",", ".") if ";" in line else line)


def _equal_rows(lines: list[str], separator: str | None) -> np.ndarray | None:
    try:
        return np.loadtxt(lines, delimiter=separator, comments=None, ndmin=2)
    except ValueError:
        return None


def text_files(path: Path, what: str) -> Iterator[Path]:
    """Yield ``path``, or the text files in that folder and below it.

    Raises:
        DataError: it does not exist, or the folder holds none.
    """
    if not path.is_dir():
        if not path.is_file():
            read_text(path, what)  # its error names what is there instead
        yield path
        return
    files = [file for file in sorted(path.rglob("*.txt")) if file.name.lower() not in _NOT_BOXES]
    if not files:
        raise DataError(f"{what}: the folder {path} and those in it hold no .txt file.")
    yield from files


def folder_name(file: Path) -> str:
    """Return the video that a file is named after by its folder: ``video/0902.txt``, ``video/det/det.txt``."""
    folder = file.resolve().parent
    return folder.parent.name if folder.name in LABEL_FOLDERS else folder.name


class GatheredRows:
    """What is kept of the rows of several files.

    Args:
        path: the file or folder.
        what: what it is to the user.
        keep: which classes to read; None: all.
    """

    def __init__(self, path: Path, what: str, keep: Keep | None) -> None:
        self._root, self._what, self._keep = path, what, keep
        self._files: list[Path] = []
        self._starts: list[int] = []
        self._videos: dict[str, int] = {}
        self._parts: list[tuple[np.ndarray, ...]] = []
        self._wanted: dict[float, bool] = {}
        self._wrong: list[str] = []
        self._kept = 0
        self.counts: dict[str, int] = {}

    def wanted(self, rows: NumberRows, classes: np.ndarray) -> np.ndarray:
        """Return which rows, bool [n], are of a class to keep; classes are float64 [n], NaN for none."""
        distinct, first, code = np.unique(classes, return_index=True, return_inverse=True, equal_nan=True)
        for value, row in zip(distinct.tolist(), first.tolist(), strict=True):
            if value not in self._wanted and not math.isnan(value):
                place = f"{self._name(rows.source.path)}line {rows.lines[row]}"
                self._wanted[value] = self._keep is None or self._keep(f"{value:g}", place)
        keep = np.array([self._wanted.get(value, True) for value in distinct.tolist()], dtype=bool)[code.reshape(-1)]
        self.count(OTHER_CLASS, ~keep)
        return keep

    def count(self, name: str, rows: np.ndarray) -> None:
        """Count some rows, bool [n], under a reason."""
        if rows.any():
            self.counts[name] = self.counts.get(name, 0) + int(rows.sum())

    def add(
        self,
        rows: NumberRows,
        video: str,
        numbers: np.ndarray,
        boxes: np.ndarray,
        scores: np.ndarray,
        classes: np.ndarray,
        keep: np.ndarray,
    ) -> None:
        """Add those of a file's n rows where ``keep``, bool [n]; scores and classes are NaN where there are none."""
        self._wrong += [f"{self._name(rows.source.path)}{message}" for message in rows.wrong]
        self._files.append(rows.source.path)
        self._starts.append(self._kept)
        self._kept += int(keep.sum())
        if keep.any():
            codes = np.full(len(keep), self._videos.setdefault(video, len(self._videos)))
            columns = (rows.lines, codes, numbers, boxes, scores, classes.astype(np.float32))
            self._parts.append(tuple(column[keep] for column in columns))
        if len(self._parts) >= _MANY_PARTS:
            self._parts = [tuple(map(np.concatenate, zip(*self._parts, strict=True)))]

    def table(self, **more: Any) -> RowTable:
        """Return all that was kept; ``more``: other fields of the table."""
        none = np.zeros(0, dtype=np.int64)
        empty = (none, none, none, np.zeros((0, 4)), np.zeros(0), np.zeros(0, dtype=np.float32))
        lines, codes, numbers, boxes, scores, classes = map(np.concatenate, zip(empty, *self._parts, strict=True))
        self._parts.clear()
        files, starts = self._files, self._starts

        def place(row: int) -> str:
            return f"{self._name(files[bisect.bisect_right(starts, row) - 1])}line {lines[row]}"

        label_rows = np.flatnonzero(~np.isnan(classes))
        distinct, label_codes = np.unique(classes[label_rows], return_inverse=True)
        labels: list[Label] = [int(value) if value % 1 == 0 else f"{value:g}" for value in distinct.tolist()]
        wrong = {f"rows left out (the first: {self._wrong[0]})": len(self._wrong)} if self._wrong else {}
        return RowTable(
            RowSource(self._root, self._what, place),
            list(self._videos),
            codes,
            numbers,
            boxes,
            labels,
            label_rows,
            label_codes.reshape(-1),
            scores=scores,
            counts={"rows": len(lines), **self.counts, **wrong},
            **more,
        )

    def _name(self, file: Path) -> str:
        return f"{file.relative_to(self._root)}, " if self._root.is_dir() else ""
