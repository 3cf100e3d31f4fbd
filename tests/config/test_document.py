"""docs/CONFIG.md and the comments that it comes from."""

from __future__ import annotations

import subprocess
import sys

from alphaction.config import get_cfg
from alphaction.config.document import read_comments, render
from alphaction.config.names import NAMES
from alphaction.config.near import leaf_keys, section_keys
from alphaction.config.ranges import RANGES, get_value

# Ranges that are a rule of several keys, told in words.
IN_WORDS = {"MODEL.IA_STRUCTURE.I_BLOCK_LIST": "P, O, M"}


def test_every_key_and_section_has_a_comment():
    sections, keys = read_comments()
    cfg = get_cfg()
    assert list(sections) == list(section_keys(cfg))
    assert set(keys) == set(leaf_keys(cfg))
    assert all(text.endswith(".") for text in sections.values())
    assert [
        doc.key for doc in keys.values() if not (doc.unit and doc.range and doc.meaning.rstrip("`").endswith("."))
    ] == []


def test_ranges_in_comments_are_those_enforced():
    _, keys = read_comments()
    for key, doc in keys.items():
        if isinstance(get_value(get_cfg(), key), bool):
            expected = "True, False"
        elif key in NAMES:
            expected = ", ".join(NAMES[key])
        else:
            expected = RANGES.get(key) or IN_WORDS.get(key, "-")
        assert doc.range == expected, key


def test_page_has_a_row_for_every_key():
    lines = render().splitlines()
    row = next(line for line in lines if line.startswith("| `STEPS` |"))
    assert row == (
        "| `STEPS` | list of integers | `(33750, 67500)` | iterations | >= 1 | "
        "When the learning rate drops; ascending, below MAX_ITER. |"
    )
    assert sum(line.startswith("| `") for line in lines) == len(list(leaf_keys(get_cfg())))
    assert "### MODEL.IA_STRUCTURE" in lines


def test_page_is_up_to_date(repo_root, subprocess_env):
    result = subprocess.run(
        [sys.executable, "-m", "alphaction.config.document"],
        env=subprocess_env, cwd=repo_root, capture_output=True, text=True, check=True,
    )  # fmt: skip
    page = (repo_root / "docs" / "CONFIG.md").read_text(encoding="utf-8")
    assert page == result.stdout, "run: python -m alphaction.config.document > docs/CONFIG.md"
