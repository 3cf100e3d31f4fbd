"""What reaches the terminal: text that any encoding can show, and no control character of a name in a file.

A terminal obeys control characters: it would erase lines, change colors, set its title or paste. Everything that is
printed, logged or reported passes here, so that no message has to remember it. So does the name of a command: who uses
``alphaction validate`` is not told to type ``python tools/validate_dataset.py``.
"""

from __future__ import annotations

import io
import logging
import re
import sys
from collections.abc import Iterable
from contextlib import suppress
from typing import Any

from alphaction.utils.command_text import as_typed
from alphaction.utils.messages import hanging, shortened, visible

# What a progress bar of tqdm writes: moves between the lines of several bars, and a bar over the one before.
_MOVES = re.compile(r"\n*(?:\x1b\[A)*")
_BAR = re.compile(r"(\r?)(.*?)(\r?)", re.DOTALL)


class GuardedStream:
    """A text stream to which control characters are written as escapes, other than tabs and line ends.

    Args:
        stream: where to write; its other methods and attributes are this one's.
        bars: progress bars are drawn on it, whose own control characters pass.
    """

    def __init__(self, stream: Any, bars: bool) -> None:
        # tqdm takes two streams for one, and clears its bars before a line is written, if this attribute is the same.
        self._wrapped = stream
        self._bars = bars

    def write(self, text: str) -> int:
        """Write ``text`` and return its length."""
        self._wrapped.write(self._safe(text))
        return len(text)

    def writelines(self, lines: Iterable[str]) -> None:
        """Write several texts."""
        for line in lines:
            self.write(line)

    def _safe(self, text: str) -> str:
        text = as_typed(text)
        if text.isascii() and text.isprintable():
            return text
        if not self._bars:
            return visible(text)
        if _MOVES.fullmatch(text):
            return text
        before, shown, after = _BAR.fullmatch(text).groups()
        return f"{before}{visible(shown)}{after}"

    def __getattr__(self, name: str) -> Any:
        return getattr(self._wrapped, name)


class VisibleFormatter(logging.Formatter):
    """Shows control characters, which names in files can hold, and keeps warnings to a readable length."""

    def format(self, record: logging.LogRecord) -> str:
        text = visible(as_typed(super().format(record)))
        if record.levelno < logging.WARNING or record.exc_info:
            return text
        return shortened(hanging(text))


def guard_terminal() -> None:
    """From now on, show what stdout and stderr cannot write, and what a terminal would obey, as escapes."""
    _write_any_character()
    if logging.lastResort is not None:  # shows the warnings of commands that keep no log
        logging.lastResort.setFormatter(VisibleFormatter())
    for name, bars in (("stdout", False), ("stderr", True)):
        stream = getattr(sys, name)
        if stream is not None and not isinstance(stream, GuardedStream):
            setattr(sys, name, GuardedStream(stream, bars))


def _write_any_character() -> None:
    for stream in (sys.stdout, sys.stderr):
        # A stream whose file was replaced by a pipe cannot tell its position, which is asked for last.
        if isinstance(stream, io.TextIOWrapper):
            with suppress(OSError):
                stream.reconfigure(errors="backslashreplace")
