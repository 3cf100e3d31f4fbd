"""The table of docs/MODEL_ZOO.md."""

from __future__ import annotations

from alphaction.zoo import WEIGHTS
from alphaction.zoo.document import BEGIN, END, megabytes, render, renewed


def test_page_is_up_to_date(repo_root):
    page = (repo_root / "docs" / "MODEL_ZOO.md").read_text(encoding="utf-8")
    assert page.count(BEGIN) == page.count(END) == 1
    assert page == renewed(page), "run: python -m alphaction.zoo.document"


def test_every_entry_has_a_row_with_license_and_file():
    rows = {line.split("`")[1]: line for line in render().splitlines() if line.startswith("| `")}
    assert list(rows) == list(WEIGHTS)
    assert "CC-BY-NC-4.0, **no commercial use** | - | [by browser](https://drive" in rows["vit_b_videomae_ava22"]
    assert "80.8 top-1, Kinetics-400 | no | BSD-3-Clause | 138 MB | [download](" in rows["mvitv2_s_k400"]


def test_only_what_is_between_the_markers_changes():
    page = renewed(f"before\n{BEGIN}\nold\n{END}\nafter\n")
    assert page.startswith(f"before\n{BEGIN}\n")
    assert page.endswith(f"{END}\nafter\n")
    assert "old" not in page
    assert renewed(page) == page


def test_sizes():
    assert [megabytes(size) for size in (0, 138_000_000, 1_220_000_000)] == ["-", "138 MB", "1.22 GB"]
