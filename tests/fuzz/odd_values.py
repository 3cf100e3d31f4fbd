"""Values that no honest file holds where a number, a text, a list or an object belongs."""

from __future__ import annotations

from random import Random
from typing import Any

NUMBERS = (
    *(0, -1, 1, 2, -0.0, 0.5, 1e-320, 1e308, -1e308, 1e400, -1e400, float("nan")),
    *(2**31 - 1, 2**31, 2**32, 2**53 + 1, 2**63 - 1, 2**63, -(2**63) - 1, 2**64, 10**30, 10**400, 1e18, 1e19, 9e15),
    *(604800, 604801, 1e6, 1e9, 12345678901234567890),
)
TEXTS = (
    *("", " ", "0", "-1", "1", "²", "٣", "１２", "Ⅷ", "½", "1e5", "1e400", "-inf", "nan", "NaN", "1_000", "0x10", "+5"),
    *("9" * 25, "9" * 5000, "1" + "0" * 400 + ".5", "1,5", "1;2", "true", "null", "None", "~", "a" * 300, "\ufeff1"),
    *("\x00", "\x1b[31m", "\x07", "\r", "a\nb", "\u202e", "\U0001f600", "\ud800", "İ", "ß", "e\u0301", "%s", "{0}"),
    *("../x", "/etc/passwd", "a/b", "C:\\x", ".", "..", "person", "{", "[", '"', "'", "<", "&", "#", ":", "-", "a: b"),
)
KEYS = ("", "0", "-1", "id", "name", "²", "__class__", "\ud800", "a.b", "9" * 30, "<<", "true")


def odd_number(random: Random) -> int | float:
    """Return a number at or beyond the edge of what is expected."""
    return random.choice(NUMBERS)


def odd_text(random: Random) -> str:
    """Return a text that is short of sense, or too long, or of another script."""
    return random.choice(TEXTS)


def odd_value(random: Random, depth: int = 2) -> Any:
    """Return a value of any type that JSON has, nested at most ``depth`` times."""
    kind = random.randrange(8 if depth > 0 else 5)
    if kind < 2:
        return odd_number(random)
    if kind < 4:
        return odd_text(random)
    if kind == 4:
        return random.choice((None, True, False))
    if kind == 5:
        return [odd_value(random, depth - 1) for _ in range(random.randrange(4))]
    if kind == 6:
        return {odd_key(random): odd_value(random, depth - 1) for _ in range(random.randrange(3))}
    return random.choice(([[]], [{}], {"": {}}, [None], [[[[0]]]], {"id": None}, [1, "1"], {"0": 0}))


def odd_key(random: Random) -> str:
    """Return a key of an object."""
    return random.choice(KEYS)
