"""Which column of a csv file holds what: by the names in its header, or by position."""

from __future__ import annotations

import csv
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from alphaction.data.formats.cells import Column, Time
from alphaction.data.formats.csv_header import CsvHeader
from alphaction.data.formats.rows import FRAME, SECOND, Spelling
from alphaction.utils.errors import DataError, UserError
from alphaction.utils.messages import counted

BOX = ("x1", "y1", "x2", "y2")
# What some files have between cells in place of commas.
_OTHER_MARKS = {"\t": "tabs", ";": "semicolons", " ": "spaces"}
_START = ("video", "second", *BOX)
_BOX_NAMES = {"xyxy": BOX, "xywh": ("x", "y", "width", "height"), "cxcywh": ("cx", "cy", "width", "height")}
_NAMES = {"class": "class id", "person": "person id"}
_FROM_THE_START = "Times are seconds from the start of the video."


@dataclass(frozen=True)
class RowLayout:
    """How the rows of a file are laid out.

    Attributes:
        columns: those to read.
        names: every cell of a row, as messages name it.
        delimiter: what stands between cells.
        spelling: how boxes are written; None: nothing says so.
    """

    columns: Sequence[Column]
    names: Sequence[str]
    delimiter: str
    spelling: Spelling | None = "xyxy"

    @property
    def shortest(self) -> int:
        """How many cells a row must have; those beyond may be missing, and are empty then."""
        shortest, may_miss = len(self.names), {column.position for column in self.columns if column.may_miss}
        while shortest - 1 in may_miss:
            shortest -= 1
        return shortest


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
        foreign: whether the file comes from another program: a header may have columns of unknown names.
        frames: whether a header may name frames in place of seconds.
        marks: whether a header may have a column of whether boxes are confirmed.
    """

    layouts: tuple[tuple[str, ...], ...]
    may_be_empty: frozenset[str] = frozenset()
    may_miss: frozenset[str] = frozenset()
    header: bool = True
    spellings: bool = False
    foreign: bool = False
    frames: bool = False
    marks: bool = False

    def column(self, role: str, position: int, name: str = "") -> Column:
        """Return the column of a role."""
        kinds = {"video": str, "class": str, "second": Time, "frame": int, "person": int, "confirmed": int}
        kind = kinds.get(role, float)
        absent = None
        if role in self.may_be_empty:
            absent = np.nan if kind is float else -1
        hint = _FROM_THE_START if role == "second" else ""
        name = name or _NAMES.get(role, role)
        return Column(role, name, kind, position, absent, hint, may_miss=role in self.may_miss)


EXCLUSIONS = CsvForm((("video", "second"),))
ANNOTATIONS = CsvForm(
    ((*_START, "class"), (*_START, "class", "person")), may_be_empty=frozenset({*BOX, "class", "person"})
)
ANY_ANNOTATIONS = replace(
    ANNOTATIONS,
    may_be_empty=ANNOTATIONS.may_be_empty | {"confirmed"},
    may_miss=frozenset({"person"}),
    spellings=True,
    frames=True,
    marks=True,
)
"""Annotations as other programs write them."""
BOXES = CsvForm(((*_START, "score"), (*_START, "class", "score")), may_be_empty=frozenset({"class"}))
RESULTS = CsvForm(((*_START, "class", "score"),), header=False)
TUBE_BOXES = CsvForm(((*_START, "class"), (*_START, "class", "person")), foreign=True, frames=True)
"""Annotated boxes of persons frame by frame."""
TUBE_SCORES = CsvForm(((*_START, "class", "score"), (*_START, "class", "score", "person")), foreign=True, frames=True)
"""Boxes with scores frame by frame: results, perhaps with persons."""
DETECTOR = CsvForm(
    (_START, (*_START, "score"), (*_START, "class", "score")),
    may_be_empty=frozenset({"class"}),
    spellings=True,
    foreign=True,
    frames=True,
)
"""Boxes as other detectors write them."""


def layout_by_position(
    form: CsvForm, first: str, delimiter: str, box_format: str, error: Callable[[str], UserError]
) -> RowLayout:
    """Return the layout of a file without a header: the first row decides how many columns there are.

    Args:
        first: the first row; "": there is none.
        delimiter: what stands between cells.
        box_format: what the user says; "auto": as ``form`` has it.
        error: makes the error for that row.

    Raises:
        DataError: the row has another number of columns than any layout, or a cell that no form has.
    """
    spelling: Spelling | None = box_format if box_format != "auto" else None if form.spellings else "xyxy"
    layouts = {len(roles): roles for roles in form.layouts}
    roles = form.layouts[0]
    if first:
        row = split_line(first.rstrip("\n"), delimiter)
        if len(row) not in layouts:
            names = {width: [_NAMES.get(role, role) for role in some] for width, some in layouts.items()}
            more = " Or name the columns in a first line." if form.header else ""
            raise error(wrong_width(row, names) + more)
        roles = layouts[len(row)]
    wider = form.layouts[-1]
    if set(wider[len(roles) :]) <= form.may_miss:
        roles = wider
    names = dict(zip(BOX, _BOX_NAMES[spelling or "xyxy"], strict=True))
    columns = [form.column(role, k, names.get(role, "")) for k, role in enumerate(roles)]
    return RowLayout(columns, [names.get(role, _NAMES.get(role, role)) for role in roles], delimiter, spelling)


def layout_by_name(form: CsvForm, header: CsvHeader, delimiter: str, box_format: str) -> RowLayout:
    """Return the layout of a file whose header names its columns, in any order.

    Raises:
        DataError: a column is missing, there twice, or of no known name; or boxes are written otherwise than
            ``box_format`` says, or than ``form`` allows.
    """
    required = form.layouts[0]
    if not form.foreign:
        header.refuse_unknown()
        if not form.frames and header.find(SECOND) is None and header.find(FRAME) is not None:
            raise header.error(
                f"the header ({', '.join(header.cells)}) has no column second, only a frame. Add a column second: "
                "frame number / frame rate."
            )
    moment = header.require(*((SECOND, FRAME) if form.frames else (SECOND,)))
    found = {"video": header.require("video"), SECOND if header.find(SECOND) == moment else FRAME: moment}
    spelling: Spelling | None = None if form.spellings else "xyxy"
    if BOX[0] in required:
        spelling, box = header.box(box_format)
        if not form.spellings and spelling != "xyxy":
            raise DataError(
                f"{header.where}: the header ({', '.join(header.cells)}) names boxes by size, expected corners: "
                "x1, y1, x2, y2. tools/prepare_dataset.py (annotations) and tools/detect_persons.py --import "
                "(boxes of a detector) read such a file and convert it."
            )
        found |= dict(zip(BOX, box, strict=True))
    every = dict.fromkeys(role for roles in form.layouts for role in roles)
    if form.marks:
        every["confirmed"] = None
    if "score" not in every and header.find("score") is not None:
        raise header.error('the header has a column "score": boxes of a detector? Remove it from annotations.')
    found |= {role: header.require(role) for role in required if role not in (*BOX, "video", SECOND)}
    for role in every:
        last = form.foreign and role == "class"  # of several, see below
        position = None if last or role in (*found, SECOND) else header.find(role)
        if position is not None:
            found[role] = position
    if form.foreign and header.all_of("class"):
        found["class"] = header.all_of("class")[-1]  # detectors write the number before the name
    columns = [form.column(role, k, header.cells[k] if role in BOX else "") for role, k in found.items()]
    return RowLayout(columns, header.cells, delimiter, spelling)


def split_line(line: str, delimiter: str) -> list[str]:
    """Return the cells of a line, less quotes."""
    try:
        return next(csv.reader([line], delimiter=delimiter), [])
    except csv.Error:  # a cell of more than 128 KiB: a file of another kind, which the number of columns tells
        return line.split(delimiter)


def wrong_width(row: Sequence[str], layouts: Mapping[int, Sequence[str]]) -> str:
    """Return the message for a row of another width than that of any of ``layouts``: width -> names of the cells."""
    expected = " or ".join(f"{width} ({', '.join(names)})" for width, names in layouts.items())
    hint = ""
    if any(len(row) == width - 1 and names[-1] == "score" for width, names in layouts.items()):
        hint = " Are the scores missing, as in ground truth?"
    elif len(row) == 1 and (mark := next((mark for mark in _OTHER_MARKS if mark in row[0].strip()), "")):
        hint = f" It is separated by {_OTHER_MARKS[mark]}: use commas."
    elif len(row) >= min(layouts) + 4:
        hint = " Decimal commas? Write decimal points, as in 0.5, or separate the cells by semicolons."
    shown = ",".join(row)[:80]
    return f'"{shown}" has {counted(len(row), "column")}, expected {expected}.{hint}'
