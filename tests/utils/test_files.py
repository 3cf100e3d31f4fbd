"""Files that a person names: what is said of those that are missing or cannot be written."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from alphaction.data.annotations import read_boxes
from alphaction.utils.errors import UserError
from alphaction.utils.files import check_writable, missing_file, refuse_existing, require_file


def test_nothing_is_left_behind(tmp_path, monkeypatch):
    (tmp_path / "old.csv").write_text("old")
    monkeypatch.chdir(tmp_path)
    for path in (tmp_path / "new.csv", tmp_path / "a" / "b" / "new.csv", tmp_path / "old.csv", Path("bare.csv")):
        check_writable("--csv", path)
    assert [path.name for path in tmp_path.iterdir()] == ["old.csv"]
    assert (tmp_path / "old.csv").read_text() == "old"


def test_what_cannot_be_written_is_named(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match=f"--json {tmp_path}: this is a folder, name a file in it"):
        check_writable("--json", tmp_path)
    with pytest.raises(UserError, match="x.json: .*file is a file, not a folder"):
        check_writable("--json", tmp_path / "file" / "x.json")


@pytest.mark.skipif(sys.platform != "linux", reason="needs a place that not even root may write to")
def test_a_try_is_made_as_permissions_do_not_tell_all():
    with pytest.raises(UserError, match="--csv /proc/x.csv: nothing can be written to /proc"):
        check_writable("--csv", Path("/proc/x.csv"))


def test_a_missing_file_names_what_is_like_it(tmp_path):
    (tmp_path / "train.csv").write_text("")
    (tmp_path / "notes.txt").write_text("")
    assert missing_file(tmp_path / "trian.csv") == (
        f"{tmp_path}/trian.csv does not exist. Did you mean {tmp_path}/train.csv?"
    )
    assert missing_file(tmp_path / "x.csv", (".csv",)).endswith("Its folder holds train.csv.")
    assert missing_file(tmp_path / "x.pth", (".pth",)).endswith("There is none like it in its folder.")
    assert missing_file(tmp_path / "a" / "x.csv").endswith(f"there is no folder {tmp_path}/a.")
    assert "(looked in" in missing_file(Path("nowhere.csv"))
    assert "Did you mean" not in missing_file(tmp_path / "trian.pth")  # of another kind than train.csv
    assert missing_file(tmp_path / "train.tsv").endswith("train.csv?")


def test_a_flag_must_name_a_file(tmp_path):
    (tmp_path / "train.csv").write_text("")
    require_file("--train", tmp_path / "train.csv")
    with pytest.raises(UserError, match=r"^--train: .*trian.csv does not exist\. Did you mean .*train.csv"):
        require_file("--train", tmp_path / "trian.csv")
    with pytest.raises(UserError, match=r"^--train: .* is a folder: name a file"):
        require_file("--train", tmp_path)
    assert missing_file(tmp_path / "train.csv", folders=True).endswith("train.csv is a file: name a folder.")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")
def test_a_pipe_is_no_file_to_read_twice(tmp_path):
    os.mkfifo(tmp_path / "63")
    for read in (lambda path: require_file("--detections", path), lambda path: read_boxes(path)):
        with pytest.raises(UserError, match=r"63 is a pipe or a device, .*: write it to a file"):
            read(tmp_path / "63")


def test_an_existing_file_is_only_replaced_with_force(tmp_path):
    path = tmp_path / "old.csv"
    refuse_existing("--csv", path)
    path.write_text("old")
    refuse_existing("--csv", path, force=True)
    with pytest.raises(UserError, match=r"--csv .*old.csv exists\. Choose another name, or replace it with --force"):
        refuse_existing("--csv", path)
