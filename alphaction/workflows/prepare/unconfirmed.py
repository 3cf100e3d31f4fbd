"""Predictions in annotation files that no person has confirmed: kept apart from what is the truth.

At a keyframe all persons count: one that is not annotated would be learned as nobody. So a keyframe is used if all
boxes at it are confirmed or drawn by hand; else it is left out as a whole, and what was there is kept in a file of its
own.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from alphaction.data.formats.file_content import open_for_writing
from alphaction.data.formats.rows import RowTable
from alphaction.data.keyframes import exact_time, time_text
from alphaction.utils.errors import DataError
from alphaction.utils.messages import counted, listed

KEEP, LEAVE_OUT = "keep", "leave-out"
UNCONFIRMED_CHOICES = (LEAVE_OUT, KEEP)
COLUMNS = ("video", "second", "x1", "y1", "x2", "y2", "action", "person_id", "confirmed")
"""Of the file of what was left out: a row for each box and action, or for a box without one."""
Parts = Mapping[str, Sequence[RowTable]]


@dataclass(frozen=True, eq=False)
class Confirmed:
    """The annotations of each split, without the keyframes at which some box is not confirmed.

    Attributes:
        parts: split -> its files as rows.
        left_out: the rows of those keyframes, of each file that has some; the columns ``unconfirmed`` are set.
        note: what was left out; "": every box is confirmed.
    """

    parts: Parts
    left_out: Sequence[RowTable] = ()
    note: str = ""


def confirmed_parts(parts: Parts, choice: str, file: str) -> Confirmed:
    """Divide what is confirmed from what is only predicted.

    Args:
        parts: split -> its files as rows, with known videos.
        choice: one of :data:`UNCONFIRMED_CHOICES`.
        file: where the rows that are left out will be, for the note.

    Raises:
        DataError: nothing is left.
    """
    every = list({id(part): part for some in parts.values() for part in some}.values())
    open_at = {key for part in every if part.unconfirmed is not None for key in _keyframes(part, part.unconfirmed)}
    if not open_at:
        return Confirmed(parts)
    predicted = sum(int(part.unconfirmed.sum()) for part in every if part.unconfirmed is not None)
    what = f"{counted(predicted, 'predicted box', 'predicted boxes')} that nobody has confirmed"
    if choice == KEEP:
        plain = {split: [replace(part, unconfirmed=None) for part in some] for split, some in parts.items()}
        return Confirmed(
            plain, note=f"{what} {'is' if predicted == 1 else 'are'} kept as labels (--unconfirmed {KEEP})"
        )
    out = {id(part): _at(part, open_at) for part in every}
    left = [part.take(out[id(part)]) for part in every if out[id(part)].any()]
    kept = {
        split: [_used(part.take(~out[id(part)])) if out[id(part)].any() else part for part in some]
        for split, some in parts.items()
    }
    keyframes = counted(len(open_at), "keyframe")
    if not any(len(part) for some in kept.values() for part in some):
        names = listed((part.source.path for part in left), 3)
        raise DataError(
            f"{names}: {what}, and nothing else: at none of {keyframes} every box is confirmed. In the tool look at a "
            'frame, correct it and set "confirmed" on each of its boxes, then export again; --unconfirmed '
            f"{KEEP} takes the predictions as they are."
        )
    others = sum(int(part.has_box.sum()) for part in left) - predicted
    beside = f", with {counted(others, 'confirmed box', 'confirmed boxes')} at the same keyframes" if others else ""
    note = (
        f"{what}, at {keyframes}, left out{beside}: kept in {file}. A keyframe counts once all its boxes are confirmed "
        f"(--unconfirmed {KEEP} takes predictions as labels)"
    )
    return Confirmed(kept, left, note)


def write_unconfirmed(path: Path, parts: Sequence[RowTable]) -> None:
    """Write what was left out as csv with a header, which ``tools/prepare_dataset.py`` can read.

    Args:
        path: the file, see :data:`COLUMNS`; coordinates are fractions of the frame.
        parts: :attr:`Confirmed.left_out`.
    """
    with open_for_writing(path) as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(COLUMNS)
        for part in parts:
            writer.writerows(_cells(part))


def _cells(part: RowTable) -> Iterator[list[object]]:
    persons = part.persons().tolist()
    unconfirmed = np.zeros(len(part), dtype=bool) if part.unconfirmed is None else part.unconfirmed
    for row, labels in enumerate(part.labels()):
        if not part.has_box[row]:
            continue
        person = persons[row] if persons[row] >= 0 else ""
        head = [part.videos[part.video_codes[row]], time_text(part.numbers[row].item()), *part.boxes[row].tolist()]
        for label in labels or ("",):
            yield [*head, part.class_names.get(label, label), person, int(not unconfirmed[row])]


def _keyframes(part: RowTable, rows: np.ndarray) -> Iterator[tuple[str, int | float]]:
    """Yield video and second of the rows where a bool [n] holds."""
    for code, second in zip(part.video_codes[rows].tolist(), part.numbers[rows].tolist(), strict=True):
        yield part.videos[code], exact_time(second)


def _at(part: RowTable, keyframes: set[tuple[str, int | float]]) -> np.ndarray:
    """Return which rows, bool [n], are at some keyframes."""
    every = np.ones(len(part), dtype=bool)
    return np.array([key in keyframes for key in _keyframes(part, every)], dtype=bool)


def _used(part: RowTable) -> RowTable:
    """Return the rows without the marks, and without classes that none of them has."""
    codes, new = np.unique(part.label_codes, return_inverse=True)
    classes = tuple(part.classes[code] for code in codes.tolist())
    return replace(part, classes=classes, label_codes=new.reshape(-1), unconfirmed=None)
