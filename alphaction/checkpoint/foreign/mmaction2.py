"""MMAction2 1.x: SlowFast and SlowOnly networks and VideoMAE's ViT, as detectors or as backbones.

The facts are those of the published configs; what a checkpoint's own config text (``meta.cfg``) says comes first.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from alphaction.checkpoint.foreign.config_node import ConfigNode
from alphaction.checkpoint.foreign.converted import Converted, ForeignFile
from alphaction.checkpoint.foreign.mmaction2_names import is_mmaction2, other_network
from alphaction.checkpoint.foreign.mmaction2_slowfast import convert_slowfast
from alphaction.checkpoint.foreign.mmaction2_vit import convert_vit
from alphaction.checkpoint.foreign.python_text import NotReadableError, read_python_text
from alphaction.checkpoint.foreign.sources import Source, register
from alphaction.checkpoint.foreign.vit_names import has_vit
from alphaction.utils.errors import CheckpointError


def recognizes(file: ForeignFile) -> bool:
    """Return whether a file is MMAction2's, by its tensors' names."""
    return is_mmaction2(file.tensors)


def convert(file: ForeignFile, answers: Mapping[str, Any]) -> Converted:
    """Rename the tensors and find the settings; see :class:`alphaction.checkpoint.foreign.sources.Source`."""
    if network := other_network(file.tensors):
        raise CheckpointError(
            f"{file.path}: it holds {network}. Of MMAction2, SlowFast and SlowOnly networks (R50, R101) and VideoMAE's "
            "ViT can be read."
        )
    config, notes = _config_text(file)
    convert_network = convert_vit if has_vit(file.tensors) else convert_slowfast
    return convert_network(file, config, notes, answers)


def _config_text(file: ForeignFile) -> tuple[ConfigNode, list[str]]:
    """Return what the file's config text assigns (nothing if it has none), and what is to be told about it."""
    meta = file.extras.get("meta")
    meta = meta if isinstance(meta, Mapping) else {}
    if "mmaction_version" in meta:
        raise CheckpointError(
            f"{file.path}: written by MMAction2 0.x, whose networks are not known here. Take the file of the same "
            "network that MMAction2 1.x publishes."
        )
    text = meta.get("cfg")
    if not isinstance(text, str):
        return ConfigNode(file.path, {}), ["The file has no meta.cfg: its network is taken to be as published."]
    try:
        return ConfigNode(file.path, read_python_text(text)), []
    except NotReadableError as error:
        note = f"The file's meta.cfg is not used, as {error}: its network is taken to be as published."
        return ConfigNode(file.path, {}), [note]


SOURCE = register(Source("mmaction2", "MMAction2", recognizes, convert))
