"""Boxes of COCO annotations as tools write them: drawn upwards, turned, or only as an outline."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from alphaction.data.formats.box_spelling import PIXELS_ABOVE
from alphaction.data.formats.coco_masks import box_of_mask
from alphaction.data.formats.json_records import Records
from alphaction.data.formats.tracks import upright
from alphaction.utils.values import finite_number, identifier

MASK_OF_BOX = "masks (iscrowd 1) of what has a box of its own, left out"
MASK_AS_BOX = "masks (iscrowd 1) taken as the box around them"
_SAME = 0.5
"""Overlap from which on a mask and a box of one category show the same."""


def repaired(annotations: Records, counts: Counter[str], xywh: bool) -> Records:
    """Return the annotations that have a box, each with ``bbox``; what was done is counted.

    A negative width or height is that of the same box. A missing or empty box is that around the ``segmentation``. A
    box with ``rotation`` among its attributes (CVAT: degrees about its center, ``bbox`` as before the turn) becomes the
    upright one around it. Boxes of any other form stay as they are, for who checks them.

    Args:
        xywh: boxes may be x, y, width, height; False: they are not, and only missing ones are repaired.
    """
    items, keep = [], []
    for item in annotations.items:
        box = _as_numbers(item.get("bbox"))
        if box is None or box == [] or (xywh and _numbers(box) and not all(box[2:])):
            around = _around(item.get("segmentation"))
            what = "outlines without a box replaced by the box around them" if around else "annotations without a box"
            counts[what if around else f"{what} left out"] += 1
            keep.append(around is not None)
            items.append({**item, "bbox": around})
            continue
        keep.append(True)
        items.append({**item, "bbox": _repaired_box(box, item, counts) if xywh and _numbers(box) else box})
    kept = annotations.take(np.array(keep, dtype=bool))
    kept.items = [item for item, use in zip(items, keep, strict=True) if use]
    return kept


def without_masks(annotations: Records, counts: Counter[str]) -> Records:
    """Return repaired annotations less the masks (``iscrowd`` 1, CVAT's) of what a box of the image shows, too.

    A mask is such if a box of the same category covers it; any other one counts as the box around it. Both are counted.
    """
    items = annotations.items
    boxes: dict[tuple[Any, ...], list[list[float]]] = {}
    for item in items:
        if not _is_mask(item) and _numbers(item.get("bbox")):
            boxes.setdefault(_shows(item), []).append(item["bbox"])
    keep = np.ones(len(items), dtype=bool)
    for row, item in enumerate(items):
        if _is_mask(item) and _numbers(item.get("bbox")):
            others = boxes.get(_shows(item), [])
            keep[row] = not any(_iou(item["bbox"], other) >= _SAME for other in others)
            counts[MASK_OF_BOX if not keep[row] else MASK_AS_BOX] += 1
    return annotations.take(keep)


def _shows(item: Mapping[str, Any]) -> tuple[Any, ...]:
    """Return image and category of an annotation."""
    return identifier(item.get("image_id")), identifier(item.get("category_id"))


def _is_mask(item: Mapping[str, Any]) -> bool:
    return item.get("iscrowd") in (1, True, "1")


def _iou(box: Sequence[float], other: Sequence[float]) -> float:
    """Return the overlap of two boxes x, y, width, height, 0 to 1."""
    overlap = 1.0
    for axis in (0, 1):
        low = max(box[axis], other[axis])
        high = min(box[axis] + box[axis + 2], other[axis] + other[axis + 2])
        overlap *= max(high - low, 0.0)
    union = box[2] * box[3] + other[2] * other[3] - overlap
    return overlap / union if union > 0 else 0.0


def _as_numbers(box: Any) -> Any:
    """Return a box of four numbers, which may be written as text, as those; anything else as it is."""
    if not isinstance(box, list) or len(box) != 4:
        return box
    numbers = [finite_number(value) for value in box]
    return box if None in numbers else numbers


def _numbers(box: Any) -> bool:
    return isinstance(box, list) and len(box) == 4 and all(isinstance(value, float) for value in box)


def _repaired_box(box: Sequence[float], item: Mapping[str, Any], counts: Counter[str]) -> list[float]:
    x, y, width, height = box
    if width < 0 or height < 0:
        counts["boxes with a negative width or height turned over"] += 1
        x, y, width, height = min(x, x + width), min(y, y + height), abs(width), abs(height)
    attributes = item.get("attributes")
    turn = finite_number(attributes.get("rotation")) if isinstance(attributes, dict) else None
    if turn and turn % 360 and max(box) > PIXELS_ABOVE:
        counts["turned boxes replaced by the upright box around them"] += 1
        around = _around(item.get("segmentation"))
        if around is not None:
            return around
        x1, y1, x2, y2 = upright(x, y, width, height, turn, (x + width / 2, y + height / 2))
        return [x1, y1, x2 - x1, y2 - y1]
    return [x, y, width, height]


def _around(outline: Any) -> list[float] | None:
    """Return x, y, width, height of the box around polygons or a run-length code, in pixels; None: it has no area."""
    if isinstance(outline, list):
        values = [value for polygon in outline for value in (polygon if isinstance(polygon, list) else [polygon])]
        values = [finite_number(value) for value in values]
        if len(values) < 4 or len(values) % 2 or None in values:
            return None
        box = [min(values[::2]), min(values[1::2]), max(values[::2]), max(values[1::2])]
        box = [box[0], box[1], box[2] - box[0], box[3] - box[1]]
    else:
        box = box_of_mask(outline.get("size"), outline.get("counts")) if isinstance(outline, dict) else None
    return box if box is not None and box[2] > 0 and box[3] > 0 else None
