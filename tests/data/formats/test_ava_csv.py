"""AVA csv annotations and exclusions: values, merging, round trips, and every message."""

from __future__ import annotations

import gzip
import time

import numpy as np
import pytest

from alphaction.data.annotations import (
    AnnotationTable,
    Keyframe,
    read_annotations,
    read_exclusions,
    read_label_map,
    write_ava_csv,
)
from alphaction.utils.errors import UserError

ROWS = """\
b,0902,0.5,0.25,0.75,1,2,7
a,12000,0,0,1,1,3,1
b,0902,0.1,0.2,0.3,0.4,5,8
b,0902,0.5,0.25,0.75,1,1,7
b,901,0.1,0.2,0.3,0.4,,8
"""


def as_lists(table: AnnotationTable) -> list[tuple]:
    """Every box as (video, second, box, person id, class ids)."""
    return [
        (*table.keyframes[k], table.boxes[r].tolist(), int(table.person_ids[r]), table.labels(r).tolist())
        for k in range(len(table.keyframes))
        for r in range(*table.rows(k).indices(len(table)))
    ]


def test_rows_are_sorted_and_merged(write, label_map):
    table = read_annotations(write("a.csv", ROWS), label_map)
    assert list(table.keyframes) == [("a", 12000), ("b", 901), ("b", 902)]
    assert isinstance(table.keyframes[0], Keyframe)
    assert as_lists(table) == [
        ("a", 12000, [0, 0, 1, 1], 1, [3]),
        ("b", 901, [0.1, 0.2, 0.3, 0.4], 8, []),
        ("b", 902, [0.5, 0.25, 0.75, 1], 7, [1, 2]),
        ("b", 902, [0.1, 0.2, 0.3, 0.4], 8, [5]),
    ]
    assert table.index_of("b", 902) == 2
    assert [table.index_of(*key) for key in (("b", 903), ("c", 1), ("a", 902), ("", 0), ("b", -1))] == [None] * 5
    assert ("b", 901) in table.keyframes
    assert table.frame_sizes.tolist() == [[0, 0]] * 3
    assert len(table.image_ids) == 0
    summary = table.summary()
    for part in ("2 videos, 3 keyframes, 4 boxes, 4 labels", "boxes without action: 1", "rows: 5", "another row: 1"):
        assert part in summary


@pytest.mark.parametrize(
    "change",
    [
        lambda text: "video_id,timestamp,x1,y1,x2,y2,action_id,person_id\n" + text,
        lambda text: text.replace(",", "\t"),
        lambda text: text.replace(",", ";"),
        lambda text: text.replace("\n", "\r\n"),
        lambda text: "\n" + text.replace("\n", "\n\n"),
        lambda text: text.replace(",", " , "),
        lambda text: "\ufeff" + text,
        lambda text: text.replace("0902", "902.0").replace("b,", '"b",'),
        lambda text: text.rstrip("\n"),
    ],
)
def test_layout_of_the_csv_is_free(write, label_map, change):
    plain = read_annotations(write("a.csv", ROWS), label_map)
    changed = read_annotations(write("b.csv", change(ROWS)), label_map)
    assert as_lists(changed) == as_lists(plain)


def test_gzip_is_recognized_by_content(tmp_path, label_map):
    path = tmp_path / "annotations.csv"
    path.write_bytes(gzip.compress(ROWS.encode()))
    assert len(read_annotations(path, label_map)) == 4


def test_seven_columns_have_no_person_id(write, label_map):
    table = read_annotations(write("a.csv", "v,1,0,0,.5,.5,1\nv,1,0,0,.5,.5,2\n"), label_map)
    assert as_lists(table) == [("v", 1, [0, 0, 0.5, 0.5], -1, [1, 2])]


def test_same_coordinates_of_two_persons_stay_two_boxes(write, label_map):
    table = read_annotations(write("a.csv", "v,1,0,0,.5,.5,1,1\nv,1,0,0,.5,.5,2,0\n"), label_map)
    assert as_lists(table) == [("v", 1, [0, 0, 0.5, 0.5], 1, [1]), ("v", 1, [0, 0, 0.5, 0.5], 0, [2])]


def test_repeated_labels_and_split_persons_are_counted(write, label_map):
    table = read_annotations(write("a.csv", "v,1,0,0,.5,.5,1,4\nv,1,0,0,.5,.5,1,4\nv,1,0,0,.5,.51,2,4\n"), label_map)
    assert table.num_labels == 2
    assert "repeated labels of one box: 1" in table.summary()
    assert "person id has another box in the same keyframe: 1" in table.summary()


