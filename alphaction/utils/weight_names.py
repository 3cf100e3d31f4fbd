"""Names of public weights, as MODEL.WEIGHT and command lines have them in place of a file."""

from __future__ import annotations

ZOO_PREFIX = "zoo:"
"""What stands before the name of public weights."""


def is_zoo_name(weight: str) -> bool:
    """Return whether ``weight`` names public weights, and not a file."""
    return weight.startswith(ZOO_PREFIX)
