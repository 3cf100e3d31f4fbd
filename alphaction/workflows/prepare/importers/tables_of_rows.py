"""Csv and COCO-like files: classes by id or name, videos by any spelling of their names, boxes in any form."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from alphaction.data.annotations.checks import ANNOTATION_RULES, check_seconds
from alphaction.data.formats import coco
from alphaction.data.formats.action_attributes import means_person
from alphaction.data.formats.annotation_file import AnnotationFile
from alphaction.data.formats.box_spelling import unit_corners
from alphaction.data.formats.csv_columns import is_number
from alphaction.data.formats.csv_table import ANY_ANNOTATIONS, read_csv
from alphaction.data.formats.rows import RowTable
from alphaction.data.keyframes import ImageIds, KeyframeIndex, encode
from alphaction.utils.errors import UserError
from alphaction.workflows.prepare.imported import ImportedAnnotations

_WHAT = "annotations"


def read_ava(file: AnnotationFile) -> ImportedAnnotations:
    """Read an AVA csv; rows of one box (same video, second, coordinates and person id) are one box.

    A header names the columns, and with them how boxes are written; without one the columns are AVA's, in that order.
    An empty class (or the id -1) is a box without an action; a row with neither coordinates nor class is a keyframe
    without boxes. Classes are ids throughout, or names throughout.
    """
    rows = read_csv(file.path, _WHAT, ANY_ANNOTATIONS, file.text, box_format=file.box_format)
    if not len(rows):
        raise UserError(f"annotations: {file.path} has no rows. A split needs at least one keyframe; check the path.")
    check_seconds(rows.source, rows.numbers)
    _require_one_kind_of_class(rows)
    said_by = "the header" if "header lines" in rows.counts else "--box-format"
    return _imported(file, rows, "ava", default="xyxy", box_format=rows.spelling or "auto", said_by=said_by)


def read_coco(file: AnnotationFile) -> ImportedAnnotations:
    """Read COCO-like JSON (see :func:`alphaction.data.formats.coco.read_coco`); annotations of one image with the same
    box and person are one box."""
    rows = coco.read_coco(file.path, _WHAT, file.data)
    check_seconds(rows.source, rows.numbers)
    unnamed = np.array([bool(rows.class_names) and label not in rows.class_names for label in rows.classes], dtype=bool)
    rows.source.take(rows.label_rows).reject(
        unnamed[rows.label_codes],
        lambda row: (
            f"category_id {rows.classes[rows.label_codes[row]]} is not among the file's categories "
            f"({', '.join(map(str, rows.class_names))})."
        ),
    )
    return _imported(file, rows, "coco", default="xywh", box_format=file.box_format, said_by="--box-format")


def _imported(
    file: AnnotationFile, rows: RowTable, format: str, *, default: str, box_format: str, said_by: str
) -> ImportedAnnotations:
    """Return the annotations of rows: videos by their known names, boxes as corners in fractions of the frame."""
    rows = _of_known_videos(file, rows)
    counts, notes = dict(rows.counts), []
    has_box = rows.has_box
    boxed = rows.take(has_box)
    boxes = np.full((len(rows), 4), np.nan)
    boxes[has_box] = unit_corners(
        boxed.source,
        boxed.boxes,
        lambda: _frame_sizes(file, boxed),
        default=default,
        box_format=box_format,
        normalized=file.normalized,
        counts=counts,
        notes=notes,
        reach=ANNOTATION_RULES.overhang,
        said_by=said_by,
    )
    rows = _without_persons(replace(rows, boxes=boxes, spelling="xyxy", pixels=False), counts)
    return ImportedAnnotations.from_rows(replace(rows, counts=counts, notes=notes), format)


def _of_known_videos(file: AnnotationFile, rows: RowTable) -> RowTable:
    """Return the rows with the names of known videos; an unknown one is an error that names its first row."""
    codes, first = np.unique(rows.video_codes, return_index=True)
    matched = dict.fromkeys(range(len(rows.videos)), "")
    for row, code in sorted(zip(first.tolist(), codes.tolist(), strict=True)):
        matched[code] = file.videos.match(rows.videos[code], place=rows.source.place(row))
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


def _require_one_kind_of_class(rows: RowTable) -> None:
    """Refuse a csv with ids and names, and one with scores in place of classes."""
    labels = rows.source.take(rows.label_rows)
    named = np.array([isinstance(label, str) for label in rows.classes], dtype=bool)
    if not named.any():
        return
    scores = np.array([isinstance(label, str) and is_number(label) for label in rows.classes], dtype=bool)
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


def _without_persons(rows: RowTable, counts: dict[str, int]) -> RowTable:
    """Return the rows less labels that merely mean a person, which are counted."""
    names = [rows.class_names.get(label, label) for label in rows.classes]
    drop = np.array([means_person(name) for name in names], dtype=bool)[rows.label_codes]
    for code in np.unique(rows.label_codes[drop]).tolist():
        counts[f'boxes of the class "{names[code]}", which is no action'] = int((rows.label_codes == code).sum())
    return replace(rows, label_rows=rows.label_rows[~drop], label_codes=rows.label_codes[~drop])
