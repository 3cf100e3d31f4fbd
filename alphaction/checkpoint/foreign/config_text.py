"""Config texts that weight files carry, read as plain data and within bounds."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from alphaction.utils.errors import CheckpointError, UserError
from alphaction.utils.plain_yaml import YamlError, load_yaml


def read_yaml(path: Path, text: str) -> Mapping[str, Any]:
    """Return the mapping that a file's YAML text holds. Its tags make no objects.

    Raises:
        CheckpointError: if it is no mapping, damaged, or too large, deep or full of references to be a config.
    """
    where = f"{path}: the config inside it"
    try:
        content = load_yaml(text)
    except YamlError as error:
        line = "" if error.line is None else f"line {error.line}: "
        raise CheckpointError(f"{where} is no YAML that can be read ({line}{error}).") from error
    if not isinstance(content, Mapping):
        raise CheckpointError(f"{where} is no mapping of sections.")
    return content


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