def test_keyframe_without_boxes_is_kept(write, label_map):
    table = read_annotations(write("a.csv", "v,1,0,0,.5,.5,1\nv,2,,,,,\n"), label_map)
    assert list(table.keyframes) == [("v", 1), ("v", 2)]
    assert table.boxes[table.rows(1)].shape == (0, 4)
    assert "keyframes without boxes: 1" in table.summary()


def test_slight_overhang_is_clipped_and_counted(write, label_map):
    table = read_annotations(write("a.csv", "v,1,-0.02,0,.5,1.04,1\nv,1,.1,.1,.2,.2,1\n"), label_map)
    assert table.boxes[0].tolist() == [0, 0, 0.5, 1]
    assert "boxes clipped to the frame: 1" in table.summary()


def test_a_few_boxes_without_area_are_left_out_and_counted(write, label_map):
    rows = "".join(f"v,{second},.1,.1,.2,.2,1\n" for second in range(1000))
    table = read_annotations(write("a.csv", rows + "v,5,.3,.3,.3,.4,2\n"), label_map)
    assert len(table) == 1000
    assert "boxes without area left out: 1" in table.summary()


def test_labels_outside_the_label_map_can_be_skipped(write, label_map):
    table = read_annotations(write("a.csv", "v,1,0,0,1,1,4\nv,1,0,0,1,1,2\n"), label_map, skip_unknown_classes=True)
    assert as_lists(table) == [("v", 1, [0, 0, 1, 1], -1, [2])]
    assert "labels outside the label map left out: 1" in table.summary()


def good_rows(count: int) -> str:
    return "".join(f"v,{second},.1,.1,.2,.2,1,0\n" for second in range(count))


@pytest.mark.parametrize(
    ("row", "parts"),
    [
        ("v,9,.1,.1,.2", ["5 columns", "expected 8 (video, second, x1, y1, x2, y2, class id, person id)"]),
        ("v,9,.1,.1,.2,.2,1", ["7 columns, expected 8"]),
        (",9,.1,.1,.2,.2,1,0", ["video is empty"]),
        ("v,9,.1,.1,.2,x,1,0", ['y2 "x" is not a number']),
        ("v,9,.1,nan,.2,.2,1,0", ['y1 "nan" is not a number']),
        ("v,9,.1,inf,.2,.2,1,0", ['y1 "inf" is not a number']),
        ("v,9,.1,,.2,.2,1,0", ["y1 is empty", "all four"]),
        ("v,9,,,,,1,0", ["x1 is empty"]),
        ("v,0:09,.1,.1,.2,.2,1,0", ['second "0:09" is not a number', "seconds from the start"]),
        ("v,9223372036854775808,.1,.1,.2,.2,1,0", ['second "9223372036854775808" is too large']),
        ("v,,.1,.1,.2,.2,1,0", ["second is empty"]),
        ("v,-3,.1,.1,.2,.2,1,0", ["second -3 is negative", "at 0"]),
        ("v,9,.1,.1,.2,.2,walk,0", ['"walk" is not a whole number', "name of class 2: write the id"]),
        ("v,9,.1,.1,.2,.2,0.93,0", ['"0.93" is not a whole number', "box csv"]),
        ("v,9,.1,.1,.2,.2,4,0", ["class id 4 is not in label map four.pbtxt", '3 "talk to"', '5 "carry"']),
        ("v,9,.1,.1,.2,.2,1,p0", ['person id "p0" is not a whole number']),
        ("v,9,64,36,320,180,1,0", ["x2 = 320 looks like pixels", "Divide x by the frame's width"]),
        ("v,9,.5,.5,.2,.9,1,0", ["x2 = 0.2 is less than x1 = 0.5", "x, y, width, height", "x2 = x1 + width"]),
        ("v,9,.5,.5,.6,.3,1,0", ["y2 = 0.3 is less than y1 = 0.5"]),
        ("v,9,.5,.5,1.2,.9,1,0", ["lies outside the frame", "clip the box"]),
        ("v,9,-.2,.5,.7,.9,1,0", ["lies outside the frame"]),
        ("v,9,.5,.5,.5,.9,1,0", ["no width or no height", "x2 > x1"]),
    ],
)
def test_faults_name_file_line_and_remedy(write, label_map, refused, row, parts):
    one = write("one.csv", good_rows(4) + row + "\n")
    message = refused(lambda: read_annotations(one, label_map), "one.csv, line 5:", *parts)
    assert "more row" not in message
    three = write("three.csv", good_rows(2) + row + "\n\n" + good_rows(1) + row + "\n" + row + "\n")
    refused(
        lambda: read_annotations(three, label_map), "three.csv, line 3:", *parts, " 2 more rows have the same fault."
    )


