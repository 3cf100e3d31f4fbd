"""The weights that a config starts from, and what of them its classes can use."""

from __future__ import annotations

from pathlib import Path

from alphaction.checkpoint import compare_label_maps, read_weight_file
from alphaction.config.paths_catalog import AVA_LABEL_MAP
from alphaction.data.annotations import LabelMap, read_label_map
from alphaction.workflows.finetune.finetune_options import DEFAULT_DATASET, FinetuneOptions

# Backbones trained on Kinetics; they hold no action head.
WEIGHTS = {
    "resnet50": "data/models/pretrained_models/SlowFast-ResNet50-4x16.pth",
    "resnet101": "data/models/pretrained_models/SlowFast-ResNet101-8x8.pth",
    "tiny": "",
}


def default_backbone(options: FinetuneOptions) -> str:
    """Return the network where none was asked for: the published recipe's, or the small one if only that can start.

    Only the small one trains from random weights, and on a CPU: it is taken for a dataset of one's own where there are
    neither GPUs nor weights. A config for GPUs is written for the recipe, and says which weights it lacks.
    """
    published = (options.dataset_name or DEFAULT_DATASET).startswith("ava_video_")
    can_start = options.num_gpus or options.weights is not None or Path(WEIGHTS["resnet50"]).is_file()
    return "resnet50" if published or can_start else "tiny"


def missing_weights(options: FinetuneOptions) -> str:
    """Return the weights that the config starts from and that are not there; "" if nothing is missing."""
    weights = weights_of(options)
    return "" if not weights or Path(weights).expanduser().is_file() else weights


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
