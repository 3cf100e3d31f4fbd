"""Texts that are made to fill the memory are refused while they are read."""

from __future__ import annotations

import gzip
import json
import tracemalloc
import zipfile
from itertools import pairwise
from pathlib import Path

import pytest
from data.formats.cvat_files import attribute, bare, box, track
from messages import refused
from workflows.prepare.importing import import_text, listed

from alphaction.data.annotations import label_map_file
from alphaction.data.annotations.label_map_file import read_label_map
from alphaction.data.formats.cvat_xml import parse_xml
from alphaction.data.formats.file_content import FileContent
from alphaction.utils.limits import DEEPEST, LARGEST_TEXT

LAUGHS = "names:\n  a: &a [x, x]\n" + "".join(
    f"  {after}: &{after} [{', '.join([f'*{name}'] * 9)}]\n" for name, after in pairwise("abcdefghi")
)
ROW = b"video,0902,0.1,0.2,0.3,0.4,1\n"
MEGABYTE = 1 << 20


def packed(path: Path, head: bytes, piece: bytes, count: int) -> Path:
    with gzip.open(path, "wb", 6) as file:
        file.write(head)
        for _ in range(count):
            file.write(piece)
    return path


def zipped(path: Path) -> Path:
    with (
        zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=6) as archive,
        archive.open("annotations.csv", "w", force_zip64=True) as file,
    ):
        file.write(ROW)
        for _ in range(64):
            file.write(b"\n" * MEGABYTE)
    return path


def sparse(path: Path, size: int) -> Path:
    with path.open("wb") as file:
        file.write(ROW)
        file.truncate(size)  # holes: they take no room on the disk
    return path


def written(path: Path, content: bytes) -> Path:
    path.write_bytes(content)
    return path


BOMBS = {
    "gzip with a hole": (
        lambda p: written(p, gzip.compress(ROW) + bytes(2 * MEGABYTE) + gzip.compress(ROW)),
        "more than 1,048,576 bytes lie between and behind",
    ),
    "gzip of line feeds": (lambda p: packed(p, ROW, b"\n" * MEGABYTE, 64), "150 times the packed ones"),
    "gzip of one line": (lambda p: packed(p, ROW, b"0" * MEGABYTE, 4), "line 2: it has more than 131,072 characters"),
    "gzip of spaces in JSON": (lambda p: packed(p, b"{", b" " * MEGABYTE, 64), "150 times the packed ones"),
    "zip": (zipped, "150 times the packed ones"),
    "brackets": (lambda p: packed(p, b"", b"[" * MEGABYTE, 4), "lists and objects in the first"),
    "lists": (lambda p: written(p, b"[" + b"[]," * (1 << 21) + b"1]"), "lists and objects in the first"),
    "elements": (lambda p: written(p, b"<a>" + b"<a/>" * (1 << 21)), "tags in the first"),
    "a line": (lambda p: written(p, ROW + b"x" * MEGABYTE), "line 2: it has more than 131,072 characters"),
    "a csv cell": (lambda p: written(p, ROW + b'"' + b"x" * 300_000 + b'"\n'), "line 2: it has more than"),
    "a million columns": (lambda p: written(p, b"a," * (1 << 20) + b"\n" + ROW), "line 1: it has more than"),
    "a size": (lambda p: sparse(p, LARGEST_TEXT + 1), "2,147,483,649 bytes; texts of up to 2,147,483,648"),
}


@pytest.mark.parametrize("kind", list(BOMBS))
def test_a_text_that_grows_is_refused_early(tmp_path: Path, kind: str) -> None:
    make, said = BOMBS[kind]
    path = make(tmp_path / "annotations.data")
    tracemalloc.start()
    try:
        refused(lambda: FileContent.read(path, "annotations"), "annotations.data", said)
        assert tracemalloc.get_traced_memory()[1] < 250 * MEGABYTE
    finally:
        tracemalloc.stop()


def test_a_packed_file_of_equal_rows_is_read(tmp_path: Path) -> None:
    rows = b"".join(b"video%05d,%04d,0.000,0.000,1.000,1.000,1\n" % (k // 100, k % 100) for k in range(20_000))
    text = FileContent.read(packed(tmp_path / "a.csv.gz", b"", rows, 50), "annotations").text
    assert len(text) == 50 * len(rows) > 32 * MEGABYTE


@pytest.mark.parametrize("text", ["[" * 900 + "]" * 900, '{"a":' * 900 + "1" + "}" * 900, "[" * 100_000])
def test_json_that_is_nested_too_deeply_is_refused(tmp_path: Path, text: str) -> None:
    content = FileContent.read(written(tmp_path / "a.json", text.encode()), "annotations")
    refused(lambda: content.data, "a.json")


def test_json_of_tools_may_be_nested(tmp_path: Path) -> None:
    text = "[" * DEEPEST + "]" * DEEPEST
    assert FileContent.read(written(tmp_path / "a.json", text.encode()), "annotations").data == json.loads(text)


def test_xml_that_is_nested_too_deeply_is_refused(tmp_path: Path) -> None:
    path = written(tmp_path / "a.xml", b"<annotations>" + b"<a>" * 50_000 + b"</a>" * 50_000 + b"</annotations>")
    refused(lambda: parse_xml(FileContent.read(path, "annotations")), "a.xml", "more than 64 levels")


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (LAUGHS, "more than 50,000 values"),
        ("[" * 100_000, "map.txt"),
        ("#" * 100_000 + ("\n" + "#" * 100_000) * 84, "characters; label maps of up to"),
    ],
)
def test_label_maps_are_bounded(tmp_path: Path, content: str, said: str) -> None:
    path = written(tmp_path / "map.txt", content.encode())
    refused(lambda: read_label_map(path), "map.txt", said)


def test_classes_are_counted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(label_map_file, "MOST_CLASSES", 3)
    path = written(tmp_path / "map.txt", b"a\nb\nc\nd\n")
    refused(lambda: read_label_map(path), "line 4: more than 3 classes")


def test_a_track_far_beyond_its_video_is_looked_at_up_to_its_end(tmp_path: Path) -> None:
    walk = attribute("action", "walk")
    last = 25 * 600_000  # of a week, at 25 frames a second
    boxes = [box(0, attributes=walk), box(last, attributes=walk)]
    found = import_text(tmp_path, bare(track(*boxes)), videos=("clip_01",))
    times = [row[1] for row in listed(found)]
    assert times[0] == 0
    assert max(times) < 700


def test_a_gzip_of_several_texts_with_some_zeros_behind_them_is_read(tmp_path: Path) -> None:
    path = written(tmp_path / "a.csv.gz", (gzip.compress(ROW) + bytes(512)) * 300)
    assert FileContent.read(path, "annotations").text == ROW.decode() * 300