def test_first_of_several_faults_is_reported(write, label_map, refused):
    path = write("a.csv", good_rows(2) + "v,x,.1,.1,.2,.2,1,0\nv,1,.1\nv,y,.1,.1,.2,.2,1,0\n")
    refused(lambda: read_annotations(path, label_map), "line 3", 'second "x"', "1 more row has the same fault")


def test_wrong_width_of_the_first_row(write, label_map, refused):
    path = write("a.csv", "v;1;.1;.1;.2;.2\n")
    refused(lambda: read_annotations(path, label_map), "6 columns,", "expected 7 (", "or 8 (")
    path = write("b.csv", "v 1 .1 .1 .2 .2 1\n")
    refused(lambda: read_annotations(path, label_map), "1 column,", "separated by spaces: use commas")
    path = write("c.csv", "v,1,0,1,0,1,0,2,0,2,1\n")
    refused(
        lambda: read_annotations(path, label_map), "11 columns", "Decimal commas? Write decimal points, as in 0.5, or"
    )
    path = write("d.csv", 'v,1,"1,250","1,000","1,500","2,000",1\n')
    refused(lambda: read_annotations(path, label_map), 'x1 "1,250" is not a number', "decimal comma: write 1.250")


def test_zero_based_ids_and_milliseconds_are_recognized(write, label_map, refused):
    path = write("a.csv", "v,1,.1,.1,.2,.2,0\nv,2,.1,.1,.2,.2,1\nv,2,.3,.1,.4,.2,2\n")
    refused(lambda: read_annotations(path, label_map), "line 1", "class id 0", "start at 0: add 1")
    path = write("b.csv", "".join(f"v,{ms},.1,.1,.2,.2,1\n" for ms in (902_000, 903_000, 904_000)))
    refused(lambda: read_annotations(path, label_map), "line 1", "902000", "milliseconds? Divide by 1000")
    day = read_annotations(write("c.csv", "v,100000,.1,.1,.2,.2,1\nv,86401,.1,.1,.2,.2,1\n"), label_map)
    assert list(day.keyframes) == [("v", 86401), ("v", 100000)]


def test_missing_empty_and_unreadable_files(tmp_path, write, label_map, refused):
    write("pets_train.csv", ROWS)
    missing = tmp_path / "pets_trian.csv"
    refused(
        lambda: read_annotations(missing, label_map), "pets_trian.csv does not exist", "Did you mean", "pets_train.csv"
    )
    refused(
        lambda: read_annotations(tmp_path / "no" / "a.csv", label_map),
        "a.csv does not exist",
        f"no folder {tmp_path / 'no'}",
    )
    refused(lambda: read_annotations(tmp_path, label_map), "is a folder")
    (tmp_path / "excel.csv").write_bytes("b,902,0,0,1,1,2".encode("utf-16"))
    refused(lambda: read_annotations(tmp_path / "excel.csv", label_map), "not UTF-8 text", "UTF-16", "CSV UTF-8")
    for text in ("", "\n\n", "video,second,x1,y1,x2,y2,id\n"):
        refused(lambda text=text: read_annotations(write("empty.csv", text), label_map), "empty.csv has no rows")
    (tmp_path / "binary.csv").write_bytes(b"\xff\xfe\x00a")
    refused(lambda: read_annotations(tmp_path / "binary.csv", label_map), "not UTF-8 text")
    (tmp_path / "cut.csv.gz").write_bytes(gzip.compress(ROWS.encode() * 50)[:-20])
    refused(lambda: read_annotations(tmp_path / "cut.csv.gz", label_map), "cannot be read", "complete")
    lfs = write("lfs.csv", "version https://git-lfs.github.com/spec/v1\noid sha256:0\n")
    refused(lambda: read_annotations(lfs, label_map), "git lfs pull")
    refused(lambda: read_annotations(write("page.csv", "<!DOCTYPE html><html>"), label_map), "web page")


@pytest.mark.parametrize("suffix", [".csv", ".csv.gz"])
def test_written_annotations_read_back(tmp_path, write, label_map, suffix):
    table = read_annotations(write("a.csv", ROWS + "c,3,,,,,,\nc,4,0.123456789012345,0,1,1,1,\n"), label_map)
    write_ava_csv(tmp_path / f"out{suffix}", table)
    again = read_annotations(tmp_path / f"out{suffix}", label_map)
    assert as_lists(again) == as_lists(table)
    assert again.keyframes == table.keyframes


