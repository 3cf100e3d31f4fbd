"""A dictionary of a config text in Python, with the questions that one asks it before trusting weights."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from alphaction.checkpoint.foreign.python_text import UNKNOWN
from alphaction.utils.errors import CheckpointError, UserError
from alphaction.utils.messages import listed


@dataclass(frozen=True)
class ConfigNode:
    """A dictionary of a config text.

    Attributes:
        path: the file, for messages.
        values: as they were read.
        name: of the dictionary in the text, "model.backbone"; "" for the whole text.
    """

    path: Path
    values: Mapping[str, Any]
    name: str = ""

    def key(self, name: str) -> str:
        """Return the whole name of a key: "model.backbone.depth"."""
        return f"{self.name}.{name}" if self.name else name

    def node(self, name: str) -> ConfigNode:
        """Return a dictionary in this one, an empty one if it is absent or None.

        Raises:
            CheckpointError: it is something else.
        """
        value = self.get(name)
        if value is None:
            value = {}
        if not isinstance(value, Mapping):
            raise self.refused(name, "A dictionary is expected there.")
        return ConfigNode(self.path, value, self.key(name))

    def get(self, name: str) -> Any:
        """Return a value, lists as tuples; None if the key is absent.

        Raises:
            CheckpointError: only running the text would tell the value.
        """
        value = self.values.get(name)
        if isinstance(value, list):
            value = tuple(value)
        if value is UNKNOWN or (isinstance(value, tuple) and UNKNOWN in value):
            raise CheckpointError(
                f"{self.path}: its meta.cfg computes {self.key(name)}, and no code of a file is run. Write the value "
                "itself there, or take meta.cfg out of the file."
            )
        return value

    def kind(self) -> str:
        """Return the dictionary's ``type`` without a scope: "ResNet3dSlowFast" for "mmaction.ResNet3dSlowFast"."""
        return str(self.get("type") or "").rpartition(".")[2]

    def allow(self, name: str, *allowed: object, why: str = "") -> None:
        """Refuse a key that is there with any but an allowed value."""
        value = self.get(name)
        if name in self.values and value not in allowed:
            raise self.refused(name, why or f"Networks here have {listed(map(repr, allowed), separator=' or ')}.")

    def number(self, name: str, low: int, high: int) -> int | None:
        """Return a whole number from ``low`` to ``high``, None if the key is absent or None."""
        value = self.get(name)
        if value is None:
            return None
        if type(value) is not int or not low <= value <= high:
            raise self.refused(name, f"Expected a whole number from {low} to {high}.")
        return value

    def agree(self, name: str, found: object, what: str) -> None:
        """Refuse a key that is there with another value than the tensors show; ``what``: how the message calls that."""
        if name in self.values and self.get(name) != found:
            raise self.refused(name, f"But {what} {found!r}. The text is not the config of these weights.")

    def refused(self, name: str, why: str) -> UserError:
        """Return the error that names a key, its value and why that cannot be."""
        return CheckpointError(f"{self.path}: its meta.cfg says {self.key(name)} = {_shown(self.get(name))}. {why}")


def _shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 80 else f"{text[:77]}..."
