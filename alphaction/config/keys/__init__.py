"""Every config key, declared once: default, unit, range or choices, and meaning.

From here come the tree that :func:`alphaction.config.get_cfg` returns, the check of each value, the suggestions in
messages, and docs/CONFIG.md. Defaults reproduce the published experiments' code; keys that this project adds keep its
behavior. Rules across keys are in :mod:`alphaction.config.rules`.
"""

from __future__ import annotations

from alphaction.config.keys.backbone import BACKBONE
from alphaction.config.keys.declaration import Key, Section
from alphaction.config.keys.input import INPUT
from alphaction.config.keys.interaction import INTERACTION
from alphaction.config.keys.model import MODEL
from alphaction.config.keys.solver import SOLVER

DECLARED: tuple[Section | Key, ...] = (*MODEL, *BACKBONE, *INTERACTION, *INPUT, *SOLVER)
"""All sections and keys, in the order of the document."""

KEYS: dict[str, Key] = {entry.path: entry for entry in DECLARED if isinstance(entry, Key)}
"""Dotted path -> key."""

__all__ = ["DECLARED", "KEYS", "Key", "Section"]
