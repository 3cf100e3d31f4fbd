"""The defaults, and one config from a YAML file and ``KEY VALUE`` pairs of a command line."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from alphaction.config.keys import DECLARED
from alphaction.config.keys.declaration import tree
from alphaction.config.node import ConfigNode
from alphaction.config.yaml_file import YAML_SUFFIXES
from alphaction.utils.config_files import find_config, nearest_config
from alphaction.utils.errors import UserError
from alphaction.utils.files import missing_file

PLACES = ("DATASETS.DATA_DIR", "DATASETS.CATALOG")
"""The keys that say where datasets are."""


def get_cfg() -> ConfigNode:
    """Return a fresh copy of the defaults."""
    return ConfigNode(tree(DECLARED))


def load_cfg(config_file: str | Path | None, overrides: Sequence[Any] = ()) -> ConfigNode:
    """Return the defaults, changed by ``config_file`` and then by ``overrides``.

    Args:
        config_file: path of a YAML file, see :meth:`ConfigNode.merge_from_file`, or name of one that comes with
            AlphAction, such as "tiny/toy.yaml"; None or "" for the defaults alone.
        overrides: dotted keys and their values in turn, see :meth:`ConfigNode.merge_from_list`.

    Returns:
        A config that may still be changed (it is not frozen).

    Raises:
        UserError: for a missing or malformed file, and for unknown keys or values of a wrong type.
    """
    cfg = get_cfg()
    if config_file:
        found = find_config(config_file)
        if not os.path.exists(found) and (near := nearest_config(Path(config_file))):
            missing = missing_file(Path(config_file), YAML_SUFFIXES)
            raise UserError(f'config file {missing} "{near}" comes with AlphAction.')
        cfg.merge_from_file(found)
    cfg.merge_from_list(overrides)
    return cfg


def load_places(overrides: Sequence[Any]) -> ConfigNode:
    """Return the defaults, changed by the keys of :data:`PLACES` and their values in turn.

    Raises:
        UserError: for any other key, or a value of a wrong type.
    """
    cfg = load_cfg(None, overrides)
    if other := [key for key in overrides[::2] if key not in PLACES]:
        raise UserError(
            f"{other[0]}: only {' and '.join(PLACES)} can be given here, to find datasets. Other keys belong in a "
            "config file or on the command line of the training."
        )
    return cfg
