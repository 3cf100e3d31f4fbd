"""AVA csv and COCO-like JSON, in every way that boxes are written."""

from __future__ import annotations

import logging
import re

import numpy as np
import pytest
from workflows.prepare.importing import INFO, empty_keyframes, import_file, import_text, listed

from alphaction.utils.errors import UserError
from alphaction.workflows.prepare.import_report import summary
from alphaction.workflows.prepare.import_rows import ReadingRules, import_annotations

CORNERS = np.array([[0.1, 0.2, 0.3, 0.6], [0.6, 0.1, 0.95, 0.9], [0.0, 0.5, 0.25, 1.0]])


def written(form: str, pixels: bool) -> np.ndarray:
    boxes = CORNERS.copy()
    size = boxes[:, 2:] - boxes[:, :2]
    if form == "cxcywh":
        boxes[:, :2] += size / 2
    if form != "xyxy":
        boxes[:, 2:] = size
    return boxes * (640, 480, 640, 480) if pixels else boxes


def csv_of(boxes: np.ndarray) -> str:
    return "".join(f"clip_01,{second:04d},{','.join(map(str, box))},7\n" for second, box in enumerate(boxes.tolist()))


def json_of(boxes: np.ndarray, **image) -> dict:
    return {
        "images": [{"id": i, "file_name": f"clip_01/{i:04d}.jpg", **image} for i in range(len(boxes))],
        "annotations": [
            {"id": i, "image_id": i, "bbox": box, "category_id": 3} for i, box in enumerate(boxes.tolist())
        ],
        "categories": [{"id": 3, "name": "wave"}],
    }


@pytest.mark.parametrize("pixels", [False, True])
@pytest.mark.parametrize("form", ["xyxy", "xywh", "cxcywh"])
@pytest.mark.parametrize("content", [csv_of, json_of])
def test_every_box_form_is_read_when_told(tmp_path, content, form, pixels):
    normalized = "no" if pixels else "yes"
    found = import_text(tmp_path, content(written(form, pixels)), box_format=form, normalized=normalized)
    np.testing.assert_allclose(found.boxes, CORNERS, atol=1e-12)


@pytest.mark.parametrize("pixels", [False, True])
def test_auto_reads_each_formats_convention_and_tells_pixels(tmp_path, pixels):
    for content, form in ((csv_of, "xyxy"), (json_of, "xywh")):
        found = import_text(tmp_path, content(written(form, pixels)))
        np.testing.assert_allclose(found.boxes, CORNERS, atol=1e-12)
        assert found.counts["boxes in pixels"] == (3 if pixels else 0)


def test_auto_finds_xywh_in_a_csv_by_proof_and_says_so(tmp_path, caplog):
    # The third box would begin left of the frame if it were a center.
    with caplog.at_level(logging.WARNING):
        found = import_text(tmp_path, csv_of(written("xywh", True)))
    np.testing.assert_allclose(found.boxes, CORNERS, atol=1e-12)
    assert found.counts["boxes read as xywh, as xyxy is impossible for some"] == 3
    assert "read as xywh" in caplog.text
    assert "impossible in line 2" in caplog.text


def test_auto_finds_cxcywh_by_proof(tmp_path):
    boxes = written("cxcywh", False)
    np.testing.assert_allclose(import_text(tmp_path, csv_of(boxes)).boxes, CORNERS, atol=1e-12)


def test_auto_finds_corners_in_a_json_by_proof(tmp_path):
    found = import_text(tmp_path, json_of(np.array([[320, 120, 560, 400], [10, 20, 600, 470]])))
    np.testing.assert_allclose(found.boxes[0], [0.5, 0.25, 0.875, 0.8333333], atol=1e-6)
    assert found.counts["boxes read as xyxy, as xywh is impossible for some"] == 2


