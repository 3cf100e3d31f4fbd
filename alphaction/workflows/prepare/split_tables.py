"""From imported annotations and box files to the typed tables of each split."""

from __future__ import annotations

import shlex
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from alphaction.data.annotations import NO_CLASS, AnnotationTable, BoxTable, ImageIds, Keyframe, KeyframeIndex
from alphaction.data.annotations import read_boxes as read_box_file
from alphaction.data.annotations import read_exclusions as read_exclusion_file
from alphaction.data.annotations.annotation_table import merge_rows
from alphaction.data.annotations.box_table import distinct_boxes
from alphaction.data.annotations.checks import TABLE_RULES, TOOL_RULES, BoxRules, clip_boxes
from alphaction.data.formats.known_formats import ANNOTATION_FORMATS
from alphaction.data.formats.rows import RowTable
from alphaction.data.keyframes import encode, exact_time, exact_times
from alphaction.utils.errors import DataError, UserError
from alphaction.utils.messages import suggest
from alphaction.workflows.prepare.video_library import VideoLibrary

# Counts of a box file that need no notice.
_PLAIN = ("rows", "header lines")
_OTHER_VIDEO = "Is this the video that was annotated, in the same size?"
_OTHER_FORM = (
    "If boxes are written in another form, name it: --box-format xyxy, xywh or cxcywh, --normalized yes (fractions of "
    f"the frame) or no (pixels). {_OTHER_VIDEO}"
)
_OTHER_HEADER = (
    "If boxes are written in another form, correct the header (x1, y1, x2, y2 or x, y, width, height or cx, cy, width, "
    f"height), or add --normalized yes (fractions of the frame) or no (pixels). {_OTHER_VIDEO}"
)


def build_table(parts: Sequence[RowTable], class_ids: Sequence[list[tuple[int, ...]]]) -> AnnotationTable:
    """Return the annotations of several files as one table; boxes are checked, and clipped to the frame.

    Args:
        parts: the imported files of one split.
        class_ids: for each of them, for each of its rows, the class ids.

    Raises:
        UserError: a box lies outside the frame, or too many have no area; names file and row.
    """
    counts: Counter[str] = Counter()
    videos: list[str] = []
    empty: list[Keyframe] = []
    kept_boxes = 0
    seconds, boxes, ids, persons = [], [], [], []
    for part, part_ids in zip(parts, class_ids, strict=True):
        boxed = part.take(part.has_box)
        met: dict[str, int] = {}
        clipped, solid = clip_boxes(boxed.source, boxed.boxes, *_judged(part), met, boxed.video_codes)
        counts.update(met)
        kept = np.flatnonzero(part.has_box)[solid]
        kept_boxes += len(kept)
        repeat = np.array([max(len(part_ids[row]), 1) for row in kept.tolist()], dtype=np.int64)
        rows = np.repeat(kept, repeat)
        names = [part.videos[code] for code in part.video_codes.tolist()]
        # A keyframe stays annotated where its only box was left out.
        others = np.setdiff1d(np.arange(len(part)), kept)
        empty += [Keyframe(names[row], exact_time(part.numbers[row])) for row in others.tolist()]
        videos += [names[row] for row in rows.tolist()]
        seconds.append(part.numbers[rows])
        boxes.append(np.repeat(clipped[solid], repeat, axis=0))
        persons.append(part.persons()[rows])
        ids += [class_id for row in kept.tolist() for class_id in sorted(part_ids[row]) or [NO_CLASS]]
    known: dict[str, int] = {}
    codes = encode([*videos, *(keyframe.video for keyframe in empty)], known)
    every_second = np.concatenate([*seconds, exact_times([keyframe.second for keyframe in empty])])
    keyframes, position = KeyframeIndex.from_rows(list(known), codes, every_second)
    return merge_rows(
        keyframes,
        position[: len(videos)],
        np.concatenate(boxes),
        np.array(ids, dtype=np.int64),
        np.concatenate(persons).astype(np.int64),
        image_ids=merge_image_ids(parts),
        source=", ".join(str(part.source.path) for part in parts),
        counts=counts,
        num_records=kept_boxes,
    )


def _judged(part: RowTable) -> tuple[BoxRules, str]:
    """Return how far the boxes of a file may be off, and what to say where they are."""
    known = ANNOTATION_FORMATS.get(part.format)
    if known is not None and known.tool:
        return TOOL_RULES, _OTHER_VIDEO
    # COCO's boxes are mostly exports of tools, whose form has been checked when they were read.
    rules = TOOL_RULES if known is not None and known.syntax == "json" else TABLE_RULES
    return rules, _OTHER_HEADER if "header lines" in part.counts else _OTHER_FORM


