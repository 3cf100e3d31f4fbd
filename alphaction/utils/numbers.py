"""Ranges of numbers, which convert flags and check options and config keys."""

from __future__ import annotations

import argparse
import math
from dataclasses import dataclass


@dataclass(frozen=True)
class Range:
    """Numbers from ``low`` to ``high``. Called with text, it converts a flag for ``argparse``.

    Attributes:
        low, high: bounds; None: none.
        open_low, open_high: the bound itself is left out.
        whole: only whole numbers.
        also: a single number outside the bounds that is valid as well.
    """

    low: float | None = None
    high: float | None = None
    open_low: bool = False
    open_high: bool = False
    whole: bool = False
    also: float | None = None

    def __contains__(self, value: float) -> bool:
        if not math.isfinite(value) or (self.whole and value != int(value)):
            return False
        if self.also is not None and value == self.also:
            return True
        above = self.low is None or value > self.low or (value == self.low and not self.open_low)
        below = self.high is None or value < self.high or (value == self.high and not self.open_high)
        return above and below

    def __call__(self, text: str) -> int | float:
        """Return the number that ``text`` says.

        Raises:
            argparse.ArgumentTypeError: it says none, or one out of range.
        """
        try:
            number = int(text) if self.whole else float(text)
        except ValueError:
            raise argparse.ArgumentTypeError(f"{text}: expected {self.words}") from None
        if number not in self:
            raise argparse.ArgumentTypeError(f"{text}: expected {self.words}")
        return number

    def __str__(self) -> str:
        """The range in mathematical notation, as documents show it: ">= 1", "(0, 1]"."""
        if self.low is None and self.high is None:
            return "-"
        if self.high is None:
            text = f"{'>' if self.open_low else '>='} {self.low:g}"
        elif self.low is None:
            text = f"{'<' if self.open_high else '<='} {self.high:g}"
        else:
            text = f"{'(' if self.open_low else '['}{self.low:g}, {self.high:g}{')' if self.open_high else ']'}"
        return text if self.also is None else f"{self.also:g} or {text}"

    @property
    def words(self) -> str:
        """The range in words, as messages say it: "a whole number, 1 or more", "a number above 0"."""
        kind = "a whole number" if self.whole else "a number"
        if self.low is None and self.high is None:
            return kind
        low, high, also = map(_shown, (self.low, self.high, self.also))
        if self.high is None:
            return f"{kind} above {low}" if self.open_low else f"{kind}, {low} or more"
        if self.low is None:
            return f"{kind} below {high}" if self.open_high else f"{kind}, {high} at most"
        if self.open_low and self.open_high:
            return f"{kind} between {low} and {high}"
        but = f" but not {low if self.open_low else high}" if self.open_low or self.open_high else ""
        return f"{kind}{f', {also} or' if also else ''} from {low} to {high}{but}"


def is_finite_number(value: object) -> bool:
    """Return whether a value of a JSON file is a number, and neither NaN nor infinite; true and false are none."""
    return type(value) in (int, float) and math.isfinite(value)


def _shown(bound: float | None) -> str:
    """Return a bound with all its digits if it is whole."""
    if bound is None:
        return ""
    return str(int(bound)) if bound == int(bound) else f"{bound:g}"


def whole(low: int | None = None, high: int | None = None) -> Range:
    """Return the whole numbers from ``low`` to ``high``."""
    return Range(low, high, whole=True)


POSITIVE = whole(1)
"""Whole numbers from 1."""
NOT_NEGATIVE = whole(0)
"""Whole numbers from 0."""
FRACTION = Range(0, 1)
"""Numbers from 0 to 1."""
ABOVE_ZERO = Range(0, open_low=True)
"""Numbers above 0."""
SEED = whole(0, 2**32 - 1)
"""Seeds that are valid for numpy as well."""
