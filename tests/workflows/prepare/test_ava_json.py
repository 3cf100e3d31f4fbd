"""AVA csv to COCO-like JSON and back."""

from __future__ import annotations

import gzip
import json
from dataclasses import replace

import cv2
import numpy as np
import pytest
from workflows.prepare.video_files import write_movie

from alphaction.data.annotations import ActionClass, LabelMap, read_annotations, read_boxes, read_label_map
from alphaction.toy import ToyOptions, make_toy_dataset
from alphaction.utils.errors import UserError
from alphaction.workflows.prepare.ava_json import (
    AvaJsonOptions,
    convert,
    convert_ava_csv,
    read_movie_list,
)
from alphaction.workflows.prepare.keyframe_images import KeyframeImages, MovieSizes

WIDTH, HEIGHT = 427, 240
LABELS = LabelMap(
    (ActionClass(1, "stand", "movement"), ActionClass(7, "talk", "person"), ActionClass(9, "hold", "object"))
)
CSV = """b.v1,0902,0.077,0.151,0.283,0.811,7,1
b.v1,0902,0.077,0.151,0.283,0.811,1,1
b.v1,0902,0.1,0.2,0.3,0.4,,2
b.v1,0903,,,,,,
a,12345,0.3,0.25,1,0.75,9,
"""


@pytest.fixture
def csv_path(tmp_path):
    path = tmp_path / "ava.csv"
    path.write_text(CSV)
    return path


