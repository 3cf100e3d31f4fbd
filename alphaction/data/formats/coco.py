"""COCO-like JSON annotations: upstream's (``action_ids`` per box) and plain COCO (``category_id``, a class)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from alphaction.data.annotations.checks import ANNOTATION_RULES, check_class_ids
from alphaction.data.annotations.label_map import LabelMap
from alphaction.data.annotations.table import NO_CLASS, AnnotationTable, merge_rows
from alphaction.data.formats.csv_columns import parse_integer
from alphaction.data.formats.files import RowSource
from alphaction.data.formats.json_records import Moments, Records, Sizes, read_images, to_unit_boxes
from alphaction.utils.errors import UserError

_WHAT = "annotations"


def parse_coco_json(
    path: Path, data: Any, label_map: LabelMap, sizes: Sizes | None = None, skip_unknown_classes: bool = False
) -> AnnotationTable:
    """Parse COCO-like JSON; see :func:`alphaction.data.annotations.read_annotations`.

    An image without annotations stays a keyframe without boxes. If any annotation has ``action_ids``, those are the
    classes (``category_id`` then says "person"); else ``category_id`` is the class, and ``categories`` must agree with
    the label map. Annotations of one image with the same box (and the same ``person_id`` or ``track_id``) are merged.
    """
    if not isinstance(data, dict):
        raise UserError(
            f"{_WHAT}: {path} holds a JSON {type(data).__name__}; expected an object with images and annotations. "
            "A list of boxes with scores is a box file."
        )
    images, annotations = (_records(path, data, key) for key in ("images", "annotations"))
    if not len(images):
        raise UserError(f'{_WHAT}: {path}: "images" is empty. A split needs at least one keyframe; check the path.')
    _check_unique_ids(annotations)
    image_ids = read_images(images)
    raw_ids = annotations.column("image_id")
    position = image_ids.locate(raw_ids)
    annotations.rows.reject(
        position < 0, lambda row: f"image_id {raw_ids[row]!r} is not the id of any of the {len(images)} images."
    )
    keyframes = image_ids.keyframes
    moments = Moments(keyframes.videos.tolist(), keyframes.video_index[position], keyframes.seconds[position])
    counts = {
        "rows": len(annotations),
        "images of a keyframe that another image has": len(images) - len(keyframes),
    }
    boxes, solid = to_unit_boxes(
        annotations.rows,
        annotations.boxes(),
        moments,
        image_ids.frame_sizes[position],
        sizes,
        ANNOTATION_RULES,
        counts,
    )
    class_ids, record = _classes(annotations, data.get("categories"), label_map)
    label_rows = RowSource(path, _WHAT, lambda row: annotations.rows.place(int(record[row])))
    class_ids = check_class_ids(label_rows, class_ids, label_map, skip_unknown_classes, counts)
    person_ids = annotations.integers("person_id" if annotations.has("person_id").any() else "track_id", -1)
    use = record[solid[record]]
    return merge_rows(
        keyframes,
        position[use],
        boxes[use],
        class_ids[solid[record]],
        np.maximum(person_ids[use], -1),
        frame_sizes=image_ids.frame_sizes,
        image_ids=image_ids,
        source=str(path),
        counts=counts,
        num_records=int(solid.sum()),
    )


def _records(path: Path, data: dict[str, Any], key: str) -> Records:
    items = data.get(key)
    if not isinstance(items, list):
        raise UserError(
            f'{_WHAT}: {path}: expected a list "{key}" (found keys: {", ".join(map(str, list(data)[:6])) or "none"}). '
            "Annotations need images and annotations; boxes with scores belong into a box file."
        )
    return Records(path, _WHAT, items, lambda row: f"{key}[{row}]")


def _check_unique_ids(annotations: Records) -> None:
    """Refuse an annotation id that is used twice; ids may be absent."""
    first: dict[Any, int] = {}
    ids = [item.get("id") for item in annotations.items]
    annotations.rows.reject(
        np.array(
            [value is not None and first.setdefault(str(value), row) != row for row, value in enumerate(ids)],
            dtype=bool,
        ),
        lambda row: (
            f"annotation id {ids[row]!r} is already used by {annotations.rows.place(first[str(ids[row])])}. "
            "Were two files joined? Give each annotation its own id."
        ),
    )


def _classes(annotations: Records, categories: Any, label_map: LabelMap) -> tuple[np.ndarray, np.ndarray]:
    """Return class ids, int64 [m], and the annotation, int64 [m], that each belongs to; a box without action has one
    entry, ``NO_CLASS``."""
    everyone = np.arange(len(annotations))
    if not annotations.has("action_ids").any():
        if len(annotations):
            _check_categories(annotations.rows, categories, label_map)
        hint = 'Expected "category_id" (the action class) or "action_ids" (a list of them).'
        return annotations.integers("category_id", hint=hint), everyone
    lists = annotations.column("action_ids", "Other annotations of this file have it; write [] for no action.")
    annotations.rows.reject(
        np.array([not isinstance(value, list) for value in lists], dtype=bool),
        lambda row: f'"action_ids" is {lists[row]!r}, expected a list of class ids.',
    )
    filled = [[parse_integer(class_id) for class_id in value] or [NO_CLASS] for value in lists]
    annotations.rows.reject(
        np.array([None in value for value in filled], dtype=bool),
        lambda row: f'"action_ids" is {lists[row]!r}, expected whole numbers: ids of the label map.',
    )
    lengths = [len(value) for value in filled]
    flat = np.array([class_id for value in filled for class_id in value], dtype=np.int64)
    return flat, np.repeat(everyone, lengths)


def _check_categories(rows: RowSource, categories: Any, label_map: LabelMap) -> None:
    """Refuse a category whose id is another class in the label map (names compared without case and white space)."""
    if categories is None:
        return
    if not isinstance(categories, list):
        raise UserError(f'{_WHAT}: {rows.path}: "categories" is a {type(categories).__name__}, expected a list.')
    records = Records(rows.path, _WHAT, categories, lambda row: f"categories[{row}]")
    ids, names = records.integers("id"), [str(name) for name in records.column("name")]
    seen: dict[int, int] = {}
    records.rows.reject(
        np.array([seen.setdefault(int(i), row) != row for row, i in enumerate(ids)], dtype=bool),
        lambda row: f"category id {ids[row]} is already used by categories[{seen[int(ids[row])]}].",
    )

    def plain(name: str) -> str:
        return "".join(name.lower().split())

    def differs(class_id: int, name: str) -> bool:
        return class_id in label_map and plain(label_map.find(class_id).name) != plain(name)

    records.rows.reject(
        np.array([differs(int(i), name) for i, name in zip(ids, names, strict=True)], dtype=bool),
        lambda row: (
            f'category {ids[row]} is named "{names[row]}", but {label_map.source} names it '
            f'"{label_map.find(int(ids[row])).name}". Use the label map that this file was made with, or correct one.'
        ),
    )
