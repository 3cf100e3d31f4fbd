"""COCO-like JSON, and the reader of its annotations; that of its boxes is in a module beside this one.

Boxes are ``bbox: [x, y, width, height]``, COCO's convention, in pixels or as fractions of the frame. Sizes in shapes: n
records.
"""

from __future__ import annotations

import contextlib
import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from pycocotools.coco import COCO

from alphaction.data.formats.coco_boxes import person_category, read_coco_boxes, read_coco_detections
from alphaction.data.formats.coco_images import read_images
from alphaction.data.formats.file_content import FileContent, RowSource
from alphaction.data.formats.format import DetectionReader, Format
from alphaction.data.formats.json_records import Records
from alphaction.data.formats.rows import RowTable
from alphaction.data.keyframes import ImageIds
from alphaction.utils.errors import UserError


def read_coco(path: Path, what: str, data: Any, *, strict: bool = True) -> RowTable:
    """Return the annotations of COCO-like JSON: upstream's (``action_ids`` per box) or plain COCO (``category_id``).

    If any annotation has ``action_ids``, those are the classes (``category_id`` then says "person"; ``[]`` is a box
    without action); else ``category_id`` is the class. Images name video and second as ``movie`` and ``timestamp``, or
    as ``file_name`` "video/0902.jpg". After the annotations come the images without any, as rows without a box.

    Args:
        path: the file.
        what: what it is to the user, for messages.
        data: its content, as parsed.
        strict: refuse the file at the first wrong annotation; False: leave out wrong ones, which are counted and
            named. Images and categories must be right.

    Raises:
        UserError: names the JSON index of the first wrong entry, and how many more have the same fault.
    """
    if not isinstance(data, dict):
        raise UserError(
            f"{what}: {path} holds a JSON {type(data).__name__}; expected an object with images and annotations. "
            "A list of boxes with scores is a box file."
        )
    images, annotations = _records(path, what, data, "images"), _records(path, what, data, "annotations", strict)
    if not len(images):
        raise UserError(f'{what}: {path}: "images" is empty. A split needs at least one keyframe; check the path.')
    found = read_images(images)
    if not strict:
        _annotation_columns(annotations, found)
        annotations = annotations.take(~annotations.bad)
    position, boxes, (classes, label_rows, label_codes), persons = _annotation_columns(annotations, found)
    named = len(annotations) and not annotations.has("action_ids").any()
    categories = _categories(path, what, data.get("categories")) if named else []
    index = _index(position, annotations, categories, len(found.keyframes))
    bare = np.array([k for k in index.imgs if k not in index.imgToAnns], dtype=np.int64)
    position = np.concatenate([position, bare])
    image_of = np.zeros(len(found.keyframes), dtype=np.int64)
    image_of[found.locate(images.column("id"))] = np.arange(len(images))

    def place(row: int) -> str:
        return annotations.rows.place(row) if row < len(annotations) else f"images[{image_of[position[row]]}]"

    return RowTable(
        RowSource(path, what, place),
        found.keyframes.videos.tolist(),
        found.keyframes.video_index[position].astype(np.int64),
        found.keyframes.seconds[position],
        np.concatenate([boxes, np.full((len(bare), 4), np.nan)]),
        classes,
        label_rows,
        label_codes,
        person_ids=np.concatenate([np.maximum(persons, -1), np.full(len(bare), -1)]),
        frame_sizes=found.frame_sizes[position].astype(np.int64),
        spelling="xywh",
        image_ids=found,
        class_names={class_id: str(category["name"]) for class_id, category in index.cats.items()},
        counts={
            "rows": len(annotations),
            "images of a keyframe that another image has": len(images) - len(found.keyframes),
            **annotations.wrong,
        },
    )


