"""Predictions as COCO JSON, beside the pictures of the keyframes: an annotation for each person and action.

COCO has one category for a box, so that a person with two actions has two boxes with one ``track_id``; equal boxes are
one person again when they are read. A box without an action is of the category "person".
"""

from __future__ import annotations

import json
from pathlib import Path

from alphaction.data.formats.action_attributes import CONFIRMED
from alphaction.data.formats.confirmation import SCORE
from alphaction.workflows.annotate.pictures import picture_name, write_pictures
from alphaction.workflows.annotate.results import Videos
from alphaction.workflows.annotate.to_correct import BoxToCorrect, ToCorrect

ANNOTATIONS, PICTURES = "annotations.json", "images"
_PERSON = "person"
_DIGITS = 3  # of pixels


def write_coco(folder: Path, found: ToCorrect, videos: Videos) -> None:
    """Write ``annotations.json`` and the folder ``images``; images are in the order in which to look at them."""
    write_pictures(folder / PICTURES, found, videos)
    ids = {name: number for number, name in enumerate((_PERSON, *found.classes), start=1)}
    images, annotations = [], []
    for number, (video, keyframe) in enumerate(found.in_order(), start=1):
        width, height = video.size
        images.append({"id": number, "file_name": picture_name(video, keyframe), "width": width, "height": height})
        for box in keyframe.boxes:
            x1, y1, x2, y2 = (round(side, _DIGITS) for side in video.pixels(box.box))
            shape = [x1, y1, round(x2 - x1, _DIGITS), round(y2 - y1, _DIGITS)]
            for name, score in labels_of(box):
                annotations.append(
                    {
                        "id": len(annotations) + 1,
                        "image_id": number,
                        "category_id": ids[name or _PERSON],
                        "bbox": shape,
                        "area": round(shape[2] * shape[3], _DIGITS),
                        "iscrowd": 0,
                        "segmentation": [],
                        "attributes": {"track_id": box.person, CONFIRMED: False, SCORE: round(score, 4)},
                    }
                )
    categories = [{"id": number, "name": name, "supercategory": ""} for name, number in ids.items()]
    content = {"info": {}, "licenses": [], "images": images, "categories": categories, "annotations": annotations}
    (folder / ANNOTATIONS).write_text(json.dumps(content, ensure_ascii=False), encoding="utf-8")


def labels_of(box: BoxToCorrect) -> list[tuple[str, float]]:
    """Return each action of a box with its score; ("", the best score) where it has none."""
    return list(box.actions.items()) or [("", box.best[1])]