def test_auto_asks_where_two_forms_fit(tmp_path):
    with pytest.raises(UserError, match=r"line 1: the box 0\.5, 0\.5, 0\.2, 0\.2 .*Both xywh and cxcywh.*--box-format"):
        import_text(tmp_path, csv_of(np.array([[0.5, 0.5, 0.2, 0.2]])))


def test_one_wrong_row_does_not_change_the_form(tmp_path):
    boxes = np.vstack([CORNERS, [0.9, 0.1, 0.2, 0.5]])
    with pytest.raises(UserError, match=r"line 4: the box 0\.9.*No other format fits all rows"):
        import_text(tmp_path, csv_of(boxes))


def test_told_corners_that_are_reversed_are_an_error(tmp_path):
    with pytest.raises(UserError, match=r"line 1: .*x2 < x1.*--box-format"):
        import_text(tmp_path, csv_of(np.array([[0.5, 0.1, 0.2, 0.2]])), box_format="xyxy")


def test_told_fractions_that_are_pixels_are_an_error(tmp_path):
    with pytest.raises(UserError, match=r"line 1: .*192 is no fraction.*--normalized no"):
        import_text(tmp_path, csv_of(written("xyxy", True)[:1] * [0.1, 0.1, 1, 0.1]), normalized="yes")


def test_csv_merges_classes_keeps_negatives_and_empty_keyframes(tmp_path):
    box = "0.1,0.2,0.3,0.4"
    text = (
        "video_id,time,x1,y1,x2,y2,action,person\n"
        f"clip_01.mp4,0,{box},11,1\nclip_01.mp4,0,{box},12,1\nclip_01.mp4,1,{box},,1\nclip_01.mp4,2,{box},-1,2\n"
        "clip_01.mp4,3,,,,,,\n"
    )
    found = import_text(tmp_path, text)
    box = (0.1, 0.2, 0.3, 0.4)
    assert listed(found) == [
        ("clip_01", 0, box, (11, 12), 1),
        ("clip_01", 1, box, (), 1),
        ("clip_01", 2, box, (), 2),
    ]
    assert empty_keyframes(found) == [("clip_01", 3)]
    assert found.source.where(1).endswith("annotations.txt, line 4")
    assert found.counts["rows merged into the box of another row"] == 1
    assert "boxes without action: 2" in summary(found)


def test_csv_classes_may_be_names(tmp_path):
    found = import_text(tmp_path, 'clip_01,0,0.1,0.2,0.3,0.4,"carry/hold (an object, any)"\nclip_01,1,0,0,1,1,\n')
    assert found.labels() == [("carry/hold (an object, any)",), ()]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("clip_1,0,0.1,0.2,0.3,0.4,1\n", r'line 1: video "clip_1" is not among the videos. Did you mean "clip_01"'),
        ("clip_01,0,0.1,0.2,0.3,0.4,1\nclip_01,1,0.1,0.2,0.3,0.4,wave\n", "line 1: class 1 is a number"),
        ("clip_01,0,0.1,0.2,0.3,0.4,0.93\n", "line 1: .*scores"),
        ("clip_01,0,0.1,0.2,,0.4,1\n", "line 1: x2 is empty"),
        ("clip_01,0:01,0.1,0.2,0.3,0.4,1\n", 'line 1: second "0:01" is not a number'),
        ("clip_01,0,0.1\n", 'line 1: "clip_01,0,0.1" has 3 columns, expected 7'),
        ("", "has no rows"),
        ("# Exported using VGG Image Annotator\nx,y\n", "Save the project"),
    ],
)
def test_wrong_csv(tmp_path, text, message):
    with pytest.raises(UserError, match=message):
        import_text(tmp_path, text)


