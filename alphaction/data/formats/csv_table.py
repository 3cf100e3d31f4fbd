"""The reader of csv files: annotations, boxes, results and excluded timestamps, with or without a header.

Without a header the columns are AVA's, in its order: ``video, second, x1, y1, x2, y2``, then class id, person id or
score. Cells are separated by commas, tabs or semicolons; blank lines are skipped; a cell ends with its line.
"""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TextIO

import numpy as np

from alphaction.data.formats.csv_columns import (
    Column,
    ColumnReader,
    Faults,
    Keep,
    RowLayout,
    is_number,
    parse_integer,
    split_line,
    wrong_width,
)
from alphaction.data.formats.csv_header import CsvHeader
from alphaction.data.formats.files import RowSource
from alphaction.data.formats.rows import FRAME, OTHER_CLASS, SECOND, Label, RowTable, Spelling, encode_classes
from alphaction.utils.errors import UserError

_BLOCK = 1 << 22  # characters that are parsed at a time
_DELIMITERS = (",", "\t", ";")
_NO_LABEL = -1  # written as a class id, it says the same as an empty cell
_BOX = ("x1", "y1", "x2", "y2")
_START = ("video", "second", *_BOX)
_BOX_NAMES = {"xyxy": _BOX, "xywh": ("x", "y", "width", "height"), "cxcywh": ("cx", "cy", "width", "height")}
_NAMES = {"class": "class id", "person": "person id", "empty": "no class"}
_WHOLE_SECONDS = "Keyframes are whole seconds from the start of the video: round to the nearest one."


@dataclass(frozen=True)
class CsvForm:
    """What the rows of one kind of csv file hold.

    Attributes:
        layouts: the columns of files without a header, one layout for each number of columns. A header must name those
            of the first, and may name those of the others.
        may_be_empty: columns whose cells may be empty.
        may_miss: columns that rows may end before.
        header: whether the file may have a header.
        spellings: whether boxes may be written in any way, or only as corners.
        foreign: whether the file comes from another program: a header may have columns of unknown names, and frames in
            place of seconds.
    """

    layouts: tuple[tuple[str, ...], ...]
    may_be_empty: frozenset[str] = frozenset()
    may_miss: frozenset[str] = frozenset()
    header: bool = True
    spellings: bool = False
    foreign: bool = False

    def column(self, role: str, position: int, name: str = "") -> Column:
        """Return the column of a role."""
        kind = {"video": str, "class": str, "second": int, "frame": int, "person": int}.get(role, float)
        absent = None
        if role in self.may_be_empty:
            absent = np.nan if kind is float else -1
        hint = _WHOLE_SECONDS if role == "second" else ""
        name = name or _NAMES.get(role, role)
        return Column(role, name, kind, position, absent, hint, may_miss=role in self.may_miss)


EXCLUSIONS = CsvForm((("video", "second"),))
ANNOTATIONS = CsvForm(
    ((*_START, "class"), (*_START, "class", "person")), may_be_empty=frozenset({*_BOX, "class", "person"})
)
ANY_ANNOTATIONS = replace(ANNOTATIONS, may_miss=frozenset({"person"}), spellings=True)
"""Annotations as other programs write them."""
BOXES = CsvForm(((*_START, "score"), (*_START, "class", "score")), may_be_empty=frozenset({"class"}))
RESULTS = CsvForm(((*_START, "class", "score"),), header=False)
DETECTOR = CsvForm(
    (_START, (*_START, "score"), (*_START, "empty", "score")),
    may_be_empty=frozenset({"class"}),
    spellings=True,
    foreign=True,
)
"""Boxes as other detectors write them."""


def read_csv(
    path: Path,
    what: str,
    form: CsvForm,
    text: str,
    *,
    box_format: str = "auto",
    keep: Keep | None = None,
    strict: bool = True,
) -> RowTable:
    """Return the rows of a csv file.

    Args:
        path: the file.
        what: what it is to the user, for messages.
        form: what its rows hold.
        text: its content.
        box_format: how boxes are written, where ``form`` leaves it open: "auto" (as the header names them),
            "xyxy", "xywh" or "cxcywh", which must not contradict a header.
        keep: called with each distinct class as written and the place of its first row; rows of a class for which it
            returns False are left out and not looked at.
        strict: refuse the file at the first wrong row; False: leave out wrong rows, which are counted and named.

    Raises:
        UserError: names file and line of the first wrong cell, and how many more rows have the same fault.
    """
    file = _CsvFile(path, what, form, io.StringIO(text, newline=None), box_format, keep, strict)
    return file.table(file.blocks())


