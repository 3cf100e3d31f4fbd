"""The reader of MOTChallenge text files: one a video."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from alphaction.data.formats.format import DetectionReader, Format
from alphaction.data.formats.number_text import LABEL_FOLDERS, GatheredRows, folder_name, read_numbers, text_files
from alphaction.data.formats.rows import FRAME, IGNORED, Keep, RowTable

_EXPECTED = "frame, track id, x, y, width, height, score, ... (7 to 10 numbers separated by commas), frames whole"


def read_mot(path: Path, what: str, *, keep: Keep | None = None, strict: bool = True) -> RowTable:
    """Return the rows of MOTChallenge text: ``frame, track id, x, y, width, height, score, ...`` in pixels.

    One file a video, ``video.txt``, or a folder of them, or of ``video/det/det.txt`` (or ``gt/gt.txt``). Ground truth
    has 9 columns (``..., flag, class, visibility``): boxes with flag 0 are those to ignore. A score of -1 says that
    there is none.

    Args:
        path: the file or folder.
        what: what it is to the user, for messages.
        keep: called with each distinct class of ground truth and the place of its first row; rows of a class for which
            it returns False are left out and counted.
        strict: refuse a wrong row; False: leave it out, counted and named.

    Raises:
        UserError: a line that is not such a box.
    """
    gathered = GatheredRows(path, what, keep)
    for file in text_files(path, what):
        rows = read_numbers(file, what, ",", range(6, 11), _EXPECTED, strict)
        numbers = rows.column(0)
        rows = rows.less(numbers % 1 != 0, lambda row, n=numbers: f"frame {n[row]:g} is not a whole number.", strict)
        frames, scores = rows.column(0), rows.column(6)
        truth = rows.widths == 9
        ignored = truth & (scores == 0)
        gathered.count(IGNORED, ignored)
        classes = np.where(truth & ~ignored, rows.column(7), np.nan)
        use = gathered.wanted(rows, classes) & ~ignored
        video = folder_name(file) if file.stem in LABEL_FOLDERS else file.stem
        scores = np.where(truth | (scores == -1), np.nan, scores)
        gathered.add(rows, video, frames.astype(np.int64), rows.values[:, 2:6], scores, classes, use)
    return gathered.table(unit=FRAME, spelling="xywh", pixels=True)


MOT = Format(
    "mot",
    "MOTChallenge text",
    "numbers",
    detections=DetectionReader(
        read=lambda file, keep: read_mot(file.path, file.what, keep=keep),
        person="1",
        outside="MOT boxes are left, top, width and height in pixels: is the video's frame of another size?",
    ),
)
