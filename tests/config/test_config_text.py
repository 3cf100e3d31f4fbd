"""YAML text from settings, and its way to disk."""

from __future__ import annotations

import pytest
import yaml

from alphaction.config.config_text import Setting, to_yaml, write_text
from alphaction.utils.errors import UserError


def test_sections_comments_and_values():
    settings = [
        Setting("A.B.X", True, "short"),
        Setting("A.B.Y", 1e-7),
        Setting("A.C", [["walk: left", "walk #2"]], "long " * 40),
        Setting("D", ""),
    ]
    text = to_yaml(settings, ["Header."])
    assert yaml.safe_load(text) == {"A": {"B": {"X": True, "Y": 1e-7}, "C": [["walk: left", "walk #2"]]}, "D": ""}
    lines = text.splitlines()
    assert lines[:5] == ["# Header.", "", "A:", "  B:", "    X: True  # short"]
    assert lines[6].startswith("  # long long")
    assert max(map(len, lines)) <= 118


def test_a_file_is_not_replaced_without_force(tmp_path):
    path = tmp_path / "new" / "x.yaml"
    write_text(path, "one\n")
    with pytest.raises(UserError, match="--force"):
        write_text(path, "two\n")
    assert path.read_text() == "one\n"
    write_text(path, "two\n", force=True)
    assert path.read_text() == "two\n"
    assert [file.name for file in path.parent.iterdir()] == ["x.yaml"]
    assert path.stat().st_mode & 0o400


@pytest.mark.parametrize(("name", "message"), [("", "folder"), ("x.txt", r"x\.yaml")])
def test_targets_that_are_no_config(tmp_path, name, message):
    with pytest.raises(UserError, match=message):
        write_text(tmp_path / name, "text")


def test_a_name_in_a_comment_cannot_become_a_key():
    evil = "classes: a\nMODEL: evil\x85OUTPUT_DIR: b\u2028SOLVER: c"
    text = to_yaml([Setting("A", 1, evil), Setting("B", 2, evil + " long" * 40)], [evil])
    assert yaml.safe_load(text) == {"A": 1, "B": 2}
