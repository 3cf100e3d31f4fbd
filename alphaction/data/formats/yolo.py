"""The reader of YOLO label files, as annotation tools and detectors write them: one text file a frame."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import numpy as np

from alphaction.data.formats.format import DetectionReader, Format
from alphaction.data.formats.number_text import GatheredRows, folder_name, read_numbers, text_files
from alphaction.data.formats.rows import FRAME, SECOND, Keep, RowTable
from alphaction.utils.errors import DataError

_NUMBERED = re.compile(r"(?:(?P<video>.+)_)?(?P<number>\d{1,15})")
_EXPECTED = "class cx cy w h [score [track id]], separated by spaces (boxes, not polygons or key points)"


def read_yolo(
    path: Path, what: str, *, frames: bool = False, keep: Keep | None = None, strict: bool = True
) -> RowTable:
    """Return the rows of a folder of YOLO label files: ``class cx cy w h [score [track id]]``, as fractions.

    The file's name holds video and number: ``video/0902.txt``, ``video_0902.txt``, or ``video_12.txt`` as Ultralytics'
    ``save_txt`` names the frames of a video.

    Args:
        path: the folder, or one file.
        what: what it is to the user, for messages.
        frames: numbers in names are frames, not seconds.
        keep: called with each distinct class and the place of its first row; rows of a class for which it returns
            False are left out and counted.
        strict: refuse a wrong row; False: leave it out, counted and named.

    Raises:
        DataError: a name without a number, or a line that is not such a box.
    """
    gathered = GatheredRows(path, what, keep)
    largest, whole = 0.0, True
    short = [np.zeros(0, dtype=bool)]
    for file in text_files(path, what):
        match = _NUMBERED.fullmatch(file.stem)
        if match is None:
            raise DataError(
                f'{what}: {file}: its name does not hold video and frame. Expected "video/0902.txt" or '
                '"video_0902.txt".'
            )
        rows = read_numbers(file, what, None, range(5, 8), _EXPECTED, strict)
        classes = rows.column(0)
        use = gathered.wanted(rows, classes)
        doubtful = rows.widths == 6
        sixth = rows.column(5)[doubtful]
        largest, whole = max(largest, sixth.max(initial=0)), whole and not (sixth % 1).any()
        short.append(doubtful[use])
        video, numbers = match["video"] or folder_name(file), np.full(len(classes), int(match["number"]))
        gathered.add(rows, video, numbers, rows.values[:, 1:5], rows.column(5), classes, use)
    found = gathered.table(unit=FRAME if frames else SECOND, spelling="cxcywh", pixels=False)
    if largest > 1 and whole:  # tracks saved without scores have the track's number in the sixth column
        return replace(found, scores=np.where(np.concatenate(short), np.nan, found.scores))
    return found


YOLO = Format(
    "yolo",
    "YOLO label files",
    "numbers",
    detections=DetectionReader(
        read=lambda file, keep: read_yolo(file.path, file.what, frames=file.frames, keep=keep),
        person="0",
        outside="YOLO boxes are center, width and height as fractions of the frame.",
    ),
)
