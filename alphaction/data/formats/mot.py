"""The reader of MOTChallenge text files: one a video."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np

from alphaction.data.formats.action_attributes import means_person
from alphaction.data.formats.class_names import read_class_names
from alphaction.data.formats.file_content import read_text
from alphaction.data.formats.format import DetectionFile, DetectionReader, Format
from alphaction.data.formats.number_text import (
    ANY_MARK,
    LABEL_FOLDERS,
    GatheredRows,
    NumberRows,
    folder_name,
    read_numbers,
    text_files,
)
from alphaction.data.formats.rows import FRAME, IGNORED, Keep, RowTable
from alphaction.utils.errors import DataError
from alphaction.utils.messages import counted

_EXPECTED = (
    "frame, track id, x, y, width, height, score, ... (6 to 10 numbers between commas, blanks or tabs), frames whole"
)

# "frame,id,bb_left,bb_top,bb_width,bb_height,conf,x,y,z", as some programs name the columns in a first line.
_HEADER = re.compile(r"\W*frame\w*\W+\w*(id|track)\w*\W+\w*(x|left)\w*\W+\w*(y|top)\w*\W+\w*w(idth)?\W+\w*h(eight)?\b")

_NAMES = "labels.txt"  # of CVAT, beside gt.txt: a class a line, numbered from 1
_LARGEST_CLASS = 1000  # what is larger is no class
_PERSON = "1"


def read_mot(path: Path, what: str, *, keep: Keep | None = None, strict: bool = True) -> RowTable:
    """Return the rows of MOTChallenge text: ``frame, track id, x, y, width, height, score, ...`` in pixels.

    One file a video, ``video.txt``, or a folder of them, or of ``video/det/det.txt`` (or ``gt/gt.txt``). Numbers stand
    between commas, blanks or tabs. A score of -1 says that there is none.

    Ground truth has 9 columns (``..., flag, class, visibility``): boxes with flag 0 are those to ignore. Of 10 columns
    (or 8), the eighth is x of the place in the world, or the class: which one is told by its values in the whole file.

    Args:
        path: the file or folder.
        what: what it is to the user, for messages.
        keep: called with each distinct class and the place of its first row; rows of a class for which it returns
            False are left out and counted.
        strict: refuse a wrong row; False: leave it out, counted and named.

    Raises:
        DataError: a line that is not such a box.
    """
    gathered = GatheredRows(path, what, keep)
    notes: Counter[str] = Counter()
    for file in text_files(path, what):
        rows = read_numbers(file, what, ANY_MARK, range(6, 11), _EXPECTED, strict, _HEADER)
        numbers = rows.column(0)
        rows = rows.less(numbers % 1 != 0, lambda row, n=numbers: f"frame {n[row]:g} is not a whole number.", strict)
        frames, scores = rows.column(0), rows.column(6)
        truth, classes = _classes(rows)
        flagged = truth & np.isin(scores[truth], (-1, 0, 1)).all()  # else these are scores
        ignored = flagged & (scores == 0)
        gathered.count(IGNORED, ignored)
        classes[ignored] = np.nan
        if (rows.widths[truth] != 9).any():
            notes["the eighth column is the class, as its numbers are whole"] += int(truth.sum())
        use = gathered.wanted(rows, classes) & ~ignored
        video = folder_name(file) if file.stem in LABEL_FOLDERS else file.stem
        scores = np.where(flagged | (scores == -1), np.nan, scores)
        gathered.add(rows, video, frames.astype(np.int64), rows.values[:, 2:6], scores, classes, use)
    table = gathered.table(unit=FRAME, spelling="xywh", pixels=True)
    return replace(table, notes=tuple(f"{note}: {counted(count, 'row')}" for note, count in notes.items()))


def _classes(rows: NumberRows) -> tuple[np.ndarray, np.ndarray]:
    """Return which rows, bool [n], have a class in the eighth column, and it, float64 [n], NaN elsewhere.

    In ground truth (9 columns) it is one unless it is -1. In rows of 8 or 10 columns it may be x in the world: it is
    taken for a class if it is a whole number from 0 to 1000 in all of them but for those with -1, and not always 0.
    """
    found = rows.column(7)
    truth = (rows.widths == 9) & (found != -1)
    doubtful = np.isin(rows.widths, (8, 10)) & (found != -1)
    values = found[doubtful]
    if values.any() and ((values % 1 == 0) & (values >= 0) & (values <= _LARGEST_CLASS)).all():
        truth |= doubtful
    return truth, np.where(truth, found, np.nan)


def class_names(file: DetectionFile) -> Mapping[int, str]:
    """Return the names of the classes in the ``labels.txt`` beside the boxes; {}: there is none.

    Raises:
        DataError: there are two that differ.
    """
    folders = {text.parent for text in text_files(file.path, file.what)}
    found: dict[Path, dict[int, str]] = {}
    for path in sorted(folder / _NAMES for folder in folders):
        if path.is_file():
            found[path] = {
                entry.id: entry.name for entry in read_class_names(read_text(path, file.what), path, file.what)
            }
    distinct = [path for path, names in found.items() if names != next(iter(found.values()))]
    if distinct:
        raise DataError(
            f"{file.what}: {next(iter(found))} and {distinct[0]} number the classes differently. Import the folders "
            "one at a time."
        )
    return next(iter(found.values()), {})


def _person(file: DetectionFile) -> str:
    """Return the class of persons; the file's names decide where it has some.

    Raises:
        DataError: none of the names is that of a person.
    """
    names = class_names(file)
    persons = [number for number, name in names.items() if means_person(name)]
    if names and not persons:
        listing = ", ".join(f"{number} {name}" for number, name in names.items())
        raise DataError(
            f'{file.what}: {file.path}: none of the classes in {_NAMES} ({listing}) is called "person". Choose one '
            "with --class-id, or --every-class."
        )
    return str(persons[0]) if persons else _PERSON


MOT = Format(
    "mot",
    "MOTChallenge text",
    "numbers",
    detections=DetectionReader(
        read=lambda file, keep: read_mot(file.path, file.what, keep=keep),
        person=_PERSON,
        find_person=_person,
        class_names=class_names,
        from_one=True,
        outside="MOT boxes are left, top, width and height in pixels: is the video's frame of another size?",
    ),
)
