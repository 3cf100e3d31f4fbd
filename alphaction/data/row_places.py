"""Finds the line of a file that a row of a table came from, for messages; tables are sorted and merged."""

from __future__ import annotations

import csv
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from alphaction.data.annotations import AnnotationTable, BoxTable
from alphaction.data.formats.file_content import open_for_reading, syntax_of
from alphaction.data.keyframes import parse_time

_ROUNDING = 1e-9


def place(table: AnnotationTable | BoxTable, keyframe: int, row: int | None = None) -> str:
    """Return where keyframe ``keyframe`` of ``table`` (or its box ``row``) is: file, line, video and second.

    JSON and XML have no useful lines; video and second find the entry there.
    """
    video, second = table.keyframes[keyframe]
    box = person_id = None
    if row is not None:
        box = table.boxes[row]
        person_id = int(table.person_ids[row]) if isinstance(table, AnnotationTable) else None
    return f"{first_row(table.source, video, second, box, person_id)} (video {video}, second {second})"


def first_row(
    path: str,
    video: str,
    second: float | None = None,
    box: np.ndarray | None = None,
    person_id: int | None = None,
) -> str:
    """Return "PATH, line N" for the first csv line of a video, a keyframe or a box; only the path for JSON and XML.

    Args:
        path: an annotation or box file.
        video: name of the video.
        second: the keyframe, None: any.
        box: float64 [4] x1, y1, x2, y2 clipped to the frame, None: any.
        person_id: the box's (8th column), None or -1: any.
    """

    def fits(cells: Sequence[str]) -> bool:
        if len(cells) < 6 or cells[0].strip() != video or (second is not None and parse_time(cells[1]) != second):
            return False
        if box is None:
            return True
        if len(cells) == 8 and person_id is not None and person_id >= 0 and _number(cells[7]) != person_id:
            return False
        corners = np.array([_number(cell) for cell in cells[2:6]])
        return bool(np.abs(np.clip(corners, 0, 1) - box).max() < _ROUNDING)

    delimiter = ""
    for number, line in enumerate(_lines(path), start=1):
        delimiter = delimiter or ("\t" if "\t" in line and "," not in line else ",")
        if video in line and fits(_cells(line, delimiter)):
            return f"{path}, line {number}"
    return path


def repeated_rows(path: str) -> list[tuple[int, int]]:
    """Return (line, line of the earlier row that it repeats) of each csv row that is in the file twice."""
    seen: dict[str, int] = {}
    found = []
    for number, line in enumerate(_lines(path), start=1):
        text = line.strip()
        if text and seen.setdefault(text, number) != number:
            found.append((number, seen[text]))
    return found


def _lines(path: str) -> Iterator[str]:
    """Yield the lines of a csv file; none of JSON or XML, or of a table that comes from no file.

    They are read again for every line number in a message, so that no list of them stays in memory.
    """
    if not Path(path).is_file():
        return
    try:
        with open_for_reading(path) as file:
            if syntax_of(file.read(100)) == "csv":
                file.seek(0)
                yield from file
    except (OSError, EOFError, UnicodeDecodeError, zlib.error):
        return  # the reader of the table has reported it


def _cells(line: str, delimiter: str) -> list[str]:
    try:
        return next(csv.reader([line], delimiter=delimiter), [])
    except csv.Error:  # a cell of more than 128 KiB
        return []


def _number(cell: str) -> float:
    try:
        return float(cell)
    except ValueError:
        return float("nan")
