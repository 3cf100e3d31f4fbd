"""What differs between the config that a checkpoint recorded and another one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from alphaction.utils.plain_yaml import load_yaml

ABSENT = "absent"


def changed_values(before: str, now: str) -> Iterator[tuple[str, Any, Any]]:
    """Yield (key, value before, value now) of every key that two configs, as YAML text, have different values of.

    Keys come in alphabetical order; the value of a key that only the other config has is :data:`ABSENT`.

    Raises:
        YamlError: a text is not YAML, or too large.
    """
    old, new = (dict(_flatten(load_yaml(text) or {})) for text in (before, now))
    for key in sorted({*old, *new}):
        if old.get(key, ABSENT) != new.get(key, ABSENT):
            yield key, old.get(key, ABSENT), new.get(key, ABSENT)


def _flatten(node: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for key, value in node.items():
        if isinstance(value, dict):
            yield from _flatten(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value
