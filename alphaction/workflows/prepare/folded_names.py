"""Names of classes without differences that nobody means."""

from __future__ import annotations

import unicodedata


def fold(name: str) -> str:
    """Return a name without differences of case, white space and the coding of accents."""
    return composed(name).casefold()


def composed(name: str) -> str:
    """Return a name with single spaces, and each accented letter as one character (macOS writes two)."""
    return unicodedata.normalize("NFC", " ".join(name.split()))
