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
