"""Annotation files of any format, brought to the videos of a folder.

The format is recognized by content. Second t of a video with f frames per second is its frame round(t * f). The formats
of annotation tools depend on the videos, and their readers give rows that are finished. The rows of csv and COCO-like
files are finished here: videos by any spelling of their names, boxes in any form, classes by id or name.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal

import numpy as np

from alphaction.data.annotations.checks import ANNOTATION_RULES, check_seconds
from alphaction.data.annotations.grouping import group_boxes
from alphaction.data.formats.action_attributes import AttributeUse, means_person
from alphaction.data.formats.annotation_file import AnnotationFile
from alphaction.data.formats.box_spelling import unit_corners
from alphaction.data.formats.cells import is_number
from alphaction.data.formats.file_content import FileContent
from alphaction.data.formats.format import Format
from alphaction.data.formats.frame_clock import in_seconds
from alphaction.data.formats.frame_facts import read_together
from alphaction.data.formats.frame_names import FrameNaming
from alphaction.data.formats.known_formats import ANNOTATION_FORMATS, any_of, recognize
from alphaction.data.formats.rows import RowTable, Segment
from alphaction.data.formats.track_sampling import TRACK
from alphaction.data.formats.unnamed_video import Named, known_videos
from alphaction.data.keyframes import ImageIds, KeyframeIndex, encode, is_multiple, time_list
from alphaction.data.video.file import VideoInfo
from alphaction.data.video.names import VideoNames
from alphaction.utils.errors import DataError, UserError
from alphaction.utils.messages import counted, listed
from alphaction.workflows.prepare.unnamed_files import refuse_one_video_for_all

_WHAT = "annotations"
_LISTED_LABELS = 8
TOOLS = tuple(each.tool for each in ANNOTATION_FORMATS.values() if each.tool)
"""The annotation tools that are known."""
_WITH_ATTRIBUTES = any_of([each.tool or each.title for each in ANNOTATION_FORMATS.values() if each.attributes], "and")
_TABLES = any_of([each.title for each in ANNOTATION_FORMATS.values() if not each.tool], "and")


@dataclass(frozen=True)
class ReadingRules:
    """How annotation files are to be read. ``PrepareOptions`` has checked the values.

    Attributes:
        format: ``auto`` or one of ``ANNOTATION_FORMATS``, which must agree with the content.
        box_format: how csv and COCO-like JSON write boxes: ``auto`` (csv: as its header names them, else xyxy; JSON:
            xywh; unless rows prove another), ``xyxy``, ``xywh`` or ``cxcywh``.
        normalized: whether those boxes are fractions of the frame: ``auto`` (no if one is above 2), ``yes``, ``no``.
        keyframe_interval: seconds between samples of tracks; formats without tracks have keyframes.
        keyframes: where tracks are sampled: at multiples of that interval (grid), in the middle of their
            actions (track), or both.
        action_attributes: the attributes of tools that are actions; (): those that can be.
        naming: what the files do not say of video and frames.
    """

    format: str = "auto"
    box_format: str = "auto"
    normalized: str = "auto"
    keyframe_interval: float = 1
    keyframes: Literal["grid", "track", "both"] = "grid"
    action_attributes: tuple[str, ...] = ()
    naming: FrameNaming = field(default_factory=FrameNaming)


def import_annotations(
    paths: Sequence[Path],
    rules: ReadingRules,
    *,
    info: Callable[[str], VideoInfo],
    video_names: Collection[str],
    splits: Sequence[str] = (),
) -> list[RowTable]:
    """Return the annotations of each file, of any supported format.

    Which attributes of tools are actions and how frames are numbered is asked of all files together, and which of
    several frames is nearest to a second of those of a split.

    Args:
        paths: the files.
        rules: how they are to be read.
        info: probes a video of ``video_names``: frame size, frame rate, duration.
        video_names: the videos that are there (stems of the files); the names in the files are matched to them.
        splits: the split of each file; (): all are of one.

    Raises:
        UserError: names file, place, value, what was expected and the remedy.
    """
    contents = [FileContent.read(path, _WHAT) for path in paths]
    formats = [_format_of(content, rules) for content in contents]
    own = [
        found.attributes(content) if found.attributes else AttributeUse()
        for found, content in zip(formats, contents, strict=True)
    ]
    attributes = AttributeUse.joined(use for use, found in zip(own, formats, strict=True) if found.attributes)
    files = [
        AnnotationFile(
            content,
            VideoNames(video_names, f"{_WHAT}: {content.path}"),
            info,
            rules.box_format,
            rules.normalized,
            rules.keyframe_interval,
            rules.keyframes,
            rules.naming,
            attributes,
            rules.action_attributes,
            own_attributes=use,
        )
        for content, use in zip(contents, own, strict=True)
    ]
    files, tables = read_together(
        files, splits or [""] * len(files), lambda index, file: _rows_of(formats[index], file)
    )
    moments = _moments_of_videos(tables, rules)
    for index, table in enumerate(tables):
        # The persons of one video may be divided among files: all of them are annotated at each of its keyframes.
        own = table.sampled.moments
        if any(not moments[video].issubset(times) for video, times in own.items()):
            tables[index] = _rows_of(formats[index], replace(files[index], moments=moments))
    if len(tables) == 1 and not formats[0].tool and not len(tables[0]):
        raise DataError(f"{_WHAT}: {paths[0]} has no rows. A split needs at least one keyframe; check the path.")
    refuse_one_video_for_all(tables)
    return tables


def _rows_of(found: Format, file: AnnotationFile) -> RowTable:
    rows = found.annotations(file)
    return replace(
        merge_equal_boxes(rows if found.tool else _finished(file, rows)),
        format=found.name,
        used=frozenset(file.said.used),
    )


def _moments_of_videos(tables: Sequence[RowTable], rules: ReadingRules) -> dict[str, set[int | float]]:
    """Return video with tracks -> times of keyframes off the grid, of all files."""
    found: dict[str, set[int | float]] = {video: set() for table in tables for video in table.sampled.moments}
    for table in tables if found else ():
        for code, video in enumerate(table.videos):
            if video in found:
                found[video].update(time_list(np.unique(table.numbers[table.video_codes == code])))
    for video, times in found.items():
        if rules.keyframes != TRACK:
            found[video] = {time for time in times if not is_multiple(time, rules.keyframe_interval)}
    return found


def _format_of(content: FileContent, rules: ReadingRules) -> Format:
    """Return the format of a file; options that do not suit it are a :class:`UserError`."""
    found = recognize(content, tuple(ANNOTATION_FORMATS.values()))
    if rules.format not in ("auto", found.name):
        raise UserError(
            f'--format {rules.format}: {content.path} is "{found.name}" by its content. Pass that, or leave the option '
            "out."
        )
    if found.tool and (rules.box_format, rules.normalized) != ("auto", "auto"):
        raise UserError(
            f"--box-format and --normalized are for {_TABLES}; {content.path} is {found.title}, which always writes "
            "boxes in the same way. Leave the options out."
        )
    if rules.action_attributes and found.attributes is None:
        raise UserError(
            f"--action-attribute is for the attributes of {_WITH_ATTRIBUTES}; {content.path} has none. Leave it out."
        )
    return found


def merge_equal_boxes(rows: RowTable) -> RowTable:
    """Return the rows with equal boxes of a keyframe as one, with all labels, in the order of the file.

    After the boxes comes each keyframe that has a row without a box, and no other one with a box.
    """
    _, position = KeyframeIndex.from_rows(rows.videos, rows.video_codes, rows.numbers)
    boxed = np.flatnonzero(rows.has_box)
    keys = rows.persons() if rows.merge_keys is None else rows.merge_keys
    first, box_of_row = group_boxes(position[boxed], rows.boxes[boxed], keys[boxed])
    order = np.argsort(first)  # as in the file, not by keyframe
    box_of_row = np.argsort(order)[box_of_row]
    empty = np.flatnonzero(~rows.has_box & ~np.isin(position, position[boxed]))
    empty = empty[np.sort(np.unique(position[empty], return_index=True)[1])]
    merged = rows.take(np.concatenate([boxed[first[order]], empty]))
    if rows.unconfirmed is not None:
        np.logical_or.at(merged.unconfirmed, box_of_row, rows.unconfirmed[boxed])
    box_of = np.full(len(rows), -1)
    box_of[boxed] = box_of_row
    label_box = box_of[rows.label_rows]
    labels = np.argsort(label_box, kind="stable")
    labels = labels[label_box[labels] >= 0]
    counts = dict(rows.counts)
    if len(boxed) > len(first):
        counts["rows merged into the box of another row"] = len(boxed) - len(first)
    return replace(merged, label_rows=label_box[labels], label_codes=rows.label_codes[labels], counts=counts)


def described(segments: Sequence[Segment]) -> str:
    """Return "12 temporal segments (labels wave 7, jump 5)"."""
    counts = Counter(segment.label for segment in segments).most_common()
    noun = "label" if len(counts) == 1 else "labels"
    labels = listed([f"{label} {number}" for label, number in counts], _LISTED_LABELS)
    return f"{counted(len(segments), 'temporal segment')} ({noun} {labels})"


def _finished(file: AnnotationFile, rows: RowTable) -> RowTable:
    """Return checked rows of a csv or JSON file: known videos, corners in fractions of the frame, actions only."""
    if not len(rows):
        return replace(rows, notes=("no rows: nothing is annotated",))
    _require_one_kind_of_class(rows, of_csv=file.content.syntax == "csv")
    _require_named_classes(rows)
    rows = in_seconds(file, _of_known_videos(file, rows))
    check_seconds(rows.source, rows.numbers)
    headed = "header lines" in rows.counts
    counts, notes = dict(rows.counts), list(rows.notes)
    has_box = rows.has_box
    boxed = rows.take(has_box)
    boxes = np.full((len(rows), 4), np.nan)
    boxes[has_box] = unit_corners(
        boxed.source,
        boxed.boxes,
        lambda: _frame_sizes(file, boxed),
        default=rows.spelling or "xyxy",
        box_format=rows.spelling if headed else file.box_format,
        normalized=file.normalized,
        counts=counts,
        notes=notes,
        reach=ANNOTATION_RULES.overhang,
        said_by="the header" if headed else "--box-format",
    )
    rows = _without_persons(replace(rows, boxes=boxes, spelling="xyxy", pixels=False), counts)
    return replace(rows, counts=counts, notes=tuple(notes))


def _of_known_videos(file: AnnotationFile, rows: RowTable) -> RowTable:
    """Return the rows with the names of known videos; unknown ones are an error that names the first row of each."""
    codes, first, sizes = np.unique(rows.video_codes, return_index=True, return_counts=True)
    matched = dict.fromkeys(range(len(rows.videos)), "")
    found = sorted(zip(first.tolist(), codes.tolist(), sizes.tolist(), strict=True))
    taken = known_videos(file, [Named((rows.videos[code],), rows.source.place(row), size) for row, code, size in found])
    for row, code, _ in found:
        video = file.videos.match(rows.videos[code], place=rows.source.place(row)) if taken is None else taken.video
        matched[code] = video
    known: dict[str, int] = {}
    new = encode(matched.values(), known)
    old = rows.image_ids.keyframes
    names = [matched[rows.videos.index(str(name))] for name in old.videos]
    keyframes, renamed = KeyframeIndex.from_rows(names, old.video_index, old.seconds)
    sizes = np.zeros((len(keyframes), 2), dtype=np.int32)
    sizes[renamed] = rows.image_ids.frame_sizes
    images = rows.image_ids
    return replace(
        rows,
        taken_for=rows.taken_for or taken,
        notes=[*rows.notes, taken.note] if taken is not None else rows.notes,
        videos=list(known),
        video_codes=new[rows.video_codes],
        image_ids=ImageIds(images.ids, renamed[images.position], keyframes, sizes) if len(images) else images,
    )


def _frame_sizes(file: AnnotationFile, rows: RowTable) -> np.ndarray:
    """Return (width, height) of each row's frame, int64 [n, 2]: the file's where it gives one, else the video's."""
    sizes = np.zeros((len(rows), 2), dtype=np.int64) if rows.frame_sizes is None else rows.frame_sizes.copy()
    for code in np.unique(rows.video_codes).tolist():
        video, own = rows.videos[code], rows.video_codes == code
        known = own & (sizes > 0).all(axis=1)
        for size in np.unique(sizes[known], axis=0):
            file.check_size(video, (float(size[0]), float(size[1])), f'"images" of {video}')
        if known.sum() < own.sum():
            info = file.info(video)
            sizes[own & ~known] = (info.width, info.height)
    return sizes


