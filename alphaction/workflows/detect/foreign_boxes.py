"""The boxes of a foreign detector's files as they are written: YOLO and MOTChallenge text files.

Sizes in shapes: n boxes.
"""

from __future__ import annotations

import bisect
import math
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from alphaction.data.formats.box_spelling import to_corners
from alphaction.data.formats.files import RowSource, read_text
from alphaction.utils.errors import UserError

WHAT = "boxes"
NO_SCORE = "boxes without a score, taken as 1"
OTHER_CLASS = "boxes of other classes left out"
# Small arrays are joined now and then: a folder may have a file for every frame.
_MANY_PARTS = 4096
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


@dataclass(frozen=True)
class _Rows:
    """The n rows of numbers of one text file.

    Attributes:
        file: the file.
        values: float64 [n, columns], NaN beyond the end of a short row.
        widths: int64 [n], how many numbers each row has.
        lines: int32 [n], line of each row in the file, from 1.
    """

    file: Path
    values: np.ndarray
    widths: np.ndarray
    lines: np.ndarray

    def column(self, index: int) -> np.ndarray:
        """Return a column, float64 [n]; NaN where a row does not reach it."""
        return self.values[:, index] if index < self.values.shape[1] else np.full(len(self.values), np.nan)

    def reject(self, bad: np.ndarray, problem: Callable[[int], str]) -> None:
        """Raise a :class:`UserError` for the first row where ``bad``, bool [n], holds."""
        RowSource(self.file, WHAT, lambda row: f"line {self.lines[row]}").reject(bad, problem)


def _read_rows(file: Path, separator: str | None, widths: range, expected: str) -> _Rows:
    lines = read_text(file, WHAT).splitlines()
    numbers = np.array([k for k, line in enumerate(lines, start=1) if line.strip()], dtype=np.int32)
    values = _equal_rows(lines, separator) if len(numbers) else None
    if values is not None and len(values) == len(numbers) and values.shape[1] in widths and np.isfinite(values).all():
        return _Rows(file, values, np.full(len(values), values.shape[1]), numbers)
    # Ten times as slow, this takes rows of unequal length and finds the wrong line.
    values, counts = np.full((len(numbers), widths.stop - 1), np.nan), np.zeros(len(numbers), dtype=np.int64)
    for position, number in enumerate(numbers.tolist()):
        line = lines[number - 1].strip()
        try:
            row = [float(cell) for cell in line.strip(",").split(separator)]
        except ValueError:
            row = []
        if len(row) not in widths or not all(map(math.isfinite, row)):
            raise UserError(f'{WHAT}: {file}, line {number}: "{line[:80]}": expected {expected}.')
        values[position, : len(row)], counts[position] = row, len(row)
    return _Rows(file, values, counts, numbers)


def _equal_rows(lines: list[str], separator: str | None) -> np.ndarray | None:
    try:
        return np.loadtxt(lines, delimiter=separator, comments=None, ndmin=2)
    except ValueError:
        return None