def part_of(table: AnnotationTable, use: np.ndarray) -> AnnotationTable:
    """Return the table's keyframes where ``use`` (bool [K]) holds."""
    part = table.without([table.keyframes[int(k)] for k in np.flatnonzero(~use)])
    return replace(part, counts=table.counts)


def image_ids_of(parts: Mapping[str, Sequence[RowTable]]) -> dict[str, ImageIds]:
    """Return what image ids mean: under "" where it is the same in all files, else for each split, val first.

    Args:
        parts: split -> its imported files.
    """
    every = [part for some in parts.values() for part in some]
    merged = merge_image_ids(every)
    if len(merged) == len({image_id for part in every for image_id in part.image_ids}):
        return {"": merged}
    return {split: merge_image_ids(parts[split]) for split in sorted(parts, reverse=True)}


def merge_image_ids(parts: Iterable[RowTable]) -> ImageIds:
    """Return the image ids of several JSON files; ids that mean different images in two files are left out."""
    found: dict[int | str, Keyframe] = {}
    sizes: dict[Keyframe, tuple[int, int]] = {}
    ambiguous: set[int | str] = set()
    for part in parts:
        images = part.image_ids
        for image_id, position in zip(images.ids.tolist(), images.position.tolist(), strict=True):
            keyframe = images.keyframes[position]
            if found.setdefault(image_id, keyframe) != keyframe:
                ambiguous.add(image_id)
            sizes[keyframe] = tuple(images.frame_sizes[position].tolist())
    for image_id in ambiguous:
        del found[image_id]
    if not found:
        return ImageIds.empty()
    known: dict[str, int] = {}
    codes = encode((keyframe.video for keyframe in found.values()), known)
    seconds = exact_times([keyframe.second for keyframe in found.values()])
    keyframes, position = KeyframeIndex.from_rows(list(known), codes, seconds)
    frame_sizes = np.array([sizes[keyframe] for keyframe in keyframes], dtype=np.int32)
    if all(isinstance(image_id, int) for image_id in found):
        ids = np.array(list(found), dtype=np.int64)
    else:
        ids = np.array([str(image_id) for image_id in found], dtype=np.str_)
    return ImageIds(ids, position, keyframes, frame_sizes)


@dataclass(frozen=True)
class SplitBoxes:
    """Boxes of a detector, divided among the splits.

    Attributes:
        tables: split -> its boxes; splits without any are missing, unless the boxes are of objects.
        left_out: what was left out.
        notes: what else is worth knowing.
    """

    tables: Mapping[str, BoxTable]
    left_out: tuple[str, ...]
    notes: tuple[str, ...]


def divide_boxes(
    files: Sequence[Path],
    splits: Mapping[str, AnnotationTable],
    image_ids: Mapping[str, ImageIds],
    library: VideoLibrary,
    *,
    objects: bool = False,
    dataset: str = "",
) -> SplitBoxes:
    """Read box files and give each split the boxes of its keyframes.

    Args:
        files: any of the formats of :func:`alphaction.data.annotations.read_boxes`; their boxes are joined.
        splits: split -> its annotations.
        image_ids: what image ids of JSON box files mean, as :func:`image_ids_of` returns it.
        library: the videos.
        objects: boxes of objects: any category, and a file may be empty.
        dataset: the name of the dataset, for the command that converts boxes of persons.

    Raises:
        UserError: a file is wrong (with that command), or none of its boxes lies in an annotated video.
    """
    what = "object boxes" if objects else "person boxes"
    lookup = next(iter(splits.values()))
    read, notes, left_out = [], [], []
    for path in files:
        try:
            table, note = _read_boxes(path, lookup, image_ids, library, objects)
        except UserError as error:
            raise error if objects else UserError(f"{error}\n{_conversion(path, dataset)}") from error
        read.append(table)
        notes += note
        left_out += [f"{path}: {name}: {count}" for name, count in table.counts.items() if count and name not in _PLAIN]
    annotated = {str(video) for table in splits.values() for video in table.keyframes.videos}
    videos = [name for table in read for name in _video_of_each_box(table, library, annotated, what)]
    seconds = np.concatenate([table.keyframes.seconds[table.keyframe_of_box()] for table in read])
    boxes = np.concatenate([table.boxes for table in read])
    scores = np.concatenate([table.scores for table in read])
    known: dict[str, int] = {}
    codes = encode(videos, known)
    kept = distinct_boxes(np.stack([codes, seconds], axis=1), boxes, scores)
    if len(kept) < len(videos):
        equal = len(videos) - len(kept)
        left_out.append(f"{what}: {equal} of {len(videos)} equal another at that second, left out")
        videos, codes = [videos[row] for row in kept.tolist()], codes[kept]
        seconds, boxes, scores = seconds[kept], boxes[kept], scores[kept]
    tables, used = {}, np.zeros(len(videos), dtype=bool)
    for split, table in splits.items():
        use = table.keyframes.locate(list(known), codes, seconds) >= 0 if len(videos) else used
        used |= use
        rows = np.flatnonzero(use)
        if len(rows) or objects:  # a split may well show no object
            tables[split] = BoxTable.from_columns(
                [videos[row] for row in rows], seconds[rows], boxes[rows], scores[rows], what
            )
            bare = len(table.keyframes) - len(tables[split].keyframes)
            if bare:
                notes.append(f"{what}: {split} keyframes without any: {bare} of {len(table.keyframes)}")
        else:
            notes.append(f"{what}: none lies at a {split} keyframe, so that this split has no {what}")
    if not used.all():
        left_out.append(
            f"{what}: {int((~used).sum())} of {len(used)} lie at moments without annotations and are left out"
        )
    return SplitBoxes(tables, tuple(left_out), tuple(notes))


