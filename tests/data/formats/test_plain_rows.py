"""Blocks of plain rows as arrays, and everything else left to the reader of cells: both say the same."""

from __future__ import annotations

import random
from pathlib import Path

import numpy as np
import pytest

from alphaction.data.formats import csv_table, plain_rows
from alphaction.data.formats.csv_columns import ColumnReader
from alphaction.data.formats.csv_layout import ANNOTATIONS, ANY_ANNOTATIONS, BOXES, DETECTOR, RESULTS, CsvForm
from alphaction.data.formats.csv_table import read_csv
from alphaction.data.formats.plain_rows import PlainRows, TextCodes
from alphaction.utils.errors import UserError

_ODD = ["", ".", "5.", "1e5", "nan", "inf", "1_000", "0x1f", "1,5", " 0.5", "0.5 ", "1e400", "9" * 25, "-0", "true"]
_ODD += ['"0.5"', "9007199254740993", "123456789012345678", "walk", "\u00a00.5", "0.5\x00", "-1"]
_COLUMNS = ("video_codes", "numbers", "boxes", "label_rows", "label_codes", "scores", "person_ids")


def _number(rng: random.Random) -> str:
    x = rng.random()
    return rng.choice([f"{x:.6f}", repr(x), f"{x**8:.9g}", f"{2000 * x:.2f}", f"-{x:.3f}", str(rng.randrange(99))])


def _text(rng: random.Random, form: CsvForm, odd: float, delimiter: str) -> str:
    """Return random rows; most begin like the one before."""
    names = rng.choice([["a", "ü b", "007"], ["abcdefghijk.mp4"], ["v" * 150], ["v" * 300, "w"], ["a", "", " a"]])
    lines, start = [], []
    for _ in range(rng.randrange(1, 150)):
        if not start or rng.random() < 0.2:
            start = [rng.choice(names), rng.choice(["0902", "902", "12.5", "7.0"]), *(_number(rng) for _ in range(4))]
        rest = [rng.choice(["1", "80", "01", "12"]), _number(rng)]
        if form in (ANNOTATIONS, ANY_ANNOTATIONS):
            rest[1] = str(rng.randrange(9))
        cells = [cell if rng.random() > odd else rng.choice(_ODD) for cell in (*start, *rest)]
        if delimiter != "," and rng.random() < 0.3:
            cells = [cell.replace(".", ",") for cell in cells]
        cells = cells[: rng.choice([7, 8])] if rng.random() < odd / 4 else cells
        lines.append(delimiter.join(cells))
        lines += [""] * (rng.random() < odd / 4)
    return "\n".join(lines) + rng.choice(["", "\n", "\n\n"])


def _outcome(form: CsvForm, text: str, strict: bool) -> object:
    try:
        rows = read_csv(Path("a.csv"), "rows", form, text, strict=strict)
    except UserError as error:
        return str(error)
    columns = [getattr(rows, name) for name in _COLUMNS]
    bits = [(column.dtype.str, column.tobytes()) for column in columns if column is not None]
    places = [rows.source.place(row) for row in range(len(rows))]
    return list(rows.videos), rows.classes, rows.counts, bits, places


@pytest.mark.parametrize("odd", [0, 0.003, 0.1])
@pytest.mark.parametrize("form", [RESULTS, BOXES, ANNOTATIONS, ANY_ANNOTATIONS, DETECTOR])
def test_both_readers_say_the_same(monkeypatch, form, odd):
    by_array, plain = ColumnReader._by_array, 0

    def counting(self, lines):
        nonlocal plain
        values = by_array(self, lines)
        plain += values is not None
        return values

    for seed in range(8):
        rng = random.Random(seed)
        delimiter = rng.choice([",", ",", ";", "\t"]) if form.header else ","
        text, strict = _text(rng, form, odd, delimiter), rng.random() < 0.6
        monkeypatch.setattr(csv_table, "_BLOCK", rng.choice([1, 60, 500, 1 << 20]))
        monkeypatch.setattr(ColumnReader, "_by_array", counting)
        found = _outcome(form, text, strict)
        monkeypatch.setattr(ColumnReader, "_by_array", lambda self, lines: None)
        assert found == _outcome(form, text, strict), f"seed {seed}"
    assert plain


