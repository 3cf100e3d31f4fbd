"""The model of a weight file, for the classes that the file was trained for."""

from __future__ import annotations

from pathlib import Path

from yacs.config import CfgNode

from alphaction.checkpoint import load_trained_weights, read_weight_file
from alphaction.checkpoint.exported_file import read_exported
from alphaction.checkpoint.run_folder import CONFIG_FILE
from alphaction.config.paths_catalog import find_dataset
from alphaction.data.annotations import LabelMap, read_label_map
from alphaction.engine.classes import adopt_label_map
from alphaction.engine.setup import Runtime
from alphaction.modeling import DetectionModel, build_detection_model, optimize_for_inference
from alphaction.utils.errors import CheckpointError, UserError
from alphaction.utils.logging import get_logger
from alphaction.utils.messages import listed
from alphaction.workflows.export.runtime import ExportedNetwork, load_exported
from alphaction.workflows.predict.exported_settings import check_config
from alphaction.workflows.predict.find_label_map import find_label_map

_SHOWN_CLASSES = 4


def adopt_classes(cfg: CfgNode, weights: Path, config_file: Path | None = None) -> LabelMap:
    """Return the classes that a weight file was trained for, and set their numbers in the config.

    Args:
        cfg: the config, not frozen.
        weights: the file.
        config_file: where ``cfg`` comes from, for messages.

    Raises:
        UserError: the config is that of other classes; names both files.
    """
    exported = read_exported(weights)
    if exported is not None:
        check_config(cfg, exported, config_file)
        label_map = LabelMap.from_dict(dict(exported.label_map), f"label map in {weights}")
    else:
        label_map = find_label_map(cfg, read_weight_file(weights))
    own = _label_map_of(cfg)
    try:
        note = adopt_label_map(cfg, label_map)
    except UserError as error:
        theirs = f"{cfg.MODEL.ROI_ACTION_HEAD.NUM_CLASSES}" if own is None else f"{_names(own)}, from {own.source}"
        raise CheckpointError(
            f"{weights} was trained for other classes than {config_file or 'the config'} has: for {_names(label_map)}, "
            f"in place of {theirs}. {_own_config(weights, config_file)}"
        ) from error
    if note:
        get_logger().info(note)
    return label_map


def load_model(
    cfg: CfgNode, weights: Path, label_map: LabelMap, runtime: Runtime, config_file: Path | None = None
) -> DetectionModel | ExportedNetwork:
    """Return the model of a config with its weights, optimized for inference, or what was exported from one.

    Raises:
        UserError: the weights do not fill the model; names both files.
    """
    if (exported := read_exported(weights)) is not None:
        return load_exported(cfg, exported, runtime.device)
    model = build_detection_model(cfg).to(runtime.device)
    try:
        load_trained_weights(model, weights, label_map.to_dict(), cfg=cfg)
    except UserError as error:
        raise CheckpointError(
            f"{error} The config is {config_file or 'given'}. {_own_config(weights, config_file)}"
        ) from error
    _note_other_classes(cfg, weights, label_map)
    return optimize_for_inference(model, share_weights=True)


def _note_other_classes(cfg: CfgNode, weights: Path, label_map: LabelMap) -> None:
    """Warn where the classes of the weights are others than those of the config's dataset."""
    own = _label_map_of(cfg)
    if own is not None and [entry.name for entry in own.classes] != [entry.name for entry in label_map.classes]:
        get_logger().warning(
            "%s was trained for other classes, %s, than %s has, %s. The names of the weights are shown.",
            weights,
            _names(label_map),
            own.source,
            _names(own),
        )


def _names(label_map: LabelMap) -> str:
    return f"{label_map.num_classes} ({listed([entry.name for entry in label_map.classes], _SHOWN_CLASSES)})"


def _own_config(weights: Path, config_file: Path | None) -> str:
    """Return which config to give: that of the run that wrote the weights, where it lies beside them."""
    beside = weights.parent / CONFIG_FILE
    if beside.is_file() and not (config_file is not None and config_file.exists() and beside.samefile(config_file)):
        return f"Use the config of the weights: --config-file {beside}"
    return "Use the config that the weights were trained with (config.yaml of that run), or the config's own weights."


def _label_map_of(cfg: CfgNode) -> LabelMap | None:
    """Return the classes of the config's dataset; None if it is not there, which a prediction does not need."""
    try:
        return read_label_map(find_dataset(cfg, cfg.DATASETS.TEST[0]).label_map) if cfg.DATASETS.TEST else None
    except UserError:
        return None
