"""Building blocks of messages: numbers with nouns, lists, suggestions, problems, tables of text."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Sequence

_CONTROLS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")


def visible(text: str) -> str:
    """Return ``text`` with control characters, but for tabs and line ends, as escapes: names in files can hold any.

    A terminal would obey them: erase lines, change colors, set its title.
    """
    return _CONTROLS.sub(lambda match: f"\\x{ord(match[0]):02x}", text)


def counted(number: int, noun: str, plural: str = "") -> str:
    """Return a number with its noun: "1 box", "2 boxes"; the plural is ``noun`` + s unless given."""
    return f"{number} {noun if number == 1 else plural or noun + 's'}"


def listed(values: Iterable[object], limit: int = 6, separator: str = ", ") -> str:
    """Return the values as text: "a, b, c", or "a, b and 3 more" where there are more than ``limit``."""
    texts = [str(value) for value in values]
    more = len(texts) - limit
    return separator.join(texts) if more <= 0 else f"{separator.join(texts[:limit])} and {more} more"


def nearest(name: str, choices: Iterable[str], cutoff: float = 0.5) -> str | None:
    """Return the choice most like ``name`` (case does not count), or None if none is alike enough (0 to 1)."""
    known = {str(choice).casefold(): str(choice) for choice in choices}
    near = difflib.get_close_matches(str(name).casefold(), known, n=1, cutoff=cutoff)
    return known[near[0]] if near else None


def suggest(name: str, choices: Iterable[str], limit: int = 12) -> str:
    """Return a sentence that names the choice nearest to ``name`` and lists the valid ones (at most ``limit``)."""
    known = sorted({str(choice) for choice in choices})
    near = nearest(name, known)
    hint = f'Did you mean "{near}"? ' if near else ""
    return f"{hint}Known: {listed(known, limit) or 'none'}."


def first_lines(lines: Sequence[str], limit: int = 10, noun: str = "") -> list[str]:
    """Return the first ``limit`` lines, and "... and 3 more" (with ``noun``, a plural) in place of the others."""
    more = len(lines) - limit
    return [*lines[:limit], *([f"... and {more} more {noun}".rstrip()] if more > 0 else [])]


def problem_list(title: str, problems: Sequence[str]) -> str:
    """Return ``title`` above a line for each problem; a single problem stands alone."""
    return "\n  - ".join([title, *problems]) if len(problems) > 1 else "".join(problems)


def text_table(rows: Sequence[Sequence[object]], left: int = 1, indent: str = "") -> list[str]:
    """Return the lines of a table: columns as wide as their widest cell, two spaces apart.

    Args:
        rows: equally many cells each; a heading is a row, too.
        left: so many columns are aligned left, the others right.
        indent: put before each line.
    """
    cells = [[str(cell) for cell in row] for row in rows]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    lines = []
    for row in cells:
        aligned = [
            cell.ljust(width) if column < left else cell.rjust(width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        lines.append((indent + "  ".join(aligned)).rstrip())
    return lines