def _require_one_kind_of_class(rows: RowTable, of_csv: bool) -> None:
    """Refuse ids beside names, and a csv with scores in place of classes."""
    labels = rows.source.take(rows.label_rows)
    named = np.array([isinstance(label, str) for label in rows.classes], dtype=bool)
    if not named.any():
        return
    # A value of COCO's attributes is a name, if it is a number or not.
    scores = np.array([of_csv and isinstance(label, str) and is_number(label) for label in rows.classes], dtype=bool)
    labels.reject(
        scores[rows.label_codes],
        lambda row: (
            f'class "{rows.classes[rows.label_codes[row]]}" is neither an id nor a name; is this a box file with '
            "scores?"
        ),
    )
    labels.reject(
        ~named[rows.label_codes],
        lambda row: (
            f"class {rows.classes[rows.label_codes[row]]} is a number, others of the file are names. Write all ids, or "
            "all names."
        ),
    )


def _require_named_classes(rows: RowTable) -> None:
    """Refuse ids that are not among those to which the file gives names, where it does."""
    unnamed = np.array([bool(rows.class_names) and label not in rows.class_names for label in rows.classes], dtype=bool)
    rows.source.take(rows.label_rows).reject(
        unnamed[rows.label_codes],
        lambda row: (
            f"category_id {rows.classes[rows.label_codes[row]]} is not among the file's categories "
            f"({', '.join(map(str, rows.class_names))})."
        ),
    )


def _without_persons(rows: RowTable, counts: dict[str, int]) -> RowTable:
    """Return the rows less labels that merely mean a person, which are counted."""
    names = [rows.class_names.get(label, label) for label in rows.classes]
    drop = np.array([means_person(name) for name in names], dtype=bool)[rows.label_codes]
    persons = {}
    for code in np.unique(rows.label_codes[drop]).tolist():
        persons[names[code]] = int((rows.label_codes == code).sum())
        counts[f'boxes of the class "{names[code]}", which is no action'] = persons[names[code]]
    keep = {"label_rows": rows.label_rows[~drop], "label_codes": rows.label_codes[~drop]}
    return replace(rows, **keep, no_actions=rows.no_actions._replace(persons=persons))