def _conversion(path: Path, dataset: str) -> str:
    kind = "coco" if ".json" in path.suffixes else "csv"
    return (
        "Boxes written otherwise (pixels, sizes, other columns, COCO's own image ids) are converted once the dataset "
        "is there: leave out --person-boxes now, then\n"
        f"  python tools/detect_persons.py --dataset-name {dataset} --import {shlex.quote(str(path))} --from {kind}"
    )


def _video_of_each_box(table: BoxTable, library: VideoLibrary, annotated: set[str], what: str) -> list[str]:
    """Return the library's name of the video of each box; none of a file being annotated is a :class:`UserError`."""
    names = [library.name_of(str(video)) or str(video) for video in table.keyframes.videos]
    if len(table) and not annotated & set(names):
        raise DataError(
            f'{what}: {table.source}: none of its videos is annotated ({len(names)}, the first: "{names[0]}"). '
            f"Write video names as in the annotations. {suggest(names[0], annotated)}"
        )
    return [names[k] for k in table.keyframes.video_index[table.keyframe_of_box()]]


def _read_boxes(
    path: Path, lookup: AnnotationTable, image_ids: Mapping[str, ImageIds], library: VideoLibrary, objects: bool
) -> tuple[BoxTable, list[str]]:
    """Return the boxes of a file; where two splits number their images alike, of the split that has more of its ids."""
    tables: dict[str, BoxTable] = {}
    problem: UserError | None = None
    for split, ids in image_ids.items():
        known = replace(lookup, image_ids=ids, source=f"the {split} annotations" if split else "the annotations")
        try:
            tables[split] = read_box_file(path, known, library.size, objects=objects)
        except UserError as error:
            problem = problem or error
    if not tables:
        raise problem
    best = max(tables, key=lambda split: len(tables[split]))  # of equal ones the first: val
    if all(table.keyframes == tables[best].keyframes for table in tables.values()) and len(tables) == len(image_ids):
        return tables[best], []
    text = f"{path}: train and val use the same image ids; read as the images of {best}, which has most of the ids"
    return tables[best], [text]


def read_exclusions(path: Path, library: VideoLibrary) -> set[Keyframe]:
    """Return excluded timestamps with the library's video names; a video that is not there is a :class:`UserError`."""
    found = set()
    for keyframe in sorted(read_exclusion_file(path)):
        name = library.name_of(keyframe.video)
        if name is None:
            raise DataError(
                f'excluded timestamps: {path}: video "{keyframe.video}" is not in {library.folder}. '
                f"{suggest(keyframe.video, library.names)}"
            )
        found.add(Keyframe(name, keyframe.second))
    return found


def seconds_by_video(tables: Iterable[AnnotationTable]) -> dict[str, list[int | float]]:
    """Return video -> its annotated seconds, both ascending."""
    found: dict[str, set[int | float]] = {}
    for table in tables:
        for video, second in table.keyframes:
            found.setdefault(video, set()).add(second)
    return {video: sorted(found[video]) for video in sorted(found)}
