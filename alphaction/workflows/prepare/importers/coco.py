"""COCO-like JSON: upstream's (``action_ids`` per box) and plain COCO (``category_id``, a class with a name)."""

from __future__ import annotations

from typing import Any

import numpy as np

from alphaction.data.annotations.keyframes import ImageIds, KeyframeIndex
from alphaction.data.formats.csv_columns import parse_integer
from alphaction.data.formats.json_records import Records, read_images
from alphaction.workflows.prepare.imported import ImportedAnnotations
from alphaction.workflows.prepare.importers.actions import means_person
from alphaction.workflows.prepare.importers.box_forms import unit_corners
from alphaction.workflows.prepare.importers.source import Rows, Source

_WHAT = "annotations"


def read_coco(source: Source) -> ImportedAnnotations:
    """Read COCO-like JSON; annotations of one image with the same box and person are one box.

    If any annotation has ``action_ids``, those are the classes (``category_id`` then says "person"; ``[]`` is a
    negative); else ``category_id`` is the class, named by ``categories``, where one that merely means a person is no
    action. An image without annotations is a keyframe without boxes. Images name video and second as ``movie`` and
    ``timestamp``, or as ``file_name`` "video/0902.jpg".
    """
    images, annotations = _records(source, "images"), _records(source, "annotations")
    if not len(images):
        raise source.error("", '"images" is empty. A split needs at least one keyframe; check the path.')
    image_ids = _known_images(source, read_images(images))
    raw_ids = annotations.column("image_id")
    position = image_ids.locate(raw_ids)
    annotations.rows.reject(
        position < 0, lambda row: f"image_id {raw_ids[row]!r} is not the id of any of the {len(images)} images."
    )
    keyframes = image_ids.keyframes
    rows = Rows(counts={"rows": len(annotations)})
    rows.count("images of a keyframe that another image has", len(images) - len(keyframes))
    corners = unit_corners(
        annotations.rows,
        _raw_boxes(annotations),
        lambda: _frame_sizes(source, image_ids)[position],
        default="xywh",
        box_format=source.box_format,
        normalized=source.normalized,
        counts=rows.counts,
        notes=rows.notes,
    )
    labels, names = _labels(annotations, source, rows)
    persons = annotations.integers("person_id" if annotations.has("person_id").any() else "track_id", -1)
    persons = np.maximum(persons, -1).tolist()
    for row, (k, box) in enumerate(zip(position.tolist(), corners.tolist(), strict=True)):
        video, second = keyframes[k]
        rows.add(video, second, tuple(box), labels[row], persons[row], annotations.rows.place(row), persons[row])
    filled = np.bincount(position, minlength=len(keyframes))
    empty = tuple(keyframes[int(k)] for k in np.flatnonzero(filled == 0))
    return rows.finish(source, "coco", {}, empty_keyframes=empty, class_names=names, image_ids=image_ids)


def _records(source: Source, key: str) -> Records:
    items = source.data.get(key) if isinstance(source.data, dict) else None
    if not isinstance(items, list):
        raise source.error("", f'expected an object with lists "images" and "annotations"; "{key}" is missing.')
    return Records(source.path, _WHAT, items, lambda row: f"{key}[{row}]")


def _known_images(source: Source, found: ImageIds) -> ImageIds:
    """Return the images with the names of known videos in place of the file's."""
    old = found.keyframes
    names = [source.videos.match(str(name), place='"images"') for name in old.videos]
    keyframes, renamed = KeyframeIndex.from_rows(names, old.video_index, old.seconds)
    sizes = np.zeros((len(keyframes), 2), dtype=np.int32)
    sizes[renamed] = found.frame_sizes
    return ImageIds(found.ids, renamed[found.position], keyframes, sizes)


def _raw_boxes(annotations: Records) -> np.ndarray:
    boxes = annotations.column("bbox")

    def is_box(value: Any) -> bool:
        return (
            isinstance(value, list)
            and len(value) == 4
            and all(isinstance(v, (int, float)) and not isinstance(v, bool) and np.isfinite(v) for v in value)
        )

    annotations.rows.reject(
        np.array([not is_box(value) for value in boxes], dtype=bool),
        lambda row: f'"bbox" is {boxes[row]!r}, expected four numbers: x, y, width, height.',
    )
    return np.array(boxes, dtype=np.float64).reshape(-1, 4)


def _frame_sizes(source: Source, image_ids: ImageIds) -> np.ndarray:
    """Return (width, height) of each keyframe, int64 [K, 2]: the file's where it gives one, else the video's."""
    keyframes, sizes = image_ids.keyframes, image_ids.frame_sizes.astype(np.int64)
    for index in np.unique(keyframes.video_index):
        video = str(keyframes.videos[index])
        own = keyframes.video_index == index
        known = own & (sizes > 0).all(axis=1)
        for size in np.unique(sizes[known], axis=0):
            source.check_size(video, (float(size[0]), float(size[1])), f'"images" of {video}')
        if known.sum() < own.sum():
            info = source.info(video)
            sizes[own & ~known] = (info.width, info.height)
    return sizes


def _labels(annotations: Records, source: Source, rows: Rows) -> tuple[list[tuple[int, ...]], dict[int, str]]:
    """Return the class ids of each annotation, and the names that the file gives to ids."""
    if annotations.has("action_ids").any():
        lists = annotations.column("action_ids", "Other annotations of this file have it; write [] for no action.")
        parsed = [[parse_integer(i) for i in value] if isinstance(value, list) else [None] for value in lists]
        annotations.rows.reject(
            np.array([None in ids for ids in parsed], dtype=bool),
            lambda row: f'"action_ids" is {lists[row]!r}, expected a list of class ids.',
        )
        return [tuple(ids) for ids in parsed], {}
    if not len(annotations):
        return [], _category_names(source)
    hint = 'Expected "category_id" (the action class) or "action_ids" (a list of them).'
    ids = annotations.integers("category_id", hint=hint)
    names = _category_names(source)
    annotations.rows.reject(
        np.array([bool(names) and i not in names for i in ids.tolist()], dtype=bool),
        lambda row: f"category_id {ids[row]} is not among the file's categories ({', '.join(map(str, names))}).",
    )
    persons = {i: name for i, name in names.items() if means_person(name)}
    for i, name in persons.items():
        rows.count(f'boxes of the category "{name}", which is no action', int((ids == i).sum()))
    return [() if i in persons else (i,) for i in ids.tolist()], names


def _category_names(source: Source) -> dict[int, str]:
    items = source.data.get("categories") or []
    if not isinstance(items, list):
        raise source.error("", f'"categories" is a {type(items).__name__}, expected a list.')
    records = Records(source.path, _WHAT, items, lambda row: f"categories[{row}]")
    ids, names = records.integers("id").tolist(), [str(name) for name in records.column("name")]
    first: dict[int, int] = {}
    records.rows.reject(
        np.array([first.setdefault(i, row) != row for row, i in enumerate(ids)], dtype=bool),
        lambda row: f"category id {ids[row]} is already used by categories[{first[ids[row]]}].",
    )
    return dict(zip(ids, names, strict=True))