def stream_csv(path: Path, what: str, form: CsvForm, file: TextIO) -> Iterator[RowTable]:
    """Yield the rows of an open csv file in parts of some megabytes; see :func:`read_csv`."""
    opened = _CsvFile(path, what, form, file)
    for block in opened.blocks():
        yield opened.table([block])


class _CsvFile:
    """An open csv file: its delimiter, header and layout."""

    def __init__(
        self,
        path: Path,
        what: str,
        form: CsvForm,
        file: TextIO,
        box_format: str = "auto",
        keep: Keep | None = None,
        strict: bool = True,
    ) -> None:
        self._path, self._what, self._form, self._file = path, what, form, file
        self._spelling: Spelling | None = "xyxy" if box_format == "auto" and not form.spellings else None
        if box_format != "auto":
            self._spelling = box_format
        self._header: CsvHeader | None = None
        self._line = 1
        self._first = self._next_row()
        delimiters = _DELIMITERS if form.header else _DELIMITERS[:1]
        # Of a row with decimal commas between semicolons, the semicolons make more cells.
        self._delimiter = max(delimiters, key=lambda mark: len(split_line(self._first, mark)))
        cells = split_line(self._first.rstrip("\n"), self._delimiter)
        headed = _is_header(cells)
        if headed and not form.header:
            raise self._error(f"{self._first.strip()[:80]}: a header, which these files do not have. Delete the line.")
        if headed:
            self._header = CsvHeader.parse(f"{what}: {path}, line {self._line}", cells)
            self._line += 1
            self._first = self._next_row()
        self._strict, self._faults = strict, Faults(path, what, strict)
        self._reader = ColumnReader(self._layout(box_format), self._faults, keep)

    def _next_row(self) -> str:
        """Return the next line that is not blank, "" at the end."""
        line = self._file.readline()
        while line and not line.strip():
            self._line += 1
            line = self._file.readline()
        return line

    def _layout(self, box_format: str) -> RowLayout:
        if self._header is not None and (self._first or self._form.foreign):
            return self._by_name(self._header, box_format)
        return self._by_position()

    def _by_position(self) -> RowLayout:
        """Return the layout of a file without a header: the first row decides how many columns there are."""
        form, layouts = self._form, {len(roles): roles for roles in self._form.layouts}
        roles = form.layouts[0]
        if self._first:
            row = split_line(self._first.rstrip("\n"), self._delimiter)
            names = {width: [_NAMES.get(role, role) for role in some] for width, some in layouts.items()}
            if len(row) not in layouts:
                more = " Or name the columns in a first line." if form.header else ""
                raise self._error(wrong_width(row, names) + more)
            roles = layouts[len(row)]
            if "empty" in roles and row[roles.index("empty")].strip():
                raise self._error(
                    f"{len(row)} columns and no header: is {row[roles.index('empty')]} a class? "
                    f"Expected {', '.join(form.layouts[1])}, or a first line that names the columns."
                )
        wider = form.layouts[-1]
        if set(wider[len(roles) :]) <= form.may_miss:
            roles = wider
        names = dict(zip(_BOX, _BOX_NAMES[self._spelling or "xyxy"], strict=True))
        columns = [form.column(role, k, names.get(role, "")) for k, role in enumerate(roles) if role != "empty"]
        return RowLayout(columns, [names.get(role, _NAMES.get(role, role)) for role in roles], self._delimiter)

    def _by_name(self, header: CsvHeader, box_format: str) -> RowLayout:
        """Return the layout of a file whose header names its columns, in any order."""
        form, required = self._form, self._form.layouts[0]
        if not form.foreign:
            header.refuse_unknown()
            if header.find("second") is None and header.find("frame") is not None:
                raise header.error(
                    f"the header ({', '.join(header.cells)}) has no column second, only a frame. Add a column second: "
                    "frame number / frame rate."
                )
        moment = header.require(*((SECOND, FRAME) if form.foreign else (SECOND,)))
        found = {"video": header.require("video"), SECOND if header.find(SECOND) == moment else FRAME: moment}
        if _BOX[0] in required:
            self._spelling, box = header.box(box_format)
            if not form.spellings and self._spelling != "xyxy":
                raise UserError(
                    f"{header.where}: the header ({', '.join(header.cells)}) names boxes by size, expected corners: "
                    "x1, y1, x2, y2. tools/prepare_dataset.py (annotations) and tools/detect_persons.py --import "
                    "(boxes of a detector) read such a file and convert it."
                )
            found |= dict(zip(_BOX, box, strict=True))
        every = dict.fromkeys(role for roles in form.layouts for role in roles)
        if "score" not in every and header.find("score") is not None:
            raise header.error('the header has a column "score": boxes of a detector? Remove it from annotations.')
        found |= {role: header.require(role) for role in required if role not in (*_BOX, "video", SECOND)}
        for role in every:
            position = None if role in (*found, SECOND, "empty") else header.find(role)
            if position is not None:
                found[role] = position
        if form.foreign and header.all_of("class"):
            found["class"] = header.all_of("class")[-1]  # detectors write the number before the name
        columns = [form.column(role, k, header.cells[k] if role in _BOX else "") for role, k in found.items()]
        return RowLayout(columns, header.cells, self._delimiter)

    def _error(self, problem: str) -> UserError:
        return UserError(f"{self._what}: {self._path}, line {self._line}: {problem}")

    def blocks(self) -> Iterator[tuple[np.ndarray, dict[str, np.ndarray]]]:
        """Yield line numbers and columns of the rows, some megabytes at a time."""
        line, text = self._line, self._first
        while True:
            text += self._file.read(_BLOCK)
            if not text:
                return
            text += self._file.readline()
            yield self._reader.read(text, line)
            line, text = line + text.count("\n"), ""

    def table(self, blocks: Iterator | Sequence) -> RowTable:
        """Return the rows of some blocks."""
        columns = self._reader.layout.columns
        lines, parts = [np.zeros(0, dtype=np.int64)], [{c.role: np.zeros(0, dtype=c.dtype) for c in columns}]
        for numbers, values in blocks:
            lines.append(numbers)
            parts.append(values)
        left_out = self._faults.check()
        numbers = np.concatenate(lines)
        values = {column.role: np.concatenate([part[column.role] for part in parts]) for column in columns}
        source = RowSource(self._path, self._what, lambda row: f"line {numbers[row]}")
        boxes = np.full((len(numbers), 4), np.nan)
        for k, role in enumerate(_BOX):
            if role in values:
                boxes[:, k] = values[role]
        classes, label_rows, label_codes = self._labels(values.get("class"))
        rows = RowTable(
            source,
            list(self._reader.known["video"]),
            values["video"],
            values.get(SECOND, values.get(FRAME)),
            boxes,
            classes,
            label_rows,
            label_codes,
            scores=values.get("score"),
            person_ids=np.maximum(values["person"], -1) if "person" in values else None,
            unit=SECOND if SECOND in values else FRAME,
            spelling=self._spelling,
            pixels=None if self._form.spellings else False,
            counts={"rows": len(numbers), **self._counts(), **left_out},
        )
        if left_out:
            rows = rows.take(~np.isin(numbers, list(self._faults.lines())))
        return self._whole_boxes(rows, [column.name for column in columns if column.role in _BOX])

    def _labels(self, codes: np.ndarray | None) -> tuple[Sequence[Label], np.ndarray, np.ndarray]:
        """Return classes, label rows and label codes; a class is an id where its cell is a whole number."""
        if codes is None:
            return encode_classes([])
        labels: list[Label | None] = []
        for text in self._reader.known["class"]:
            number = parse_integer(text)
            labels.append(number if number is not None else text)
            if text == "" or (number == _NO_LABEL and "class" in self._form.may_be_empty):
                labels[-1] = None
        classes, known, order = encode_classes(labels)
        label_of = np.full(len(labels), -1, dtype=np.int64)
        label_of[known] = order
        found = label_of[codes]
        rows = np.flatnonzero(found >= 0)
        return classes, rows, found[rows]

    def _counts(self) -> dict[str, int]:
        header, reader = self._header, self._reader
        unused = header.unused([column.position for column in reader.layout.columns]) if header and self._first else ()
        counts = {
            "header lines": int(header is not None),
            f"columns not read ({', '.join(unused)})": len(unused),
            OTHER_CLASS: reader.left_out,
        }
        return {name: count for name, count in counts.items() if count}

    def _whole_boxes(self, rows: RowTable, names: Sequence[str]) -> RowTable:
        """Refuse, or leave out, boxes of which some coordinates are empty, and classes without a box."""
        missing = np.isnan(rows.boxes)
        if not names or not missing.any():
            return rows
        labeled = np.zeros(len(rows), dtype=bool)
        labeled[rows.label_rows] = True
        bad = missing.any(axis=1) & (rows.has_box | labeled)
        return rows.less(
            bad,
            lambda row: f"{names[int(np.argmax(missing[row]))]} is empty. Fill in all four coordinates.",
            self._strict,
        )


def _is_header(row: Sequence[str]) -> bool:
    """A header has no number where rows have the second and coordinates."""
    cells = [cell.strip() for cell in row[1:6]]
    return any(cells) and not any(is_number(cell) for cell in cells)
