"""A config tree as dotted paths: its keys, its sections, the value at a path, and the path that was probably meant."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator
from typing import Any

from yacs.config import CfgNode

from alphaction.utils.limits import LONGEST_NAME

# Below this similarity (0..1) a suggestion would puzzle more than it helps.
_KEY_CUTOFF = 0.6


def leaf_keys(node: CfgNode, prefix: str = "") -> Iterator[str]:
    """Yield the dotted path of every key below ``node`` that is not a section."""
    for name, value in node.items():
        if isinstance(value, CfgNode):
            yield from leaf_keys(value, f"{prefix}{name}.")
        else:
            yield prefix + name


def section_keys(node: CfgNode, prefix: str = "") -> Iterator[str]:
    """Yield the dotted path of every section below ``node``."""
    for name, value in node.items():
        if isinstance(value, CfgNode):
            yield prefix + name
            yield from section_keys(value, f"{prefix}{name}.")


def is_section(node: CfgNode, path: str) -> bool:
    """Return whether there is a section at the dotted path ``path`` below ``node``."""
    for part in path.split("."):
        node = node.get(part)
        if not isinstance(node, CfgNode):
            return False
    return True


def get_value(cfg: CfgNode, key: str) -> Any:
    """Return the value (or section) at the dotted path ``key``; "" is the tree itself."""
    node: Any = cfg
    for part in key.split(".") if key else ():
        node = node[part]
    return node


def nearest_key(key: str, choices: Iterable[str]) -> str | None:
    """Return the dotted path among ``choices`` most like ``key``; its last name counts twice."""

    def similarity(a: str, b: str) -> float:
        return difflib.SequenceMatcher(None, a, b).ratio()

    if len(key) > LONGEST_NAME:
        return None
    sections, _, name = key.upper().rpartition(".")

    def score(choice: str) -> float:
        other_sections, _, other_name = choice.rpartition(".")
        return (2 * similarity(name, other_name) + similarity(sections, other_sections)) / 3

    best = max(choices, key=score, default=None)
    return best if best is not None and score(best) >= _KEY_CUTOFF else None
