"""The boxes of a foreign detector's files as they are written: YOLO and MOTChallenge text files.

Sizes in shapes: n boxes.
"""

from __future__ import annotations

import bisect
import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from alphaction.data.annotations.files import RowSource, read_text
from alphaction.data.annotations.keyframes import encode
from alphaction.utils.errors import UserError

WHAT = "boxes"
NO_SCORE = "boxes without a score, taken as 1"
OTHER_CLASS = "boxes of other classes left out"
_NUMBERED = re.compile(r"(?:(?P<video>.+)_)?(?P<number>\d+)")
# Lists of class names that annotation tools put beside the boxes.
_NOT_BOXES = {"classes.txt", "labels.txt", "obj.names", "train.txt", "val.txt", "test.txt", "readme.txt"}
# Folders that hold the boxes of all videos, or of the one video that the folder above is named after.
_LABEL_FOLDERS = {"labels", "det", "gt"}


@dataclass(frozen=True)
class ForeignBoxes:
    """n boxes as a file has them.

    Attributes:
        rows: names the place of each box.
        videos: distinct names of videos, as written.
        codes: int64 [n] position in ``videos``.
        numbers: int64 [n] second or frame, as written.
        boxes: float64 [n, 4] corners x1, y1, x2, y2, in pixels or as fractions of the frame.
        scores: float64 [n].
        counts: what was left out, by reason.
        classes: the classes in the file, for messages.
    """

    rows: RowSource
    videos: list[str]
    codes: np.ndarray
    numbers: np.ndarray
    boxes: np.ndarray
    scores: np.ndarray
    counts: dict[str, int] = field(default_factory=dict)
    classes: tuple[str, ...] = ()


def corners_from(boxes: np.ndarray, box_format: str) -> np.ndarray:
    """Return float64 [n, 4] corners of boxes written as "xyxy", "xywh" (corner and size) or "cxcywh" (center)."""
    if box_format == "xyxy":
        return boxes
    start, size = boxes[:, :2], boxes[:, 2:]
    if box_format == "cxcywh":
        start = start - size / 2
    return np.concatenate([start, start + size], axis=1)


class _Lines:
    """Rows of numbers from one or several text files, and where each stands."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._starts: list[int] = []
        self._files: list[Path] = []
        self._lines: list[int] = []
        self.values: list[list[float]] = []

    def add(self, path: Path, separator: str | None, widths: range, expected: str) -> int:
        """Add a file's rows; return how many."""
        self._starts.append(len(self.values))
        self._files.append(path)
        before = len(self.values)
        for number, line in enumerate(read_text(path, WHAT).splitlines(), start=1):
            cells = line.strip().strip(",").split(separator)
            if not line.strip():
                continue
            try:
                row = [float(cell) for cell in cells]
            except ValueError:
                row = []
            if len(row) not in widths or not all(map(math.isfinite, row)):
                raise UserError(f'{WHAT}: {path}, line {number}: "{line.strip()[:80]}": expected {expected}.')
            self._lines.append(number)
            self.values.append(row)
        return len(self.values) - before

    def source(self, rows: np.ndarray) -> RowSource:
        """Return the source of the rows, int64 [n], that are kept."""

        def place(row: int) -> str:
            at = int(rows[row])
            file = self._files[bisect.bisect_right(self._starts, at) - 1]
            name = f"{file.relative_to(self._root)}, " if self._root.is_dir() else ""
            return f"{name}line {self._lines[at]}"

        return RowSource(self._root, WHAT, place)


def _text_files(path: Path) -> Iterator[Path]:
    if path.is_file():
        yield path
        return
    if not path.is_dir():
        read_text(path, WHAT)  # its error names what is there instead
    files = [file for file in sorted(path.rglob("*.txt")) if file.name.lower() not in _NOT_BOXES]
    if not files:
        raise UserError(f"{WHAT}: the folder {path} and those in it hold no .txt file.")
    yield from files


