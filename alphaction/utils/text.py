"""Numbers and lists in sentences."""

from __future__ import annotations

from collections.abc import Sequence


def counted(number: int, noun: str, plural: str = "") -> str:
    """Return a number with its noun: "1 box", "2 boxes"; the plural is ``noun`` + s unless given."""
    return f"{number} {noun if number == 1 else plural or noun + 's'}"


def listed(values: Sequence[object], limit: int = 6) -> str:
    """Return the first ``limit`` values as text, and how many there are if there are more."""
    more = f", ... ({len(values)} in all)" if len(values) > limit else ""
    return ", ".join(map(str, values[:limit])) + more
