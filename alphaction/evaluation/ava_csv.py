"""Results in AVA's csv: ``video,second,x1,y1,x2,y2,class id,score``, one row for each box and class, no header.

Coordinates are fractions of the frame. Files may be gzip: known by content when read, by ``.gz`` when written.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from alphaction.data.formats.box_spelling import beyond_fraction
from alphaction.data.formats.csv_layout import RESULTS
from alphaction.data.formats.csv_table import stream_csv
from alphaction.data.formats.file_content import open_for_writing, open_text
from alphaction.data.formats.rows import RowTable
from alphaction.data.keyframes import Keyframe, time_list, time_text, to_milliseconds
from alphaction.evaluation.detections import DetectionRows, Predictions
from alphaction.evaluation.distinct_rows import DistinctRows
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
    with open_for_writing(path, compresslevel=1) as file:
        file.writelines(detection_rows(predictions, min_score))


def detection_rows(predictions: Predictions, min_score: float = 0.0) -> Iterator[str]:
    """Yield the rows of each box as :func:`write_detections` writes them."""
    class_ids = predictions.class_ids.tolist()
    all_rows = "".join(f"\0,{class_id},%.9g\n" for class_id in class_ids)  # 0: what the rows of a box begin with
    lowest = predictions.scores.min(axis=1, initial=np.inf).tolist()
    heads = [f"{_quoted(video)},{time_text(second)}," for video, second in predictions.keyframes]
    for index, box, scores, least in zip(
        predictions.keyframe_index.tolist(), predictions.boxes, predictions.scores, lowest, strict=True
    ):
        head = heads[index] + ",".join(f"{value:.6f}" for value in box.tolist())
        if least >= min_score:
            yield (all_rows % tuple(scores.tolist())).replace("\0", head)
            continue
        rows = zip(class_ids, scores.tolist(), strict=True)
        yield "".join([f"{head},{class_id},{score:.9g}\n" for class_id, score in rows if score >= min_score])


def read_detections(path: str | Path) -> DetectionRows:
    """Read a results csv, plain or ``.gz``.

    Rows of the same box, wherever they are, share one entry of ``boxes``: the first row's place decides its order.
    This spares time and memory in evaluation.

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
    outermost = np.array([[rows.boxes.max(initial=0), -rows.boxes.min(initial=0)]])
    if beyond_fraction(outermost).any():
        rows.source.reject(
            beyond_fraction(np.abs(rows.boxes)),
            lambda row: (
                f"coordinates {', '.join(f'{value:g}' for value in rows.boxes[row])} are not fractions of the frame "
                "(are they pixels?)."
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
        self._boxes: DistinctRows | None = DistinctRows(6)  # video code, second, x1, y1, x2, y2
        self._whole_seconds = True
        self._videos: Sequence[str] = ()

    def add(self, rows: RowTable) -> None:
        """Add some rows of the file, the next in its order."""
        if not len(rows):
            return
        self._videos = rows.videos
        self._whole_seconds &= rows.numbers.dtype.kind == "i"
        starts = np.ones(len(rows), dtype=bool)
        starts[1:] = False
        columns = (rows.video_codes, rows.numbers, *rows.boxes.T)
        for column in columns:
            starts[1:] |= column[1:] != column[:-1]
        first = np.flatnonzero(starts)
        boxes = self._boxes.add(np.stack([column[first] for column in columns], axis=1).astype(np.float64, copy=False))
        box_index = np.repeat(boxes.astype(np.int32), np.diff(first, append=len(rows)))
        class_ids = np.array(rows.classes, dtype=np.int32)[rows.label_codes]
        if np.abs(class_ids).max() < 2**15:
            class_ids = class_ids.astype(np.int16)
        self.parts.append((box_index, class_ids, rows.scores))

    def detections(self) -> DetectionRows:
        """Return all rows, once."""
        columns = [list(parts) for parts in zip(*self.parts, strict=True)]
        self.parts.clear()
        distinct, self._boxes = self._boxes.rows, None
        codes, seconds, boxes = distinct[:, 0].astype(np.int64), distinct[:, 1].copy(), distinct[:, 2:].copy()
        del distinct
        if self._whole_seconds:
            seconds = seconds.astype(np.int64)
        # Each time, the parts of one column are let go of: all of them beside the whole would be twice the memory.
        box_index, class_ids, scores = (np.concatenate(columns.pop(0)) for _ in range(3))
        # Most boxes are at the moment of the one before.
        starts = np.flatnonzero(np.append(True, (codes[1:] != codes[:-1]) | (seconds[1:] != seconds[:-1])))
        codes, seconds, counts = codes[starts], seconds[starts], np.diff(starts, append=len(codes))
        first, index = _first_seen(codes, seconds)
        videos, times = codes[first].tolist(), time_list(seconds[first])
        return DetectionRows(
            keyframes=tuple(Keyframe(self._videos[video], time) for video, time in zip(videos, times, strict=True)),
            keyframe_index=np.repeat(index, counts),
            boxes=boxes,
            box_index=box_index,
            row_class_ids=class_ids,
            scores=scores,
        )


def _first_seen(codes: np.ndarray, seconds: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return where each distinct moment appears first, int64 ascending, and the number of each row's, int64 [n]."""
    if seconds.dtype.kind == "f" and np.abs(seconds).max() < _LARGEST_ID:
        seconds = to_milliseconds(seconds)
    time = _ranks(seconds)
    moment = _ranks(codes * (int(time.max()) + 1) + time)
    first = np.empty(int(moment.max()) + 1, dtype=np.int64)
    first[moment[::-1]] = np.arange(len(moment))[::-1]
    order = np.argsort(first)
    number = np.empty_like(order)
    number[order] = np.arange(len(order))
    return first[order], number[moment]


def _ranks(values: np.ndarray) -> np.ndarray:
    """Return the position, int64 [n], of each value among the distinct ones."""
    lowest = values.min().item()
    span = values.max().item() - lowest + 1
    if values.dtype.kind == "f" or span > 4 * len(values) + 2**16:
        return np.unique(values, return_inverse=True)[1].reshape(-1)
    # Without sorting: there may be millions of them.
    there = np.zeros(span, dtype=bool)
    there[values - lowest] = True
    return (np.cumsum(there) - 1)[values - lowest]


def _quoted(video: str) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="").writerow([video])
    return text.getvalue()
