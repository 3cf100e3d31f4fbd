"""One line of a config to be written: a key, its value, and the reason."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Setting:
    """A value for a config key.

    Attributes:
        key: dotted path.
        value: number, text, bool, or a list of them.
        comment: why it has that value; "" where nothing needs saying.
    """

    key: str
    value: Any
    comment: str = ""
