"""YOLO and MOTChallenge files as rows: boxes as written, classes, frames, tolerant of wrong lines where asked."""

from __future__ import annotations

import pytest

from alphaction.data.formats.mot import read_mot
from alphaction.data.formats.yolo import read_yolo
from alphaction.utils.errors import UserError


def test_yolo_rows_are_as_written(tmp_path):
    (tmp_path / "v_7.txt").write_text("0 0.5 0.4 0.2 0.1 0.9\n\n16 0.5 0.4 0.2 0.1 0.8 3\n")
    (tmp_path / "v_8.txt").write_text("0 0.1 0.2 0.3 0.4\n")
    rows = read_yolo(tmp_path, "boxes", frames=True)
    assert (rows.unit, rows.spelling, rows.pixels) == ("frame", "cxcywh", False)
    assert rows.boxes[[0, 2]].tolist() == [[0.5, 0.4, 0.2, 0.1], [0.1, 0.2, 0.3, 0.4]]
    assert rows.numbers.tolist() == [7, 7, 8]
    assert rows.labels() == [(0,), (16,), (0,)]
    assert rows.scores[:2].tolist() == [0.9, 0.8]
    assert rows.scores[2] != rows.scores[2]
    assert rows.source.place(1) == "v_7.txt, line 3"
    assert len(read_yolo(tmp_path, "boxes", keep=lambda text, place: text == "16")) == 1


def test_mot_rows_are_as_written(tmp_path):
    path = tmp_path / "v.txt"
    path.write_text("12,-1,1,2,3,4,0.5,-1,-1,-1\n13,2,5,6,7,8,-1\n")
    rows = read_mot(path, "boxes")
    assert (rows.unit, rows.spelling, rows.pixels) == ("frame", "xywh", True)
    assert rows.boxes.tolist() == [[1, 2, 3, 4], [5, 6, 7, 8]]
    assert rows.numbers.tolist() == [12, 13]
    assert rows.labels() == [(), ()]
    assert rows.scores[1] != rows.scores[1]


@pytest.mark.parametrize(
    "text",
    [
        "12 -1 1 2 3 4.5 0.5 -1 -1 -1 \n13 2 5 6 7 8 -1\n",
        "12\t-1\t1\t2\t3\t4.5\t0.5\t-1\t-1\t-1\r\n13\t2\t5\t6\t7\t8\t-1\r\n",
        "12, -1, 1, 2, 3, 4.5, 0.5, -1, -1, -1,\n13 ,2,  5,6,7,8 -1\n",
        "12;-1;1;2;3;4,5;0,5;-1;-1;-1\n\n13;2;5;6;7;8;-1;\n",
        "\u00a012\u00a0-1 1 2 3 4.5 0.5\n13 2 5 6 7 8 -1",
    ],
)
def test_numbers_of_mot_stand_between_any_marks(tmp_path, text):
    path = tmp_path / "v.txt"
    path.write_text(text, encoding="utf-8", newline="")
    rows = read_mot(path, "boxes")
    assert rows.boxes.tolist() == [[1, 2, 3, 4.5], [5, 6, 7, 8]]
    assert rows.numbers.tolist() == [12, 13]
    assert rows.scores[0] == 0.5
    assert rows.scores[1] != rows.scores[1]


@pytest.mark.parametrize(
    "head",
    ["frame,id,bb_left,bb_top,bb_width,bb_height,conf,x,y,z", "Frame track_id x y w h", "# frame id x1 y1 x2 y2"],
)
def test_a_header_of_mot_is_no_row(tmp_path, head):
    path = tmp_path / "v.txt"
    path.write_text(f"\n{head}\n12,-1,1,2,3,4,0.5\n# the end\n")
    rows = read_mot(path, "boxes")
    assert rows.boxes.tolist() == [[1, 2, 3, 4]]
    assert rows.source.place(0) == "line 3"
    path.write_text("frame,id,x1,y1,x2,y2\n12,-1,1,2,3,4,0.5\n")
    with pytest.raises(UserError, match='line 1: "frame,id,x1,y1,x2,y2": expected frame, track id, x, y, width'):
        read_mot(path, "boxes")


