"""Conversions of flags for ``argparse``, with messages that say what was expected."""

from __future__ import annotations

import argparse
from typing import NoReturn


class CommandParser(argparse.ArgumentParser):
    """A parser whose errors are one line without the usage, as :func:`alphaction.utils.errors.run_command` prints."""

    def error(self, message: str) -> NoReturn:
        """Print what is wrong with the flags and exit with status 2."""
        self.exit(2, f"error: {message.removeprefix('argument ')} (all flags: --help)\n")


def positive(text: str) -> int:
    """Return a flag's whole number of 1 or more."""
    number = whole(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"{text}: expected 1 or more")
    return number


def not_negative(text: str) -> int:
    """Return a flag's whole number of 0 or more."""
    number = whole(text)
    if number < 0:
        raise argparse.ArgumentTypeError(f"{text}: expected 0 or more")
    return number


def whole(text: str) -> int:
    """Return a flag's whole number."""
    try:
        return int(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text}: expected a whole number") from None


def fraction(text: str) -> float:
    """Return a flag's number from 0 to 1."""
    number = _number(text)
    if not 0 <= number <= 1:
        raise argparse.ArgumentTypeError(f"{text}: expected 0 to 1")
    return number


def rate(text: str) -> float:
    """Return a flag's number above 0."""
    number = _number(text)
    if not 0 < number < float("inf"):
        raise argparse.ArgumentTypeError(f"{text}: expected a number above 0")
    return number


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text}: expected a number") from None
