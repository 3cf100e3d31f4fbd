"""The reader of csv files: annotations, boxes, results and excluded timestamps, with or without a header.

Without a header the columns are AVA's, in its order: ``video, second, x1, y1, x2, y2``, then class id, person id or
score. Cells are separated by commas, tabs or semicolons; blank lines are skipped; a cell ends with its line. Numbers
may have decimal commas where something else separates cells, or quotes stand around them. A first line ``sep=;``, which
Excel understands, names what separates cells.
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TextIO

import numpy as np

from alphaction.data.formats.annotation_file import AnnotationFile
from alphaction.data.formats.box_spelling import stated_pixels
from alphaction.data.formats.cells import decimal_points, is_number
from alphaction.data.formats.csv_columns import ColumnReader, Faults
from alphaction.data.formats.csv_header import CsvHeader
from alphaction.data.formats.csv_layout import (
    ANNOTATIONS,
    ANY_ANNOTATIONS,
    BOX,
    BOXES,
    DETECTOR,
    CsvForm,
    layout_by_name,
    layout_by_position,
    split_line,
)
from alphaction.data.formats.file_content import FileContent, RowSource
from alphaction.data.formats.format import DetectionFile, DetectionReader, Format
from alphaction.data.formats.rows import (
    FRAME,
    OF_ACTIONS,
    OTHER_CLASS,
    SECOND,
    Keep,
    Label,
    NoBoxesError,
    RowTable,
    encode_classes,
)
from alphaction.data.keyframes import exact_times
from alphaction.utils.errors import DataError, UserError
from alphaction.utils.values import parse_integer

_BLOCK = 1 << 20
_DELIMITERS = (";", "\t", ",")
_SEPARATOR_LINE = re.compile(r'"?sep=([;,\t])"?\s*', re.IGNORECASE)  # as Excel has it
_NO_LABEL = -1  # written as a class id, it says the same as an empty cell


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
        DataError: names file and line of the first wrong cell, and how many more rows have the same fault.
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
        self._header: CsvHeader | None = None
        self._line = 1
        self._first = self._next_row()
        self._delimiter = self._find_delimiter()
        cells = split_line(self._first.rstrip("\n"), self._delimiter)
        headed = _is_header(cells, self._delimiter)
        if headed and not form.header:
            raise self._error(f"{self._first.strip()[:80]}: a header, which these files do not have. Delete the line.")
        if headed:
            self._header = CsvHeader.parse(f"{what}: {path}, line {self._line}", cells)
            self._line += 1
            self._first = self._next_row()
        self._strict, self._faults = strict, Faults(path, what, strict)
        if self._header is not None and (self._first or form.foreign):
            layout = layout_by_name(form, self._header, self._delimiter, box_format)
        else:
            layout = layout_by_position(form, self._first, self._delimiter, box_format, self._error)
        self._reader = ColumnReader(layout, self._faults, keep)
        self._classes: tuple[Label, ...] = ()
        self._label_of = np.zeros(0, dtype=np.int64)  # of each text of a class: which class, or -1

    @property
    def headed(self) -> bool:
        """Whether the first line names the columns."""
        return self._header is not None

    def _find_delimiter(self) -> str:
        """Return what separates the cells of the first row; a line that names it is skipped."""
        if not self._form.header:
            return ","
        named = _SEPARATOR_LINE.fullmatch(self._first)
        if named:
            self._line += 1
            self._first = self._next_row()
            return named[1]
        numbers = {mark: len(split_line(self._first, mark)) for mark in _DELIMITERS}
        # Decimal commas between semicolons may make as many cells as these, which come first.
        return max(_DELIMITERS, key=numbers.__getitem__) if max(numbers.values()) > 1 else ","

    def _next_row(self) -> str:
        """Return the next line that is not blank, "" at the end."""
        line = self._file.readline()
        while line and not line.strip():
            self._line += 1
            line = self._file.readline()
        return line

    def _error(self, problem: str) -> UserError:
        return DataError(f"{self._what}: {self._path}, line {self._line}: {problem}")

    def blocks(self) -> Iterator[tuple[np.ndarray, dict[str, np.ndarray]]]:
        """Yield line numbers and columns of the rows, some megabytes at a time."""
        line, text = self._line, self._first
        while True:
            text += self._file.read(_BLOCK)
            if not text:
                return
            text += self._file.readline()
            numbers, values, line = self._reader.read(text, line)
            yield numbers, values
            text = ""

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
        for k, role in enumerate(BOX):
            if role in values:
                boxes[:, k] = values[role]
        classes, label_rows, label_codes = self._labels(values.get("class"))
        rows = RowTable(
            source,
            list(self._reader.known["video"]),
            values["video"],
            exact_times(values[SECOND]) if SECOND in values else values[FRAME],
            boxes,
            classes,
            label_rows,
            label_codes,
            scores=values.get("score"),
            person_ids=np.maximum(values["person"], -1) if "person" in values else None,
            unconfirmed=values["confirmed"] == 0 if "confirmed" in values else None,
            unit=SECOND if SECOND in values else FRAME,
            spelling=self._reader.layout.spelling,
            pixels=None if self._form.spellings else False,
            counts={"rows": len(numbers), **self._counts(), **left_out},
        )
        if left_out:
            rows = rows.take(~np.isin(numbers, list(self._faults.lines())))
        return self._whole_boxes(rows, [column.name for column in columns if column.role in BOX])

    def _labels(self, codes: np.ndarray | None) -> tuple[Sequence[Label], np.ndarray, np.ndarray]:
        """Return classes, label rows and label codes; a class is an id where its cell is a whole number."""
        if codes is None:
            return encode_classes([])
        texts = self._reader.known["class"]
        if len(texts) != len(self._label_of):  # not for each of the many blocks of a large file
            labels: list[Label | None] = []
            for text in texts:
                number = parse_integer(text)
                labels.append(number if number is not None else text)
                if text == "" or (number == _NO_LABEL and "class" in self._form.may_be_empty):
                    labels[-1] = None
            self._classes, known, order = encode_classes(labels)
            self._label_of = np.full(len(labels), -1, dtype=np.int64)
            self._label_of[known] = order
        found = self._label_of[codes]
        rows = np.flatnonzero(found >= 0)
        return self._classes, rows, found[rows]

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


def _is_header(row: Sequence[str], delimiter: str) -> bool:
    """A header has no number where rows have the second and coordinates."""
    cells = [cell.strip() for cell in decimal_points(row[1:6], delimiter == ",")]
    return any(cells) and not any(is_number(cell) for cell in cells)


def _ground_truth(content: FileContent) -> RowTable:
    return read_csv(content.path, content.what, ANNOTATIONS, content.text)


def _foreign_annotations(file: AnnotationFile) -> RowTable:
    return read_csv(file.path, file.what, ANY_ANNOTATIONS, file.text, box_format=file.box_format)


def _boxes(content: FileContent, images: object, images_of: str) -> RowTable:
    return _without_actions(read_csv(content.path, content.what, BOXES, content.text))


def _without_actions(rows: RowTable) -> RowTable:
    """Return boxes less the actions in the 7th column, which SlowFast's files of boxes of persons may have.

    Raises:
        DataError: a class is no number, or the last column holds whole numbers alone, as person ids are.
    """
    if not len(rows.label_rows):
        return rows
    place = rows.source.take(rows.label_rows)
    known = np.array([isinstance(label, int) for label in rows.classes], dtype=bool)[rows.label_codes]
    known &= bool((rows.scores % 1 != 0).any())
    place.reject(
        ~known,
        lambda row: (
            f"8 columns with class {rows.classes[rows.label_codes[row]]} in the 7th and "
            f"{rows.scores[rows.label_rows[row]]:g} in the 8th: AVA annotations with person ids, not boxes with "
            "scores? A box row is video, second, x1, y1, x2, y2, score; an action may stand before the score."
        ),
    )
    counts = {**rows.counts, OF_ACTIONS: len(rows.label_rows)}
    classes, label_rows, label_codes = encode_classes([])
    return replace(rows, classes=classes, label_rows=label_rows, label_codes=label_codes, counts=counts)


def _detections(file: DetectionFile, keep: Keep) -> RowTable:
    text = file.content.text
    if not text.strip():
        raise NoBoxesError(f"{file.what}: {file.path} has no rows.", f"{file.path} has no rows")

    def is_read(label: str, place: str) -> bool:
        # Without a header, a number is that of an action; persons do not have any.
        bare = file.by_rule and not table.headed and (not label or parse_integer(label) is not None)
        return bare or keep(label, place)

    table = _CsvFile(file.path, file.what, DETECTOR, io.StringIO(text, newline=None), file.box_format, is_read)
    rows = table.table(table.blocks())
    if file.by_rule and not table.headed and all(isinstance(label, int) for label in rows.classes):
        rows = _without_actions(rows)
    return replace(rows, spelling=rows.spelling or "xyxy", pixels=stated_pixels(file.normalized))


AVA = Format("ava", "AVA csv", "csv", annotations=_foreign_annotations, ground_truth=_ground_truth, boxes=_boxes)
CSV = Format(
    "csv",
    "csv",
    "csv",
    detections=DetectionReader(
        read=_detections,
        person="person",
        outside="Is it written in another way (--box-format, --normalized), or for frames of another size?",
        any_spelling=True,
        named_classes=True,
    ),
)
