"""From the rows of a file to the typed tables: ground truth, or detections. Sizes in shapes: n rows, L labels."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from alphaction.data.annotations.annotation_table import NO_CLASS, AnnotationTable, merge_rows
from alphaction.data.annotations.box_table import REPEATED, BoxTable, distinct_boxes
from alphaction.data.annotations.checks import (
    ANNOTATION_RULES,
    DETECTION_RULES,
    BoxRules,
    check_class_ids,
    check_corners,
    check_scores,
    check_seconds,
    clip_boxes,
)
from alphaction.data.annotations.label_map import LabelMap
from alphaction.data.formats.box_spelling import are_pixels, to_corners
from alphaction.data.formats.rows import OF_ACTIONS, RowTable
from alphaction.data.keyframes import KeyframeIndex
from alphaction.utils.errors import DataError
from alphaction.utils.messages import listed

Sizes = Callable[[str], tuple[int, int]]
"""Video name -> (width, height) of its frames in pixels."""

_OUTSIDE = "Expected 0 <= x1 < x2 <= 1 and 0 <= y1 < y2 <= 1; clip the box to the frame, or correct the row."
_OUTSIDE_BBOX = (
    "A bbox is x, y, width, height: was it written as corners x1, y1, x2, y2? Or measured on frames of another size "
    "than the width and height known for this image?"
)
_WHOLE_FRAME = (0.0, 0.0, 1.0, 1.0)


def to_annotations(
    rows: RowTable, label_map: LabelMap, sizes: Sizes | None = None, skip_unknown_classes: bool = False
) -> AnnotationTable:
    """Return ground truth; see :func:`alphaction.data.annotations.read_annotations`.

    Rows of one box (same video, second, coordinates and person id) are merged; rows without a box are keyframes.

    Raises:
        DataError: a value is wrong; names its place.
    """
    if not len(rows):
        raise DataError(f"annotations: {rows.source.path} has no rows. A split needs at least one keyframe.")
    _check_class_names(rows, label_map)
    check_seconds(rows.source, rows.numbers)
    counts = dict(rows.counts)
    has_box = rows.has_box
    boxes, solid = _unit_boxes(rows, rows.frame_sizes, sizes, ANNOTATION_RULES, counts)
    class_ids, row_of = _class_of_labels(rows)
    class_ids = check_class_ids(rows.source.take(row_of), class_ids, label_map, skip_unknown_classes, counts)
    keyframes, position = KeyframeIndex.from_rows(rows.videos, rows.video_codes, rows.numbers)
    solid &= has_box
    use = row_of[solid[row_of]]
    frame_sizes = np.zeros((len(keyframes), 2), dtype=np.int32)
    if rows.frame_sizes is not None:
        frame_sizes[position] = rows.frame_sizes
    return merge_rows(
        keyframes,
        position[use],
        boxes[use],
        class_ids[solid[row_of]],
        rows.persons()[use],
        frame_sizes=frame_sizes,
        image_ids=rows.image_ids,
        source=str(rows.source.path),
        counts=counts,
        num_records=int(solid.sum()),
    )


def to_boxes(
    rows: RowTable, annotations: AnnotationTable | None = None, sizes: Sizes | None = None, objects: bool = False
) -> BoxTable:
    """Return detections; see :func:`alphaction.data.annotations.read_boxes`.

    Raises:
        DataError: a value is wrong; names its place.
    """
    path = rows.source.path
    if not objects and len(rows.classes) > 1:
        raise DataError(
            f"boxes: {path} is read as boxes of persons, but has {len(rows.classes)} values of "
            f'"category_id": {listed(rows.classes, 10)}. Keep only the persons\' rows (1 in COCO), or name the file '
            "under object_boxes."
        )
    if not len(rows) and not objects:
        raise DataError(f"boxes: {path} has no rows. Check the path, or leave this file out of the dataset.")
    check_seconds(rows.source, rows.numbers)
    check_scores(rows.source, rows.scores)
    counts = dict(rows.counts)
    frame_sizes = rows.frame_sizes
    if annotations is not None and frame_sizes is not None:
        frame_sizes = known_sizes(rows, annotations)
    boxes, use = _unit_boxes(rows, frame_sizes, sizes, DETECTION_RULES, counts)
    if rows.counts.get(OF_ACTIONS):
        solid = np.flatnonzero(use)
        keys = np.stack([rows.video_codes[solid], rows.numbers[solid]], axis=1)
        kept = distinct_boxes(keys, boxes[solid], rows.scores[solid])
        counts[REPEATED] = len(solid) - len(kept)
        use = np.isin(np.arange(len(rows)), solid[kept])
    keyframes, position = KeyframeIndex.from_rows(rows.videos, rows.video_codes[use], rows.numbers[use])
    return BoxTable.from_positions(keyframes, position, boxes[use], rows.scores[use], str(path), counts)


def to_fractions(rows: RowTable, frame_sizes: np.ndarray | None = None, sizes: Sizes | None = None) -> np.ndarray:
    """Return boxes as corners in fractions of the frame, float64 [n, 4], not clipped; NaN where a row has none.

    Args:
        rows: with a ``spelling``.
        frame_sizes: int [n, 2] (width, height), 0 where unknown; None: unknown.
        sizes: asked for videos whose frame size is unknown; only boxes in pixels need one.

    Raises:
        DataError: a box is in pixels, but the frame size is unknown.
    """
    corners = to_corners(rows.boxes, rows.spelling)
    boxed = rows.has_box
    if not are_pixels(rows.boxes, rows.pixels):
        return corners
    frame = np.zeros((len(rows), 2)) if frame_sizes is None else frame_sizes.astype(np.float64)
    frame[~boxed] = 1
    unknown = (frame <= 0).any(axis=1)
    if sizes is not None:
        for code in np.unique(rows.video_codes[unknown]).tolist():
            frame[unknown & (rows.video_codes == code)] = sizes(rows.videos[code])
    rows.source.reject(
        (frame <= 0).any(axis=1),
        lambda row: (
            f'the box is in pixels, but the frame size of video "{rows.videos[rows.video_codes[row]]}" is '
            "not known. Give width and height in the annotation file's images, or write boxes as fractions of the "
            "frame (csv: video, second, x1, y1, x2, y2, ...)."
        ),
    )
    return corners / np.concatenate([frame, frame], axis=1)


def known_sizes(rows: RowTable, annotations: AnnotationTable) -> np.ndarray:
    """Return the frame size of each row, int64 [n, 2], 0 unknown: the file's own, else that which the annotations give
    for the keyframe, else for any keyframe of the video."""
    frame_sizes = np.zeros((len(rows), 2), dtype=np.int64) if rows.frame_sizes is None else rows.frame_sizes.copy()
    images = annotations.image_ids
    keyframes, known = images.keyframes, images.frame_sizes
    unknown = (frame_sizes <= 0).any(axis=1)
    at = keyframes.locate(rows.videos, rows.video_codes, rows.numbers)
    take = unknown & (at >= 0)
    frame_sizes[take] = known[at[take]]
    sized = np.flatnonzero((known > 0).all(axis=1))
    of_video: Mapping[str, np.ndarray] = {
        str(keyframes.videos[keyframes.video_index[k]]): known[k] for k in sized[::-1]
    }
    for code in np.unique(rows.video_codes[(frame_sizes <= 0).any(axis=1)]).tolist():
        if rows.videos[code] in of_video:
            missing = (rows.video_codes == code) & (frame_sizes <= 0).any(axis=1)
            frame_sizes[missing] = of_video[rows.videos[code]]
    return frame_sizes


def _unit_boxes(
    rows: RowTable, frame_sizes: np.ndarray | None, sizes: Sizes | None, rules: BoxRules, counts: dict[str, int]
) -> tuple[np.ndarray, np.ndarray]:
    """Return boxes as corners in fractions, clipped to the frame, and which, bool [n], have an area.

    Rows without a box get the whole frame.
    """
    if rows.spelling != "xyxy":
        rows.source.reject(
            (rows.boxes[:, 2:] < 0).any(axis=1),
            lambda row: (
                f"bbox {rows.boxes[row].tolist()} has a negative width or height. Expected x, y, width, height."
            ),
        )
    if rows.pixels is False:
        check_corners(rows.source, rows.boxes)
    boxes = to_fractions(rows, frame_sizes, sizes)
    boxes = np.where(rows.has_box[:, None], boxes, _WHOLE_FRAME)
    return clip_boxes(rows.source, boxes, rules, _OUTSIDE if rows.spelling == "xyxy" else _OUTSIDE_BBOX, counts)


def _class_of_labels(rows: RowTable) -> tuple[np.ndarray, np.ndarray]:
    """Return class ids, int64 [m], and the row of each; a row without a label has one entry, ``NO_CLASS``."""
    per_row = np.bincount(rows.label_rows, minlength=len(rows))
    row_of = np.repeat(np.arange(len(rows)), np.maximum(per_row, 1))
    class_ids = np.full(len(row_of), NO_CLASS, dtype=np.int64)
    class_ids[(per_row > 0)[row_of]] = np.array(rows.classes, dtype=np.int64)[rows.label_codes] if len(row_of) else []
    return class_ids, row_of


def _check_class_names(rows: RowTable, label_map: LabelMap) -> None:
    """Refuse classes by name, and ids whose class the file names otherwise than the label map does."""
    named = np.array([isinstance(label, str) for label in rows.classes], dtype=bool)
    if named.any():
        rows_of_names = rows.label_rows[named[rows.label_codes]]
        name = rows.classes[int(rows.label_codes[np.argmax(named[rows.label_codes])])]
        known = name in label_map.names
        hint = (
            f"It is the name of class {label_map.find(name).id}: write the id."
            if known
            else "A class id was expected here; is this a box csv, whose last column is a score?"
        )
        raise rows.source.error(
            int(rows_of_names[0]), f'class id "{name}" is not a whole number. {hint}', len(rows_of_names) - 1
        )

    def plain(text: str) -> str:
        return "".join(text.lower().split())

    for number, (class_id, name) in enumerate(rows.class_names.items()):
        if class_id in label_map and plain(label_map.find(class_id).name) != plain(name):
            raise DataError(
                f'annotations: {rows.source.path}, categories[{number}]: category {class_id} is named "{name}", but '
                f'{label_map.source} names it "{label_map.find(class_id).name}". Use the label map that this file was '
                "made with, or correct one."
            )
