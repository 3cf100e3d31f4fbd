"""Config keys and their values at the end of a command line, before it is known which keys there are."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from alphaction.utils.errors import UserError
from alphaction.utils.limits import MOST_OVERRIDES


def check_key_values(items: Sequence[Any]) -> None:
    """Raise a :class:`UserError` unless ``items`` are keys and values in turn."""
    if len(items) > 2 * MOST_OVERRIDES:
        raise UserError(f"{len(items):,} words are too many for KEY VALUE pairs; {MOST_OVERRIDES:,} pairs are read.")
    for item in (str(item) for item in items[::2]):
        if item.startswith("-"):
            raise UserError(f"{item} stands where a config key is expected: put flags before the KEY VALUE pairs")
        if "=" in item:
            raise UserError(f'config override {item}: write "{item.replace("=", " ", 1)}", with a space instead of "="')
    if len(items) % 2:
        raise UserError(f"config overrides come in pairs KEY VALUE, but the last one is alone: {items[-1]!r}")
