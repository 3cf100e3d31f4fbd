"""The boxes of any other detector, brought to the annotated keyframes of a dataset.

Sizes in shapes: n boxes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from alphaction.data.annotations import AnnotationTable, BoxTable
from alphaction.data.annotations.box_table import REPEATED, distinct_boxes
from alphaction.data.annotations.checks import DETECTION_RULES, check_scores, clip_boxes
from alphaction.data.annotations.from_rows import known_sizes, to_fractions
from alphaction.data.formats.box_spelling import BOX_FORMAT_CHOICES, NORMALIZED_CHOICES, reversed_corners
from alphaction.data.formats.cells import is_number
from alphaction.data.formats.format import DetectionFile, DetectionReader
from alphaction.data.formats.known_formats import DETECTION_FORMATS
from alphaction.data.formats.rows import FRAME, LEFT_OUT, OF_ACTIONS, OTHER_CLASS, NoBoxesError, RowTable
from alphaction.data.video.file import VideoInfo
from alphaction.utils.errors import DataError, UserError
from alphaction.utils.messages import counted, listed, suggest
from alphaction.utils.numbers import ABOVE_ZERO, whole
from alphaction.utils.options import option
from alphaction.utils.values import parse_integer
from alphaction.workflows.detect.keyframe_matching import (
    Numbering,
    at_keyframes,
    check_numbers,
    of_known_videos,
    require_some,
)

WHAT = "boxes"
NO_KEYFRAME = "boxes at no annotated keyframe left out"
EMPTY_KEYFRAMES = "annotated keyframes without a box"
NO_SCORE = "boxes without a score, taken as 1"
_READERS: Mapping[str, DetectionReader] = {name: each.detections for name, each in DETECTION_FORMATS.items()}


_NUMBERED = "files of this format number their classes, give the number"


def _names(some: Callable[[DetectionReader], bool]) -> str:
    return ", ".join(name for name, reader in _READERS.items() if some(reader))


_SPELLED = _names(lambda reader: reader.any_spelling)
_WITH_IMAGES = _names(lambda reader: reader.image_lists)


@dataclass(frozen=True)
class ImportRules:
    """How the files are written, and what to keep; each field is a flag, described by its ``help``.

    Attributes:
        every_class: keep boxes of every class.
        min_score: leave out boxes below this score.
        max_per_frame: keep at most so many boxes of a keyframe, best score first.
    """

    class_id: str | None = option(
        None,
        metavar="ID",
        help=f"class of persons (default: {', '.join(f'{name} {each.person}' for name, each in _READERS.items())})",
    )
    every_class: bool = False
    box_format: str = option("auto", choices=BOX_FORMAT_CHOICES, help=_SPELLED)
    normalized: str = option(
        "auto",
        choices=NORMALIZED_CHOICES,
        help=f"{_SPELLED}: fractions, or pixels (no); auto: pixels if a value is above 2",
    )
    frames: bool = option(False, help="numbers in names or rows count frames, not seconds")
    frame_rate: float | None = option(
        None, within=ABOVE_ZERO, metavar="R", help="numbered frames per second (default: the video's)"
    )
    first_frame: int | None = option(
        None,
        within=whole(0, 1),
        metavar="{0,1}",
        help="number of the first frame (default: 0 if there is a frame 0, else 1)",
    )
    video_name: str | None = option(None, metavar="NAME", help="video that the file is of, if its name is another")
    images: Path | None = option(None, metavar="FILE", help=f"{_WITH_IMAGES}: JSON with the images of the ids")
    min_score: float = 0.0
    max_per_frame: int = 100


def import_detections(
    path: Path,
    kind: str,
    annotations: AnnotationTable,
    info: Callable[[str], VideoInfo],
    rules: ImportRules | None = None,
) -> BoxTable:
    """Return a foreign detector's boxes at the annotated keyframes; ``counts`` tell what was left out, and why.

    Boxes of a frame belong to the keyframe that the frame is nearest to among all frames, never to a neighbor: a
    keyframe whose frame has no boxes stays without. Frame numbers become seconds by a constant rate.

    Args:
        path: a file or a folder.
        kind: a name of :data:`alphaction.data.formats.known_formats.DETECTION_FORMATS`.
        annotations: whose keyframes and video names count.
        info: what a video's file says; ``duration`` and ``frames`` None where they are not those of the video.
        rules: how the files are written, and what to keep.

    Raises:
        UserError: a wrong row, options that do not suit ``kind``, seconds beyond the videos, or no box at a keyframe.
    """
    rules = rules or ImportRules()
    return boxes_at_keyframes(read_detections(path, kind, annotations, rules), annotations, info, rules)


@dataclass(frozen=True)
class ReadBoxes:
    """The rows of one file or folder, before it is known to which keyframes they belong.

    Attributes:
        path: the file or folder.
        reader: of its format.
        classes: which rows were read.
        found: the rows.
    """

    path: Path
    reader: DetectionReader
    classes: ClassFilter
    found: RowTable

    @property
    def has_frame_0(self) -> bool:
        """Whether the file numbers frames, and from 0."""
        return self.found.unit == FRAME and bool((self.found.numbers == 0).any())


def read_detections(path: Path, kind: str, annotations: AnnotationTable, rules: ImportRules) -> ReadBoxes:
    """Read a file or folder; arguments and errors are those of :func:`import_detections`."""
    _require_suiting(kind, rules)
    file = DetectionFile(
        path,
        WHAT,
        rules.box_format,
        rules.normalized,
        rules.frames,
        rules.images,
        annotations.image_ids,
        annotations.source,
        rules.class_id is None and not rules.every_class,
    )
    reader = _READERS[kind]
    classes = ClassFilter(file, reader, rules.class_id, rules.every_class)
    found = reader.read(file, classes.keep)
    found = replace(found, unit=FRAME) if rules.frames else found
    found = found if rules.video_name is None else _of_video(found, rules.video_name)
    return ReadBoxes(path, reader, classes, found)


def boxes_at_keyframes(
    read: ReadBoxes, annotations: AnnotationTable, info: Callable[[str], VideoInfo], rules: ImportRules
) -> BoxTable:
    """Return the boxes at the annotated keyframes; see :func:`import_detections`."""
    path, found = read.path, read.found
    counts = {name: found.counts[name] for name in LEFT_OUT if name in found.counts}
    counts = {"boxes read": len(found) + sum(counts.values()), **counts}
    read.classes.refuse_from_zero()
    if not len(found):
        read.classes.refuse_none(counts)
    notes = (*found.notes, *read.classes.notes)
    if found.counts.get(OF_ACTIONS):
        counts[OF_ACTIONS] = found.counts[OF_ACTIONS]
        notes = (*notes, "if the 7th column is a detector's class: --class-id ID keeps that of persons")
    found = of_known_videos(path, _scored(found, counts), annotations, counts)
    found = _once(found, counts)
    # Frames count from 0 where a frame 0 occurs, unless the user says otherwise.
    first = rules.first_frame if rules.first_frame is not None else int(not read.has_frame_0)
    numbering = Numbering(found.unit == FRAME, rules.frame_rate, first)
    check_numbers(found, numbering, info)
    found = _to_unit(found, read.reader, rules, annotations, info, counts)
    check_scores(found.source, found.scores)
    rows, keyframes = at_keyframes(found, annotations, numbering, info)
    counts[NO_KEYFRAME] = len(found) - len(np.unique(rows))
    require_some(path, found, annotations, rows, numbering)
    table = _limited(path, found, annotations, rows, keyframes, rules, counts)
    without = len(annotations.keyframes) - len(table.keyframes)
    counts["boxes kept"] = len(table)
    counts[EMPTY_KEYFRAMES] = without
    return replace(table, counts={name: count for name, count in counts.items() if count}, notes=notes)


def _require_suiting(kind: str, rules: ImportRules) -> None:
    if kind not in _READERS:
        raise UserError(f'the format "{kind}" is not known. {suggest(kind, list(_READERS))}')
    reader = _READERS[kind]
    if not reader.any_spelling and (rules.box_format != "auto" or rules.normalized != "auto"):
        raise UserError(f"--box-format and --normalized are for {_SPELLED}; {kind} files have one way to write boxes")
    if not reader.image_lists and rules.images is not None:
        raise UserError(f"--images is for --from {_WITH_IMAGES}")


class ClassFilter:
    """Which boxes to read by their class.

    Args:
        file: the boxes.
        reader: of its format.
        class_id: the class, by name or number; None: persons.
        every: boxes of every class.
    """

    def __init__(self, file: DetectionFile, reader: DetectionReader, class_id: str | None, every: bool) -> None:
        self._path, self._named, self._every = file.path, reader.named_classes, every
        names = reader.class_names(file)
        self._given = class_id if class_id is None or self._named else _number_of(class_id, names)
        find = class_id is None and not every
        self.person = (reader.find_person(file) if find else "") or reader.person
        self._guesses = reader.from_one and find and not names
        name = names.get(parse_integer(self.wanted)) if not self._named and not every else None
        self.notes = (f'class {self.wanted} is "{name}" in the list of names beside the boxes',) if name else ()
        self.seen: list[str] = []

    @property
    def wanted(self) -> str:
        """The class of the boxes to read."""
        return self._given or self.person

    def keep(self, text: str, place: str) -> bool:
        """Return whether boxes of a class as the file has it, first met at ``place``, are read."""
        self.seen.append(text)
        if self._every:
            return True
        if self._given is None and self._named and is_number(text):
            raise DataError(
                f"{WHAT}: {self._path}, {place}: the class is a number ({text}). Say which one is a person with "
                "--class-id, or keep all with --every-class."
            )
        return text.casefold() == self.wanted.casefold() or (is_number(text) and text.removesuffix(".0") == self.wanted)

    def refuse_from_zero(self) -> None:
        """Raise a :class:`UserError` if numbers were met from 0 on where nothing but their order says what they are."""
        if self._guesses and "0" in self.seen:
            raise DataError(
                f"{WHAT}: {self._path}: the classes are numbered from 0 ({listed(sorted(self.seen, key=float))}), so "
                "that 1 need not be a person. Say which one is with --class-id, or keep all with --every-class."
            )

    def refuse_none(self, counts: Mapping[str, int]) -> None:
        """Raise a :class:`UserError` that says why no box is left to import."""
        if counts.get(OTHER_CLASS) and not self._every:
            raise NoBoxesError(
                f"{WHAT}: {self._path}: no boxes to import: no row (of {counts['boxes read']}) has class "
                f'"{self.wanted}". {suggest(self.wanted, self.seen)} Choose one with --class-id, or --every-class.',
                f'{self._path} has no box of class "{self.wanted}"',
            )
        nothing = f"{self._path} holds no boxes to import{_listed(counts)}"
        raise NoBoxesError(f"{WHAT}: {nothing}. Check the path.", nothing)


def _number_of(class_id: str, names: Mapping[int, str]) -> str:
    """Return the number of a class that the user gives by number, or by one of the known names.

    Raises:
        UserError: neither is the case.
    """
    if class_id.isdecimal():
        return str(int(class_id))
    numbers = [number for number, name in names.items() if name.casefold() == class_id.casefold()]
    if not numbers:
        known = f"no class of that name. {suggest(class_id, names.values())}" if names else _NUMBERED
        raise UserError(f"--class-id {class_id}: {known}")
    return str(numbers[0])


def _of_video(found: RowTable, name: str) -> RowTable:
    """Return the rows under the name of the one video that they are of."""
    if len(found.videos) > 1:
        raise UserError(
            f"--video-name {name}: {found.source.path} holds boxes of {counted(len(found.videos), 'video')} "
            f"({listed(found.videos, 3)}). Give the file of that video alone."
        )
    return replace(found, videos=[name] * len(found.videos))


def _scored(found: RowTable, counts: dict[str, int]) -> RowTable:
    """Return the rows with a score of 1 where they have none, which are counted."""
    scores = np.full(len(found), np.nan) if found.scores is None else found.scores
    missing = np.isnan(scores)
    counts[NO_SCORE] = int(missing.sum())
    return replace(found, scores=np.where(missing, 1.0, scores))


def _once(found: RowTable, counts: dict[str, int]) -> RowTable:
    """Return the rows without those that stand twice: one box of a class at one moment, the best score of them."""
    classes = np.full(len(found), -1, dtype=np.int64)
    classes[found.label_rows] = found.label_codes
    keys = np.stack([found.video_codes, found.numbers, classes], axis=1)
    kept = distinct_boxes(keys, found.boxes, found.scores)
    counts[REPEATED] = len(found) - len(kept)
    return found.take(kept) if counts[REPEATED] else found


def _to_unit(
    found: RowTable,
    reader: DetectionReader,
    rules: ImportRules,
    annotations: AnnotationTable,
    info: Callable[[str], VideoInfo],
    counts: dict[str, int],
) -> RowTable:
    """Return the rows with boxes as corners in fractions of the frame, clipped to it; those without an area are left
    out and counted."""
    frame_sizes = found.frame_sizes
    if frame_sizes is not None and not (rules.frames or rules.images):
        frame_sizes = known_sizes(found, annotations)  # the file's own, or those of the images that its ids refer to
    boxes = to_fractions(found, frame_sizes, lambda video: (info(video).width, info(video).height))
    found.source.reject(
        reversed_corners(boxes),
        lambda row: (
            f"the box ({', '.join(f'{value:g}' for value in found.boxes[row])}) ends before it begins. Is it x, y, "
            "width, height? Say so with --box-format xywh."
        ),
    )
    boxes, solid = clip_boxes(found.source, boxes, DETECTION_RULES, reader.outside, counts, found.video_codes)
    return replace(found, boxes=boxes, spelling="xyxy").take(solid)


def _limited(
    path: Path,
    found: RowTable,
    annotations: AnnotationTable,
    rows: np.ndarray,
    keyframes: np.ndarray,
    rules: ImportRules,
    counts: dict[str, int],
) -> BoxTable:
    """Return the table of the rows with a sufficient score, the best of each keyframe; the others are counted."""
    enough = found.scores[rows].astype(np.float32) >= np.float32(rules.min_score)
    counts[f"boxes below score {rules.min_score:g} left out"] = int((~enough).sum())
    rows, keyframes = rows[enough], keyframes[enough]
    order = np.lexsort((-found.scores[rows], keyframes))
    rows, keyframes = rows[order], keyframes[order]
    starts = np.searchsorted(keyframes, keyframes)
    best = np.arange(len(rows)) - starts < rules.max_per_frame
    counts[f"boxes beyond {rules.max_per_frame} of a keyframe left out"] = int((~best).sum())
    rows, keyframes = rows[best], keyframes[best]
    index = annotations.keyframes
    videos = index.videos[index.video_index[keyframes]].tolist()
    return BoxTable.from_columns(videos, index.seconds[keyframes], found.boxes[rows], found.scores[rows], str(path))


def _listed(counts: Mapping[str, int]) -> str:
    return f" ({'; '.join(f'{name}: {count}' for name, count in counts.items())})" if counts else ""
