"""A checkpoint, found by path, folder or name, and the config that it needs."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from yacs.config import CfgNode

from alphaction.api.overrides import apply_values
from alphaction.checkpoint import (
    BEST_WEIGHTS,
    find_test_weights,
    read_thresholds,
    read_weight_file,
    recorded_config_text,
)
from alphaction.checkpoint.exported_file import SUFFIXES as EXPORTED_SUFFIXES
from alphaction.checkpoint.run_folder import holds_run
from alphaction.config import get_cfg, load_cfg, validate_cfg
from alphaction.engine.classes import exclusive_groups
from alphaction.engine.out_of_memory import naming_what_helps, prediction_advice
from alphaction.engine.pictures import MIN_SCORE
from alphaction.engine.setup import set_up_quietly
from alphaction.engine.weights import check_zoo_name, locate_weights
from alphaction.utils.device import choose_device
from alphaction.utils.errors import CheckpointError, UserError
from alphaction.utils.files import WEIGHT_SUFFIXES, missing_file
from alphaction.utils.messages import listed
from alphaction.utils.weight_names import ZOO_PREFIX, is_zoo_name
from alphaction.workflows.convert.written_config import longest_sides
from alphaction.workflows.predict.find_label_map import holds_classes
from alphaction.workflows.predict.load_model import adopt_classes, load_model
from alphaction.workflows.predict.network import Classes, Network
from alphaction.workflows.predict.weights_config import carried_config
from alphaction.zoo import find_weights

_BEST = f"{BEST_WEIGHTS}.pth"
_SUFFIXES = (*WEIGHT_SUFFIXES, *EXPORTED_SUFFIXES.values())
_EXPECTED = "expected the path of a checkpoint, the folder of a run, or zoo:NAME"


def find_checkpoint(path_or_name: str | os.PathLike) -> Path:
    """Return the file of weights that is meant.

    Args:
        path_or_name: a file; the folder of a run, whose best checkpoint is taken, else the last; or public weights,
            "zoo:NAME", which are downloaded if they are not here.

    Raises:
        UserError: there is none.
    """
    if not isinstance(path_or_name, str | os.PathLike) or not os.fspath(path_or_name):
        raise UserError(f"{path_or_name!r} is not a checkpoint: {_EXPECTED}.")
    given = os.fspath(path_or_name)
    if is_zoo_name(given) or (find_weights(given, None) is not None and not Path(given).exists()):
        name = given if is_zoo_name(given) else f"{ZOO_PREFIX}{given}"
        entry = check_zoo_name(name)
        if entry is not None and entry.kind == "backbone":  # before it is downloaded
            raise _backbone_alone(name)
        return locate_weights(name)
    path = Path(given).expanduser()
    if path.is_file():
        return path
    if path.is_dir():
        if (path / _BEST).is_file():
            return path / _BEST
        if holds_run(path):
            return find_test_weights(path, "")
        inner = sorted(run.name for run in path.iterdir() if run.is_dir() and holds_run(run))
        hint = f" Runs lie in its folders {listed(inner, 4)}." if inner else ""
        raise UserError(f"{path}: this folder holds no checkpoint of a run.{hint}")
    raise UserError(f"{missing_file(path, _SUFFIXES)} {_EXPECTED[0].upper()}{_EXPECTED[1:]}.")


def read_config(config: str | os.PathLike | CfgNode) -> CfgNode:
    """Return a config that may be changed, of a file or of another config."""
    if isinstance(config, CfgNode):
        cfg = get_cfg()
        cfg.merge_from_other_cfg(config)
        return cfg
    if not isinstance(config, str | os.PathLike) or not os.fspath(config):
        raise UserError(f"{config!r} is not a config: expected the path of a YAML file, or a config")
    return load_cfg(Path(config).expanduser())


def config_of(weights: Path, config: str | os.PathLike | CfgNode | None) -> tuple[CfgNode, Path | None]:
    """Return the config of weights, which may be changed, and the file that it is from.

    Args:
        weights: the file. A checkpoint of a run, and what was exported from it, carries its config, and converted
            weights carry their settings.
        config: used in place of what the file says; None: nothing is.

    Raises:
        UserError: nothing says what the config is.
    """
    if config is not None:
        return read_config(config), None if isinstance(config, CfgNode) else Path(config)
    if carried := carried_config(weights):
        return carried
    file = read_weight_file(weights)
    missing = f"{weights}: holds weights alone, and nothing says"
    give = (
        'Give the config that it was trained with: config="config.yaml". Or convert it: tools/convert_weights.py '
        "--input FILE --output NEW."
    )
    if file.questions:
        open_keys = listed([f"{key} ({question.why})" for key, question in file.questions.items()], 4, "; ")
        raise CheckpointError(f"{missing} {open_keys}. {give}")
    if not file.settings:
        raise CheckpointError(f"{missing} what network it is of: no config is inside or beside it. {give}")
    values: dict[str, Any] = dict(longest_sides(file.recipe)) | dict(file.recipe)
    values |= {key: setting.value for key, setting in file.settings.items()}
    cfg = get_cfg()
    cfg.merge_from_list([item for pair in values.items() for item in pair])
    return cfg, None


def load_network(
    weights: Path,
    config: str | os.PathLike | CfgNode | None,
    device: str | torch.device | None,
    values: Mapping[str, Any],
) -> Network:
    """Return the network of a file of weights, ready to predict.

    Args:
        weights: the file.
        config: see :func:`config_of`.
        device: "cpu", "cuda", "cuda:1"; None: MODEL.DEVICE of the config.
        values: config keys that are changed.

    Raises:
        UserError: the config is not known or wrong, or does not fit the weights.
    """
    if not recorded_config_text(weights) and not holds_classes(read_weight_file(weights)):
        raise _backbone_alone(weights)
    cfg, config_file = config_of(weights, config)
    apply_values(cfg, values)
    place = choose_device(cfg.MODEL.DEVICE if device is None else device, "device")
    cfg.MODEL.DEVICE = place.type
    cfg.MODEL.WEIGHT = str(weights)
    label_map = adopt_classes(cfg, weights, config_file)
    validate_cfg(cfg, check_files=False, splits=())
    cfg.freeze()
    with naming_what_helps("loading the model", prediction_advice(cfg)):
        runtime = set_up_quietly(cfg, place)
        model = load_model(cfg, weights, label_map, runtime, config_file)
    thresholds = read_thresholds(weights, label_map.to_dict()) or dict.fromkeys(label_map.names, MIN_SCORE)
    return Network(cfg, model, runtime, Classes(label_map, thresholds, exclusive_groups(cfg, label_map)))


def _backbone_alone(weights: str | Path) -> CheckpointError:
    return CheckpointError(
        f"{weights}: holds a backbone alone, which knows no actions yet. Train from it: ActionDetector.from_config("
        f'"CONFIG.yaml", MODEL__WEIGHT="{weights}").train(DATASET), with a config of that backbone.'
    )
