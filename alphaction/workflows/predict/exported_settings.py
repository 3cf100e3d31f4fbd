"""Whether a config that is given beside an exported network is the one that it was exported with."""

from __future__ import annotations

from pathlib import Path

from yacs.config import CfgNode

from alphaction.checkpoint.exported_file import ExportedFile
from alphaction.checkpoint.foreign.alphaction import settings_of_config
from alphaction.config.class_groups import HEAD, OWN_GROUP_KEYS, SIZE_KEYS
from alphaction.config.tree import get_value
from alphaction.utils.errors import CheckpointError
from alphaction.utils.logging import get_logger
from alphaction.utils.messages import titled_list
from alphaction.workflows.predict.weights_config import config_from_text

# Which frames the network was made for. How large they are is free.
_FRAMES = (
    "INPUT.FRAME_NUM",
    "INPUT.FRAME_SAMPLE_RATE",
    "INPUT.TAU",
    "INPUT.ALPHA",
    "INPUT.FPS",
    "INPUT.CLIP_OFFSET",
    "DATALOADER.SIZE_DIVISIBILITY",
)
# Checked when the classes are adopted.
_CLASSES = {f"{HEAD}.NUM_CLASSES", *(f"{HEAD}.{name}" for name in SIZE_KEYS), *OWN_GROUP_KEYS}
_FREE = ("INPUT.MIN_SIZE_TEST", "INPUT.MAX_SIZE_TEST")


def check_config(cfg: CfgNode, exported: ExportedFile, config_file: Path | None) -> None:
    """Refuse a config of another network, of other frames, pixels, boxes or classes than the file has inside.

    Args:
        cfg: what is to be predicted with; numbers of classes that it leaves at their defaults are adopted later.
        exported: the file.
        config_file: where ``cfg`` comes from; None: from the file itself, and perhaps changed.

    Raises:
        CheckpointError: names each key, and both values.
    """
    own = config_from_text(exported.config, exported.path)
    given = config_file or "what was given"
    lines = [
        f"{key} {get_value(own, key)!r} in the file, {get_value(cfg, key)!r} in {given}"
        for key in dict.fromkeys([*settings_of_config(own, has_head=True), *_FRAMES])
        if key not in _CLASSES and get_value(own, key) != get_value(cfg, key)
    ]
    if lines:
        way = (
            "Leave --config-file out: the file carries its config."
            if config_file is not None
            else "These cannot be changed after the export."
        )
        raise CheckpointError(titled_list(f"{exported.path} was exported with other settings:", lines) + f"\n{way}")
    for key in _FREE:
        if get_value(own, key) != get_value(cfg, key):
            get_logger().info(
                "%s: exported with %s %s, run with %s", exported.path, key, get_value(own, key), get_value(cfg, key)
            )