def test_plain_blocks_do_not_go_cell_by_cell(monkeypatch):
    monkeypatch.setattr(ColumnReader, "_by_cell", lambda *_: pytest.fail("cell by cell"))
    rows = read_csv(Path("a.csv"), "rows", ANNOTATIONS, "v,0902,0.1,0.2,0.3,0.4,5,\nv, 903 ,,,,,,-1\n")
    assert rows.numbers.tolist() == [902, 903]
    assert rows.person_ids.tolist() == [-1, -1]
    assert rows.boxes[0].tolist() == [0.1, 0.2, 0.3, 0.4]
    assert np.isnan(rows.boxes[1]).all()


@pytest.mark.parametrize("cut", range(1, 60, 7))
def test_a_wrong_row_in_a_later_block_is_named(monkeypatch, cut):
    monkeypatch.setattr(csv_table, "_BLOCK", cut)
    good = "v,1,0.1,0.1,0.2,0.2,5,0.5\n"
    text = good * 50 + good.replace("0.2,5", "0.2x,5") + good * 20 + good.replace("0.5", "high")
    with pytest.raises(UserError, match=r'a\.csv, line 51: y2 "0\.2x" is not a number'):
        read_csv(Path("a.csv"), "rows", RESULTS, text)


@pytest.mark.parametrize("block", ['a,"b"\n', "a,b\nc\n", "a,b,c\n", "a,b\n\n", "a,b\n c\n,", "a\n,b\n", "a,\0\n"])
def test_blocks_that_are_not_plain(block):
    assert PlainRows.find(block.encode(), ",", 2) is None


def test_rows_that_begin_like_the_one_before():
    block = b"v,1,7\nv,1,8\nv,1,9\nv,12,9\nv,12,7\nw,12,7\nw,12,7\nw,12,7\n"
    assert PlainRows.find(block, ",", 3).heads(2).tolist() == [0, 3, 5]
    assert PlainRows.find(b"v,1,7\nv,2,7\nv,3,7\n", ",", 3).heads(2) is None  # each is another
    long = b"v" * 300 + b",1,7\n"
    assert PlainRows.find(long * 4, ",", 3).heads(2) is None


def test_codes_of_texts_are_in_order_of_appearance():
    def encode(codes: TextCodes, *cells: str) -> list[int] | None:
        rows = PlainRows.find("".join(f"{cell},\n" for cell in cells).encode(), ",", 2)
        found = rows.codes(0, slice(None), codes)
        return None if found is None else found.tolist()

    known: dict[str, int] = {}
    codes = TextCodes(known, may_be_blank=False)
    assert encode(codes, "7", "a long name", "7", " 7", "ü") == [0, 1, 0, 0, 2]
    assert encode(codes, "new", " ") is None
    assert list(known) == ["7", "a long name", "ü"]
    assert encode(codes, *map(str, range(300)), "a long name")[-1] == 1
    assert encode(codes, *map(str, range(300))) == [known[str(k)] for k in range(300)]
    assert encode(TextCodes({}, may_be_blank=True), "", "a", "") == [0, 1, 0]


@pytest.mark.parametrize("length", [7, 8, 9, 16, 17, 256, 257])
def test_texts_are_the_same_in_all_their_bytes(length):
    start = "abcdefgh" * 33
    texts = [start[:length], start[: length - 1] + "z", start[: length - 1], start[1 : length + 1], "b", "abcdefgh"]
    draw = random.Random(length).choices(texts, k=500)
    known: dict[str, int] = {}
    codes = TextCodes(known, may_be_blank=False)
    # Short ones first, long ones first, and those that were met before.
    for some in (texts[4:], texts[:2], draw, draw[::-1]):
        rows = PlainRows.find("".join(f"{text},\n" for text in some).encode(), ",", 2)
        found = rows.codes(0, slice(None), codes)
        assert [list(known)[code] for code in found.tolist()] == some


def test_texts_that_were_met_are_not_looked_at_one_by_one(monkeypatch):
    """Rows that are not in the order of the videos: each begins otherwise than the one before."""
    texts = [f"video number {k % 50}" for k in range(1000)]
    rows = PlainRows.find("".join(f"{text},\n" for text in texts).encode(), ",", 2)
    codes = TextCodes({}, may_be_blank=False)
    first = rows.codes(0, slice(None), codes)
    monkeypatch.setattr(plain_rows, "encode", lambda *_: pytest.fail("one by one"))
    np.testing.assert_array_equal(rows.codes(0, slice(None), codes), first)