class _Gathered:
    """What is kept of the rows of several files."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._files: list[Path] = []
        self._starts: list[int] = []
        self._videos: dict[str, int] = {}
        self._parts: list[tuple[np.ndarray, ...]] = []
        self._classes: set[float] = set()
        self._kept = 0
        self.counts = {"boxes read": 0}

    def add(
        self,
        rows: _Rows,
        video: str,
        numbers: np.ndarray,
        boxes: np.ndarray,
        scores: np.ndarray,
        doubtful: np.ndarray,
        keep: np.ndarray,
    ) -> None:
        """Add those of a file's n rows where ``keep``, bool [n]; scores are NaN where there are none.

        Scores where ``doubtful``, bool [n], may turn out to be something else.
        """
        self._files.append(rows.file)
        self._starts.append(self._kept)
        self._kept += int(keep.sum())
        self.counts["boxes read"] += len(keep)
        if keep.any():
            codes = np.full(len(keep), self._videos.setdefault(video, len(self._videos)))
            columns = (rows.lines, codes, numbers, boxes, scores, doubtful)
            self._parts.append(tuple(column[keep] for column in columns))
        if len(self._parts) >= _MANY_PARTS:
            self._parts = [tuple(map(np.concatenate, zip(*self._parts, strict=True)))]

    def note(self, name: str, rows: np.ndarray) -> None:
        """Count some rows, bool [n], under a reason."""
        if rows.any():
            self.counts[name] = self.counts.get(name, 0) + int(rows.sum())

    def note_classes(self, numbers: np.ndarray) -> None:
        """Remember class numbers, for messages."""
        self._classes.update(np.unique(numbers).tolist())

    def boxes(self, *, trust: bool = True) -> ForeignBoxes:
        """Return all that was kept; without ``trust`` doubtful scores are none."""
        none = np.zeros(0, dtype=np.int64)
        empty = (none, none, none, np.zeros((0, 4)), np.zeros(0), np.zeros(0, dtype=bool))
        lines, codes, numbers, boxes, scores, doubtful = map(np.concatenate, zip(empty, *self._parts, strict=True))
        self._parts.clear()
        missing = np.isnan(scores) | (doubtful & (not trust))
        self.note(NO_SCORE, missing)
        files, starts, root = self._files, self._starts, self._root

        def place(row: int) -> str:
            file = files[bisect.bisect_right(starts, row) - 1]
            name = f"{file.relative_to(root)}, " if root.is_dir() else ""
            return f"{name}line {lines[row]}"

        return ForeignBoxes(
            rows=RowSource(root, WHAT, place),
            videos=list(self._videos),
            codes=codes,
            numbers=numbers,
            boxes=boxes,
            scores=np.where(missing, 1.0, scores),
            counts=self.counts,
            classes=tuple(f"{number:g}" for number in sorted(self._classes)),
        )


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
    gathered = _Gathered(path)
    expected = "class cx cy w h [score [track id]], separated by spaces (boxes, not polygons or key points)"
    sixth_max, sixth_whole = 0.0, True
    for file in _text_files(path):
        match = _NUMBERED.fullmatch(file.stem)
        if match is None:
            raise UserError(
                f'{WHAT}: {file}: its name does not tell video and frame. Expected "video/0902.txt" or '
                '"video_0902.txt".'
            )
        rows = _read_rows(file, None, range(5, 8), expected)
        classes = rows.column(0)
        gathered.note_classes(classes)
        keep = np.full(len(classes), True) if class_id is None else classes == class_id
        gathered.note(OTHER_CLASS, ~keep)
        short = rows.widths == 6
        sixth = rows.column(5)[short]
        sixth_max, sixth_whole = max(sixth_max, sixth.max(initial=0)), sixth_whole and not (sixth % 1).any()
        video, numbers = match["video"] or _folder_name(file), np.full(len(classes), int(match["number"]))
        boxes = to_corners(rows.values[:, 1:5], "cxcywh")
        gathered.add(rows, video, numbers, boxes, rows.column(5), short, keep)
    # Tracks saved without scores have the track's number in the sixth column.
    return gathered.boxes(trust=not (sixth_max > 1 and sixth_whole))


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
    gathered = _Gathered(path)
    expected = "frame, track id, x, y, width, height, score, ... (7 to 10 numbers separated by commas), frames whole"
    for file in _text_files(path):
        rows = _read_rows(file, ",", range(6, 11), expected)
        frames, scores, classes = rows.column(0), rows.column(6), rows.column(7)
        _require_whole(rows, frames)
        truth = rows.widths == 9
        gathered.note_classes(classes[truth])
        ignored = truth & (scores == 0)
        gathered.note("ground truth to ignore (flag 0), left out", ignored)
        other = truth & ~ignored & (class_id is not None) & (classes != class_id)
        gathered.note(OTHER_CLASS, other)
        video = _folder_name(file) if file.stem in _LABEL_FOLDERS else file.stem
        scores = np.where(truth | (scores == -1), np.nan, scores)
        boxes, numbers = to_corners(rows.values[:, 2:6], "xywh"), frames.astype(np.int64)
        gathered.add(rows, video, numbers, boxes, scores, np.zeros(len(frames), dtype=bool), ~(ignored | other))
    return gathered.boxes()


def _require_whole(rows: _Rows, frames: np.ndarray) -> None:
    rows.reject(frames % 1 != 0, lambda row: f"frame {frames[row]:g} is not a whole number.")


def _folder_name(file: Path) -> str:
    """Return the video that a file is named after by its folder: ``video/0902.txt``, ``video/det/det.txt``."""
    folder = file.resolve().parent
    return folder.parent.name if folder.name in _LABEL_FOLDERS else folder.name
