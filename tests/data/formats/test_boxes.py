"""Box files: values of each format, score order, image ids, frame sizes, round trips, and every message."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from alphaction.data.annotations import BoxTable, read_annotations, read_boxes, write_box_csv

CSV = "b,0902,0.1,0.2,0.3,0.4,0.5\na,7,0,0,1,1,1\nb,902,0.5,0.5,0.75,1,0.9\nb,902,0.5,0.5,0.6,1,0.5\n"

IMAGES: list[dict[str, Any]] = [
    {"id": 20902, "movie": "b", "timestamp": 902, "width": 400, "height": 200},
    {"id": 10007, "movie": "a", "timestamp": 7, "width": 100, "height": 50},
]


@pytest.fixture
def annotations(write, label_map):
    """Annotations whose images resolve integer ids; keyframe a/7 is excluded and has no boxes."""
    path = write("ava.json", {"images": IMAGES, "annotations": []})
    return read_annotations(path, label_map, write("excluded.csv", "a,7\n"))


def as_lists(table: BoxTable) -> list[tuple]:
    return [
        (*table.keyframes[k], table.boxes[r].tolist(), round(float(table.scores[r]), 6))
        for k in range(len(table.keyframes))
        for r in range(*table.rows(k).indices(len(table)))
    ]


EXPECTED = [
    ("a", 7, [0, 0, 1, 1], 1.0),
    ("b", 902, [0.5, 0.5, 0.75, 1], 0.9),
    ("b", 902, [0.1, 0.2, 0.3, 0.4], 0.5),
    ("b", 902, [0.5, 0.5, 0.6, 1], 0.5),
]

PIXELS = [
    {"image_id": 20902, "bbox": [40, 40, 80, 40], "score": 0.5, "category_id": 1},
    {"image_id": 10007, "bbox": [0, 0, 100, 50], "score": 1, "category_id": 1},
    {"image_id": 20902, "bbox": [200, 100, 100, 100], "score": 0.9, "category_id": 1},
    {"image_id": 20902, "bbox": [200, 100, 40, 100], "score": 0.5, "category_id": 1},
]


def by_name(records: list[dict[str, Any]], extension: str = "") -> list[dict[str, Any]]:
    names = {20902: "b/0902", 10007: "a/7"}
    return [{**record, "image_id": names[record["image_id"]] + extension} for record in records]


def as_frames(records: list[dict[str, Any]]) -> dict[str, list[dict[str, Any]]]:
    frames: dict[str, list[dict[str, Any]]] = {}
    for record in by_name(records, ".jpg"):
        frames.setdefault(record["image_id"], []).append({"bbox": record["bbox"], "score": record["score"]})
    return frames


def assert_expected(table: BoxTable) -> None:
    found = as_lists(table)
    assert [row[:2] + row[3:] for row in found] == [row[:2] + row[3:] for row in EXPECTED]
    np.testing.assert_allclose([row[2] for row in found], [row[2] for row in EXPECTED], atol=1e-12)


def test_csv_is_sorted_by_score_within_a_keyframe(write):
    table = read_boxes(write("b.csv", CSV))
    assert as_lists(table) == EXPECTED
    assert table.boxes.dtype == np.float64
    assert table.scores.dtype == np.float32
    assert "2 videos, 2 keyframes, 4 boxes, scores 0.5 to 1; rows: 4" in table.summary()


def test_csv_with_an_empty_class_column(write, refused):
    text = CSV.replace(",0.5\n", ",,0.5\n").replace(",1\n", ",,1\n").replace(",0.9\n", ",,0.9\n")
    assert as_lists(read_boxes(write("b.csv", text))) == EXPECTED


def test_boxes_of_persons_that_stand_once_for_each_action(write, refused):
    # SlowFast's: an action before the score, in some rows none; the best score of equal boxes counts.
    rows = "v\t1\t0\t0\t1\t1\t12\t0.9\nv\t1\t0\t0\t1\t1\t80\t0.95\nv\t2\t0\t0\t0.5\t1\t\t0.8\n"
    found = read_boxes(write("r.csv", rows))
    assert found.boxes.tolist() == [[0, 0, 1, 1], [0, 0, 0.5, 1]]
    assert found.scores.tolist() == pytest.approx([0.95, 0.8])
    assert found.counts["rows whose class (7th column) is taken for an action of a person"] == 2
    assert found.counts["boxes equal to another of that moment, left out"] == 1
    truth = write("t.csv", "v,1,0,0,1,1,12,1\nv,1,0,0,1,1,80,0\n")
    refused(
        lambda: read_boxes(truth), "t.csv, line 1", "class 12 in the 7th and 1 in the 8th", "1 more row has the same"
    )


def test_list_json_with_image_ids_of_the_annotations(write, annotations):
    assert_expected(read_boxes(write("b.json", PIXELS), annotations))
    as_text = [{**record, "image_id": str(record["image_id"])} for record in PIXELS]
    assert_expected(read_boxes(write("b.json", as_text), annotations))


@pytest.mark.parametrize("extension", ["", ".jpg"])
def test_list_json_with_names(write, annotations, extension):
    path = write("b.json", by_name(PIXELS, extension))
    assert_expected(read_boxes(path, annotations))
    assert_expected(read_boxes(path, sizes={"a": (100, 50), "b": (400, 200)}.__getitem__))


def test_dict_json(write, annotations):
    assert_expected(read_boxes(write("b.json", as_frames(PIXELS)), annotations))


def test_coco_results_use_their_own_images(write):
    assert_expected(read_boxes(write("b.json", {"images": IMAGES, "annotations": PIXELS})))
    assert_expected(
        read_boxes(write("b.json", {"annotations": by_name(PIXELS)}), sizes={"a": (100, 50), "b": (400, 200)}.get)
    )


def test_bbox_as_fractions_is_width_and_height_too(write):
    frames = {"b/0902.jpg": [{"bbox": [0.5, 0.5, 0.25, 0.5], "score": 0.9}]}
    assert as_lists(read_boxes(write("b.json", frames))) == [("b", 902, [0.5, 0.5, 0.75, 1], 0.9)]


def test_frame_size_of_another_keyframe_of_the_video(write, annotations):
    path = write("b.json", [{"image_id": "b/0903", "bbox": [200, 100, 100, 100], "score": 0.9}])
    assert as_lists(read_boxes(path, annotations)) == [("b", 903, [0.5, 0.5, 0.75, 1], 0.9)]


def test_lookup_applies_threshold_and_limit(write):
    table = read_boxes(write("b.csv", CSV))
    boxes, scores = table.lookup("b", 902)
    assert boxes.shape == (3, 4)
    assert scores.tolist() == np.array([0.9, 0.5, 0.5], dtype=np.float32).tolist()
    assert table.lookup("b", 902, min_score=0.9)[0].tolist() == [[0.5, 0.5, 0.75, 1]]
    assert len(table.lookup("b", 902, min_score=0.91)[0]) == 0
    assert table.lookup("b", 902, limit=2)[0].tolist() == [[0.5, 0.5, 0.75, 1], [0.1, 0.2, 0.3, 0.4]]
    for video, second in (("b", 903), ("z", 902), ("a", 902)):
        boxes, scores = table.lookup(video, second)
        assert (boxes.shape, scores.shape) == ((0, 4), (0,))


def test_boxes_of_unknown_images_are_left_out_and_counted(write, annotations, refused):
    path = write("b.json", [*PIXELS, {"image_id": 5, "bbox": [0, 0, 10, 10], "score": 0.5}])
    table = read_boxes(path, annotations)
    assert_expected(table)
    assert "boxes of images that the annotations do not list, left out: 1" in table.summary()
    other = write("o.json", [{**record, "image_id": 5} for record in PIXELS])
    refused(
        lambda: read_boxes(other, annotations), "o.json, [0]", "image_id 5", "2 images", "another split", "3 more rows"
    )
    bad = write(
        "bad.json", [{"image_id": 5, "bbox": [0, 0, 9, 9], "score": 1}, *PIXELS[:1], {"image_id": 10007, "score": 1}]
    )
    refused(lambda: read_boxes(bad, annotations), "bad.json, [2]", '"bbox" is missing')


def test_overhang_of_detections_is_clipped(write, annotations, refused):
    path = write("b.json", [{"image_id": 10007, "bbox": [-5, 5, 120, 40], "score": 0.5}])
    table = read_boxes(path, annotations)
    assert table.boxes.tolist() == [[0, 0.1, 1, 0.9]]
    assert "boxes clipped to the frame: 1" in table.summary()
    corners = write("c.json", [{"image_id": 10007, "bbox": [60, 5, 90, 40], "score": 0.5}])
    refused(lambda: read_boxes(corners, annotations), "c.json, [0]", "corners x1, y1, x2, y2?", "another size")


@pytest.mark.parametrize("suffix", [".csv", ".csv.gz"])
def test_written_boxes_read_back(tmp_path, write, suffix):
    table = read_boxes(write("b.csv", CSV))
    write_box_csv(tmp_path / f"out{suffix}", table)
    again = read_boxes(tmp_path / f"out{suffix}")
    assert as_lists(again) == EXPECTED
    np.testing.assert_array_equal(again.scores, table.scores)


def test_written_rows(tmp_path):
    table = BoxTable.from_columns(["v", "v"], [3, 3], np.array([[0, 0, 0.5, 0.5], [0.25, 0, 1, 1]]), [0.1, 0.995])
    write_box_csv(tmp_path / "b.csv", table)
    assert (tmp_path / "b.csv").read_text() == "v,0003,0.25,0.0,1.0,1.0,0.995\nv,0003,0.0,0.0,0.5,0.5,0.1\n"


@pytest.mark.parametrize(
    ("content", "parts"),
    [
        ("", ["has no rows", "leave this file out"]),
        ([], ["has no rows"]),
        ({}, ["has no rows"]),
        ("v,1,0,0,1,1\n", ["6 columns", "expected 7 (video, second, x1, y1, x2, y2, score)"]),
        ("v,1,0,0,1,1,high\n", ['score "high" is not a number']),
        ("v,1,0,0,1,1,0.5\nv,1,0,0,1,1,87.5\n", ["line 2", "score 87.5", "Percent? Divide by 100"]),
        ("v,1,0,0,1,1,12\n", ["score 12", "class ids of an annotation file?"]),
        ("v,1,0,0,1,1,-2.5\n", ["score -2.5", "Logits?"]),
        ("v,1,0,0,300,200,0.5\n", ["x2 = 300 looks like pixels"]),
        ("v,1,.6,.6,.2,.2,0.5\n", ["x2 = 0.2 is less than x1 = 0.6", "width, height"]),
        ("v,1:02,0,0,1,1,0.5\n", ['second "1:02"']),
        ([{"image_id": 1, "bbox": [0, 0, 9, 9], "score": 0.5}], ["[0]", "image_id 1", 'Write "video/0902"']),
        ([{"image_id": "v_1", "bbox": [0, 0, 9, 9], "score": 0.5}], ["[0]", "'v_1'", '"video/0902.jpg"']),
        ([{"image_id": None, "bbox": [0, 0, 9, 9], "score": 0.5}], ["[0]", '"image_id" is None']),
        ([{"image_id": "v/1", "bbox": [0, 0, 9, 9], "score": 0.5}], ["[0]", 'frame size of video "v"']),
        ([{"image_id": "v/1", "bbox": [0, 0, 1, 1]}], ["[0]", '"score" is missing', "1.0 for boxes drawn by hand"]),
        ([{"image_id": "v/1", "bbox": [0, 0, 1, 1], "score": "x"}], ["[0]", "\"score\" is 'x'", "a number"]),
        ([{"bbox": [0, 0, 1, 1], "score": 1}], ["[0]", '"image_id" is missing', "found: bbox, score"]),
        ({"v/1.jpg": [{"bbox": [0, 0, 1, 1], "score": 1}, {"score": 1}]}, ['"v/1.jpg"[1]', '"bbox" is missing']),
        ({"v/1.jpg": [], "v/2.jpg": [3]}, ['"v/2.jpg"[0]', "object was expected"]),
        ({"boxes": []}, ['key "boxes"', "video/0902.jpg"]),
        (
            {"images": IMAGES, "annotations": [{**PIXELS[0], "image_id": 3}]},
            ["annotations[0]", "image_id 3", "2 images"],
        ),
        ("5", ["1 column,"]),
    ],
)
def test_faults_name_file_place_and_remedy(write, refused, content, parts):
    path = write("bad_boxes", content)
    refused(lambda: read_boxes(path), "bad_boxes", *parts)


def test_pets_detections(test_data):
    table = read_boxes(test_data / "annotations" / "pets_val_person_detections.csv")
    rows = (test_data / "annotations" / "pets_val_person_detections.csv").read_text().split()
    assert len(table) == len(rows)
    boxes, scores = table.lookup("pets_03", 0, min_score=0.99)
    assert boxes.tolist() == [[0.344, 0.270, 0.401, 0.415], [0.443, 0.363, 0.484, 0.511]]
    np.testing.assert_allclose(scores, [0.997, 0.990], rtol=1e-6)


def test_person_boxes_have_one_category(write, refused):
    boxes = [{"image_id": "v/1", "bbox": [0, 0, 0.5, 0.5], "score": 0.5, "category_id": id_} for id_ in (1, 3, 1)]
    path = write("coco.json", boxes)
    refused(lambda: read_boxes(path), "coco.json", "boxes of persons", '2 values of "category_id": 1, 3')
    assert len(read_boxes(path, objects=True)) == 3
    assert len(read_boxes(write("one.json", boxes[::2]))) == 2
    assert len(read_boxes(write("none.json", []), objects=True)) == 0


def test_the_summary_of_equal_scores_names_one(write):
    assert ", score 1" in read_boxes(write("b.csv", "v,1,0,0,1,1,1\nv,2,0,0,1,1,1\n")).summary()
    assert ", scores 0.5 to 1" in read_boxes(write("c.csv", "v,1,0,0,1,1,1\nv,2,0,0,1,1,0.5\n")).summary()
