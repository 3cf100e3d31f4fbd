"""What every reader returns: the rows of an annotation or box file, as the file has them.

A reader only reads: video names, numbers, boxes and classes stay as written. What they mean (seconds, fractions of the
frame, ids of a label map) is decided where the rows become a table of annotations or of detections.

Sizes in shapes: n rows (one for each box entry of the file), L labels (a row has none, one or several).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import numpy as np

from alphaction.data.formats.file_content import RowSource
from alphaction.data.formats.wrong_entries import WrongEntries
from alphaction.data.keyframes import ImageIds, encode, exact_times
from alphaction.utils.errors import UserError
from alphaction.utils.limits import LARGEST_CLASS_ID
from alphaction.utils.numbers import whole

if TYPE_CHECKING:
    from alphaction.data.formats.track_sampling import Track

Unit = Literal["second", "frame"]
SECOND: Unit = "second"
FRAME: Unit = "frame"
OTHER_CLASS = "boxes of other classes left out"
"""The count of rows that a reader was asked not to read."""
IGNORED = "ground truth to ignore (flag 0), left out"
UNLISTED_IMAGES = "boxes of images that the annotations do not list, left out"
OF_ACTIONS = "rows whose class (7th column) is taken for an action of a person"
"""The count of boxes of persons that stand once for each of their actions, as SlowFast's files have it."""
LEFT_OUT = (OTHER_CLASS, IGNORED, UNLISTED_IMAGES)
"""The counts of rows that were right and are not in the table."""
Spelling = Literal["xyxy", "xywh", "cxcywh"]
Label = int | str
"""A class as a file names it: by its id, or by its name."""
CLASS_ID = whole(0, LARGEST_CLASS_ID)
_LARGEST = 2**53
Keep = Callable[[str, str], bool]
"""Class as written, place of its first row -> whether rows of that class are read."""


class NoBoxesError(UserError):
    """A file holds no box for what it is read for, while nothing in it is wrong.

    Args:
        message: what to tell where it is the only file.
        reason: the same in a few words.
    """

    def __init__(self, message: str, reason: str) -> None:
        super().__init__(message)
        self.reason = reason


class TakenFor(NamedTuple):
    """The video that a file is taken for, and why: ``--video-name``, the only video, or the name of file or folder.

    ``named`` is what the file calls its video, where that is none of the known ones; "": it names none.
    """

    video: str
    why: Literal["option", "only", "name"]
    named: str = ""

    @property
    def note(self) -> str:
        """A sentence for the user."""
        reason = {"option": "--video-name", "only": "the only video", "name": "by the name of the file or its folder"}[
            self.why
        ]
        said = f'names "{self.named}", which is not among the videos' if self.named else "names no video"
        return f"the file {said}: taken for {self.video} ({reason})"


class Segment(NamedTuple):
    """A label for a stretch of time, without a box.

    Attributes:
        video: as written.
        start, end: seconds from the start of the video; both moments belong to it.
        label: as written.
        place: where in the file: "region 3".
    """

    video: str
    start: float
    end: float
    label: str
    place: str


class NoActions(NamedTuple):
    """What stands where a box could say its action, and was not taken for one.

    Attributes:
        persons: label that only says that a box shows a person -> number of boxes.
        values: attribute that is not taken for an action -> its values -> number of boxes.
        asked: the attributes that were asked for actions.
        labels: label that was left out, as attributes are the actions -> number of boxes.
    """

    persons: Mapping[str, int] = {}
    values: Mapping[str, Mapping[str, int]] = {}
    asked: Sequence[str] = ()
    labels: Mapping[str, int] = {}