@pytest.fixture
def images(tmp_path):
    """Keyframe images, one named with four digits."""
    folder = tmp_path / "keyframes"
    for name in ("b.v1/0902.jpg", "b.v1/903.jpg", "a/12345.png"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        cv2.imwrite(str(folder / name), np.zeros((HEIGHT, WIDTH, 3), np.uint8))
    return folder


def same_tables(a, b):
    """Assert that two annotation tables hold the same, boxes to a billionth of a pixel's order."""
    assert list(a.keyframes) == list(b.keyframes)
    for column in ("row_offsets", "person_ids", "label_offsets", "label_ids"):
        np.testing.assert_array_equal(getattr(a, column), getattr(b, column), err_msg=column)
    np.testing.assert_allclose(a.boxes, b.boxes, rtol=0, atol=1e-9)


def test_content(tmp_path, csv_path, images):
    report = convert_ava_csv(csv_path, tmp_path / "out" / "ava.json", label_map=LABELS, images=KeyframeImages(images))
    data = json.loads((tmp_path / "out" / "ava.json").read_text())
    assert [(i["id"], i["file_name"], i["movie"], i["timestamp"]) for i in data["images"]] == [
        ("a/12345", "a/12345.png", "a", 12345),
        ("b.v1/0902", "b.v1/0902.jpg", "b.v1", 902),
        ("b.v1/0903", "b.v1/903.jpg", "b.v1", 903),
    ]
    assert {(i["width"], i["height"]) for i in data["images"]} == {(WIDTH, HEIGHT)}
    right, person, negative = data["annotations"]
    assert right["bbox"] == pytest.approx([128.1, 60, 298.9, 120])
    assert (right["action_ids"], "person_id" in right) == ([9], False)
    assert person == {
        "id": 2,
        "image_id": "b.v1/0902",
        "bbox": [32.879, 36.24, 87.962, 158.4],
        "area": pytest.approx(87.962 * 158.4),
        "category_id": 1,
        "iscrowd": 0,
        "action_ids": [1, 7],
        "person_id": 1,
    }
    assert (negative["action_ids"], negative["person_id"]) == ([], 2)
    assert data["categories"] == [{"id": 1, "name": "person"}]
    assert str(report) == "3 images (1 without boxes), 3 boxes, 3 labels"


@pytest.mark.parametrize("numbered", [False, True])
def test_round_trip(tmp_path, csv_path, images, numbered):
    path, small = tmp_path / "ava.json.gz", tmp_path / "ava_min.json"
    convert_ava_csv(
        csv_path, path, label_map=LABELS, images=KeyframeImages(images), min_json_path=small, numbered=numbered
    )
    assert gzip.decompress(path.read_bytes())[:1] == b"{"
    table = read_annotations(csv_path, LABELS)
    again = read_annotations(path, LABELS)
    same_tables(table, again)
    assert again.frame_sizes.tolist() == [[WIDTH, HEIGHT]] * 3
    least = read_annotations(small, LABELS)
    assert list(least.keyframes) == [("a", 12345), ("b.v1", 902)]  # the image without boxes is left out
    np.testing.assert_allclose(least.boxes, table.boxes, atol=1e-9)
    assert least.person_ids.tolist() == [-1, 1, 2]
    assert " " not in small.read_text()
    ids = list(again.image_ids)
    assert ids == ([112345, 200902, 200903] if numbered else ["a/12345", "b.v1/0902", "b.v1/0903"])


@pytest.mark.parametrize("numbered", [False, True])
def test_round_trip_between_seconds(tmp_path, images, numbered):
    """Numbered images count thousandths then, so that no two are alike."""
    (tmp_path / "ava.csv").write_text("a,12345,0.3,0.25,1,0.75,9,\na,12345.25,0.3,0.25,1,0.75,1,\n")
    (images / "a" / "12345.250.png").write_bytes((images / "a" / "12345.png").read_bytes())
    path = tmp_path / "ava.json"
    convert_ava_csv(tmp_path / "ava.csv", path, label_map=LABELS, images=KeyframeImages(images), numbered=numbered)
    again = read_annotations(path, LABELS)
    same_tables(read_annotations(tmp_path / "ava.csv", LABELS), again)
    assert list(again.keyframes) == [("a", 12345), ("a", 12345.25)]
    assert list(again.image_ids) == ([112345000, 112345250] if numbered else ["a/12345", "a/12345.250"])
    assert json.loads(path.read_text())["images"][1]["timestamp"] == 12345.25


def test_round_trip_of_the_toy_dataset(tmp_path):
    make_toy_dataset(tmp_path / "toy", ToyOptions(num_train=2, num_val=1, seconds=4))
    source = tmp_path / "toy" / "annotations" / "train.csv"
    label_map = read_label_map(tmp_path / "toy" / "annotations" / "toy_action_list.pbtxt")
    convert_ava_csv(
        source, tmp_path / "train.json", label_map=label_map, images=MovieSizes(tmp_path / "toy" / "videos")
    )
    table = read_annotations(source, label_map)
    assert len(table) > 5
    same_tables(table, read_annotations(tmp_path / "train.json", label_map))


def test_detections_match_the_images(tmp_path, csv_path, images):
    convert_ava_csv(csv_path, tmp_path / "ava.json", label_map=LABELS, images=KeyframeImages(images))
    found = [{"image_id": "b.v1/0902", "bbox": [42.7, 24, 42.7, 24], "score": 0.9}]
    (tmp_path / "boxes.json").write_text(json.dumps(found))
    boxes = read_boxes(tmp_path / "boxes.json", read_annotations(tmp_path / "ava.json", LABELS))
    np.testing.assert_allclose(boxes.lookup("b.v1", 902)[0], [[0.1, 0.1, 0.2, 0.2]], atol=1e-9)


def test_a_movie_list_selects_and_numbers(tmp_path, csv_path, images):
    (tmp_path / "list.txt").write_text("unused.mp4\r\nb.v1.mkv\n\n")
    movies = read_movie_list(tmp_path / "list.txt")
    assert movies == ["unused", "b.v1"]
    report = convert_ava_csv(
        csv_path,
        tmp_path / "ava.json",
        label_map=LABELS,
        images=KeyframeImages(images),
        movies=movies,
        numbered=True,
    )
    data = json.loads((tmp_path / "ava.json").read_text())
    assert [image["id"] for image in data["images"]] == [200902, 200903]
    assert (report.images, report.left_out_movies, report.left_out_boxes, report.unused_movies) == (
        2,
        ("a",),
        1,
        ("unused",),
    )
    assert "left out: 1 box of a, not in the movie list" in str(report)
    with pytest.raises(UserError, match=r"none of its movies \(2\) .*one name a line"):
        convert_ava_csv(
            csv_path, tmp_path / "x.json", label_map=LABELS, images=KeyframeImages(images), movies=["unused"]
        )


def test_movie_lists(tmp_path):
    (tmp_path / "movies" / "clips").mkdir(parents=True)
    for name in ("a.mp4", "b.v1.MKV", "notes.txt"):
        (tmp_path / "movies" / name).write_text("")
    assert read_movie_list(tmp_path / "movies") == ["a", "b.v1", "clips"]
    (tmp_path / "twice.txt").write_text("a\nb\na.mp4\n")
    with pytest.raises(UserError, match="names a more than once"):
        read_movie_list(tmp_path / "twice.txt")
    (tmp_path / "none.txt").write_text("\n")
    with pytest.raises(UserError, match="names no movie"):
        read_movie_list(tmp_path / "none.txt")
    with pytest.raises(UserError, match=r"movie list: .*missing.txt does not exist"):
        read_movie_list(tmp_path / "missing.txt")


def test_missing_images_are_counted_and_named(tmp_path, csv_path, images):
    (images / "a" / "12345.png").unlink()
    (images / "b.v1" / "903.jpg").unlink()
    with pytest.raises(UserError) as error:
        convert_ava_csv(csv_path, tmp_path / "ava.json", label_map=LABELS, images=KeyframeImages(images))
    message = str(error.value)
    assert "2 of 3 annotated keyframes have no image in" in message
    assert "a/12345.jpg, b.v1/903.jpg" in message
    assert f"process_ava_videos.py --kframe_root {images}" in message
    assert not (tmp_path / "ava.json").exists()


def test_damaged_images_and_missing_folders(tmp_path, csv_path, images):
    (images / "b.v1" / "0902.jpg").write_bytes(b"")
    with pytest.raises(UserError, match=r"b.v1/0902.jpg is no readable image"):
        convert_ava_csv(csv_path, tmp_path / "ava.json", label_map=LABELS, images=KeyframeImages(images))
    with pytest.raises(UserError, match=r"nowhere does not exist.* --img_root, .* --movie_root"):
        KeyframeImages(tmp_path / "nowhere")
    write_movie(tmp_path / "movies" / "a.mp4", seconds=1)
    with pytest.raises(UserError, match=r'video "b.v1" is annotated, but'):
        convert_ava_csv(csv_path, tmp_path / "ava.json", label_map=LABELS, images=MovieSizes(tmp_path / "movies"))


def test_unknown_classes_are_refused(tmp_path, csv_path, images):
    csv_path.write_text(CSV.replace(",9,", ",99,"))
    with pytest.raises(UserError, match=r"ava.csv, line 5: class id 99"):
        convert_ava_csv(csv_path, tmp_path / "ava.json", label_map=LABELS, images=KeyframeImages(images))


def test_one_place_of_the_sizes_is_named(tmp_path, csv_path, images):
    options = AvaJsonOptions(csv_path=csv_path, json_path=tmp_path / "ava.json")
    for roots in ({}, {"img_root": images, "movie_root": tmp_path}):
        with pytest.raises(UserError, match="one of --img_root .* and --movie_root"):
            convert(replace(options, **roots))
    assert not (tmp_path / "ava.json").exists()
