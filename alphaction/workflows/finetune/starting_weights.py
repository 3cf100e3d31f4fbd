"""The weights that a config starts from, and what of them its classes can use."""

from __future__ import annotations

from pathlib import Path

from alphaction.checkpoint import compare_label_maps, read_weight_file
from alphaction.config.paths_catalog import AVA_LABEL_MAP
from alphaction.data.annotations import LabelMap, read_label_map
from alphaction.workflows.finetune.finetune_options import FinetuneOptions

# Backbones trained on Kinetics; they hold no action head.
WEIGHTS = {
    "resnet50": "data/models/pretrained_models/SlowFast-ResNet50-4x16.pth",
    "resnet101": "data/models/pretrained_models/SlowFast-ResNet101-8x8.pth",
    "tiny": "",
}


def weights_of(options: FinetuneOptions) -> str:
    """Return MODEL.WEIGHT: what was given, else the pretrained weights of the backbone."""
    return options.weights if options.weights is not None else WEIGHTS[options.backbone]


def has_trained_head(options: FinetuneOptions) -> bool:
    """Return whether the weights can hold a trained action head: not the pretrained backbones, nor random weights."""
    return weights_of(options) not in ("", *WEIGHTS.values())


def head_is_new(options: FinetuneOptions, label_map: LabelMap) -> bool:
    """Return whether there are weights to load, but without an action head for the classes of ``label_map``.

    Weights that do not say their classes (those of upstream's zoo) are taken for a model of AVA's 80.

    Raises:
        UserError: if the file is there but is no weight file.
    """
    if not has_trained_head(options):
        return bool(weights_of(options))
    path = Path(weights_of(options)).expanduser()
    held = read_weight_file(path).label_map if path.is_file() else None
    if held is not None:
        return compare_label_maps(held, label_map.to_dict()) is not None
    return label_map != read_label_map(AVA_LABEL_MAP)
