"""The weights that a config starts from, what they need of a network, and what of them its classes can use."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from alphaction.checkpoint import compare_label_maps, read_weight_file
from alphaction.config.paths_catalog import AVA_LABEL_MAP
from alphaction.data.annotations import LabelMap, read_label_map
from alphaction.utils.errors import UserError
from alphaction.utils.messages import suggest
from alphaction.workflows.finetune.finetune_options import DEFAULT_DATASET, FinetuneOptions
from alphaction.workflows.finetune.networks import NETWORKS
from alphaction.zoo import ZOO_PREFIX, PublicWeights, cached_file, find_weights, weights_for


@dataclass(frozen=True)
class Start:
    """What a config starts from.

    Attributes:
        weight: MODEL.WEIGHT: a path, "zoo:NAME", or "" for random weights.
        comment: what they are, for the config.
        settings: config key -> value of the network, its clips and its head, as the weights were trained.
        entry: what the registry knows of them, None for other files.
    """

    weight: str
    comment: str
    settings: Mapping[str, Any] = field(default_factory=dict)
    entry: PublicWeights | None = None


def default_backbone(options: FinetuneOptions) -> str:
    """Return the network where none was asked for: that of the weights, the published recipe's, or the small one.

    Only the small one trains from random weights, and on a CPU: it is taken for a dataset of one's own where there are
    neither GPUs nor weights. A config for GPUs is written for the recipe, and says which weights it lacks.
    """
    if (entry := _entry(options.weights)) is not None and entry.backbone in NETWORKS:
        return entry.backbone
    published = (options.dataset_name or DEFAULT_DATASET).startswith("ava_video_")
    can_start = options.num_gpus or options.weights is not None or Path(NETWORKS["resnet50"].weights).is_file()
    return "resnet50" if published or can_start else "tiny"


def weights_of(options: FinetuneOptions) -> str:
    """Return MODEL.WEIGHT: what was given, else the pretrained weights of the backbone."""
    given = options.weights
    if given is None:
        given = options.network.weights
    return f"{ZOO_PREFIX}{entry.name}" if (entry := _entry(given)) is not None else given


def starting_point(options: FinetuneOptions) -> Start:
    """Return what a config starts from. What a file says wins over the registry, and that over the network's usual.

    Raises:
        UserError: if the weights are of another network, or a file cannot be read.
    """
    weight = weights_of(options)
    entry = _entry(weight)
    settings = dict(options.network.settings)
    if not weight:
        return Start("", "random weights: trains from nothing", settings)
    if entry is not None:
        settings |= {**entry.recipe, **entry.settings}
    comment = _comment(entry) if entry is not None else ""
    if options.network.training is None:
        if weight == options.network.weights:
            comment = "trained on Kinetics; docs/MODEL_ZOO.md says where to get it"
        return Start(weight, comment, {}, entry)
    if (path := weight_path(weight)).is_file():
        file = read_weight_file(path)
        settings |= {**file.recipe, **{key: setting.value for key, setting in file.settings.items()}}
    _check_network(options, weight, settings)
    return Start(weight, comment, settings, entry)


def weight_path(weight: str) -> Path:
    """Return where the file of MODEL.WEIGHT lies, or will lie once it is downloaded."""
    entry = _entry(weight)
    return cached_file(entry) if entry is not None else Path(weight).expanduser()


def missing_weights(options: FinetuneOptions) -> str:
    """Return the weights that the config starts from and that are not there; "" if nothing is missing."""
    weight = weights_of(options)
    return "" if not weight or weight_path(weight).is_file() else weight


def has_trained_head(options: FinetuneOptions) -> bool:
    """Return whether the weights can hold a trained action head: not pretrained backbones, nor random weights."""
    weight = weights_of(options)
    entry = _entry(weight)
    if entry is not None:
        return entry.kind == "detector"
    return weight not in ("", *(network.weights for network in NETWORKS.values()))


def head_is_new(options: FinetuneOptions, label_map: LabelMap) -> bool:
    """Return whether there are weights to load, but without an action head for the classes of ``label_map``.

    Weights that do not say their classes (those of upstream's zoo) are taken for a model of AVA's 80.

    Raises:
        UserError: if the file is there but is no weight file.
    """
    weight = weights_of(options)
    if not has_trained_head(options):
        return bool(weight)
    path = weight_path(weight)
    held = read_weight_file(path).label_map if path.is_file() else None
    if held is not None:
        return compare_label_maps(held, label_map.to_dict()) is not None
    return label_map != read_label_map(AVA_LABEL_MAP)


def _entry(weight: str | None) -> PublicWeights | None:
    """Return the entry of the registry that ``weight`` names, with its prefix or, where no such file is, without."""
    if not weight:
        return None
    if weight.startswith(ZOO_PREFIX):
        return find_weights(weight.removeprefix(ZOO_PREFIX))
    return None if Path(weight).expanduser().exists() else find_weights(weight, default=None)


def _comment(entry: PublicWeights) -> str:
    use = "" if entry.commercial else ": NO COMMERCIAL USE"
    return f"{entry.what}; license {entry.license}{use}"


def _check_network(options: FinetuneOptions, weight: str, settings: Mapping[str, Any]) -> None:
    body = settings.get("MODEL.BACKBONE.CONV_BODY", options.network.conv_body)
    if body == options.network.conv_body:
        return
    fitting = [name for name, network in NETWORKS.items() if network.conv_body == body and network.training]
    names = [entry.name for entry in weights_for(options.backbone)]
    raise UserError(
        f"--weights {weight} are of a {body}, but --backbone {options.backbone} is a {options.network.conv_body}. "
        f"Take --backbone {' or '.join(fitting) or 'of that network'}, or other weights. {suggest(weight, names)}"
    )
