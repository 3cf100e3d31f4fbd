"""The csv reader: blocks that are parsed as arrays and blocks read cell by cell say the same; strict or tolerant."""

from __future__ import annotations

import io
import random
from pathlib import Path

import numpy as np
import pytest

from alphaction.data.formats import csv_table
from alphaction.data.formats.csv_columns import ColumnReader
from alphaction.data.formats.csv_layout import ANNOTATIONS, BOXES, DETECTOR, EXCLUSIONS, RESULTS
from alphaction.data.formats.csv_table import read_csv, stream_csv
from alphaction.utils.errors import UserError

PATH = Path("a.csv")


def random_rows(seed: int, count: int) -> list[str]:
    rng = random.Random(seed)
    videos = ["a", "b c", "007", "1.10", "nan", "true", "NA", "ü"]
    return [
        f"{rng.choice(videos)},{rng.choice(['0902', '902', '902.0', ' 7'])},"
        f"{rng.random()!r},{rng.random():.25f},{rng.random():e},{rng.random()},"
        f"{rng.choice(['', '-1', '3', '03', '80'])},{rng.choice(['', '5', '-1'])}"
        for _ in range(count)
    ]


@pytest.mark.parametrize("block", [1 << 22, 500])
def test_both_ways_to_parse_give_the_same_rows(monkeypatch, block):
    monkeypatch.setattr(csv_table, "_BLOCK", block)
    text = "\n".join(random_rows(0, 200)) + "\n"
    fast = read_csv(PATH, "annotations", ANNOTATIONS, text)
    monkeypatch.setattr(ColumnReader, "_by_array", lambda self, lines: None)
    slow = read_csv(PATH, "annotations", ANNOTATIONS, text)
    assert fast.videos == slow.videos
    assert fast.classes == slow.classes
    for name in ("video_codes", "numbers", "boxes", "label_rows", "label_codes", "person_ids"):
        np.testing.assert_array_equal(getattr(fast, name), getattr(slow, name), err_msg=name)
    lines = text.splitlines()
    assert fast.boxes.tolist() == [[float(cell) for cell in line.split(",")[2:6]] for line in lines]
    assert [fast.videos[code] for code in fast.video_codes] == [line.split(",")[0] for line in lines]


def test_names_that_are_numbers_stay_as_written():
    rows = read_csv(PATH, "excluded timestamps", EXCLUSIONS, "0013,1\n1.10,2\n1e400,3\n")
    assert rows.videos == ["0013", "1.10", "1e400"]
    assert read_csv(PATH, "excluded timestamps", EXCLUSIONS, "true,1\nnan,2\nNA,3\n").videos == ["true", "nan", "NA"]


@pytest.mark.parametrize("rows", [("{row}", "{short}", "{long}"), ("{long}", "{row}", "{short}")])
def test_short_and_long_rows_are_not_evened_out(rows):
    parts = {"row": "v,1,0,0,1,1,5", "short": "v,1,0,0,1,1", "long": "v,1,0,0,1,1,5,9"}
    text = "\n".join(["v,1,0,0,1,1,5", *rows]).format(**parts)
    with pytest.raises(UserError, match=r"line \d: .* [68] columns, expected 7 .* 1 more row has the same fault"):
        read_csv(PATH, "annotations", ANNOTATIONS, text)


def test_words_are_no_numbers():
    with pytest.raises(UserError, match=r'a.csv, line 1: y1 "true" is not a number. 1 more row'):
        read_csv(PATH, "boxes", BOXES, "v,1,0,true,1,1,0.5\nv,2,0,true,1,1,0.5\n")


def test_lines_are_named_across_blocks(monkeypatch):
    monkeypatch.setattr(csv_table, "_BLOCK", 50)
    good = "v,1,0.1,0.1,0.2,0.2,0.5\n"
    with pytest.raises(UserError, match=r'a.csv, line 41: score "x" is not a number'):
        read_csv(PATH, "boxes", BOXES, good * 20 + "\n" + good * 19 + good.replace("0.5", "x"))
    rows = read_csv(PATH, "boxes", BOXES, good * 20 + "\n" + good * 20)
    assert [rows.source.place(row) for row in (0, 19, 20, 39)] == ["line 1", "line 20", "line 22", "line 41"]


def test_parts_of_a_stream_share_their_codes(monkeypatch):
    monkeypatch.setattr(csv_table, "_BLOCK", 1)
    text = "".join(f"{video},1,0.1,0.1,0.2,0.2,{class_id},0.5\n" for video, class_id in [("b", 7), ("a", 3), ("b", 3)])
    parts = list(stream_csv(PATH, "detections", RESULTS, io.StringIO(text)))
    assert len(parts) > 1
    found = [
        (part.videos[video], part.classes[label])
        for part in parts
        for video, label in zip(part.video_codes, part.label_codes, strict=True)
    ]
    assert found == [("b", 7), ("a", 3), ("b", 3)]


def test_wrong_rows_may_be_left_out_and_counted():
    text = "v,1,0,0,1,1,2\nv,x,0,0,1,1,3\nv,3,0,0,1\nv,4,0,,1,1,5\nv,y,0,0,1,1,6\nv,6,0,0,1,1,7\n"
    rows = read_csv(PATH, "annotations", ANNOTATIONS, text, strict=False)
    assert rows.numbers.tolist() == [1, 6]
    assert rows.labels() == [(2,), (7,)]
    assert rows.source.place(1) == "line 6"
    left_out = {name: count for name, count in rows.counts.items() if name != "rows"}
    assert sum(left_out.values()) == 4
    assert all(any(part in name for name in left_out) for part in ('line 2: second "x"', "5 columns", "y1 is empty"))


def test_rows_of_other_classes_are_not_looked_at():
    asked = []

    def keep(text: str, place: str) -> bool:
        asked.append((text, place))
        return text == "person"

    text = "video,second,x1,y1,x2,y2,class\nv,1,0,0,1,1,dog\nv,2,0,0,1,1,person\nv,x,?,0,1,1,dog\n"
    rows = read_csv(PATH, "boxes", DETECTOR, text, keep=keep)
    assert asked == [("dog", "line 2"), ("person", "line 3")]
    assert rows.numbers.tolist() == [2]
    assert rows.counts["boxes of other classes left out"] == 2


def test_a_file_of_another_kind_is_refused():
    with pytest.raises(UserError, match=r"a.csv, line 1: .* \d+ columns?, expected 2"):
        read_csv(PATH, "excluded timestamps", EXCLUSIONS, '{"images": "' + "x" * 200_000 + '", 1, 2}')
