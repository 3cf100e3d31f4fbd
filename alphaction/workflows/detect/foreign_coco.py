"""JSON boxes of a foreign detector: COCO results, alone or with the images that their ids refer to."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from alphaction.data.annotations import AnnotationTable, Sizes
from alphaction.data.formats.boxes import parse_box_json
from alphaction.data.formats.files import RowSource, parse_json, read_text
from alphaction.utils.errors import UserError
from alphaction.utils.messages import suggest
from alphaction.workflows.detect.foreign_boxes import OTHER_CLASS, WHAT, ForeignBoxes

_COCO_PERSON = 1


def read_coco(
    path: Path,
    images: Path | None,
    class_id: str | None,
    every_class: bool,
    annotations: AnnotationTable | None,
    sizes: Sizes,
) -> ForeignBoxes:
    """Read the JSON forms that :func:`alphaction.data.annotations.read_boxes` knows, of one class or of all.

    Args:
        images: JSON with ``images`` [{id, file_name "video/0902.jpg" or movie and timestamp}] that the ids of a
            results list refer to; None: the file's own, or those of ``annotations``.
        class_id: keep this ``category_id``; None: that of the category "person", where the files list categories,
            else 1. Boxes without one are kept.
        every_class: keep all.
        annotations: the dataset's; None: image ids do not refer to them.
        sizes: video name -> (width, height).

    Raises:
        UserError: as ``read_boxes``; or no box has that class.
    """
    data, categories = _with_images(path, images)
    total, left_out = _count(data), 0
    if not every_class:
        wanted = _wanted_category(class_id, categories)
        seen = sorted({str(item["category_id"]) for item in _items(data) if item.get("category_id") is not None})
        data = _of_category(data, wanted)
        left_out = total - _count(data)
        if total and left_out == total:
            raise UserError(
                f"{WHAT}: {path}: not one of {total} boxes has category_id {wanted}. {suggest(wanted, seen)} "
                "Choose one with --class-id, or keep all with --every-class."
            )
    _require_resolvable(path, data, annotations)
    table = parse_box_json(path, data, annotations, sizes, objects=True)
    position = table.keyframe_of_box()
    keyframes = table.keyframes
    counts = {"boxes read": total, OTHER_CLASS: left_out}
    counts |= {name: count for name, count in table.counts.items() if name != "rows"}

    def place(row: int) -> str:
        video, number = keyframes[int(position[row])]
        return f"box of {video}, {number}"

    return ForeignBoxes(
        rows=RowSource(path, WHAT, place),
        videos=keyframes.videos.tolist(),
        codes=keyframes.video_index[position].astype(np.int64),
        numbers=keyframes.seconds[position],
        boxes=table.boxes,
        scores=table.scores.astype(np.float64),
        counts={name: count for name, count in counts.items() if count},
    )


def _with_images(path: Path, images: Path | None) -> tuple[Any, Any]:
    """Return the content of ``path``, with the list of ``images`` where that is given, and the categories of either."""
    data = parse_json(path, read_text(path, WHAT), WHAT)
    categories = data.get("categories") if isinstance(data, dict) else None
    if images is None:
        return data, categories
    listed = parse_json(images, read_text(images, "images"), "images")
    if not isinstance(listed, dict) or not isinstance(listed.get("images"), list):
        raise UserError(f'images: {images}: expected a JSON object with a list "images".')
    boxes = data.get("annotations") if isinstance(data, dict) else data
    return {"images": listed["images"], "annotations": boxes}, categories or listed.get("categories")


def _require_resolvable(path: Path, data: Any, annotations: AnnotationTable | None) -> None:
    """Refuse a results list with numbers for images that no file lists."""
    first = next((item for item in data if isinstance(item, dict)), {}) if isinstance(data, list) else {}
    if isinstance(first.get("image_id"), int) and (annotations is None or not len(annotations.image_ids)):
        raise UserError(
            f"{WHAT}: {path}: image_id {first['image_id']} is a number, and nothing tells which video and second that "
            'is. Give the JSON with the "images" that the detector ran on: --images FILE.'
        )


def _wanted_category(class_id: str | None, categories: Any) -> str:
    if class_id is not None:
        return class_id
    if isinstance(categories, list):
        for category in categories:
            if isinstance(category, dict) and str(category.get("name", "")).lower() == "person":
                return str(category.get("id"))
    return str(_COCO_PERSON)


def _lists(data: Any) -> list[list[Any]]:
    """Return the lists of boxes of a JSON file; those of another shape are left for the reader to refuse."""
    if isinstance(data, list):
        return [data]
    if isinstance(data, Mapping):
        found = [data["annotations"]] if "annotations" in data else list(data.values())
        return [items for items in found if isinstance(items, list)]
    return []


def _items(data: Any) -> list[dict[str, Any]]:
    return [item for items in _lists(data) for item in items if isinstance(item, dict)]


def _count(data: Any) -> int:
    return sum(map(len, _lists(data)))


def _of_category(data: Any, wanted: str) -> Any:
    """Return ``data`` with the boxes of one category, and those without one."""

    def keep(items: Any) -> Any:
        if not isinstance(items, list):
            return items
        return [
            item
            for item in items
            if not isinstance(item, dict) or item.get("category_id") is None or str(item["category_id"]) == wanted
        ]

    if isinstance(data, list):
        return keep(data)
    if isinstance(data, Mapping):
        if "annotations" in data:
            return {**data, "annotations": keep(data["annotations"])}
        return {name: keep(items) for name, items in data.items()}
    return data
