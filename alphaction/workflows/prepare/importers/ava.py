"""AVA's csv: ``video, second, box, class id[, person id]``, the box written in any way, the class by id or by name."""

from __future__ import annotations

from typing import Any

import numpy as np

from alphaction.data.annotations.checks import check_seconds
from alphaction.data.formats.csv_columns import SECOND, VIDEO, Column, parse_integer
from alphaction.data.formats.csv_file import CsvData, CsvFile
from alphaction.data.sample import Keyframe
from alphaction.utils.errors import UserError
from alphaction.workflows.prepare.imported import ImportedAnnotations
from alphaction.workflows.prepare.importers.actions import means_person
from alphaction.workflows.prepare.importers.box_forms import unit_corners
from alphaction.workflows.prepare.importers.source import Rows, Source

_BOX = tuple(Column(f"box {number}", float, absent=np.nan) for number in range(1, 5))
_CLASS = Column("class", str, absent=0)
_PERSON = Column("person id", int, absent=-1, may_miss=True)
_COLUMNS = [VIDEO, SECOND, *_BOX, _CLASS]


def read_ava(source: Source) -> ImportedAnnotations:
    """Read an AVA csv; rows of one box (same video, second, coordinates and person id) are one box.

    A header names the columns, and with them how boxes are written; without one the columns are AVA's, in that order.
    An empty class (or the id -1) is a box without an action; a row with neither coordinates nor class is a keyframe
    without boxes. Classes are ids throughout, or names throughout.
    """
    data, box_format = _read_columns(source)
    seconds = data.values["second"]
    if not len(seconds):
        raise UserError(f"annotations: {source.path} has no rows. A split needs at least one keyframe; check the path.")
    check_seconds(data.rows, seconds)
    classes = _classes(data)
    values = np.stack([data.values[column.name] for column in _BOX], axis=1)
    missing = np.isnan(values)
    has_box = ~missing.all(axis=1)
    labeled = np.array([entry is not None for entry in classes], dtype=bool)
    data.rows.reject(
        missing.any(axis=1) & (has_box | labeled),
        lambda row: f"coordinate {int(np.argmax(missing[row])) + 1} of the box is empty. Fill in all four.",
    )
    names = _video_names(source, data)
    rows = Rows(counts={"rows": len(seconds), **data.counts()})
    corners = _corners(source, data, values, has_box, names, rows, box_format)
    persons = np.maximum(data.values.get("person id", np.full(len(seconds), -1)), -1).tolist()
    empty = []
    codes = data.values["video"].tolist()
    for row, (code, second, box) in enumerate(zip(codes, seconds.tolist(), corners.tolist(), strict=True)):
        if not has_box[row]:
            empty.append(Keyframe(names[code], second))
            continue
        labels = () if classes[row] is None else (classes[row],)
        if labels and means_person(labels[0]):
            rows.count(f'boxes of the class "{labels[0]}", which is no action')
            labels = ()
        rows.add(names[code], second, tuple(box), labels, persons[row], data.rows.place(row), persons[row])
    return rows.finish(source, "ava", {}, empty_keyframes=_without_boxes(empty, rows))


def _read_columns(source: Source) -> tuple[CsvData, str]:
    """Return the columns, and how boxes are written: as the header names them, else as the option says."""
    file = CsvFile(source.path, "annotations", source.text)
    header = file.header
    if header is None or not file.has_rows:
        return file.parse(file.by_position({7: _COLUMNS, 8: [*_COLUMNS, _PERSON]})), source.box_format
    header.refuse_unknown()
    if header.find("second") is None and header.find("frame") is not None:
        raise header.error('the header has "frame" and no second. Add a column second: frame number / frame rate.')
    if header.find("score") is not None:
        raise header.error('the header has a column "score": boxes of a detector? Remove it from annotations.')
    form, box = header.box(source.box_format)
    positions = [header.require("video"), header.require("second"), *box, header.require("class")]
    found = dict(zip(_COLUMNS, positions, strict=True))
    person = header.find("person")
    return file.parse(file.by_name(found if person is None else {**found, _PERSON: person})), form


def _without_boxes(empty: list[Keyframe], rows: Rows) -> tuple[Keyframe, ...]:
    filled = set(zip(rows.videos, rows.seconds, strict=True))
    return tuple(keyframe for keyframe in dict.fromkeys(empty) if tuple(keyframe) not in filled)


def _classes(data: CsvData) -> list[Any]:
    """Return the class of each row: ids (int), names (str), None for no action."""
    texts = [data.names[code] for code in data.values["class"].tolist()]
    numbers = {text: parse_integer(text) for text in set(texts)}
    named = np.array([bool(text) and numbers[text] is None for text in texts], dtype=bool)
    if not named.any():
        return [None if numbers[text] in (None, -1) else numbers[text] for text in texts]
    scores = np.array([_is_fraction(text) for text in texts], dtype=bool)
    data.rows.reject(
        scores, lambda row: f'class "{texts[row]}" is neither an id nor a name; is this a box file with scores?'
    )
    data.rows.reject(
        ~named & np.array([bool(text) for text in texts], dtype=bool),
        lambda row: f"class {texts[row]} is a number, others of the file are names. Write all ids, or all names.",
    )
    return [text or None for text in texts]


def _is_fraction(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return parse_integer(text) is None


def _video_names(source: Source, data: CsvData) -> dict[int, str]:
    """Return the known video of each code of the video column; an unknown one is an error that names its first row."""
    codes, first = np.unique(data.values["video"], return_index=True)
    pairs = sorted(zip(first.tolist(), codes.tolist(), strict=True))
    return {code: source.videos.match(data.names[code], place=data.rows.place(row)) for row, code in pairs}


def _corners(
    source: Source,
    data: CsvData,
    values: np.ndarray,
    has_box: np.ndarray,
    names: dict[int, str],
    rows: Rows,
    box_format: str,
) -> np.ndarray:
    """Return the boxes of all rows as corners in fractions of the frame, zeros where a row has none."""
    codes = data.values["video"]

    def frame_sizes() -> np.ndarray:
        infos = {code: source.info(name) for code, name in names.items()}
        sizes = {code: (info.width, info.height) for code, info in infos.items()}
        return np.array([sizes[code] for code in codes.tolist()], dtype=np.float64)

    filled = np.where(has_box[:, None], values, 0.0)
    return unit_corners(
        data.rows,
        filled,
        frame_sizes,
        default="xyxy",
        box_format=box_format,
        normalized=source.normalized,
        counts=rows.counts,
        notes=rows.notes if has_box.any() else [],
        told_by="the header" if data.header else "--box-format",
    )
