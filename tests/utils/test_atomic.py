"""A file is replaced whole or not at all, and two writers do not disturb each other."""

from __future__ import annotations

import gzip
import os

import pytest

from alphaction.utils.atomic import replacing, write_text_atomically


def test_the_old_content_stays_until_the_block_ends(tmp_path):
    path = tmp_path / "new" / "file.txt"
    write_text_atomically(path, "one\n")
    with replacing(path) as part:
        part.write_text("two\n")
        assert path.read_text() == "one\n"
        assert part.parent == path.parent
        assert part.name.startswith(".")
    assert path.read_text() == "two\n"
    assert os.listdir(path.parent) == ["file.txt"]


def test_a_failure_leaves_the_file_alone_and_nothing_beside_it(tmp_path):
    path = tmp_path / "file.txt"
    path.write_text("old")

    def interrupted():
        with replacing(path) as part:
            part.write_text("half")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert path.read_text() == "old"
    assert os.listdir(tmp_path) == ["file.txt"]


def test_two_writers_of_one_file(tmp_path):
    path = tmp_path / ("long" * 60 + ".txt")
    with replacing(path, durable=True) as first, replacing(path) as second:
        assert first != second
        first.write_text("first")
        second.write_text("second")
    assert path.read_text() == "first"
    assert len(os.listdir(tmp_path)) == 1


def test_the_new_name_shows_gzip_and_nothing_is_private(tmp_path):
    path = tmp_path / "rows.csv.gz"
    with replacing(path) as part, gzip.open(part, "wt") as file:
        assert part.suffix == ".gz"
        file.write("a,1\n")
    (tmp_path / "other").write_text("")
    assert path.stat().st_mode == (tmp_path / "other").stat().st_mode
