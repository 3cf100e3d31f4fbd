from __future__ import annotations

import sys
from pathlib import Path

import pytest

from alphaction.utils.errors import UserError
from alphaction.utils.output_file import check_writable


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
