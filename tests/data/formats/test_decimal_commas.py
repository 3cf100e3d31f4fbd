"""Numbers as German or French Excel writes them: decimal commas between semicolons or tabs."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from alphaction.data.annotations import read_annotations, read_boxes, read_exclusions
from alphaction.data.formats.csv_columns import ColumnReader
from alphaction.data.formats.csv_layout import ANNOTATIONS, ANY_ANNOTATIONS, BOXES, DETECTOR, EXCLUSIONS
from alphaction.data.formats.csv_table import read_csv
from alphaction.utils.errors import UserError

PATH = Path("a.csv")
ROWS = ["küche, oben;902;0,123;0,2;,375;0,9;3", "b;903;1,5E-02;0,25;1;1,0;"]
BOXES_OF_ROWS = [[0.123, 0.2, 0.375, 0.9], [0.015, 0.25, 1.0, 1.0]]


def read(text: str, form=ANY_ANNOTATIONS):
    return read_csv(PATH, "annotations", form, text)


@pytest.mark.parametrize("start", ["", "sep=;\n", '"sep=;"\n', "video;second;x1;y1;x2;y2;class\n"])
@pytest.mark.parametrize("slow", [False, True])
def test_decimal_commas_between_semicolons(monkeypatch, start, slow):
    if slow:
        monkeypatch.setattr(ColumnReader, "_by_array", lambda self, lines: None)
    rows = read(start + "\n".join(ROWS) + "\n")
    assert rows.videos == ["küche, oben", "b"]
    assert rows.numbers.tolist() == [902, 903]
    assert rows.boxes.tolist() == BOXES_OF_ROWS
    assert rows.labels() == [(3,), ()]
    assert rows.source.place(1) == f"line {2 + bool(start)}"


def test_all_digits_count():
    values = np.random.default_rng(0).random((200, 4))
    text = "".join(f"v;{k};{';'.join(repr(x) for x in row)};1\n" for k, row in enumerate(values.tolist()))
    np.testing.assert_array_equal(read(text.replace(".", ",")).boxes, values)
    np.testing.assert_array_equal(read(text).boxes, values)
    np.testing.assert_array_equal(read(text.replace(".", ",").replace(";", "\t")).boxes, values)


def test_points_and_commas_may_be_mixed():
    assert read("v;1;0,1;0.2;0,3;0.4;1\nv;2;0.1;0.2;0.3;0.4;1\n").boxes.tolist() == [[0.1, 0.2, 0.3, 0.4]] * 2


def test_as_many_commas_as_semicolons():
    rows = read("v;902,0;0,1;0,2;0,3;0,4;0,9\nv;903,0;0,1;0,2;0,3;0,4;0,8\n", BOXES)
    assert rows.scores.tolist() == [0.9, 0.8]
    assert rows.numbers.tolist() == [902, 903]


def test_numbers_in_quotes_between_commas():
    text = 'v,"1","0,125","0,250","0,375","0,500",1\nv,2,0.5,"1,000E-01",1,1,2\n'
    assert read(text).boxes.tolist() == [[0.125, 0.25, 0.375, 0.5], [0.5, 0.1, 1.0, 1.0]]
    with pytest.raises(UserError, match=r'line 1: y1 "1,250" is not a number. It has a decimal comma: write 1.250'):
        read('v,1,1.5,"1,250",2.5,"1,375",1\n')  # or thousands


def test_between_commas_without_quotes_the_remedy_is_named():
    with pytest.raises(UserError, match="11 columns.* in 0.5, or separate the cells by semicolons"):
        read("v,1,0,1,0,2,0,3,0,4,1\n")


def test_other_forms():
    assert read("video;second\nv;902\n", EXCLUSIONS).numbers.tolist() == [902]
    assert read("sep=\t\nv\t902\n", EXCLUSIONS).numbers.tolist() == [902]
    found = read("frame;video;x;y;w;h;conf\n3;v;10,5;20,25;30;40;0,75\n", DETECTOR)
    assert (found.boxes.tolist(), found.scores.tolist()) == ([[10.5, 20.25, 30.0, 40.0]], [0.75])
    assert read("v;1;0,1;x;0,2;0,3;1\n".replace("x", "0,1"), ANNOTATIONS).boxes.tolist() == [[0.1, 0.1, 0.2, 0.3]]
    with pytest.raises(UserError, match='y1 "0,1,2" is not a number'):
        read("v;1;0,1;0,1,2;0,2;0,3;1\n", ANNOTATIONS)


def test_a_file_without_a_separator_or_row_says_so():
    with pytest.raises(UserError, match="1 column, expected 2"):
        read("v\n", EXCLUSIONS)
    assert not len(read("sep=;\n", EXCLUSIONS))
    assert not len(read("", EXCLUSIONS))


def test_whole_files_with_a_byte_order_mark(tmp_path, label_map):
    path = tmp_path / "a.csv"
    path.write_text("sep=;\nvideo;second;x1;y1;x2;y2;action\nv;1;0,1;0,2;0,3;0,4;2\n", encoding="utf-8-sig")
    table = read_annotations(path, label_map)
    assert (table.boxes.tolist(), table.labels(0).tolist()) == ([[0.1, 0.2, 0.3, 0.4]], [2])
    path.write_text("v;1;0,1;0,2;0,3;0,4;0,5\n", encoding="utf-8-sig")
    assert read_boxes(path).scores.tolist() == [0.5]
    path.write_text("v;1\n", encoding="utf-8-sig")
    assert read_exclusions(path) == {("v", 1)}
    path.write_bytes("küche;1\n".encode("cp1252"))
    with pytest.raises(UserError, match='not UTF-8 text .*in Excel: "CSV UTF-8"'):
        read_exclusions(path)
