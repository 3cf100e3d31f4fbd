"""Times to the thousandth of a second, and the index of keyframes at whole and other seconds."""

from __future__ import annotations

import numpy as np
import pytest

from alphaction.data.annotations import (
    AnnotationTable,
    BoxTable,
    read_annotations,
    read_boxes,
    read_exclusions,
    write_ava_csv,
    write_box_csv,
)
from alphaction.data.keyframes import (
    Keyframe,
    KeyframeIndex,
    exact_time,
    exact_times,
    normalize_image_id,
    parse_time,
    time_list,
    time_text,
)
from alphaction.data.row_places import first_row

ROWS = """\
v,0002,0.1,0.2,0.3,0.4,1,
v,2.5,0.1,0.2,0.3,0.4,2,
v,0002.500,0.1,0.2,0.3,0.4,3,
v,10.3333333,0.5,0.5,1,1,5,
w,0.2,0,0,1,1,1,
w,0000.001,,,,,,
"""


@pytest.mark.parametrize(
    ("written", "time", "text"),
    [
        ("0902", 902, "0902"),
        ("902.0", 902, "0902"),
        ("0902.500", 902.5, "0902.500"),
        ("0.2", 0.2, "0000.200"),
        ("12000.25", 12000.25, "12000.250"),
        ("1.9999", 2, "0002"),
        (0.1 + 0.2, 0.3, "0000.300"),
        (1001 / 30000, 0.033, "0000.033"),
        (np.int64(7), 7, "0007"),
    ],
)
def test_times_as_numbers_and_text(written, time, text):
    found = parse_time(written)
    assert (found, type(found)) == (time, type(time))
    assert time_text(found) == text
    assert parse_time(text) == found
    assert hash(Keyframe("v", found)) == hash(Keyframe("v", time))


@pytest.mark.parametrize("written", ["", "a", "1,5", "nan", "inf", None, [1], "1e30"])
def test_what_is_no_time(written):
    assert parse_time(written) is None


def test_columns_of_times():
    assert exact_times([]).dtype == exact_times([3.0, 4.0]).dtype == np.int64
    mixed = exact_times([3, 0.1 + 0.2, 4.0004])
    assert mixed.dtype == np.float64
    assert mixed.tolist() == [3.0, 0.3, 4.0]
    assert [(time, type(time)) for time in time_list(mixed)] == [(3, int), (0.3, float), (4, int)]
    assert (exact_time(np.float64(2.0)), type(exact_time(np.float64(2.0)))) == (2, int)


def test_index_of_whole_and_other_seconds():
    seconds = np.array([2, 0.2, 2.5, 2, 1 / 3])
    index, position = KeyframeIndex.from_rows(["b", "a"], np.array([0, 1, 0, 0, 0]), seconds)
    assert list(index) == [("a", 0.2), ("b", 0.333), ("b", 2), ("b", 2.5)]
    assert [type(keyframe.second) for keyframe in index] == [float, float, int, float]
    assert position.tolist() == [2, 0, 3, 2, 1]
    assert [index.index_of("b", second) for second in (2, 2.0, 2.5, 0.333, 2.2, 3, -1)] == [
        2,
        2,
        3,
        1,
        None,
        None,
        None,
    ]
    assert ("b", 2.5) in index
    assert ("b", 2.499) not in index
    whole = index.take(np.array([False, False, True, False]))
    assert whole.seconds.dtype == np.int64
    assert index.locate_each(whole).tolist() == [2]
    assert whole.locate_each(index).tolist() == [-1, -1, 0, -1]
    assert whole.locate_each(index, shift=-0.5).tolist() == [-1, -1, -1, 0]


