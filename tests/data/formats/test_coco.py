"""COCO-like files as rows: boxes as written, images without annotations, tolerant of wrong entries where asked."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from alphaction.data.formats.coco import read_coco, read_coco_boxes
from alphaction.utils.errors import UserError

PATH = Path("a.json")
IMAGES = [
    {"id": 5, "file_name": "v/0003.jpg", "width": 64, "height": 48},
    {"id": 6, "file_name": "v/0004.jpg", "width": 64, "height": 48},
    {"id": 7, "file_name": "u/0001.jpg", "width": 64, "height": 48},
]


def test_annotations_are_followed_by_images_without_any(capsys):
    annotations = [
        {"image_id": 6, "bbox": [1, 2, 3, 4], "action_ids": [9, 3], "track_id": 2},
        {"image_id": 6, "bbox": [5, 6, 7, 8], "action_ids": [], "track_id": None},
    ]
    rows = read_coco(PATH, "annotations", {"images": IMAGES, "annotations": annotations})
    assert capsys.readouterr().out == ""  # pycocotools prints
    assert (rows.spelling, rows.pixels, rows.unit) == ("xywh", None, "second")
    moments = zip(rows.video_codes.tolist(), rows.numbers.tolist(), strict=True)
    assert [(rows.videos[code], number) for code, number in moments] == [("v", 4), ("v", 4), ("u", 1), ("v", 3)]
    assert rows.boxes[:2].tolist() == [[1, 2, 3, 4], [5, 6, 7, 8]]
    assert rows.has_box.tolist() == [True, True, False, False]
    assert rows.labels() == [(9, 3), (), (), ()]
    assert rows.persons().tolist() == [2, -1, -1, -1]
    assert [rows.source.place(row) for row in range(4)] == [
        "annotations[0]",
        "annotations[1]",
        "images[2]",
        "images[0]",
    ]
    assert rows.frame_sizes.tolist() == [[64, 48]] * 4


WRONG = [
    {"image_id": 5, "bbox": [1, 2, 3], "category_id": 1},
    {"image_id": 8, "bbox": [1, 2, 3, 4], "category_id": 1},
    {"image_id": 5, "bbox": [1, 2, 3, 4], "category_id": "walk"},
    {"image_id": 5, "bbox": [1, 2, 3, 4]},
    {"image_id": 5, "category_id": 1},
    7,
]


@pytest.mark.parametrize("wrong", WRONG)
def test_wrong_annotations_are_refused_or_counted(wrong):
    good = {"image_id": 5, "bbox": [1, 2, 3, 4], "category_id": 2}
    data = {"images": IMAGES, "annotations": [wrong, good], "categories": [{"id": 2, "name": "walk"}]}
    with pytest.raises(UserError, match=r"a.json, annotations\[0\]: "):
        read_coco(PATH, "annotations", data)
    rows = read_coco(PATH, "annotations", data, strict=False)
    assert rows.boxes[rows.has_box].tolist() == [[1, 2, 3, 4]]
    assert rows.labels()[0] == (2,)
    assert rows.source.place(0) == "annotations[1]"
    assert sum(~rows.has_box) == 2
    assert [n for name, n in rows.counts.items() if "left out (the first: annotations[0]: " in name] == [1]


def test_wrong_boxes_are_refused_or_counted():
    boxes = [
        {"image_id": "v/1", "bbox": [1, 2, 3, 4], "score": "high"},
        {"image_id": "v/2", "bbox": [1, 2, 3, 4], "score": 0.5},
        {"bbox": [1, 2, 3, 4], "score": 0.5},
        {"image_id": "v/3", "bbox": None, "score": 0.5},
    ]
    with pytest.raises(UserError, match=r"a.json, \[2\]: \"image_id\" is missing"):
        read_coco_boxes(PATH, "boxes", boxes)
    rows = read_coco_boxes(PATH, "boxes", boxes, strict=False)
    assert rows.numbers.tolist() == [2]
    np.testing.assert_array_equal(rows.scores, [0.5])
    assert rows.source.place(0) == "[1]"
    assert sum(n for name, n in rows.counts.items() if "left out" in name) == 3