class TracksSampled(NamedTuple):
    """How the tracks of a file became rows.

    Attributes:
        total: stretches of tracks with the same actions; where no track has any, the tracks that are visible.
        lost: those of them that are visible at no keyframe.
        lost_at: seconds between keyframes -> how many would be lost then.
        tracks: how many tracks ``total`` is of.
        actions, lost_actions: action -> how many of ``total`` and of ``lost`` show it.
        moments: video -> times of its keyframes off the grid, ascending.
    """

    total: int = 0
    lost: int = 0
    lost_at: Mapping[int | float, int] = {}
    tracks: int = 0
    actions: Mapping[str, int] = {}
    lost_actions: Mapping[str, int] = {}
    moments: Mapping[str, Sequence[int | float]] = {}


@dataclass(frozen=True, eq=False)
class RowTable:
    """The rows of a file. Numpy columns only, so that eight million rows fit; merging rows is for later.

    Attributes:
        source: the file, and the place in it of each row (``source.place(i)``), for messages.
        videos: distinct video names, as written.
        video_codes: int64 [n] position in ``videos``.
        numbers: [n] second or frame of the video, as written: int64, or float64 where a second is not whole.
        boxes: float64 [n, 4] as written; NaN in a row that is a keyframe without a box.
        classes: distinct classes, as written: ids (int) or names (str).
        label_rows: int64 [L] row of each label, ascending.
        label_codes: int64 [L] position in ``classes`` of each label.
        scores: float64 [n], NaN where a row has none; None: the format has none.
        person_ids: int64 [n], -1 unknown; None: all unknown.
        merge_keys: int64 [n] that rows of one keyframe with equal boxes must share to be one box; None: ``person_ids``.
        frame_sizes: int64 [n, 2] (width, height) in pixels that the file states, 0 where it does not; None: nowhere.
        unconfirmed: bool [n], the boxes that a network predicted and no person has confirmed; None: none is.
        unit: what ``numbers`` count: "second" or "frame".
        spelling: what the four numbers of a box are: "xyxy" (corners), "xywh" (corner and size) or "cxcywh" (center
            and size); None: nothing in the file says so.
        pixels: whether they are pixels (True) or fractions of the frame (False); None: their values must tell.
        image_ids: image id -> keyframe, where the file has images.
        class_names: class id -> name, where the file names its ids.
        class_groups: class -> "movement", "object" or "person", where the file says so.
        class_attributes: class -> the attributes of a tool that it is a value of, and their kinds.
        segments: labels without a box.
        sampled: how tracks became rows.
        no_actions: what was not taken for an action.
        counts: what was met, merged or left out, by reason.
        notes: how the file was read, in sentences that every user should see.
        format: name of the file's format; "": unknown.
        taken_for: the video that a file was taken for which names none; None: it names its videos.
        of_frames: whether times come from numbers of frames that the user may have to explain.
        used: options about video and frames that were of use.
    """

    source: RowSource
    videos: Sequence[str]
    video_codes: np.ndarray
    numbers: np.ndarray
    boxes: np.ndarray
    classes: Sequence[Label] = ()
    label_rows: np.ndarray = field(default_factory=lambda: np.zeros(0, dtype=np.int64))
    label_codes: np.ndarray = field(default_factory=lambda: np.zeros(0, dtype=np.int64))
    scores: np.ndarray | None = None
    person_ids: np.ndarray | None = None
    merge_keys: np.ndarray | None = None
    frame_sizes: np.ndarray | None = None
    unconfirmed: np.ndarray | None = None
    unit: Unit = SECOND
    spelling: Spelling | None = None
    pixels: bool | None = None
    image_ids: ImageIds = field(default_factory=ImageIds.empty)
    class_names: Mapping[int, str] = field(default_factory=dict)
    class_groups: Mapping[Label, str] = field(default_factory=dict)
    class_attributes: Mapping[Label, Mapping[str, str]] = field(default_factory=dict)
    segments: Sequence[Segment] = ()
    sampled: TracksSampled = field(default_factory=TracksSampled)
    no_actions: NoActions = field(default_factory=NoActions)
    counts: Mapping[str, int] = field(default_factory=dict)
    notes: Sequence[str] = ()
    format: str = ""
    taken_for: TakenFor | None = None
    of_frames: bool = False
    used: frozenset[str] = frozenset()

    def __post_init__(self) -> None:
        n = len(self.video_codes)
        columns = (self.numbers, self.boxes, self.scores, self.person_ids, self.merge_keys)
        columns += (self.frame_sizes, self.unconfirmed)
        lengths = {len(column) for column in columns if column is not None} - {n}
        if lengths or len(self.label_rows) != len(self.label_codes):
            raise ValueError(f"columns of {n} rows have lengths {sorted(lengths)}, or labels do not pair up")

    def __len__(self) -> int:
        """Return the number of rows, n."""
        return len(self.video_codes)

    @property
    def has_box(self) -> np.ndarray:
        """Which rows, bool [n], have a box; the others are keyframes without one."""
        return ~np.isnan(self.boxes).all(axis=1)

    def persons(self) -> np.ndarray:
        """Return person ids, int64 [n], -1 unknown."""
        return np.full(len(self), -1, dtype=np.int64) if self.person_ids is None else self.person_ids

    def labels(self) -> list[tuple[Label, ...]]:
        """Return the distinct labels of each row, in the file's order."""
        found: list[dict[Label, None]] = [{} for _ in range(len(self))]
        for row, code in zip(self.label_rows.tolist(), self.label_codes.tolist(), strict=True):
            found[row][self.classes[code]] = None
        return [tuple(labels) for labels in found]

    def take(self, rows: np.ndarray) -> RowTable:
        """Return some rows, int64 [m], in that order (or those where a bool [n] holds); places stay right."""
        rows = np.flatnonzero(rows) if rows.dtype == bool else rows
        starts = np.searchsorted(self.label_rows, rows)
        lengths = np.searchsorted(self.label_rows, rows + 1) - starts
        label_rows = np.repeat(np.arange(len(rows)), lengths)
        labels = np.arange(len(label_rows)) - np.repeat(np.cumsum(lengths) - lengths, lengths)

        def of(column: np.ndarray | None) -> np.ndarray | None:
            return None if column is None else column[rows]

        return replace(
            self,
            source=self.source.take(rows),
            video_codes=self.video_codes[rows],
            numbers=self.numbers[rows],
            boxes=self.boxes[rows],
            label_rows=label_rows,
            label_codes=self.label_codes[np.repeat(starts, lengths) + labels],
            scores=of(self.scores),
            person_ids=of(self.person_ids),
            merge_keys=of(self.merge_keys),
            frame_sizes=of(self.frame_sizes),
            unconfirmed=of(self.unconfirmed),
        )

    def less(self, bad: np.ndarray, problem: Callable[[int], str], strict: bool = True) -> RowTable:
        """Return the rows without those that are ``bad``, bool [n], which are counted; if strict, refuse them.

        Raises:
            UserError: names the first bad row, with ``problem(row)``, and how many more there are.
        """
        if not bad.any():
            return self
        if strict:
            self.source.reject(bad, problem)
        first = int(np.argmax(bad))
        reason = f"rows left out (the first: {self.source.place(first)}: {problem(first).rstrip('.')})"
        return replace(self.take(~bad), counts={**self.counts, reason: int(bad.sum())})