def test_upstreams_json_has_several_actions_negatives_and_empty_images(tmp_path):
    data = json_of(CORNERS[:2], width=640, height=480)
    data["images"].append({"id": 9, "movie": "clip_02.mp4", "timestamp": 5})
    for image in data["images"][:2]:
        image.update(movie="clip_01", timestamp=image["id"])
    data["annotations"][0].update(action_ids=[4, 80], bbox=[64, 48, 128, 96], person_id=2)
    data["annotations"][1].update(action_ids=[], bbox=[0, 0, 640, 480])
    found = import_text(tmp_path, data)
    assert listed(found) == [
        ("clip_01", 0, (0.1, 0.1, 0.3, 0.3), (4, 80), 2),
        ("clip_01", 1, (0.0, 0.0, 1.0, 1.0), (), -1),
    ]
    assert empty_keyframes(found) == [("clip_02", 5)]
    assert found.image_ids[9] == ("clip_02", 5)
    assert found.image_ids[1] == ("clip_01", 1)
    assert not found.class_names


def test_coco_names_its_classes_and_merges_annotations_of_one_box(tmp_path):
    data = json_of(np.array([[64.0, 48, 128, 96]]))
    data["annotations"].append({"id": 5, "image_id": 0, "bbox": [64, 48, 128, 96], "category_id": 8})
    data["categories"].append({"id": 8, "name": "jump"})
    found = import_text(tmp_path, data)
    assert listed(found) == [("clip_01", 0, (0.1, 0.1, 0.3, 0.3), (3, 8), -1)]
    assert found.class_names == {3: "wave", 8: "jump"}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda d: d["images"][0].update(file_name="000001.jpg"), r"images\[0\]: \"000001.jpg\" names no video"),
        (lambda d: d["images"][0].update(file_name=5), r"images\[0\]: \"5\" names no video"),
        (lambda d: d["images"][0].update(file_name="clip_9/1.jpg"), 'a picture of "clip_9", which is not among'),
        (lambda d: d["images"][0].update(width=480, height=640), "clip_01 has 640 x 480"),
    ],
)
def test_wrong_coco(tmp_path, change, message):
    data = json_of(written("xywh", True))
    change(data)
    with pytest.raises(UserError, match=message):
        import_text(tmp_path, data)


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        (lambda box: box.update(image_id=77), "image_id 77 is not the id of an image"),
        (lambda box: box.update(image_id=None), '"image_id" is None'),
        (lambda box: box.update(bbox=[1, 2, 3]), '"bbox" is [1, 2, 3]'),
        (lambda box: box.update(bbox=[1, 2, "x", 3]), '"bbox" is [1, 2,'),
        (lambda box: box.update(bbox=[1, 2, float("nan"), 3]), '"bbox" is [1, 2, nan, 3]'),
        (lambda box: box.update(category_id=5), "category_id 5 is not among the file's categories (3)"),
        (lambda box: box.update(category_id="x"), "\"category_id\" is 'x'"),
        (lambda box: box.pop("category_id"), '"category_id" is missing'),
    ],
)
def test_wrong_annotations_are_counted_unless_they_are_most(tmp_path, change, problem):
    data = json_of(written("xywh", True))
    whole = len(import_text(tmp_path, data).take(import_text(tmp_path, data).has_box))
    data["annotations"].append(dict(data["annotations"][0], id=99))
    change(data["annotations"][-1])
    found = import_text(tmp_path, data)
    assert len(found.take(found.has_box)) == whole
    last = len(data["annotations"]) - 1
    named = [what for what in found.counts if what.startswith(f"rows left out (the first: annotations[{last}]: ")]
    assert [found.counts[what] for what in named] == [1]
    assert problem in named[0]
    data["annotations"] += [data["annotations"][-1]] * len(data["annotations"])
    with pytest.raises(UserError, match=re.escape(f"annotations[{last}]: {problem}")):
        import_text(tmp_path, data)


def test_annotations_of_one_id_are_two_boxes(tmp_path):
    data = json_of(written("xywh", True))
    before = import_text(tmp_path, data)
    for entry in data["annotations"]:
        entry.update(id=1, track_id="?")
    found = import_text(tmp_path, data)
    assert len(found) == len(before)
    assert found.counts["boxes whose track_id is no number, kept without a person"] == len(data["annotations"])


