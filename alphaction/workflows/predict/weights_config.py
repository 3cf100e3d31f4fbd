"""The config that weights carry: that of the run that wrote them, or of the checkpoint that they were exported from."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path

from yacs.config import CfgNode

from alphaction.checkpoint import recorded_config_text
from alphaction.checkpoint.run_folder import CONFIG_FILE
from alphaction.config import load_cfg
from alphaction.utils.errors import CheckpointError, UserError
from alphaction.utils.weight_names import is_zoo_name

_WEIGHT = "MODEL.WEIGHT"


def config_for(config_file: Path | None, overrides: Sequence[str]) -> tuple[CfgNode, Path | None]:
    """Return the config of a command, which may be changed, and the file that it is from; None: the weights.

    Args:
        config_file: --config-file; None: it was not given.
        overrides: KEY VALUE pairs of the command line.

    Raises:
        UserError: there is no such file, or neither it nor the weights say what the config is.
    """
    if config_file is not None:
        return load_cfg(config_file, overrides), config_file
    keys = dict(zip(overrides[::2], overrides[1::2], strict=False))
    weight = keys.get(_WEIGHT, "")
    if not weight or is_zoo_name(weight):
        given = f"{_WEIGHT} {weight} carries no config" if weight else "no weights are named"
        raise UserError(
            f"--config-file is needed, unless the weights carry their config, as checkpoints of a run and exported "
            f"networks do: {given}. Write --config-file FILE, or {_WEIGHT} FILE at the end of the command."
        )
    weights = Path(weight).expanduser()
    if carried := carried_config(weights, overrides):
        return carried
    raise CheckpointError(
        f"{weights}: no config is inside or beside it, so that nothing says what network it is of. Give the config "
        "that it was trained with: --config-file FILE."
    )


def carried_config(weights: Path, overrides: Sequence[str] = ()) -> tuple[CfgNode, Path | None] | None:
    """Return the config of weights, which may be changed, and the file that it is from, if it is not inside them.

    Args:
        weights: the file.
        overrides: KEY VALUE pairs that are set in it.

    Returns:
        None: it is neither inside nor, as config.yaml of a run, beside the file.

    Raises:
        CheckpointError: the file cannot be read, or its config does not work here.
        UserError: an override is wrong.
    """
    if text := recorded_config_text(weights):
        cfg = config_from_text(text, weights)
        cfg.merge_from_list(list(overrides))
        return cfg, None
    beside = weights.with_name(CONFIG_FILE)
    return (load_cfg(beside, overrides), beside) if beside.is_file() else None


def config_from_text(text: str, weights: Path) -> CfgNode:
    """Return the config of a text that ``weights`` hold.

    Raises:
        CheckpointError: it does not work here.
    """
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "config.yaml"
        file.write_text(text, encoding="utf-8")
        try:
            return load_cfg(file)
        except UserError as error:
            problem = str(error).replace(f"config file {file}", "it")
            raise CheckpointError(
                f"{weights}: the config inside it is of another version, or changed. {problem}\n"
                "Give a config that works here (--config-file FILE)."
            ) from error