class RowBuilder:
    """Collects rows one at a time, for formats that are walked entry by entry.

    Attributes:
        counts, notes, segments: as in :class:`RowTable`; readers add to them.
        tracks: those that are not sampled yet; see :mod:`alphaction.data.formats.track_sampling`.
        sampled: as in :class:`RowTable`.
        of_frames: as in :class:`RowTable`.
        wrong: entries that cannot be taken, until :meth:`AnnotationFile.table` counts them.
    """

    def __init__(self) -> None:
        self.counts: dict[str, int] = {}
        self.notes: list[str] = []
        self.segments: list[Segment] = []
        self.tracks: list[Track] = []
        self.sampled = TracksSampled()
        self.of_frames = False
        self.wrong = WrongEntries()
        self._videos: dict[str, int] = {}
        self._classes: dict[Label, int] = {}
        self._columns: list[tuple[int, float, Sequence[float], int, int]] = []
        self._label_rows: list[int] = []
        self._label_codes: list[int] = []
        self._places: list[str] = []
        self._unconfirmed: list[int] = []

    def __len__(self) -> int:
        """Return the number of rows so far."""
        return len(self._columns)

    def add(
        self,
        video: str,
        number: float,
        box: Sequence[float] | None,
        labels: Iterable[Label] = (),
        person: int = -1,
        *,
        place: str,
        merge_key: int | None = None,
        unconfirmed: bool = False,
    ) -> None:
        """Add a row.

        Args:
            number: second or frame.
            box: four numbers as written; None: a keyframe without a box.
            labels: its classes, by id or name.
            person: -1 unknown.
            place: where in the file: "track 3, frame 50".
            merge_key: what equal boxes of a keyframe must share to be one; None: the person.
            unconfirmed: whether it is a prediction that no person has confirmed.
        """
        if unconfirmed:
            self._unconfirmed.append(len(self))
        for label in labels:
            self._label_rows.append(len(self))
            self._label_codes.append(self._classes.setdefault(label, len(self._classes)))
        code = self._videos.setdefault(video, len(self._videos))
        # Numbers beyond int64 stay what they are to the user: another person, and a moment past every end.
        person = person if abs(person) < _LARGEST else person % _LARGEST
        number = min(max(number, -_LARGEST), _LARGEST)
        key = person if merge_key is None else merge_key % _LARGEST if abs(merge_key) > _LARGEST else merge_key
        self._columns.append((code, number, (np.nan,) * 4 if box is None else box, person, key))
        self._places.append(place)

    def times(self) -> dict[str, set[float]]:
        """Return video -> the numbers of its rows so far."""
        videos = list(self._videos)
        found: dict[str, set[float]] = {}
        for code, number, *_ in self._columns:
            found.setdefault(videos[code], set()).add(number)
        return found

    def count(self, what: str, amount: int = 1) -> None:
        """Add to a count."""
        self.counts[what] = self.counts.get(what, 0) + amount

    def build(self, path: Path, what: str = "annotations", **more: Any) -> RowTable:
        """Return the rows in the order that they were added.

        Args:
            path: the file.
            what: what it is to the user, for messages.
            more: other fields of the table (``unit``, ``spelling``, ``pixels``, ``class_groups``, ...).
        """
        columns = list(zip(*self._columns, strict=True)) or [(), (), (), (), ()]
        codes, numbers, boxes, persons, keys = columns
        unconfirmed = np.isin(np.arange(len(codes)), self._unconfirmed) if self._unconfirmed else None
        return RowTable(
            source=RowSource(path, what, self._places.__getitem__),
            videos=tuple(self._videos),
            video_codes=np.array(codes, dtype=np.int64),
            numbers=exact_times(numbers),
            boxes=np.array(boxes, dtype=np.float64).reshape(-1, 4),
            classes=tuple(self._classes),
            label_rows=np.array(self._label_rows, dtype=np.int64),
            label_codes=np.array(self._label_codes, dtype=np.int64),
            person_ids=np.array(persons, dtype=np.int64),
            merge_keys=np.array(keys, dtype=np.int64),
            unconfirmed=unconfirmed,
            segments=tuple(self.segments),
            sampled=self.sampled,
            of_frames=self.of_frames,
            counts=dict(self.counts),
            notes=tuple(self.notes),
            **more,
        )


def encode_classes(texts: Sequence[Label | None]) -> tuple[tuple[Label, ...], np.ndarray, np.ndarray]:
    """Return classes, label rows and label codes of rows that have one class each, or None."""
    rows = np.array([row for row, text in enumerate(texts) if text is not None], dtype=np.int64)
    known: dict[Label, int] = {}
    codes = encode((text for text in texts if text is not None), known)
    return tuple(known), rows, codes