def read_yolo(path: Path, class_id: int | None) -> ForeignBoxes:
    """Read a folder of YOLO label files, one a frame: lines ``class cx cy w h [score [track id]]``, as fractions.

    The file's name tells video and number: ``video/0902.txt``, ``video_0902.txt``, or ``video_12.txt`` as Ultralytics'
    ``save_txt`` names the frames of a video.

    Args:
        class_id: keep boxes of this class; None: of every class.

    Raises:
        UserError: a name without a number, or a line that is not such a box.
    """
    lines = _Lines(path)
    videos: list[str] = []
    numbers: list[int] = []
    expected = "class cx cy w h [score [track id]], separated by spaces (boxes, not polygons or key points)"
    for file in _text_files(path):
        match = _NUMBERED.fullmatch(file.stem)
        if match is None:
            raise UserError(
                f'{WHAT}: {file}: its name does not tell video and frame. Expected "video/0902.txt" or '
                '"video_0902.txt".'
            )
        video = match["video"] or _folder_name(file)
        count = lines.add(file, None, range(5, 8), expected)
        videos += [video] * count
        numbers += [int(match["number"])] * count
    values, counts = lines.values, {}
    # Tracks saved without scores have the track's number in the sixth column.
    tracks = [row[5] for row in values if len(row) == 6]
    scored = not (tracks and max(tracks) > 1 and all(value.is_integer() for value in tracks))
    scores = [row[5] if len(row) == 7 or (len(row) == 6 and scored) else None for row in values]
    keep = np.array([class_id is None or row[0] == class_id for row in values], dtype=bool)
    _note(counts, OTHER_CLASS, ~keep)
    boxes = corners_from(_columns(values, slice(1, 5)), "cxcywh")
    found = _kept(lines, videos, numbers, boxes, scores, keep, counts)
    return replace(found, classes=_class_numbers(values, 0, np.ones(len(values), dtype=bool)))


def read_mot(path: Path, class_id: int | None) -> ForeignBoxes:
    """Read MOTChallenge text: lines ``frame, track id, x, y, width, height, score, ...`` in pixels.

    One file a video, ``video.txt``, or a folder of them, or of ``video/det/det.txt`` (or ``gt/gt.txt``). Ground truth
    has 9 columns (``..., flag, class, visibility``): boxes with flag 0 are those to ignore. A score of -1 says that
    there is none.

    Args:
        class_id: keep boxes of this class of ground truth; None: of every class.

    Raises:
        UserError: a line that is not such a box.
    """
    lines = _Lines(path)
    videos: list[str] = []
    expected = "frame, track id, x, y, width, height, score, ... (7 to 10 numbers separated by commas), frames whole"
    for file in _text_files(path):
        count = lines.add(file, ",", range(6, 11), expected)
        videos += [_folder_name(file) if file.stem in _LABEL_FOLDERS else file.stem] * count
    values = lines.values
    everything = lines.source(np.arange(len(values)))
    frames = _columns(values, 0)
    everything.reject(frames % 1 != 0, lambda row: f"frame {frames[row]:g} is not a whole number.")
    truth = np.array([len(row) == 9 for row in values], dtype=bool)
    counts: dict[str, int] = {}
    ignored = truth & (_columns([row if len(row) > 6 else [*row, 1.0] for row in values], 6) == 0)
    _note(counts, "ground truth to ignore (flag 0), left out", ignored)
    other = np.array([len(row) == 9 and class_id is not None and row[7] != class_id for row in values], dtype=bool)
    _note(counts, OTHER_CLASS, other & ~ignored)
    scores = [row[6] if len(row) > 6 and row[6] != -1 and len(row) != 9 else None for row in values]
    boxes = corners_from(_columns(values, slice(2, 6)), "xywh")
    found = _kept(lines, videos, frames.astype(np.int64).tolist(), boxes, scores, ~(ignored | other), counts)
    return replace(found, classes=_class_numbers(values, 7, truth))


def _class_numbers(values: Sequence[Sequence[float]], column: int, rows: np.ndarray) -> tuple[str, ...]:
    """Return the distinct class numbers of some rows, bool [n]."""
    found = {row[column] for row, has_class in zip(values, rows, strict=True) if has_class}
    return tuple(f"{number:g}" for number in sorted(found))


def _folder_name(file: Path) -> str:
    """Return the video that a file is named after by its folder: ``video/0902.txt``, ``video/det/det.txt``."""
    folder = file.resolve().parent
    return folder.parent.name if folder.name in _LABEL_FOLDERS else folder.name


def _columns(values: Sequence[Sequence[float]], which: int | slice) -> np.ndarray:
    shape = (0,) if isinstance(which, int) else (0, which.stop - which.start)
    return np.array([row[which] for row in values], dtype=np.float64) if values else np.zeros(shape)


def _note(counts: dict[str, int], name: str, rows: np.ndarray) -> None:
    if rows.any():
        counts[name] = int(rows.sum())


def _kept(
    lines: _Lines,
    videos: Sequence[str],
    numbers: Sequence[int],
    boxes: np.ndarray,
    scores: Sequence[float | None],
    keep: np.ndarray,
    counts: dict[str, int],
) -> ForeignBoxes:
    known: dict[str, int] = {}
    codes = encode(videos, known)
    missing = np.array([score is None for score in scores], dtype=bool)
    _note(counts, NO_SCORE, missing & keep)
    filled = np.array([1.0 if score is None else score for score in scores], dtype=np.float64)
    return ForeignBoxes(
        rows=lines.source(np.flatnonzero(keep)),
        videos=list(known),
        codes=codes[keep],
        numbers=np.array(numbers, dtype=np.int64)[keep],
        boxes=boxes[keep],
        scores=filled[keep],
        counts={"boxes read": len(lines.values), **counts},
    )