def test_csv_rows_at_any_time(write, label_map, tmp_path):
    table = read_annotations(write("a.csv", ROWS), label_map)
    assert list(table.keyframes) == [("v", 2), ("v", 2.5), ("v", 10.333), ("w", 0.001), ("w", 0.2)]
    assert [table.labels(row).tolist() for row in range(len(table))] == [[1], [2, 3], [5], [1]]
    write_ava_csv(tmp_path / "b.csv", table)
    assert (tmp_path / "b.csv").read_text().splitlines() == [
        "v,0002,0.1,0.2,0.3,0.4,1",
        "v,0002.500,0.1,0.2,0.3,0.4,2",
        "v,0002.500,0.1,0.2,0.3,0.4,3",
        "v,0010.333,0.5,0.5,1.0,1.0,5",
        "w,0000.001,,,,,",
        "w,0000.200,0.0,0.0,1.0,1.0,1",
    ]
    again = read_annotations(tmp_path / "b.csv", label_map)
    assert again.keyframes == table.keyframes
    assert again.label_ids.tolist() == table.label_ids.tolist()
    assert first_row(str(tmp_path / "b.csv"), "v", 10.333) == f"{tmp_path}/b.csv, line 4"


def test_a_file_in_blocks_has_one_kind_of_times(write, label_map, monkeypatch):
    """The first block has whole seconds only, the second one others."""
    monkeypatch.setattr("alphaction.data.formats.csv_table._BLOCK", 20)
    rows = [f"v,{second},0.1,0.2,0.3,0.4,1,\n" for second in ("0001", "0002", "2.5", "0003")]
    table = read_annotations(write("a.csv", "".join(rows)), label_map)
    assert list(table.keyframes) == [("v", 1), ("v", 2), ("v", 2.5), ("v", 3)]


def test_boxes_at_any_time(write, tmp_path):
    table = read_boxes(write("b.csv", "v,2.5,0,0,0.5,0.5,0.9\nv,2,0,0,0.5,0.5,0.8\n"))
    assert table.lookup("v", 2.5)[1].tolist() == [np.float32(0.9)]
    write_box_csv(tmp_path / "c.csv", table)
    assert (tmp_path / "c.csv").read_text() == "v,0002,0.0,0.0,0.5,0.5,0.8\nv,0002.500,0.0,0.0,0.5,0.5,0.9\n"
    named = [
        {"image_id": f"v/{name}", "bbox": [0, 0, 0.5, 0.5], "score": 0.5} for name in ("0002.500", "2.25.jpg", "3")
    ]
    assert list(read_boxes(write("b.json", named)).keyframes) == [("v", 2.25), ("v", 2.5), ("v", 3)]
    assert list(BoxTable.from_columns(["v"], [0.1 + 0.2], np.zeros((1, 4)), [1.0]).keyframes) == [("v", 0.3)]


def test_json_images_at_any_time(write, label_map):
    images = [
        {"id": 1, "movie": "v", "timestamp": 2.5, "width": 10, "height": 10},
        {"id": 2, "movie": "v", "timestamp": "0003", "width": 10, "height": 10},
    ]
    annotations = [{"id": i, "image_id": i, "bbox": [0, 0, 5, 5], "action_ids": [i]} for i in (1, 2)]
    table = read_annotations(write("a.json", {"images": images, "annotations": annotations}), label_map)
    assert list(table.keyframes) == [("v", 2.5), ("v", 3)]
    assert table.image_ids[1] == ("v", 2.5)
    for image in images:
        image["file_name"] = f"v/{time_text(parse_time(image.pop('timestamp')))}.jpg"
    named = read_annotations(write("b.json", {"images": images, "annotations": annotations}), label_map)
    assert named.keyframes == table.keyframes


def test_exclusions_at_any_time(write):
    excluded = read_exclusions(write("e.csv", "v,2.5\nv,0003\n"))
    assert excluded == {("v", 2.5), ("v", 3)}
    table = AnnotationTable.from_columns(["v"] * 3, [2, 2.5, 3], np.tile([0, 0, 1, 1], (3, 1)), [1, 2, 3])
    kept = table.without(excluded)
    assert list(kept.keyframes) == [("v", 2)]
    assert kept.label_ids.tolist() == [1]
    assert kept.keyframes.seconds.dtype == np.int64


def test_ids_of_images_beyond_64_bits_stay_text():
    """As numbers, a million of them can have one hash."""
    ids = ["42", 42, "042", 2**63 - 1, str(2**63), 2**63, -(2**70)]
    found = [normalize_image_id(image_id) for image_id in ids]
    assert found == [42, 42, "042", 2**63 - 1, str(2**63), str(2**63), str(-(2**70))]
