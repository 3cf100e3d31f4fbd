"""Names as the page shows them: bounded, and without what is not seen."""

from __future__ import annotations

import re

from markupsafe import Markup, escape

from alphaction.utils.messages import visible

_SHORT = 90


def brief(text: object, limit: int = _SHORT) -> str:
    """Return a text with its middle left out if it is longer than ``limit`` characters."""
    text = visible(str(text))
    if len(text) <= limit:
        return text
    tail = limit // 3
    return f"{text[: limit - tail - 1]}…{text[-tail:]}"


def breakable(key: str) -> Markup:
    """Return a dotted key that may be broken after its dots."""
    return Markup(re.sub(r"([._])", r"\1<wbr>", str(escape(visible(key)))))


def command(line: str) -> Markup:
    """Return a command line none of whose flags is broken after its dashes."""
    return Markup(re.sub(r"(^|\s)(--?[a-z][\w-]*)(?=\s|$)", r'\1<span class="flag">\2</span>', str(escape(line))))
