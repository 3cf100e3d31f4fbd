"""The config keys with which commands find a dataset, for the commands that a tool prints."""

from __future__ import annotations

import os
import shlex
from collections.abc import Sequence
from pathlib import Path

from alphaction.config import load_cfg
from alphaction.config.paths_catalog import registered_by


def keys_that_find(name: str, catalog: Path, overrides: Sequence[str] = ()) -> str:
    """Return the config keys that make the other tools find the dataset, as the end of a command; "" if none is needed.

    Args:
        name: the dataset's name.
        catalog: its ``dataset.yaml``.
        overrides: keys and values that this command was given.
    """
    for some in ((), overrides):
        sources = registered_by(load_cfg(None, some), f"{name}_train")
        if any(Path(source).resolve() == catalog.resolve() for source in sources):
            return "".join(f" {shlex.quote(word)}" for word in some)
    return f" DATASETS.CATALOG {shlex.quote(shown_path(catalog))}"


def shown_path(path: Path) -> str:
    """Return the path as a command in the current folder would write it: relative if it lies below it."""
    relative = os.path.relpath(path)
    return str(path) if relative.startswith("..") else relative
