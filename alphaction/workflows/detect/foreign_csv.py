"""A csv of boxes from anywhere: positional columns as ours, or named in a header, in pixels or fractions."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import numpy as np

from alphaction.data.formats.box_spelling import to_corners
from alphaction.data.formats.csv_columns import SECOND, VIDEO, Column
from alphaction.data.formats.csv_file import is_number, read_csv
from alphaction.data.formats.csv_header import CsvHeader
from alphaction.data.formats.files import read_text
from alphaction.utils.errors import UserError
from alphaction.utils.messages import suggest
from alphaction.workflows.detect.foreign_boxes import NO_SCORE, OTHER_CLASS, WHAT, ForeignBoxes

_OURS = ("video", "second", "x1", "y1", "x2", "y2", "score")
_CORNERS = ("x1", "y1", "x2", "y2")


def read_named_csv(path: Path, class_id: str | None, every_class: bool, box_format: str) -> tuple[ForeignBoxes, bool]:
    """Read csv rows (commas, tabs or semicolons) and tell whether their moments are frames instead of seconds.

    Without a header the columns are video, second, x1, y1, x2, y2 and, if there is a seventh, the score. A header names
    them: video; second or frame; x1, y1, x2, y2 or x, y, w, h or cx, cy, w, h; score; class (also by other usual
    names, in any order).

    Args:
        class_id: keep rows of this class (name or number); None: "person", where there is a class column.
        every_class: keep rows of every class.
        box_format: "xyxy", "xywh" or "cxcywh", which must not contradict a header; "auto": as the header names them,
            corners without one.

    Raises:
        UserError: a column is missing, a cell is wrong, or a class column has numbers and no ``class_id`` is given.
    """
    lines = read_text(path, WHAT).replace("\r\n", "\n").replace("\r", "\n").split("\n")
    start = next((index for index, line in enumerate(lines) if line.strip()), None)
    if start is None:
        raise UserError(f"{WHAT}: {path} has no rows.")
    delimiter = next((mark for mark in (",", "\t", ";") if mark in lines[start]), ",")
    first = _cells(lines[start], delimiter)
    header = not any(is_number(cell) for cell in first)
    if header:
        named = CsvHeader.parse(f"{WHAT}: {path}, line {start + 1}", first)
        columns, coordinates, written = _by_name(named, box_format)
    else:
        columns = _by_position(path, start + 1, first)
        coordinates = [columns[name] for name in _CORNERS]
        written = "xyxy" if box_format == "auto" else box_format
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
    boxes = to_corners(np.stack([data.values[name] for name in _CORNERS], axis=1), written)
    counts = {"boxes read": len(boxes) + left_out, OTHER_CLASS: left_out, NO_SCORE: unscored}
    counts = {name: count for name, count in counts.items() if count}
    numbers = data.values[moment]
    return (
        ForeignBoxes(data.rows, data.names, data.values["video"], numbers, boxes, data.values["score"], counts),
        moment == "frame",
    )


def _cells(line: str, delimiter: str) -> list[str]:
    return [cell.strip() for cell in next(csv.reader([line], delimiter=delimiter), [])]


def _by_name(header: CsvHeader, box_format: str) -> tuple[dict[str, int], list[int], str]:
    """Return role -> column of a header, the four columns of a box, and how it is written.

    Of several columns for the class the last counts: detectors write the number before the name.
    """
    columns = {"video": header.require("video")}
    moment = header.require("second", "frame")
    columns["second" if header.find("second") == moment else "frame"] = moment
    score, classes = header.find("score"), header.all_of("class")
    columns |= {} if score is None else {"score": score}
    columns |= {"class": classes[-1]} if classes else {}
    form, box = header.box(box_format)
    return columns, box, form


def _by_position(path: Path, line: int, row: list[str]) -> dict[str, int]:
    if len(row) == 8 and not row[6]:  # AVA's form of boxes: an empty class id before the score
        return {**dict(zip(_OURS[:6], range(6), strict=True)), "score": 7}
    if len(row) not in (6, 7):
        raise UserError(
            f"{WHAT}: {path}, line {line}: {len(row)} columns and no header. Expected video, second, x1, y1, x2, y2"
            "[, score], or a first line that names the columns."
        )
    return dict(zip(_OURS, range(len(row)), strict=False))


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
        if self._wanted is None and is_number(cell):
            raise UserError(
                f"{WHAT}: {self._path}, line {line}: the class is a number ({cell}). Say which one is a person with "
                "--class-id, or keep all with --every-class."
            )
        wanted = self._wanted or "person"
        return cell.lower() == wanted.lower() or (is_number(cell) and cell.removesuffix(".0") == wanted)

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