def test_an_empty_cell_of_mot_is_no_mark(tmp_path):
    path = tmp_path / "v.txt"
    path.write_text("12, -1, , 1, 2, 3, 4, 0.5\n")
    with pytest.raises(UserError, match=r'line 1: "12, -1, , 1, 2, 3, 4, 0.5": expected .* between commas, blanks'):
        read_mot(path, "boxes")


@pytest.mark.parametrize("wrong", ["1,2", "1.5,-1,1,2,3,4,0.5", "1,-1,1,2,nan,4,0.5"])
def test_wrong_lines_are_refused_or_counted(tmp_path, wrong):
    path = tmp_path / "v.txt"
    path.write_text(f"1,-1,1,2,3,4,0.5\n{wrong}\n2,-1,1,2,3,4,0.5\n")
    with pytest.raises(UserError, match="v.txt, line 2: "):
        read_mot(path, "boxes")
    rows = read_mot(path, "boxes", strict=False)
    assert rows.numbers.tolist() == [1, 2]
    assert rows.source.place(1) == "line 3"
    assert [count for name, count in rows.counts.items() if "left out (the first: line 2: " in name] == [1]


@pytest.mark.parametrize(
    ("text", "labels", "scores"),
    [
        ("1,1,9,9,9,9,1,1,-1,-1\n1,2,9,9,9,9,1,4,-1,-1\n", [(1,), (4,)], [None, None]),
        ("1,1,9,9,9,9,0.5,1,-1,-1\n1,2,9,9,9,9,0.25,4,-1,-1\n", [(1,), (4,)], [0.5, 0.25]),
        ("1,1,9,9,9,9,0.5,2\n", [(2,)], [0.5]),
        ("1,1,9,9,9,9,0.5,2,0.7,-1\n1,1,9,9,9,9,0.5,-1,0.7,-1\n", [(2,), ()], [0.5, 0.5]),
        ("1,1,9,9,9,9,0.5,-1,-1,-1\n", [()], [0.5]),  # no class, and no place in the world
        ("1,1,9,9,9,9,0.5,2,3.5,0\n1,2,9,9,9,9,0.5,2.25,3.5,0\n", [(), ()], [0.5, 0.5]),  # a place in the world
        ("1,1,9,9,9,9,0.5,0,0,0\n", [()], [0.5]),
        ("1,1,9,9,9,9,0.5,-1,-1\n", [()], [0.5]),
        ("1,1,9,9,9,9,0.5,3,0.9\n", [(3,)], [0.5]),
    ],
)
def test_the_eighth_column_of_mot_is_a_class_where_its_values_are(tmp_path, text, labels, scores):
    path = tmp_path / "v.txt"
    path.write_text(text)
    rows = read_mot(path, "boxes")
    assert rows.labels() == labels
    assert [None if score != score else score for score in rows.scores.tolist()] == scores
    wide = text.count(",") // text.count("\n") != 8
    assert bool(rows.notes) == (any(labels) and wide)


def test_ground_truth_of_ten_columns_has_flags(tmp_path):
    path = tmp_path / "v.txt"
    path.write_text("1,1,9,9,9,9,1,1,0,0\n1,2,9,9,9,9,0,0,0,0\n")
    rows = read_mot(path, "boxes")
    assert rows.labels() == [(1,)]
    assert rows.counts["ground truth to ignore (flag 0), left out"] == 1
    assert rows.notes == ("the eighth column is the class, as its numbers are whole: 2 rows",)


@pytest.mark.parametrize(("read", "name"), [(read_mot, "v.txt"), (read_yolo, "v_1.txt")])
def test_numbers_beyond_what_a_file_can_mean_are_refused(tmp_path, read, name):
    path = tmp_path / name
    row = "1 0.1 0.1 0.1 0.1 0.5"
    for cells in (row, f"{row}\n1 0.1 0.1"):
        path.write_text(f"{cells}\n1e300 0.1 0.1 0.1 0.1 0.5\n")
        with pytest.raises(UserError, match=name):
            read(path, "boxes")


def test_a_yolo_file_of_a_frame_that_no_video_has(tmp_path):
    (tmp_path / f"v_{'9' * 30}.txt").write_text("0 0.5 0.4 0.2 0.1\n")
    with pytest.raises(UserError, match="its name does not hold video and frame"):
        read_yolo(tmp_path, "boxes")
