"""Csv files of boxes frame by frame -> tubes of one action each. Sizes in shapes: n rows of a file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from alphaction.data.annotations import LabelMap
from alphaction.data.formats.box_spelling import beyond_fraction, reversed_corners
from alphaction.data.formats.csv_layout import TUBE_BOXES, TUBE_SCORES
from alphaction.data.formats.csv_table import read_csv
from alphaction.data.formats.file_content import FileContent
from alphaction.data.formats.rows import FRAME, RowTable
from alphaction.data.keyframes import Keyframe
from alphaction.data.video.names import VideoNames
from alphaction.evaluation.detections import DetectionRows
from alphaction.evaluation.tubes.action_tube import ActionTube, Tube, TubeSet
from alphaction.utils.errors import DataError

_LAST = 2.0**62  # a number of a frame beyond that is none of int64


@dataclass(frozen=True)
class FrameClock:
    """From times and numbers in files to numbers of frames from 0.

    Attributes:
        rate: frames per second of videos whose rate no file tells; None: not known.
        first: number of the first frame in csv files; None: 0 if a frame 0 occurs in the file, else 1.
        known: video -> frames per second, from the other file.
    """

    rate: float | None = None
    first: int | None = None
    known: Mapping[str, float] = field(default_factory=dict)

    def first_of(self, rows: RowTable) -> int | None:
        """Return the number of the first frame in a file; None: it has seconds."""
        if rows.unit != FRAME:
            return None
        return self.first if self.first is not None else int(rows.numbers.min() > 0)

    def frames(self, rows: RowTable) -> np.ndarray:
        """Return the frame of each row, int64 [n].

        Raises:
            DataError: a row is before the first frame, or in seconds while no rate is known.
        """
        first = self.first_of(rows)
        if first is not None:
            rows.source.reject(
                rows.numbers < first, lambda row: f"frame {rows.numbers[row]}, but --first-frame is {first}."
            )
            return rows.numbers.astype(np.int64) - first
        names = VideoNames(list(self.known), str(rows.source.path))
        rates = np.array([self.known.get(names.known(video), self.rate or 0.0) for video in rows.videos])
        of_row = rates[rows.video_codes] if len(rows) else np.zeros(0)
        rows.source.reject(
            of_row == 0,
            lambda row: (
                f'the frame rate of "{rows.videos[rows.video_codes[row]]}" is not known. Give it: --frame-rate 25. Or '
                "write a column frame in place of seconds."
            ),
        )
        return np.minimum(np.round(rows.numbers * of_row), _LAST).astype(np.int64)


def read_rows(content: FileContent, label_map: LabelMap | None, clock: FrameClock, *, scored: bool) -> TubeSet:
    """Return the tubes of a csv file: the rows of a person (or of a video, if no column names persons) and a class.

    Columns are named in a first line: video, frame (or second), x1, y1, x2, y2 as fractions of the frame, class (id or
    name), of predictions score, and person. Without that line they are those of AVA: seconds. The score of a tube is
    the mean of its rows'.

    Raises:
        DataError: a row is wrong, or two rows of a tube are at the same frame.
    """
    rows = read_csv(content.path, content.what, TUBE_SCORES if scored else TUBE_BOXES, content.text)
    if not len(rows):
        raise DataError(f"{content.what}: {content.path} holds no rows.")
    _check_boxes(rows)
    names = _class_names(rows, label_map)
    classes = label_map.names if label_map is not None else tuple(dict.fromkeys(names))
    position = {name: index for index, name in enumerate(classes)}
    of_row = np.array([position[name] for name in names], dtype=np.int64)[rows.label_codes]
    frames = clock.frames(rows)
    tubes = _row_tubes(rows, classes, of_row, frames)
    detections = _row_detections(rows, of_row, frames) if scored else None
    return TubeSet(str(content.path), classes, tubes, detections=detections, first=clock.first_of(rows))


def _check_boxes(rows: RowTable) -> None:
    rows.source.reject(
        beyond_fraction(np.abs(rows.boxes)),
        lambda row: (
            f"coordinates {', '.join(f'{value:g}' for value in rows.boxes[row])} are no fractions of the frame. Are "
            "they pixels? Divide x by the width and y by the height."
        ),
    )
    rows.source.reject(
        reversed_corners(rows.boxes),
        lambda row: f"box {', '.join(f'{value:g}' for value in rows.boxes[row])}: expected x1 <= x2 and y1 <= y2.",
    )


def _class_names(rows: RowTable, label_map: LabelMap | None) -> list[str]:
    """Return the name of each of the classes of rows.

    Raises:
        DataError: a class is an id and there is no label map, or it does not have the class.
    """
    names = []
    for code, label in enumerate(rows.classes):
        row = int(rows.label_rows[np.argmax(rows.label_codes == code)])
        if label_map is None:
            if isinstance(label, int):
                raise rows.source.error(row, f"class {label} is an id. Pass the label map that names it: --label-map.")
            names.append(label)
            continue
        try:
            names.append(label_map.find(label).name)
        except DataError as error:
            raise rows.source.error(row, str(error)) from error
    return names


def _row_tubes(rows: RowTable, classes: Sequence[str], of_row: np.ndarray, frames: np.ndarray) -> list[ActionTube]:
    persons, videos = rows.persons(), rows.video_codes
    order = np.lexsort((frames, of_row, persons, videos))
    keys = np.stack([videos, persons, of_row], axis=1)[order]
    same = (keys[1:] == keys[:-1]).all(axis=1)
    twice = np.zeros(len(rows), dtype=bool)
    twice[order[1:][same & (np.diff(frames[order]) == 0)]] = True
    who = "" if rows.person_ids is not None else " Without a column person, all rows of a video and class are one tube."
    rows.source.reject(
        twice,
        lambda row: (
            f'a second box of class "{classes[of_row[row]]}" at frame {frames[row]} (counted from 0) of '
            f'"{rows.videos[videos[row]]}", for the same person.{who}'
        ),
    )
    tubes = []
    for part in np.split(order, np.flatnonzero(~same) + 1):
        score = 1.0 if rows.scores is None else float(rows.scores[part].mean())
        tube = Tube(frames[part], rows.boxes[part])
        tubes.append(ActionTube(rows.videos[videos[part[0]]], classes[of_row[part[0]]], tube, score))
    return tubes


def _row_detections(rows: RowTable, of_row: np.ndarray, frames: np.ndarray) -> DetectionRows:
    moments, index = np.unique(np.stack([rows.video_codes, frames], axis=1), axis=0, return_inverse=True)
    # Rows of one box share it, so that each is compared once.
    cells = np.column_stack([index.reshape(-1), rows.boxes])
    _, first, box_index = np.unique(cells, axis=0, return_index=True, return_inverse=True)
    keyframes = [Keyframe(rows.videos[video], frame) for video, frame in moments.tolist()]
    return DetectionRows(
        keyframes, index.reshape(-1)[first], rows.boxes[first], box_index.reshape(-1), of_row, rows.scores
    )