def _annotation_columns(annotations: Records, images: ImageIds) -> tuple[np.ndarray, np.ndarray, Any, np.ndarray]:
    """Return keyframe int64 [n], box [n, 4], classes (as ``_classes``) and person id int64 [n] of annotations."""
    ids = annotations.optional("id")
    hint = "Were two files joined? Give each annotation its own id."
    annotations.refuse_repeated("annotation id", [i if i is None else str(i) for i in ids], hint)
    raw_ids = annotations.ids("image_id")
    position = images.locate(raw_ids)
    annotations.refuse(
        position < 0, lambda row: f"image_id {raw_ids[row]!r} is not the id of any of the {len(images)} images."
    )
    persons = annotations.integers("person_id" if annotations.has("person_id").any() else "track_id", -1)
    return position, annotations.boxes(), _classes(annotations), persons


def _records(path: Path, what: str, data: dict[str, Any], key: str, strict: bool = True) -> Records:
    items = data.get(key)
    if not isinstance(items, list):
        raise UserError(
            f'{what}: {path}: expected a list "{key}" (found keys: {", ".join(map(str, list(data)[:6])) or "none"}). '
            "Annotations need images and annotations; boxes with scores belong into a box file."
        )
    return Records(path, what, items, lambda row: f"{key}[{row}]", strict)


def _categories(path: Path, what: str, items: Any) -> list[dict[str, Any]]:
    """Return the checked categories, with ids as whole numbers."""
    if items is None:
        return []
    if not isinstance(items, list):
        raise UserError(f'{what}: {path}: "categories" is a {type(items).__name__}, expected a list.')
    records = Records(path, what, items, lambda row: f"categories[{row}]")
    ids, names = records.integers("id").tolist(), records.column("name")
    records.refuse_repeated("category id", ids)
    return [{"id": class_id, "name": name} for class_id, name in zip(ids, names, strict=True)]


def _index(keyframes: np.ndarray, annotations: Records, categories: list[dict[str, Any]], count: int) -> COCO:
    """Return COCO's index of checked annotations, with ``count`` keyframes as its images.

    Args:
        keyframes: int64 [n] keyframe of each annotation.
    """
    class_ids = annotations.optional("category_id") if categories else [0] * len(annotations)
    rows = zip(keyframes.tolist(), class_ids, strict=True)
    index = COCO()
    index.dataset = {
        "images": [{"id": k} for k in range(count)],
        "annotations": [{"id": row, "image_id": k, "category_id": c} for row, (k, c) in enumerate(rows)],
        "categories": categories,
    }
    with contextlib.redirect_stdout(io.StringIO()):  # it prints that it does so
        index.createIndex()
    return index


def _classes(annotations: Records) -> tuple[Sequence[int], np.ndarray, np.ndarray]:
    """Return class ids, label rows and label codes of annotations."""
    if annotations.has("action_ids").any():
        lists = annotations.integer_lists(
            "action_ids", "Other annotations of this file have it; write [] for no action."
        )
    else:
        hint = 'Expected "category_id" (the action class) or "action_ids" (a list of them).'
        lists = [[class_id] for class_id in annotations.integers("category_id", hint=hint).tolist()]
    flat = np.array([class_id for class_ids in lists for class_id in class_ids], dtype=np.int64)
    rows = np.repeat(np.arange(len(lists)), [len(class_ids) for class_ids in lists]).astype(np.int64)
    classes, codes = np.unique(flat, return_inverse=True)
    return classes.tolist(), rows, codes.reshape(-1)


def _recognizes(content: FileContent) -> bool:
    return isinstance(content.data, dict) and "images" in content.data and "annotations" in content.data


COCO_JSON = Format(
    "coco",
    "COCO JSON",
    "json",
    _recognizes,
    annotations=lambda file: read_coco(file.path, file.what, file.data),
    ground_truth=lambda content: read_coco(content.path, content.what, content.data),
    boxes=lambda content, images, images_of: read_coco_boxes(
        content.path, content.what, content.data, images, images_of
    ),
    detections=DetectionReader(
        read=read_coco_detections,
        person="1",
        find_person=person_category,
        outside="A bbox is x, y, width, height: was it written as corners, or for frames of another size?",
        image_lists=True,
    ),
)
