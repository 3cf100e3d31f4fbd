"""docs/CONFIG.md, and the declarations that it comes from."""

from __future__ import annotations

import subprocess

from alphaction.config import get_cfg
from alphaction.config.document import render
from alphaction.config.keys import DECLARED, KEYS, Section
from alphaction.config.tree import leaf_keys, section_keys
from alphaction.config.validate import load_registered
from alphaction.modeling.registries import BACKBONES


def test_every_key_and_section_is_described():
    load_registered()
    sections = {entry.path: entry for entry in DECLARED if isinstance(entry, Section)}
    assert list(sections) == list(section_keys(get_cfg()))
    assert all(section.meaning.endswith(".") for section in sections.values())
    assert [key.path for key in KEYS.values() if not (key.unit and key.meaning.rstrip("`").endswith("."))] == []
    assert [key.path for key in KEYS.values() if key.choices and not key.names] == []
    assert [key.path for key in KEYS.values() if not set(key.synonyms.values()) <= set(key.names)] == []


def test_page_has_a_row_for_every_key():
    lines = render().splitlines()
    row = next(line for line in lines if line.startswith("| `STEPS` |"))
    assert row == (
        "| `STEPS` | list of integers | `(33750, 67500)` | iterations | >= 1 | "
        "When the learning rate drops; ascending, below MAX_ITER. |"
    )
    assert sum(line.startswith("| `") for line in lines) == len(list(leaf_keys(get_cfg())))
    assert "### MODEL.IA_STRUCTURE" in lines
    assert next(line for line in lines if line.startswith("| `CONV_BODY` |")).split(" | ")[4] == ", ".join(
        BACKBONES.names()
    )


def test_page_is_up_to_date(repo_root, quick_python):
    result = subprocess.run(
        [quick_python, "-m", "alphaction.config.document"],
        cwd=repo_root, capture_output=True, text=True, check=True,
    )  # fmt: skip
    page = (repo_root / "docs" / "CONFIG.md").read_text(encoding="utf-8")
    assert page == result.stdout, "run: python -m alphaction.config.document > docs/CONFIG.md"
