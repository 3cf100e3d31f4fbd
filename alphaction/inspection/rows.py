"""Where in its file a row of a table stands: tables are sorted and merged, users correct lines."""

from __future__ import annotations

import csv
from collections.abc import Callable, Sequence
from functools import lru_cache
from pathlib import Path

import numpy as np

from alphaction.data.annotations import AnnotationTable, BoxTable
from alphaction.data.annotations.files import looks_like_json, read_text
from alphaction.utils.errors import UserError

_ROUNDING = 1e-9


def place(table: AnnotationTable | BoxTable, keyframe: int, row: int | None = None) -> str:
    """Return where keyframe ``keyframe`` of ``table`` (or its box ``row``) stands: file, line, video and second.

    JSON files have no useful lines; video and second find the entry there.
    """
    video, second = table.keyframes[keyframe]
    box = None if row is None else table.boxes[row]
    line = first_line(table.source, video, second, box)
    where = f"{table.source}, line {line}" if line else table.source
    return f"{where} (video {video}, second {second})"


def first_line(path: str, video: str, second: int | None = None, box: np.ndarray | None = None) -> int | None:
    """Return the number of the first csv line of a video, a keyframe or a box; None if there is none (JSON files).

    Args:
        path: an annotation or box file.
        video: name of the video.
        second: the keyframe, None: any.
        box: float64 [4] x1, y1, x2, y2 clipped to the frame, None: any.
    """

    def fits(cells: Sequence[str]) -> bool:
        if len(cells) < 6 or cells[0].strip() != video or (second is not None and _number(cells[1]) != second):
            return False
        if box is None:
            return True
        corners = np.array([_number(cell) for cell in cells[2:6]])
        return bool(np.abs(np.clip(corners, 0, 1) - box).max() < _ROUNDING)

    lines = _matching(path, video, fits, limit=1)
    return lines[0] if lines else None


def repeated_rows(path: str) -> list[tuple[int, int]]:
    """Return (line, line of the earlier row that it repeats) of each csv row that stands in the file twice."""
    seen: dict[str, int] = {}
    found = []
    for number, line in enumerate(_lines(path), start=1):
        text = line.strip()
        if text and seen.setdefault(text, number) != number:
            found.append((number, seen[text]))
    return found


def _matching(path: str, text: str, fits: Callable[[Sequence[str]], bool], limit: int) -> list[int]:
    lines = _lines(path)
    delimiter = "\t" if lines and "\t" in lines[0] and "," not in lines[0] else ","
    found: list[int] = []
    for number, line in enumerate(lines, start=1):
        if text in line and fits(next(csv.reader([line], delimiter=delimiter), [])):
            found.append(number)
            if len(found) == limit:
                break
    return found


@lru_cache(maxsize=4)
def _read_lines(path: str, modified: int) -> tuple[str, ...]:
    try:
        text = read_text(path, "rows")
    except UserError:
        return ()
    return () if looks_like_json(text) else tuple(text.splitlines())


def _lines(path: str) -> tuple[str, ...]:
    """Return the lines of a csv file; none of a JSON file, or of a table that comes from no file."""
    file = Path(path)
    return _read_lines(path, file.stat().st_mtime_ns) if file.is_file() else ()


def _number(cell: str) -> float:
    try:
        return float(cell)
    except ValueError:
        return float("nan")
