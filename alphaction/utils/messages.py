"""Building blocks of messages: numbers with nouns, lists, suggestions, problems, tables of text."""

from __future__ import annotations

import difflib
import re
import unicodedata
from collections.abc import Iterable, Sequence

from alphaction.utils import limits

# C0 but for tabs and line ends, C1, and what is not seen or turns the writing around: joiners, marks, directions, tags;
# lone surrogates, which stand for bytes that are no text.
_CONTROLS = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\xad\u061c\u115f\u1160\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\u3164\ufeff"
    "\ufff9-\ufffb\U000e0000-\U000e0fff\ud800-\udfff]"
)
_IN_CELL = str.maketrans({"\n": "\\n", "\t": "\\t"})
_LONG_WORD = re.compile(rf"\S{{{limits.WORD_CHARACTERS + 1},}}")


def visible(text: str) -> str:
    """Return ``text`` with control characters, but for tabs and line ends, as escapes: names in files can hold any.

    A terminal would obey them: erase lines, change colors, set its title.
    """
    return _CONTROLS.sub(lambda match: _escape(ord(match[0])), text)


def one_line(text: str) -> str:
    """Return ``text`` with tabs and line ends as escapes, too: a name in a table or a list must not begin a line."""
    return visible(text).translate(_IN_CELL)


def hanging(text: str) -> str:
    """Return ``text`` whose further lines are indented, so that a name with a line end cannot begin a message."""
    first, *others = text.split("\n")
    if all(not line or line.startswith((" ", "\t")) for line in others):
        return text
    return "\n".join([first, *(f"  {line}" if line else line for line in others)])


def _escape(code: int) -> str:
    if code < 0x100:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def shortened(text: str, limit: int = limits.MESSAGE_CHARACTERS) -> str:
    """Return ``text`` with at most about ``limit`` characters: a message keeps its beginning and the fix at its end.

    The middle of long names goes first, then that of the whole.
    """
    if len(text) <= limit:
        return text
    half = limits.WORD_CHARACTERS // 2
    text = _LONG_WORD.sub(lambda match: _without_middle(match[0], half, half), text)
    return text if len(text) <= limit else _without_middle(text, limit * 3 // 5, limit * 2 // 5)


def _without_middle(text: str, head: int, tail: int) -> str:
    return f"{text[:head]} ... {len(text) - head - tail} characters ... {text[-tail:]}"


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
    if len(str(name)) > limits.LONGEST_NAME:
        return None
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


def titled_list(title: str, problems: Sequence[str]) -> str:
    """Return ``title`` above a line for each problem; a single problem stands right behind it."""
    return f"{title} {problems[0]}" if len(problems) == 1 else problem_list(title, problems)


def text_width(text: str) -> int:
    """Return how many columns of a terminal ``text`` takes: two for a Chinese character, none for a mark on another."""
    return sum(0 if unicodedata.combining(char) else 1 + (unicodedata.east_asian_width(char) in "WF") for char in text)


def text_table(rows: Sequence[Sequence[object]], left: int = 1, indent: str = "") -> list[str]:
    """Return the lines of a table: columns as wide as their widest cell, two spaces apart.

    Args:
        rows: equally many cells each; a heading is a row, too.
        left: so many columns are aligned left, the others right.
        indent: put before each line.
    """
    # Escaped here, as escapes make a cell wider.
    cells = [[one_line(str(cell)) for cell in row] for row in rows]
    widths = [max(map(text_width, column)) for column in zip(*cells, strict=True)]
    lines = []
    for row in cells:
        aligned = [
            cell + " " * (width - text_width(cell)) if column < left else " " * (width - text_width(cell)) + cell
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        lines.append((indent + "  ".join(aligned)).rstrip())
    return lines
