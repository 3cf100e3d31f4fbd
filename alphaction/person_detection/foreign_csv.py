"""A csv of boxes from anywhere: positional columns as ours, or named in a header, in pixels or fractions."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import numpy as np

from alphaction.data.annotations.csv_columns import SECOND, VIDEO, Column, read_csv
from alphaction.data.annotations.files import read_text
from alphaction.person_detection.foreign_boxes import NO_SCORE, OTHER_CLASS, WHAT, ForeignBoxes, corners_from
from alphaction.utils.errors import UserError, suggest

# What columns are called, in lower case without spaces, dots, dashes and underscores.
_NAMES = {
    "video": ("video", "videoid", "videoname", "movie", "clip", "file", "filename"),
    "second": ("second", "seconds", "sec", "timestamp", "time", "keyframe"),
    "frame": ("frame", "frameid", "framenumber", "frameindex", "frameidx", "frameno"),
    "x": ("x1", "x", "xmin", "left", "x0", "bbleft", "bboxx", "bboxx1"),
    "y": ("y1", "y", "ymin", "top", "y0", "bbtop", "bboxy", "bboxy1"),
    "x2": ("x2", "xmax", "right", "bboxx2"),
    "y2": ("y2", "ymax", "bottom", "bboxy2"),
    "w": ("w", "width", "bbwidth", "bboxw", "bboxwidth"),
    "h": ("h", "height", "bbheight", "bboxh", "bboxheight"),
    "cx": ("cx", "xcenter", "xc", "centerx", "xcentre", "centrex"),
    "cy": ("cy", "ycenter", "yc", "centery", "ycentre", "centrey"),
    "score": ("score", "conf", "confidence", "prob", "probability"),
    "class": ("class", "classid", "classname", "label", "category", "categoryid", "name", "cls"),
}
_FORMATS = {"xyxy": ("x", "y", "x2", "y2"), "xywh": ("x", "y", "w", "h"), "cxcywh": ("cx", "cy", "w", "h")}
_OURS = ("video", "second", "x", "y", "x2", "y2", "score")
_CORNERS = ("x1", "y1", "x2", "y2")


def read_named_csv(path: Path, class_id: str | None, every_class: bool, box_format: str) -> tuple[ForeignBoxes, bool]:
    """Read csv rows (commas, tabs or semicolons) and tell whether their moments are frames instead of seconds.

    Without a header the columns are video, second, x1, y1, x2, y2 and, if there is a seventh, the score. A header names
    them: video; second or frame; x1, y1, x2, y2 or x, y, w, h or cx, cy, w, h; score; class (also by other usual
    names, in any order).

    Args:
        class_id: keep rows of this class (name or number); None: "person", where there is a class column.
        every_class: keep rows of every class.
        box_format: "xyxy", "xywh" or "cxcywh" for the four numbers of a box in the file's order; "auto": as the header
            names them, corners without one.

    Raises:
        UserError: a column is missing, a cell is wrong, or a class column has numbers and no ``class_id`` is given.
    """
    lines = read_text(path, WHAT).replace("\r\n", "\n").replace("\r", "\n").split("\n")
    start = next((index for index, line in enumerate(lines) if line.strip()), None)
    if start is None:
        raise UserError(f"{WHAT}: {path} has no rows.")
    delimiter = next((mark for mark in (",", "\t", ";") if mark in lines[start]), ",")
    first = _cells(lines[start], delimiter)
    header = not any(_is_number(cell) for cell in first)
    columns = _by_name(path, start + 1, first) if header else _by_position(path, start + 1, first)
    coordinates, written = _box_columns(path, columns, box_format)
    moment = "second" if "second" in columns else "frame"
    rows, left_out, unscored = _canonical(
        path, lines, start + int(header), delimiter, len(first), [columns["video"], columns[moment], *coordinates],
        columns.get("score"), _ClassFilter(path, columns.get("class"), class_id, every_class),
    )  # fmt: skip
    layout = [
        VIDEO,
        SECOND if moment == "second" else Column("frame", int),
        *(Column(name, float) for name in _CORNERS),
    ]
    data = read_csv(path, WHAT, rows, {7: [*layout, Column("score", float)]})
    boxes = corners_from(np.stack([data.values[name] for name in _CORNERS], axis=1), written)
    counts = {"boxes read": len(boxes) + left_out, OTHER_CLASS: left_out, NO_SCORE: unscored}
    counts = {name: count for name, count in counts.items() if count}
    numbers = data.values[moment]
    return (
        ForeignBoxes(data.rows, data.names, data.values["video"], numbers, boxes, data.values["score"], counts),
        moment == "frame",
    )


def _cells(line: str, delimiter: str) -> list[str]:
    return [cell.strip() for cell in next(csv.reader([line], delimiter=delimiter), [])]


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _by_name(path: Path, line: int, header: list[str]) -> dict[str, int]:
    """Return role -> column of a header; of two columns with one role, a class's name counts before its number."""
    plain = ["".join(letter for letter in cell.lower() if letter.isalnum()) for cell in header]
    found: dict[str, int] = {}
    for role, names in _NAMES.items():
        matches = [index for index, cell in enumerate(plain) if cell in names]
        if len(matches) > 1 and role != "class":
            both = " and ".join(header[index] for index in matches)
            raise UserError(f'{WHAT}: {path}, line {line}: columns {both} both look like "{role}". Remove one.')
        if matches:
            found[role] = matches[-1]
    missing = [role for role in ("video",) if role not in found]
    missing += [] if {"second", "frame"} & found.keys() else ["second (or frame)"]
    if missing:
        raise UserError(
            f"{WHAT}: {path}, line {line}: the header ({', '.join(header)}) has no column "
            f"{' and no column '.join(missing)}. Expected names such as video, second, x1, y1, x2, y2, score."
        )
    return found


