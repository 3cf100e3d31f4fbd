"""Config texts that weight files carry, read as plain data and within bounds."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from alphaction.utils.errors import CheckpointError, UserError

_MOST_CHARACTERS = 1 << 20
_MOST_EVENTS = 50_000
_MOST_DEPTH = 32
_MOST_ALIASES = 1000
_LONGEST_NUMBER = 4000  # characters without quotes; "1:1:1..." would be a number to base 60, and take minutes


def read_yaml(path: Path, text: str) -> Mapping[str, Any]:
    """Return the mapping that a file's YAML text holds. Its tags make no objects.

    Raises:
        CheckpointError: if it is no mapping, damaged, or too large, deep or full of references to be a config.
    """
    where = f"{path}: the config inside it"
    if len(text) > _MOST_CHARACTERS:
        raise CheckpointError(
            f"{where} has {len(text):,} characters, more than the {_MOST_CHARACTERS:,} that are read."
        )
    try:
        _check_events(where, text)
        content = yaml.safe_load(text)
    except UserError:
        raise
    # Values that are not what their tags say raise KeyError, AttributeError and others.
    except Exception as error:
        told = str(error).strip().split("\n", 1)[0][:200] or type(error).__name__
        raise CheckpointError(f"{where} is no YAML ({told}).") from error
    if not isinstance(content, Mapping):
        raise CheckpointError(f"{where} is no mapping of sections.")
    return content


def _check_events(where: str, text: str) -> None:
    """Look at the text's events, which cost no more than the text itself, before anything is made of them."""
    depth = aliases = 0
    for number, event in enumerate(yaml.parse(text, Loader=yaml.SafeLoader)):
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        aliases += isinstance(event, yaml.AliasEvent)
        merges = isinstance(event, yaml.ScalarEvent) and event.value == "<<"
        long = isinstance(event, yaml.ScalarEvent) and event.style is None and len(event.value) > _LONGEST_NUMBER
        if long:
            raise CheckpointError(f"{where} has a value of {len(event.value):,} characters without quotes.")
        if number > _MOST_EVENTS or depth > _MOST_DEPTH or aliases > _MOST_ALIASES or merges:
            raise CheckpointError(f"{where} is too large, too deep or refers to itself; no project writes such.")


def _is_number(item: object) -> bool:
    return type(item) is int or (type(item) is float and math.isfinite(item))


class ConfigReader:
    """Values of a nested config by dotted key, each checked for its type.

    Args:
        path: the weight file, for messages.
        content: the config.
    """

    def __init__(self, path: Path, content: Mapping[str, Any]) -> None:
        self.path = path
        self.content = content

    def get(self, key: str) -> Any:
        """Return the value at a dotted key; None where it is not there."""
        node: Any = self.content
        for part in key.split("."):
            if not isinstance(node, Mapping):
                return None
            node = node.get(part)
        return node

    def text(self, key: str) -> str | None:
        """Return a text; None where it is not there."""
        return self._typed(key, str, "a text")

    def flag(self, key: str) -> bool | None:
        """Return a boolean; None where it is not there."""
        return self._typed(key, bool, "True or False")

    def whole(self, key: str) -> int | None:
        """Return a whole number; None where it is not there."""
        value = self.get(key)
        if isinstance(value, bool):
            raise self.wrong(key, "a whole number")
        return self._typed(key, int, "a whole number")

    def numbers(self, key: str, length: int | None = None) -> list[float] | None:
        """Return a list of numbers, of ``length`` if that is given; None where it is not there."""
        value = self.get(key)
        if value is None:
            return None
        numbers = isinstance(value, Sequence) and not isinstance(value, str)
        if not numbers or len(value) > 64 or not all(map(_is_number, value)):
            raise self.wrong(key, "a list of numbers")
        if length is not None and len(value) != length:
            raise self.wrong(key, f"{length} numbers")
        return list(value)

    def wrong(self, key: str, expected: str) -> UserError:
        """Return the error of a value that is not what its key holds."""
        return CheckpointError(
            f"{self.path}: {key} of the config inside it is {str(self.get(key))[:60]!r}, not {expected}."
        )

    def _typed(self, key: str, kind: type, expected: str) -> Any:
        value = self.get(key)
        if value is not None and not isinstance(value, kind):
            raise self.wrong(key, expected)
        return value
