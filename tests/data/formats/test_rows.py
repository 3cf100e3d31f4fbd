"""The row table: rows as a file has them, taken and built without losing labels or places."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from alphaction.data.formats.file_content import RowSource
from alphaction.data.formats.rows import RowBuilder, RowTable, encode_classes


def built() -> RowTable:
    builder = RowBuilder()
    builder.add("b.mp4", 30, (1, 2, 3, 4), ("wave", "sit"), 7, place="track 7, frame 30")
    builder.add("a.mp4", 5, None, place='image "a"')
    builder.add("b.mp4", 31, (5, 6, 7, 8), (), place="track 8, frame 31", merge_key=-2)
    builder.add("b.mp4", 32, (5, 6, 7, 8), ("sit", "sit"), 9, place="track 9, frame 32", merge_key=-2)
    builder.count("points left out", 3)
    builder.count("points left out")
    builder.notes.append("actions are taken from the labels")
    return builder.build(Path("t.xml"), unit="frame", spelling="xyxy", pixels=True)


def test_numbers_beyond_int64_stay_apart_and_late():
    builder = RowBuilder()
    builder.add("a", 10**30, (0, 0, 1, 1), ("sit",), 10**30, place="row 0")
    builder.add("a", 1, (0, 0, 1, 1), ("sit",), 10**30 + 1, place="row 1")
    rows = builder.build(Path("t.xml"))
    assert rows.numbers.tolist() == [2**53, 1]
    assert len(set(rows.persons().tolist())) == 2
    assert (rows.persons() >= 0).all()


def test_rows_are_built_in_order():
    rows = built()
    assert [rows.videos[code] for code in rows.video_codes] == ["b.mp4", "a.mp4", "b.mp4", "b.mp4"]
    assert rows.numbers.tolist() == [30, 5, 31, 32]
    assert rows.has_box.tolist() == [True, False, True, True]
    assert rows.boxes[[0, 2]].tolist() == [[1, 2, 3, 4], [5, 6, 7, 8]]
    assert rows.labels() == [("wave", "sit"), (), (), ("sit",)]
    assert rows.persons().tolist() == [7, -1, -1, 9]
    assert rows.merge_keys.tolist() == [7, -1, -2, -2]
    assert (rows.unit, rows.spelling, rows.pixels) == ("frame", "xyxy", True)
    assert rows.counts == {"points left out": 4}
    assert rows.notes == ("actions are taken from the labels",)
    assert str(rows.source.error(2, "too small.")) == "annotations: t.xml, track 8, frame 31: too small."


@pytest.mark.parametrize("chosen", [np.array([3, 0, 0]), np.array([True, False, True, True]), np.zeros(0, np.int64)])
def test_taken_rows_keep_labels_and_places(chosen):
    rows = built()
    positions = np.flatnonzero(chosen) if chosen.dtype == bool else chosen
    taken = rows.take(chosen)
    assert len(taken) == len(positions)
    assert taken.labels() == [rows.labels()[k] for k in positions]
    assert taken.numbers.tolist() == rows.numbers[positions].tolist()
    assert taken.merge_keys.tolist() == rows.merge_keys[positions].tolist()
    assert [taken.source.place(k) for k in range(len(taken))] == [rows.source.place(int(k)) for k in positions]
    assert taken.scores is None


def test_an_empty_builder_gives_an_empty_table():
    rows = RowBuilder().build(Path("t.xml"))
    assert (len(rows), rows.boxes.shape, rows.labels(), rows.videos) == (0, (0, 4), [], ())


def test_columns_must_fit_together():
    with pytest.raises(ValueError, match="columns of 1 rows"):
        RowTable(RowSource(Path("a"), "boxes", str), ["v"], np.zeros(1, int), np.zeros(2, int), np.zeros((1, 4)))


def test_classes_are_ids_or_names():
    classes, rows, codes = encode_classes([3, None, "wave", 3])
    assert classes == (3, "wave")
    assert rows.tolist() == [0, 2, 3]
    assert codes.tolist() == [0, 1, 0]


@pytest.mark.parametrize("number", [-(10**30), 10**30, -(2**63) - 1])
def test_persons_of_any_number_have_a_place(tmp_path, number):
    rows = RowBuilder()
    rows.add("v", 1, (0, 0, 1, 1), person=number, place="track 1")
    rows.add("v", 1, (0, 0, 1, 1), person=3, merge_key=number, place="track 2")
    assert rows.build(tmp_path / "a.xml").person_ids.tolist()[1] == 3
