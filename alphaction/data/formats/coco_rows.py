"""The records of COCO-like annotations, and the table that they become. Sizes in shapes: n annotations."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from pycocotools.coco import COCO

from alphaction.data.formats.file_content import RowSource
from alphaction.data.formats.json_records import Records
from alphaction.data.formats.rows import CLASS_ID, Label, RowTable
from alphaction.data.keyframes import ImageIds
from alphaction.utils.errors import DataError
from alphaction.utils.messages import counted
from alphaction.utils.values import identifier, keys_shown, parse_integer, shown

Classes = tuple[Sequence[Label], np.ndarray, np.ndarray]
"""Distinct classes, label rows and label codes, as in :class:`RowTable`."""


def coco_records(path: Path, what: str, data: Any, strict: bool = True) -> tuple[Records, Records]:
    """Return the images, one at least, and the annotations of a file; arguments as of :func:`read_coco`."""
    if not isinstance(data, dict):
        raise DataError(
            f"{what}: {path} holds a JSON {type(data).__name__}; expected an object with images and annotations. "
            "A list of boxes with scores is a box file."
        )
    images, annotations = _records(path, what, data, "images"), _records(path, what, data, "annotations", strict)
    if not len(images):
        raise DataError(f'{what}: {path}: "images" is empty. A split needs at least one keyframe; check the path.')
    return images, annotations


def coco_table(
    images: Records,
    annotations: Records,
    found: ImageIds,
    position: np.ndarray,
    boxes: np.ndarray,
    classes: Classes,
    persons: np.ndarray,
    categories: list[dict[str, Any]],
) -> RowTable:
    """Return the rows of checked annotations, and after them the images without any, as rows without a box.

    Args:
        images, found: the same images, as records and with their keyframes.
        annotations: n of them.
        position: int64 [n] keyframe of each annotation.
        boxes: float64 [n, 4] as written.
        classes: distinct classes, label rows and label codes, as in :class:`RowTable`.
        persons: int64 [n], -1 unknown.
        categories: those that name class ids; []: none do.
    """
    index = _index(position, annotations, categories, len(found.keyframes))
    bare = np.array([k for k in index.imgs if k not in index.imgToAnns], dtype=np.int64)
    position = np.concatenate([position, bare])
    image_of = np.zeros(len(found.keyframes), dtype=np.int64)
    image_of[found.locate(images.column("id"))] = np.arange(len(images))

    def place(row: int) -> str:
        return annotations.rows.place(row) if row < len(annotations) else images.rows.place(image_of[position[row]])

    return RowTable(
        RowSource(images.rows.path, images.rows.what, place),
        found.keyframes.videos.tolist(),
        found.keyframes.video_index[position].astype(np.int64),
        found.keyframes.seconds[position],
        np.concatenate([boxes, np.full((len(bare), 4), np.nan)]),
        *classes,
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


def refuse_repeated_ids(annotations: Records) -> None:
    """Refuse an annotation with the id of another one."""
    ids = [identifier(value) for value in annotations.optional("id")]
    hint = "Were two files joined? Give each annotation its own id."
    annotations.refuse_repeated("annotation id", [i if i is None else str(i) for i in ids], hint)


def locate_images(annotations: Records, locate: Callable[[list[int | str]], np.ndarray], number: int) -> np.ndarray:
    """Return the position of each annotation's image, int64 [n], as ``locate`` knows ``number`` images."""
    raw_ids = annotations.ids("image_id")
    position = locate(raw_ids)
    annotations.refuse(
        position < 0,
        lambda row: f"image_id {shown(raw_ids[row])} is not the id of an image ({counted(number, 'image')}).",
    )
    return position


def person_column(annotations: Records) -> np.ndarray:
    """Return the person id of each annotation, int64 [n], -1 or less unknown."""
    return annotations.integers(person_key(annotations), -1)


def person_key(annotations: Records) -> str:
    """Return the key that says the person."""
    return "person_id" if annotations.has("person_id").any() else "track_id"


def _records(path: Path, what: str, data: dict[str, Any], key: str, strict: bool = True) -> Records:
    items = data.get(key)
    if not isinstance(items, list):
        raise DataError(
            f'{what}: {path}: expected a list "{key}" (found keys: {keys_shown(data)}). '
            "Annotations need images and annotations; boxes with scores belong into a box file."
        )
    return Records(path, what, items, lambda row: f"{key}[{row}]", strict)


def read_categories(path: Path, what: str, items: Any) -> list[dict[str, Any]]:
    """Return the checked categories, with ids as whole numbers."""
    if items is None:
        return []
    if not isinstance(items, list):
        raise DataError(f'{what}: {path}: "categories" is a {type(items).__name__}, expected a list.')
    records = Records(path, what, items, lambda row: f"categories[{row}]")
    ids, names = records.integers("id", within=CLASS_ID).tolist(), records.texts("name", null="")
    records.refuse_repeated("category id", ids)
    return [{"id": class_id, "name": name} for class_id, name in zip(ids, names, strict=True)]


def _index(keyframes: np.ndarray, annotations: Records, categories: list[dict[str, Any]], count: int) -> COCO:
    """Return COCO's index of checked annotations, with ``count`` keyframes as its images.

    Args:
        keyframes: int64 [n] keyframe of each annotation.
    """
    class_ids = list(map(parse_integer, annotations.optional("category_id"))) if categories else [0] * len(annotations)
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


def class_columns(annotations: Records, unnamed: np.ndarray | None = None) -> Classes:
    """Return class ids, label rows and label codes of annotations.

    Args:
        unnamed: bool [n], those whose category is null: boxes without a class; None: there is none.
    """
    if annotations.has("action_ids").any():
        lists = annotations.class_lists("action_ids", "Other annotations of this file have it; write [] for no action.")
    else:
        hint = 'Expected "category_id" (the action class) or "action_ids" (a list of them).'
        bare = np.zeros(len(annotations), dtype=bool) if unnamed is None else unnamed
        ids = annotations.take(~bare).integers("category_id", hint=hint, within=CLASS_ID)
        lists = [[] for _ in range(len(annotations))]
        for row, class_id in zip(np.flatnonzero(~bare).tolist(), ids.tolist(), strict=True):
            lists[row].append(class_id)
    return labels_of(lists)


def labels_of(lists: Sequence[Sequence[Label]]) -> Classes:
    """Return the distinct classes, ids in order, label rows and label codes of rows with these classes."""
    flat = [label for labels in lists for label in labels]
    classes = sorted(dict.fromkeys(flat))
    code_of = {label: code for code, label in enumerate(classes)}
    rows = np.repeat(np.arange(len(lists)), [len(labels) for labels in lists]).astype(np.int64)
    return classes, rows, np.array([code_of[label] for label in flat], dtype=np.int64)
