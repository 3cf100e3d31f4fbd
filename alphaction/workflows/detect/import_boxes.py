"""The boxes of any other detector, brought to the annotated keyframes of a dataset.

Sizes in shapes: n boxes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from alphaction.data.annotations import AnnotationTable, BoxTable
from alphaction.data.annotations.checks import DETECTION_RULES, check_scores, clip_boxes
from alphaction.data.annotations.from_rows import known_sizes, to_fractions
from alphaction.data.formats.box_spelling import BOX_FORMAT_CHOICES, NORMALIZED_CHOICES, reversed_corners
from alphaction.data.formats.cells import is_number
from alphaction.data.formats.format import DetectionFile, DetectionReader
from alphaction.data.formats.known_formats import DETECTION_FORMATS
from alphaction.data.formats.rows import FRAME, LEFT_OUT, OTHER_CLASS, RowTable
from alphaction.data.video.file import VideoInfo
from alphaction.utils.errors import UserError
from alphaction.utils.messages import suggest
from alphaction.utils.numbers import ABOVE_ZERO, whole
from alphaction.utils.options import option
from alphaction.workflows.detect.keyframe_matching import (
    Numbering,
    at_keyframes,
    check_numbers,
    of_known_videos,
    require_some,
)

WHAT = "boxes"
NO_SCORE = "boxes without a score, taken as 1"
_READERS: Mapping[str, DetectionReader] = {name: each.detections for name, each in DETECTION_FORMATS.items()}


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
    first_frame: int = option(
        1, within=whole(0, 1), metavar="{0,1}", help="number of the first frame (default: %(default)s)"
    )
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
    )
    reader = _READERS[kind]
    classes = ClassFilter(file, reader, rules.class_id, rules.every_class)
    found = reader.read(file, classes.keep)
    found = replace(found, unit=FRAME) if rules.frames else found
    counts = {name: found.counts[name] for name in LEFT_OUT if name in found.counts}
    counts = {"boxes read": len(found) + sum(counts.values()), **counts}
    if not len(found):
        classes.refuse_none(counts)
    found = of_known_videos(path, _scored(found, counts), annotations, counts)
    numbering = Numbering(found.unit == FRAME, rules.frame_rate, rules.first_frame)
    check_numbers(found, numbering, info)
    found = _to_unit(found, reader, rules, annotations, info, counts)
    check_scores(found.source, found.scores)
    rows, keyframes = at_keyframes(found, annotations, numbering, info)
    counts["boxes at no annotated keyframe left out"] = len(found) - len(np.unique(rows))
    require_some(path, found, annotations, rows, numbering)
    table = _limited(path, found, annotations, rows, keyframes, rules, counts)
    without = len(annotations.keyframes) - len(table.keyframes)
    counts["boxes kept"] = len(table)
    counts["annotated keyframes without a box"] = without
    return replace(table, counts={name: count for name, count in counts.items() if count})


def _require_suiting(kind: str, rules: ImportRules) -> None:
    if kind not in _READERS:
        raise UserError(f'the format "{kind}" is not known. {suggest(kind, list(_READERS))}')
    reader = _READERS[kind]
    if not reader.any_spelling and (rules.box_format != "auto" or rules.normalized != "auto"):
        raise UserError(f"--box-format and --normalized are for {_SPELLED}; {kind} files have one way to write boxes")
    if not reader.image_lists and rules.images is not None:
        raise UserError(f"--images is for --from {_WITH_IMAGES}")
    if not reader.named_classes and rules.class_id is not None and not rules.class_id.isdecimal():
        raise UserError(f"--class-id {rules.class_id}: {kind} files number their classes, give the number")


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
        self._given = class_id if class_id is None or self._named else str(int(class_id))
        self.person = reader.find_person(file) or reader.person
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
            raise UserError(
                f"{WHAT}: {self._path}, {place}: the class is a number ({text}). Say which one is a person with "
                "--class-id, or keep all with --every-class."
            )
        return text.casefold() == self.wanted.casefold() or (is_number(text) and text.removesuffix(".0") == self.wanted)

    def refuse_none(self, counts: Mapping[str, int]) -> None:
        """Raise a :class:`UserError` that says why no box is left to import."""
        if counts.get(OTHER_CLASS) and not self._every:
            raise UserError(
                f"{WHAT}: {self._path}: no boxes to import: not one of {counts['boxes read']} rows has class "
                f'"{self.wanted}". {suggest(self.wanted, self.seen)} Choose one with --class-id, or --every-class.'
            )
        raise UserError(f"{WHAT}: {self._path} holds no boxes to import{_listed(counts)}. Check the path.")


def _scored(found: RowTable, counts: dict[str, int]) -> RowTable:
    """Return the rows with a score of 1 where they have none, which are counted."""
    scores = np.full(len(found), np.nan) if found.scores is None else found.scores
    missing = np.isnan(scores)
    counts[NO_SCORE] = int(missing.sum())
    return replace(found, scores=np.where(missing, 1.0, scores))


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
    boxes, solid = clip_boxes(found.source, boxes, DETECTION_RULES, reader.outside, counts)
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