def test_a_format_that_the_content_contradicts(tmp_path):
    with pytest.raises(UserError, match='--format cvat: .* is "ava" by its content'):
        import_text(tmp_path, csv_of(CORNERS), format="cvat")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('{"images": [', "line 1, column 13: not valid JSON"),
        ('[{"image_id": 1, "bbox": [0, 0, 1, 1], "score": 0.5}]', "boxes with scores"),
        ('{"_via_settings": {}}', "VIA 2"),
        ('{"a": 1}', "the keys a"),
        ("<html><body/></html>", "web page"),
        ("<rss/>", "no <annotations>"),
    ],
)
def test_files_of_no_known_format(tmp_path, text, message):
    path = tmp_path / "file"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(UserError, match=message):
        import_file(path)


def test_a_zip_archive_is_named(tmp_path):
    (tmp_path / "export.zip").write_bytes(b"PK\x03\x04rest")
    with pytest.raises(UserError, match="Unpack it"):
        import_file(tmp_path / "export.zip")
    with pytest.raises(UserError, match="does not exist"):
        import_file(tmp_path / "missing.xml")


def test_a_real_csv_in_any_form_gives_the_same_boxes(tmp_path, shared_dir):
    text = (shared_dir / "pets" / "annotations" / "pets_train.csv").read_text(encoding="utf-8")
    videos = [f"pets_{number:02d}" for number in range(8)]
    expected = import_text(tmp_path, text, videos)
    rows = [line.split(",") for line in text.splitlines()]
    lines = []
    for row in rows:
        x1, y1, x2, y2 = (float(cell) * size for cell, size in zip(row[2:6], (640, 480) * 2, strict=True))
        lines.append(",".join([row[0], row[1], *map(str, (x1, y1, x2 - x1, y2 - y1)), *row[6:]]))
    found = import_text(tmp_path, "\n".join(lines), videos, box_format="xywh")
    np.testing.assert_allclose(found.boxes, expected.boxes, atol=1e-9)
    assert found.labels() == expected.labels()
    assert [row[0] for row in listed(found)] == [row[0] for row in listed(expected)]


def test_a_category_that_means_a_person_is_no_action(tmp_path):
    data = json_of(CORNERS)
    data["categories"] = [{"id": 3, "name": "Person"}, {"id": 4, "name": "wave"}]
    data["annotations"][2]["category_id"] = 4
    found = import_text(tmp_path, data, box_format="xyxy")
    assert found.labels() == [(), (), (4,)]
    assert found.counts['boxes of the class "Person", which is no action'] == 2
    assert found.notes[-1] == "boxes are read as x1, y1, x2, y2 in fractions of the frame, as --box-format says"


def test_accents_are_matched_in_both_codings(tmp_path):
    composed, taken_apart = "caf\u00e9", "cafe\u0301"
    for name, file in ((composed, taken_apart), (taken_apart, composed)):
        assert import_text(tmp_path, f"{name},0,0,0,1,1,wave\n", (file, "cafe")).videos == [file]


def test_an_empty_file_stops_no_others(tmp_path):
    paths = [tmp_path / "empty.csv", tmp_path / "a.csv"]
    paths[0].write_text("")
    paths[1].write_text("clip_01,1,0.1,0.1,0.5,0.5,1\n")
    empty, found = import_annotations(paths, ReadingRules(), info=lambda video: INFO, video_names=["clip_01"])
    assert (len(empty), empty.notes) == (0, ("no rows: nothing is annotated",))
    assert len(found) == 1


@pytest.mark.parametrize("text", ["[" * 100_000, '{"images": ' + "9" * 6000 + "}"])
def test_json_that_no_tool_writes(tmp_path, text):
    with pytest.raises(UserError, match="annotations.txt: JSON that no tool writes"):
        import_text(tmp_path, text)
