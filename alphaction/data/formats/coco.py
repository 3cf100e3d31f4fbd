"""COCO-like JSON, and the reader of its annotations; that of its boxes is in a module beside this one.

Boxes are ``bbox: [x, y, width, height]``, COCO's convention, in pixels or as fractions of the frame. Sizes in shapes: n
records.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from alphaction.data.formats.coco_boxes import person_category, read_coco_boxes, read_coco_detections
from alphaction.data.formats.coco_export import coco_attributes, read_coco_export
from alphaction.data.formats.coco_images import read_images
from alphaction.data.formats.coco_rows import (
    Classes,
    class_columns,
    coco_records,
    coco_table,
    locate_images,
    person_column,
    read_categories,
    refuse_repeated_ids,
)
from alphaction.data.formats.file_content import FileContent
from alphaction.data.formats.format import DetectionReader, Format
from alphaction.data.formats.json_records import Records
from alphaction.data.formats.rows import RowTable
from alphaction.data.keyframes import ImageIds


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
    images, annotations = coco_records(path, what, data, strict)
    found = read_images(images)
    if not strict:
        _annotation_columns(annotations, found)
        annotations = annotations.take(~annotations.bad)
    position, boxes, classes, persons = _annotation_columns(annotations, found)
    named = len(annotations) and not annotations.has("action_ids").any()
    categories = read_categories(path, what, data.get("categories")) if named else []
    return coco_table(images, annotations, found, position, boxes, classes, persons, categories)


def _annotation_columns(annotations: Records, images: ImageIds) -> tuple[np.ndarray, np.ndarray, Classes, np.ndarray]:
    """Return keyframe int64 [n], box [n, 4], classes (as ``class_columns``) and person id int64 [n] of annotations."""
    refuse_repeated_ids(annotations)
    position = locate_images(annotations, images.locate, len(images))
    return position, annotations.boxes(), class_columns(annotations), person_column(annotations)


def _recognizes(content: FileContent) -> bool:
    return isinstance(content.data, dict) and "images" in content.data and "annotations" in content.data


COCO_JSON = Format(
    "coco",
    "COCO JSON",
    "json",
    _recognizes,
    attributes=coco_attributes,
    annotations=read_coco_export,
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
