"""Results in AVA's csv: ``video,second,x1,y1,x2,y2,class id,score``, one row for each box and class, no header.

Coordinates are fractions of the frame. Files may be gzip: known by content when read, by ``.gz`` when written.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from alphaction.data.formats.box_spelling import beyond_fraction
from alphaction.data.formats.csv_layout import RESULTS
from alphaction.data.formats.csv_table import stream_csv
from alphaction.data.formats.file_content import open_for_writing, open_text
from alphaction.data.formats.rows import RowTable
from alphaction.data.keyframes import time_list, time_text
from alphaction.data.sample import Keyframe
from alphaction.evaluation.detections import DetectionRows, Predictions
from alphaction.utils.errors import DataError

_WHAT = "detections"
_COLUMNS = "video,second,x1,y1,x2,y2,class id,score"
_LARGEST_ID = 2**31 - 1


def write_detections(path: str | Path, predictions: Predictions, min_score: float = 0.0) -> None:
    """Write predictions as csv, box by box and each box's classes in channel order.

    Coordinates get 6 decimals and scores 9 significant digits (float32 scores are read back exactly). The file is for
    other tools and for later: evaluation during a run takes the arrays themselves. Scores below ``min_score`` are left
    out.
    """
    class_ids = predictions.class_ids.tolist()
    heads = [f"{_quoted(video)},{time_text(second)}," for video, second in predictions.keyframes]
    with open_for_writing(path, compresslevel=1) as file:
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
        DataError: when the file is missing or empty, or a row cannot be read; names the file and the line.
    """
    path = Path(path)
    joined = _Joined()
    with open_text(path, _WHAT) as file:
        for rows in stream_csv(path, _WHAT, RESULTS, file):
            _check(rows)
            joined.add(rows)
    if not joined.parts:
        raise DataError(f"{_WHAT}: {path} holds no detections. Expected rows of {_COLUMNS}")
    return joined.detections()


def _check(rows: RowTable) -> None:
    """Refuse boxes in pixels, and classes that are not ids."""
    rows.source.reject(
        beyond_fraction(np.abs(rows.boxes)),
        lambda row: (
            f"coordinates {', '.join(f'{value:g}' for value in rows.boxes[row])} are not fractions of the frame (are "
            "they pixels?)."
        ),
    )
    wrong = [not isinstance(label, int) or abs(label) > _LARGEST_ID for label in rows.classes]
    if any(wrong):
        rows.source.reject(
            np.array(wrong)[rows.label_codes],  # every row has one class
            lambda row: f'class id "{rows.classes[rows.label_codes[row]]}" is not a whole number of a label map.',
        )


class _Joined:
    """The parts of a file in compact arrays: a file of AVA's full size has eight million rows."""

    def __init__(self) -> None:
        self.parts: list[tuple[np.ndarray, ...]] = []
        self._last: tuple[float, ...] = ()
        self._boxes = 0
        self._videos: Sequence[str] = ()

    def add(self, rows: RowTable) -> None:
        """Add some rows of the file, the next in its order."""
        if not len(rows):
            return
        self._videos = rows.videos
        starts = np.ones(len(rows), dtype=bool)
        starts[1:] = False
        columns = (rows.video_codes, rows.numbers, *rows.boxes.T)
        for column in columns:
            starts[1:] |= column[1:] != column[:-1]
        starts[0] = self._last != tuple(column[0] for column in columns)
        self._last = tuple(column[-1] for column in columns)
        box_index = np.cumsum(starts) + (self._boxes - 1)
        self._boxes += int(starts.sum())
        class_ids = np.array(rows.classes, dtype=np.int32)[rows.label_codes]
        heads = (rows.video_codes[starts], rows.numbers[starts], rows.boxes[starts])
        self.parts.append((*heads, box_index.astype(np.int32), class_ids, rows.scores))

    def detections(self) -> DetectionRows:
        """Return all rows."""
        codes, seconds, boxes, box_index, class_ids, scores = map(np.concatenate, zip(*self.parts, strict=True))
        keyframes: dict[Keyframe, int] = {}
        moments = zip(codes.tolist(), time_list(seconds), strict=True)
        index = [keyframes.setdefault(Keyframe(self._videos[c], s), len(keyframes)) for c, s in moments]
        return DetectionRows(
            keyframes=tuple(keyframes),
            keyframe_index=np.array(index, dtype=np.int64),
            boxes=boxes,
            box_index=box_index,
            row_class_ids=class_ids,
            scores=scores,
        )


def _quoted(video: str) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="").writerow([video])
    return text.getvalue()
