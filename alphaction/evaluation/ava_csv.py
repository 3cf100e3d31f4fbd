"""Results in AVA's csv: ``video,second,x1,y1,x2,y2,class id,score``, one row for each box and class, no header.

Coordinates are fractions of the frame. Files may be gzip: known by content when read, by ``.gz`` when written.
"""

from __future__ import annotations

import csv
import gzip
import io
import zlib
from array import array
from collections.abc import Iterable
from contextlib import AbstractContextManager
from math import isfinite
from pathlib import Path
from typing import TextIO

import numpy as np

from alphaction.data.sample import Keyframe
from alphaction.evaluation.detections import DetectionRows, Predictions
from alphaction.utils.errors import UserError
from alphaction.utils.messages import suggest

_COLUMNS = "video,second,x1,y1,x2,y2,class id,score"
# Detectors stray a little over the frame's edge; nothing near 2 is a fraction of the frame.
_LARGEST_COORDINATE = 2.0


def write_detections(path: str | Path, predictions: Predictions, min_score: float = 0.0) -> None:
    """Write predictions as csv, box by box and each box's classes in channel order.

    Coordinates get 6 decimals and scores 9 significant digits (float32 scores are read back exactly). The file is for
    other tools and for later: evaluation during a run takes the arrays themselves. Scores below ``min_score`` are left
    out.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    class_ids = predictions.class_ids.tolist()
    heads = [f"{_quoted(video)},{second:04d}," for video, second in predictions.keyframes]
    with _open_to_write(path) as file:
        for index, box, scores in zip(
            predictions.keyframe_index.tolist(), predictions.boxes, predictions.scores, strict=True
        ):
            head = heads[index] + ",".join(f"{value:.6f}" for value in box.tolist())
            rows = zip(class_ids, scores.tolist(), strict=True)
            file.write("".join([f"{head},{class_id},{score:.9g}\n" for class_id, score in rows if score >= min_score]))


def read_detections(path: str | Path) -> DetectionRows:
    """Read a results csv, plain or ``.gz``.

    Adjacent rows of the same box share one entry of ``boxes``, which spares time and memory in evaluation.

    Raises:
        UserError: when the file is missing or empty, or a row cannot be read; names the file and the line.
    """
    path = Path(path)
    if not path.is_file():
        names = [entry.name for entry in path.parent.glob("*") if entry.is_file()]
        raise UserError(f"Detections: {path} is not a file. In that folder: {suggest(path.name, names)}")
    reader = _Reader(path)
    try:
        with _open_to_read(path) as file:
            reader.read(file)
    except (OSError, EOFError, zlib.error, UnicodeDecodeError) as error:
        raise UserError(
            f"{path}: cannot be read ({error}). Expected a csv (plain or .gz) of rows {_COLUMNS}"
        ) from error
    return reader.table()


class _Reader:
    """Collects rows in compact arrays: a file of AVA's full size has eight million."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.keyframes: dict[Keyframe, int] = {}
        self.keyframe_index = array("q")
        self.coordinates = array("d")
        self.box_index = array("i")
        self.class_ids = array("i")
        self.scores = array("d")

    def read(self, lines: Iterable[str]) -> None:
        previous = None
        box = -1
        add_box, add_class, add_score = self.box_index.append, self.class_ids.append, self.scores.append
        for number, line in enumerate(lines, start=1):
            try:
                # The part before the class is parsed only where it changes: usually once for 80 rows.
                head, class_id, score = line.rsplit(",", 2)
                if head != previous:
                    self._add_box(head)
                    previous = head
                    box += 1
                add_class(int(class_id))
                value = float(score)
                if not isfinite(value):
                    raise ValueError(f"the score is {value}")
                add_score(value)
                add_box(box)
            except (ValueError, OverflowError, csv.Error) as error:
                if line.strip():
                    raise self._bad_row(number, line, error) from error

    def _add_box(self, head: str) -> None:
        video, second, *corners = next(csv.reader([head]))
        if len(corners) != 4:
            raise ValueError(f"{len(corners) + 4} columns")
        moment = float(second)
        if not moment.is_integer():
            raise ValueError(f'the second is "{second}", not a whole number')
        values = [float(value) for value in corners]
        if not all(abs(value) <= _LARGEST_COORDINATE for value in values):
            raise ValueError(f"coordinates {', '.join(corners)} are not fractions of the frame (are they pixels?)")
        keyframe = Keyframe(video.strip(), int(moment))
        self.keyframe_index.append(self.keyframes.setdefault(keyframe, len(self.keyframes)))
        self.coordinates.extend(values)

    def _bad_row(self, number: int, line: str, error: Exception) -> UserError:
        row = line.strip()
        columns = len(next(csv.reader([row])))
        reason = f"{columns} columns" if columns != 8 else str(error)
        hint = ""
        if columns == 7:
            hint = " Rows of 7 columns are annotations or lack the score: was the ground truth given as detections?"
        elif number == 1:
            hint = " If line 1 is a header, delete it: AVA files have none."
        return UserError(f'{self.path}, line {number}: {reason}. Expected {_COLUMNS}, got "{row[:120]}".{hint}')

    def table(self) -> DetectionRows:
        if not self.scores:
            raise UserError(f"{self.path} holds no detections. Expected rows of {_COLUMNS}")
        return DetectionRows(
            keyframes=tuple(self.keyframes),
            keyframe_index=np.frombuffer(self.keyframe_index, np.int64),
            boxes=np.frombuffer(self.coordinates, np.float64).reshape(-1, 4),
            box_index=np.frombuffer(self.box_index, np.int32),
            row_class_ids=np.frombuffer(self.class_ids, np.int32),
            scores=np.frombuffer(self.scores, np.float64),
        )


def _quoted(video: str) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="").writerow([video])
    return text.getvalue()


def _open_to_read(path: Path) -> AbstractContextManager[TextIO]:
    """Open as text; gzip is known by its first bytes, whatever the name."""
    with path.open("rb") as file:
        zipped = file.read(2) == b"\x1f\x8b"
    opener = gzip.open if zipped else open
    return opener(path, "rt", encoding="utf-8-sig", newline="")


def _open_to_write(path: Path) -> AbstractContextManager[TextIO]:
    if path.suffix == ".gz":
        # Level 1: three times as fast as the default for a file a quarter larger.
        return gzip.open(path, "wt", compresslevel=1, encoding="utf-8", newline="")
    return path.open("w", encoding="utf-8", newline="")