def _by_position(path: Path, line: int, row: list[str]) -> dict[str, int]:
    if len(row) == 8 and not row[6]:  # AVA's form of boxes: an empty class id before the score
        return {**dict(zip(_OURS[:6], range(6), strict=True)), "score": 7}
    if len(row) not in (6, 7):
        raise UserError(
            f"{WHAT}: {path}, line {line}: {len(row)} columns and no header. Expected video, second, x1, y1, x2, y2"
            "[, score], or a first line that names the columns."
        )
    return dict(zip(_OURS, range(len(row)), strict=False))


def _box_columns(path: Path, columns: dict[str, int], box_format: str) -> tuple[list[int], str]:
    """Return the four columns of a box, and how it is written."""
    for name, roles in _FORMATS.items():
        if all(role in columns for role in roles):
            return [columns[role] for role in roles], name if box_format == "auto" else box_format
    raise UserError(
        f"{WHAT}: {path}: the header names no box: expected x1, y1, x2, y2 or x, y, w, h or cx, cy, w, h "
        f"(found: {', '.join(columns)})."
    )


class _ClassFilter:
    """Which rows to keep by their class cell."""

    def __init__(self, path: Path, column: int | None, class_id: str | None, every_class: bool) -> None:
        self._path, self._column, self._every = path, column, every_class
        self._wanted = class_id
        self.seen: dict[str, int] = {}

    def keep(self, line: int, row: list[str]) -> bool:
        if self._column is None or self._every:
            return True
        cell = row[self._column]
        self.seen[cell] = self.seen.get(cell, 0) + 1
        if self._wanted is None and _is_number(cell):
            raise UserError(
                f"{WHAT}: {self._path}, line {line}: the class is a number ({cell}). Say which one is a person with "
                "--class-id, or keep all with --every-class."
            )
        wanted = self._wanted or "person"
        return cell.lower() == wanted.lower() or (_is_number(cell) and cell.removesuffix(".0") == wanted)

    def check(self, kept: int) -> None:
        """Refuse a file of which no row is kept."""
        wanted = self._wanted or "person"
        if self.seen and not kept:
            raise UserError(
                f'{WHAT}: {self._path}: not one of {sum(self.seen.values())} rows has class "{wanted}". '
                f"{suggest(wanted, self.seen)} Choose one with --class-id, or --every-class."
            )


def _canonical(
    path: Path,
    lines: list[str],
    start: int,
    delimiter: str,
    width: int,
    columns: list[int],
    score: int | None,
    classes: _ClassFilter,
) -> tuple[str, int, int]:
    """Return the rows as csv text with our columns in order, each in its own line of the file (others are blank), and
    the numbers of rows left out by class and of rows without a score."""
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    left_out = kept = 0
    for number, line in enumerate(lines, start=1):
        if number <= start or not line.strip():
            buffer.write("\n")
            continue
        row = _cells(line, delimiter)
        if len(row) != width:
            raise UserError(f"{WHAT}: {path}, line {number}: {len(row)} columns, but the first line has {width}.")
        if not classes.keep(number, row):
            left_out += 1
            buffer.write("\n")
            continue
        kept += 1
        writer.writerow([*(row[index] for index in columns), "1" if score is None else row[score]])
    classes.check(kept)
    return buffer.getvalue(), left_out, kept if score is None else 0