def test_writing_uses_the_layout_of_ava(tmp_path, label_map):
    table = AnnotationTable.from_columns(["v", "v"], [7, 7], np.array([[0.1, 0.25, 0.5, 1]] * 2), [3, 1])
    write_ava_csv(tmp_path / "out.csv", table)
    assert (tmp_path / "out.csv").read_text() == "v,0007,0.1,0.25,0.5,1.0,1\nv,0007,0.1,0.25,0.5,1.0,3\n"


def test_exclusions(write, label_map, refused):
    excluded = write("e.csv", "b,0902\nz,5\nb,0902\n")
    assert read_exclusions(excluded) == {("b", 902), ("z", 5)}
    assert read_exclusions(write("none.csv", "")) == set()
    assert read_exclusions(write("head.csv", "video,second\nb,1\n")) == {("b", 1)}
    table = read_annotations(write("a.csv", ROWS), label_map, excluded)
    assert list(table.keyframes) == [("a", 12000), ("b", 901)]
    assert as_lists(table)[1] == ("b", 901, [0.1, 0.2, 0.3, 0.4], 8, [])
    for part in ("excluded keyframes: 1", "excluded boxes: 2", "excluded labels: 3"):
        assert part in table.summary()
    assert table.index_of("b", 902) is None
    everything = write("all.csv", "a,12000\nb,901\nb,902\n")
    refused(lambda: read_annotations(write("a.csv", ROWS), label_map, everything), "a.csv", "cover all 3 keyframes")
    refused(lambda: read_exclusions(write("bad.csv", "a,1\nb,x1\n")), "bad.csv, line 2", '"x1"')
    refused(lambda: read_exclusions(write("full.csv", ROWS)), "8 columns, expected 2 (video, second)")


@pytest.mark.parametrize("seed", range(5))
def test_merging_keeps_exactly_the_rows_that_went_in(seed):
    """Against a dict: shuffled rows with few distinct values, so that all kinds of coincidence occur."""
    rng = np.random.default_rng(seed)
    n = 400
    videos = [f"video {i}" for i in rng.integers(0, 3, n)]
    seconds = rng.integers(0, 4, n)
    boxes = np.concatenate([rng.integers(0, 2, (n, 2)) / 8, 0.5 + rng.integers(0, 2, (n, 2)) / 8], axis=1)
    persons, classes = rng.integers(-1, 2, n), rng.integers(-1, 4, n)
    expected: dict[tuple, set[int]] = {}
    for i in range(n):
        key = (videos[i], int(seconds[i]), tuple(boxes[i].tolist()), int(persons[i]))
        expected.setdefault(key, set()).update({int(classes[i])} - {-1})
    table = AnnotationTable.from_columns(videos, seconds, boxes, classes, persons)
    found = as_lists(table)
    assert {(v, s, tuple(b), p): set(c) for v, s, b, p, c in found} == expected
    assert len(found) == len(expected)
    by_keyframe = sorted(expected, key=lambda key: key[:2])  # a stable sort: first appearance within a keyframe
    assert [(v, s, tuple(b), p) for v, s, b, p, _ in found] == by_keyframe
    assert table.counts["rows merged into the box of another row"] == n - len(expected)
    assert all(c == sorted(c) for *_, c in found)


def test_pets_validation_annotations(test_data):
    folder = test_data / "annotations"
    table = read_annotations(folder / "pets_val.csv", read_label_map(folder / "pets_action_list.pbtxt"))
    rows = [line.split(",") for line in (folder / "pets_val.csv").read_text().split()]
    assert table.num_labels == len(rows) == 192
    assert len(table) == len({tuple(row[:6] + row[7:]) for row in rows})
    assert {key.video for key in table.keyframes} == {"pets_03", "pets_06"}
    first = table.boxes[table.rows(table.index_of("pets_03", 0))][0]
    assert first.tolist() == [0.332, 0.289, 0.370, 0.407]


def test_full_ava_validation_set_loads_fast(shared_dir):
    label_map = read_label_map(shared_dir / "ava_eval" / "action_list.pbtxt")
    path = shared_dir / "ava_eval" / "ava_val_v2.1_groundtruth.csv.gz"
    with pytest.raises(UserError, match="class id"):
        read_annotations(path, label_map)  # the evaluation list has 60 of the 80 classes
    start = time.process_time()
    table = read_annotations(path, label_map, skip_unknown_classes=True)
    assert time.process_time() - start < 3.0  # about 0.3 s; the bound is loose for busy machines
    assert (len(table.keyframes), len(table)) == (50029, 93393)
    assert table.num_labels + table.counts["labels outside the label map left out"] == 93400
