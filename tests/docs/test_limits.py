"""The table of limits in docs/RELIABILITY.md has all of them, with the numbers of the code."""

from __future__ import annotations

import re
from math import prod

from alphaction.utils import limits

_UNITS = {"KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30, "million": 10**6}


def number(text: str) -> float:
    """Return the value of "2 GiB", "1 million", "2^53", "8192x8192", "1e15" or "131,072"."""
    figure, _, unit = text.replace(",", "").partition(" ")
    base, _, power = figure.partition("^")
    return prod(float(factor) for factor in base.split("x")) ** int(power or 1) * (_UNITS[unit] if unit else 1)


def test_limits_are_those_of_the_code(repo_root):
    page = (repo_root / "docs" / "RELIABILITY.md").read_text(encoding="utf-8")
    section = page.partition("\n## Limits\n")[2].partition("\n## ")[0]
    listed = {}
    for names, values, _ in re.findall(r"^\| (`[^|]+) \| ([^|]+) \| ([^|]+) \|$", section, flags=re.MULTILINE):
        listed.update(zip(re.findall(r"`(\w+)`", names), map(number, values.split("; ")), strict=True))
    assert listed == {name: value for name, value in vars(limits).items() if name.isupper()}
