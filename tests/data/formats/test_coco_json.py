"""COCO-like annotations: upstream's and plain COCO, merging, and every message."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
import pytest

from alphaction.data.annotations import AnnotationTable, read_annotations, write_ava_csv

UPSTREAM: dict[str, Any] = {
    "images": [
        {"id": 20902, "movie": "b", "timestamp": 902, "width": 400, "height": 200, "file_name": "b/0902.jpg"},
        {"id": 10903, "movie": "a", "timestamp": "0903", "width": 100, "height": 50},
        {"id": 10904, "movie": "a", "timestamp": 904, "width": 100, "height": 50},
    ],
    "annotations": [
        {"id": 1, "image_id": 20902, "bbox": [100, 50, 60, 120], "category_id": 1, "action_ids": [5, 1], "iscrowd": 0},
        {"id": 2, "image_id": 20902, "bbox": [0, 0, 400, 200], "category_id": 1, "action_ids": []},
        {"id": 3, "image_id": 10903, "bbox": [10, 5, 25.5, 30], "category_id": 1, "action_ids": [3]},
    ],
    "categories": [{"id": 1, "name": "person"}],
}

PLAIN: dict[str, Any] = {
    "images": [{"id": 1, "file_name": "clips\\v 1/0001.jpg", "width": 200, "height": 100}],
    "annotations": [
        {"id": 1, "image_id": 1, "bbox": [20, 10, 40, 50], "category_id": 2, "track_id": 4},
        {"id": 2, "image_id": 1, "bbox": [20, 10, 40, 50], "category_id": 3, "track_id": 4},
        {"id": 3, "image_id": 1, "bbox": [100, 10, 40, 50], "category_id": 1, "track_id": 6},
        {"id": 4, "image_id": 1, "bbox": [20, 10, 40, 50], "category_id": 2, "track_id": 4},
    ],
    "categories": [{"id": 3, "name": "Talk To"}, {"id": 2, "name": "walk"}, {"id": 77, "name": "unused"}],
}


def changed(data: dict[str, Any], where: str, index: int, **values: Any) -> dict[str, Any]:
    """A copy with some values of one record changed; ``...`` removes a key."""
    data = copy.deepcopy(data)
    record = data[where][index]
    record.update(values)
    for key in [key for key, value in record.items() if value is ...]:
        del record[key]
    return data


def as_lists(table: AnnotationTable) -> list[tuple]:
    return [
        (*table.keyframes[k], table.boxes[r].tolist(), table.labels(r).tolist())
        for k in range(len(table.keyframes))
        for r in range(*table.rows(k).indices(len(table)))
    ]


def test_upstream_json(write, label_map):
    table = read_annotations(write("ava.json", UPSTREAM), label_map)
    assert list(table.keyframes) == [("a", 903), ("a", 904), ("b", 902)]
    assert as_lists(table) == [
        ("a", 903, [0.1, 0.1, 0.355, 0.7], [3]),
        ("b", 902, [0.25, 0.25, 0.4, 0.85], [1, 5]),
        ("b", 902, [0, 0, 1, 1], []),
    ]
    assert table.frame_sizes.tolist() == [[100, 50], [100, 50], [400, 200]]
    assert table.frame_sizes.dtype == np.int32
    assert dict(table.image_ids) == {10903: ("a", 903), 10904: ("a", 904), 20902: ("b", 902)}
    assert table.image_ids["10904"] == ("a", 904)
    assert 7 not in table.image_ids
    for part in ("rows: 3", "boxes without action: 1", "keyframes without boxes: 1", "3 boxes, 3 labels"):
        assert part in table.summary()
    assert "another row" not in table.summary()


def test_file_names_tell_video_and_second(write, label_map):
    data = changed(UPSTREAM, "images", 0, movie=..., timestamp=...)
    data["images"][1]["file_name"] = "a/903.png"
    data["images"][2]["file_name"] = "a/0904"
    table = read_annotations(write("ava.json", data), label_map)
    assert list(table.keyframes) == [("a", 903), ("a", 904), ("b", 902)]


def test_plain_coco_merges_annotations_of_one_box(write, label_map):
    table = read_annotations(write("coco.json", PLAIN), label_map)
    assert as_lists(table) == [
        ("clips/v 1", 1, [0.1, 0.1, 0.3, 0.6], [2, 3]),
        ("clips/v 1", 1, [0.5, 0.1, 0.7, 0.6], [1]),
    ]
    assert table.person_ids.tolist() == [4, 6]
    for part in ("rows: 4", "another row: 2", "repeated labels of one box: 1"):
        assert part in table.summary()


def test_exclusions_keep_the_image_ids(write, label_map):
    table = read_annotations(write("ava.json", UPSTREAM), label_map, write("e.csv", "b,902\n"))
    assert list(table.keyframes) == [("a", 903), ("a", 904)]
    assert table.image_ids[20902] == ("b", 902)
    assert table.frame_sizes.tolist() == [[100, 50]] * 2


def test_json_and_csv_give_the_same_table(tmp_path, write, label_map):
    table = read_annotations(write("ava.json", UPSTREAM), label_map)
    write_ava_csv(tmp_path / "ava.csv", table)
    assert as_lists(read_annotations(tmp_path / "ava.csv", label_map)) == as_lists(table)


def test_boxes_as_fractions_need_no_frame_size(write, label_map):
    data = changed(PLAIN, "images", 0, width=..., height=...)
    for record in data["annotations"]:
        record["bbox"] = [0.25, 0, 0.5, 1]
    assert as_lists(read_annotations(write("a.json", data), label_map))[0][2] == [0.25, 0, 0.75, 1]


def test_frame_sizes_can_come_from_the_videos(write, label_map, refused):
    path = write("a.json", changed(PLAIN, "images", 0, width=0, height=None))
    refused(
        lambda: read_annotations(path, label_map), "annotations[0]", 'frame size of video "clips/v 1"', "width and h"
    )
    asked = []

    def sizes(video: str) -> tuple[int, int]:
        asked.append(video)
        return (400, 100)

    assert as_lists(read_annotations(path, label_map, sizes=sizes))[0][2] == [0.05, 0.1, 0.15, 0.6]
    assert asked == ["clips/v 1"]


def test_images_without_any_annotation(write, label_map):
    table = read_annotations(write("a.json", {**UPSTREAM, "annotations": []}), label_map)
    assert (len(table.keyframes), len(table), table.num_labels) == (3, 0, 0)


@pytest.mark.parametrize(
    ("data", "parts"),
    [
        ([{"image_id": 1}], ["JSON list", "expected an object with images and annotations"]),
        ({"v/1.jpg": []}, ['expected a list "images"', "found keys: v/1.jpg"]),
        ({**PLAIN, "images": []}, ['"images" is empty', "at least one keyframe"]),
        (changed(PLAIN, "images", 0, id=...), ["images[0]", '"id" is missing', "found: file_name, width, height"]),
        (changed(PLAIN, "images", 0, id=None), ["images[0]", '"id" is None']),
        (changed(UPSTREAM, "images", 1, id="20902"), ["images[1]", "already used by images[0]", "joined"]),
        (changed(PLAIN, "images", 0, file_name="v_0001.jpg"), ["images[0]", "'v_0001.jpg'", '"video/0902.jpg"']),
        (changed(UPSTREAM, "images", 2, movie=...), ["images[1]", '"file_name" is missing', '"movie" and "timestamp"']),
        (
            changed(UPSTREAM, "images", 1, timestamp="9:02"),
            ["images[1]", """"timestamp" is '9:02'""", "number of seconds"],
        ),
        (changed(UPSTREAM, "images", 1, timestamp=-1), ["images[1]", "second -1 is negative"]),
        (changed(UPSTREAM, "images", 2, timestamp=903, width=7), ["images[1]", "two images of different size"]),
        (changed(UPSTREAM, "annotations", 1, image_id=5), ["annotations[1]", "image_id 5", "an image (3 images)"]),
        (changed(UPSTREAM, "annotations", 2, id=1), ["annotations[2]", "annotation id 1", "annotations[0]"]),
        (changed(UPSTREAM, "annotations", 2, bbox=[1, 2, 3]), ["annotations[2]", "[1, 2, 3]", "four numbers"]),
        (changed(UPSTREAM, "annotations", 2, bbox=[1, 2, 3, "x"]), ["annotations[2]", "expected four numbers"]),
        (changed(UPSTREAM, "annotations", 2, bbox=[9, 9, -3, 5]), ["annotations[2]", "negative width or height"]),
        (changed(UPSTREAM, "annotations", 2, bbox=[9, 9, 0, 5]), ["annotations[2]", "no width or no height"]),
        (changed(UPSTREAM, "annotations", 0, bbox=[300, 50, 360, 120]), ["annotations[0]", "corners x1, y1, x2, y2?"]),
        (
            changed(UPSTREAM, "annotations", 1, action_ids=...),
            ["annotations[1]", '"action_ids" is missing', "write []"],
        ),
        (changed(UPSTREAM, "annotations", 1, action_ids=3), ["annotations[1]", '"action_ids" is 3', "a list"]),
        (changed(UPSTREAM, "annotations", 1, action_ids=["sit"]), ["annotations[1]", "['sit']", "whole numbers"]),
        (changed(UPSTREAM, "annotations", 2, action_ids=[3, 80]), ["annotations[2]", "class id 80", "Nearest"]),
        (changed(PLAIN, "annotations", 1, category_id=...), ["annotations[1]", '"category_id"', '"action_ids"']),
        (changed(PLAIN, "annotations", 1, category_id=77), ["annotations[1]", "class id 77", "four.pbtxt"]),
        (changed(PLAIN, "categories", 1, name="run"), ["categories[1]", '"run"', '"walk"', "four.pbtxt"]),
        (changed(PLAIN, "categories", 1, id=3), ["categories[1]", "category id 3", "categories[0]"]),
        ({**PLAIN, "annotations": [5]}, ["annotations[0]", "a JSON object was expected, found int"]),
        ('{"images": [}', ["line 1, column 13", "not valid JSON"]),
    ],
)
def test_faults_name_file_index_and_remedy(write, label_map, refused, data, parts):
    path = write("bad.json", data)
    refused(lambda: read_annotations(path, label_map), "bad.json", *parts)


def test_further_faults_are_counted(write, label_map, refused):
    data = changed(PLAIN, "annotations", 1, category_id=4)
    data["annotations"][3]["category_id"] = 4
    path = write("bad.json", data)
    refused(lambda: read_annotations(path, label_map), "annotations[1]", "1 more row has the same fault.")
