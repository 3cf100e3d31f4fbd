"""A header names the columns of a csv file: in any order, and honored or refused, never ignored."""

from __future__ import annotations

import pytest

from alphaction.data.annotations import read_annotations, read_boxes, read_exclusions
from alphaction.data.formats.csv_header import CsvHeader
from alphaction.utils.errors import UserError


def header(names: str) -> CsvHeader:
    return CsvHeader.parse("boxes: a.csv, line 1", names.split(","))


@pytest.mark.parametrize(
    ("names", "form", "positions"),
    [
        ("video,second,x1,y1,x2,y2,class", "xyxy", [2, 3, 4, 5]),
        ("video,second,xmin,xmax,ymin,ymax,class", "xyxy", [2, 4, 3, 5]),
        ("video,second,y1,x1,y2,x2", "xyxy", [3, 2, 5, 4]),
        ("video,second,x0,y0,x1,y1", "xyxy", [2, 3, 4, 5]),
        ("Left,Top,Right,Bottom,Video Name,Time (s)", "xyxy", [0, 1, 2, 3]),
        ("video,second,x,y,width,height,action,person_id", "xywh", [2, 3, 4, 5]),
        ("video,second,h,w,y,x", "xywh", [5, 4, 3, 2]),
        ("video,second,x_center,y_center,w,h", "cxcywh", [2, 3, 4, 5]),
        ("x1,y1,x2,y2,width,height", "xyxy", [0, 1, 2, 3]),
    ],
)
def test_names_tell_how_a_box_is_written(names, form, positions):
    assert header(names).box() == (form, positions)
    assert header(names).box(form) == (form, positions)


def test_the_option_must_not_contradict_the_names():
    assert header("video,second,x,y,w,h").box("cxcywh") == ("cxcywh", [2, 3, 4, 5])
    assert header("x1,y1,x2,y2,w,h").box("xywh") == ("xywh", [0, 1, 4, 5])
    for names, form in (
        ("x1,y1,x2,y2", "xywh"),
        ("left,top,w,h", "cxcywh"),
        ("x,y,w,h", "xyxy"),
        ("cx,cy,w,h", "xywh"),
    ):
        with pytest.raises(UserError, match=rf"line 1: the header names the box .*, but --box-format says {form}"):
            header(names).box(form)


def test_faults_list_the_known_names():
    for call, problem in (
        (lambda: header("video,x1,y1").box(), "names no box"),
        (lambda: header("video,x1,left").find("x1"), 'columns x1 and left both look like "x1"'),
        (lambda: header("a,b").require("second", "frame"), r"\(a, b\) has no column second \(or frame\)"),
        (lambda: header("video,wdth,hgt").refuse_unknown(), 'columns that are not known: "wdth", "hgt". Rename or'),
    ):
        with pytest.raises(
            UserError, match=rf"boxes: a\.csv, line 1: .*{problem}.*Known names: video; second \(or frame\); x1, y1"
        ):
            call()


def test_annotations_in_another_order(write, label_map):
    text = "class,person_id,video,second,y1,x1,y2,x2,comment\n2,7,v,3,0.1,0.2,0.5,0.6,fine\n,7,v,4,0,0,1,1,\n"
    table = read_annotations(write("a.csv", text), label_map)
    assert list(table.keyframes) == [("v", 3), ("v", 4)]
    assert table.boxes.tolist() == [[0.2, 0.1, 0.6, 0.5], [0, 0, 1, 1]]
    assert (table.label_ids.tolist(), table.person_ids.tolist()) == ([2], [7, 7])
    assert "columns not read (comment): 1" in table.summary()


@pytest.mark.parametrize(
    ("names", "parts"),
    [
        ("video,second,x,y,width,height,class", ["names boxes by size, expected corners", "tools/prepare_dataset.py"]),
        ("video,second,x1,y1,x2,y2,who", ['a column that is not known: "who"']),
        ("video,second,x1,y1,x2,y2,id", ["has no column class"]),
        ("video,second,x1,y1,x2,y2,class,score", ['column "score"', "Remove it"]),
        ("video,frame,x1,y1,x2,y2,class", ["has no column second"]),
    ],
)
def test_headers_that_cannot_be_followed(write, label_map, refused, names, parts):
    row = "v,1,.1,.1,.2,.2,1" + ",1" * (names.count(",") - 6)
    path = write("a.csv", f"\n{names}\n{row}\n")
    refused(lambda: read_annotations(path, label_map), "a.csv, line 2: ", *parts)


def test_rows_must_be_as_wide_as_their_header(write, label_map, refused):
    path = write("a.csv", "video,second,x1,y1,x2,y2,class,person_id\nv,1,.1,.1,.2,.2,1\n")
    refused(lambda: read_annotations(path, label_map), "7 columns, expected 8 (video, second, x1, y1, x2, y2")


def test_boxes_and_exclusions_in_another_order(write, refused):
    table = read_boxes(write("b.csv", "score,video,second,xmin,xmax,ymin,ymax\n0.5,v,3,0.1,0.2,0.3,0.4\n"))
    assert table.boxes.tolist() == [[0.1, 0.3, 0.2, 0.4]]
    assert table.scores.tolist() == [0.5]
    path = write("w.csv", "video,second,x,y,w,h,score\nv,3,0.1,0.2,0.3,0.4,0.5\n")
    refused(lambda: read_boxes(path), "names boxes by size", "tools/detect_persons.py --import")
    assert read_exclusions(write("e.csv", "second;video\n3;v\n")) == {("v", 3)}
