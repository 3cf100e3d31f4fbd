"""Every place of a JSON file, made wrong in every way."""

from __future__ import annotations

import copy
import json
import random
from collections.abc import Iterator
from typing import Any

_LATER = "@@later {}@@"
"""Stands for what json cannot write, until the text is there."""
_AS_TEXT = {0: "9" * 5000, 1: "1" + "0" * 400, 2: "-" + "8" * 500, 3: "1e400", 4: "NaN", 5: "-Infinity", 6: "1e308"}
WRONG: dict[str, Any] = {
    "null": None,
    "true": True,
    "false": False,
    "zero": 0,
    "minus one": -1,
    "half": 0.5,
    "2**63": 2**63,
    "-2**63": -(2**63),
    "2**64 + 1": 2**64 + 1,
    "10**25": 10**25,
    "5000 digits": _LATER.format(0),
    "400 digits": _LATER.format(1),
    "-500 digits": _LATER.format(2),
    "inf": _LATER.format(3),
    "nan": _LATER.format(4),
    "-inf": _LATER.format(5),
    "1e308": _LATER.format(6),
    "-1e300": -1e300,
    "1e-300": 1e-300,
    "no text": "",
    "blank": " ",
    "a word": "wrong",
    "text of a number": "12",
    "exponent": "²",
    "other digits": "٣",
    "5000 digits as text": "7" * 5000,
    "nan as text": "nan",
    "surrogate": "\ud800",
    "zero byte": "a\0b",
    "escape": "\x1b[2J\r\n",
    "1 MB": "x" * 1_000_000,
    "address": "http://[",
    "upwards": "../../../escaped",
    "list": [],
    "list of numbers": [1, 2, 3, 4],
    "list of nothing": [None],
    "list of words": ["a", {}],
    "object": {},
    "object of objects": {"a": {"b": [1]}, "0": None},
    "40 deep": json.loads("[" * 40 + "]" * 40),
    "500 deep": json.loads('{"name":' * 500 + "1" + "}" * 500),
}
GONE, TWICE = "gone", "twice"
Path = tuple[str | int, ...]


def mutations(data: Any, number: int | None = None, seed: int = 0) -> Iterator[tuple[str, str]]:
    """Yield (what was done, JSON text): each place replaced by each of :data:`WRONG`, removed or doubled.

    Args:
        data: parsed JSON.
        number: draw so many of all; None: all of them.
        seed: of the draw.
    """
    every = [(path, what) for path in places(data) for what in (*WRONG, GONE, TWICE)]
    chosen = every if number is None or number >= len(every) else random.Random(seed).sample(every, number)
    for path, what in chosen:
        yield f"{what} at {'.'.join(map(str, path)) or 'the top'}", mutated(data, path, what)


def places(data: Any, most: int = 24) -> list[Path]:
    """Return the places in parsed JSON; of a long list or object, the first, the last and some between."""
    found: list[Path] = [()]
    pairs = list(data.items() if isinstance(data, dict) else enumerate(data) if isinstance(data, list) else ())
    if len(pairs) > most:
        step = (len(pairs) - 1) / (most - 1)
        pairs = [pairs[round(step * position)] for position in range(most)]
    for key, value in pairs:
        found += [(key, *path) for path in places(value, most)]
    return found


def mutated(data: Any, path: Path, what: str) -> str:
    """Return JSON text with one place made wrong."""
    whole = [copy.deepcopy(data)]
    owner, key = whole, 0
    for step in path:
        owner, key = owner[key], step
    if what == GONE:
        del owner[key]
    elif what == TWICE and isinstance(owner, list):
        owner.insert(key, copy.deepcopy(owner[key]))
    elif what == TWICE:
        owner[f"{key}{key}"] = copy.deepcopy(owner[key])
    else:
        owner[key] = WRONG[what]
    text = json.dumps(whole[0] if whole else {})
    for number, digits in _AS_TEXT.items():
        text = text.replace(f'"{_LATER.format(number)}"', digits)
    return text
