"""The classes that a weight file was trained for, also where it does not store their names."""

from __future__ import annotations

from yacs.config import CfgNode

from alphaction.checkpoint import WeightFile
from alphaction.checkpoint.matching import CLASSIFIER
from alphaction.checkpoint.name_rules import HEAD_PREFIX
from alphaction.config.paths_catalog import AVA_LABEL_MAP, find_dataset
from alphaction.data.annotations import LabelMap, read_label_map
from alphaction.utils.errors import CheckpointError, UserError
from alphaction.utils.messages import counted

_CLASSIFIER = CLASSIFIER.removeprefix(HEAD_PREFIX)
_AVA_CLASSES = 80


def holds_classes(weights: WeightFile) -> bool:
    """Return whether the weights know actions: those of a backbone do not."""
    return weights.label_map is not None or bool(_classifier_sizes(weights))


def find_label_map(cfg: CfgNode, weights: WeightFile) -> LabelMap:
    """Return the classes that ``weights`` were trained for.

    The checkpoints of this program hold them. For other files with 80 classes they are AVA's; otherwise they are those
    of the first dataset of DATASETS.TEST, if their number agrees.

    Raises:
        UserError: if the classes have no names, or the weights no classifier.
    """
    if weights.label_map is not None:
        return LabelMap.from_dict(weights.label_map, f"label map in {weights.path}")
    sizes = _classifier_sizes(weights)
    if not sizes:
        raise CheckpointError(
            f"{weights.path}: holds no action classifier ({_CLASSIFIER}), so it cannot classify actions. Does it "
            "hold backbone weights only? Give a checkpoint of a training run."
        )
    if sizes[0] == _AVA_CLASSES:
        return read_label_map(AVA_LABEL_MAP)
    unnamed = f"{weights.path}: has {counted(sizes[0], 'class', 'classes')} and no names for them"
    fix = "Set DATASETS.TEST to the dataset that the weights were trained for; its label map names the classes."
    if not cfg.DATASETS.TEST:
        raise CheckpointError(f"{unnamed}. {fix}")
    try:
        label_map = read_label_map(find_dataset(cfg, cfg.DATASETS.TEST[0]).label_map)
    except UserError as error:
        raise CheckpointError(f"{unnamed}. {fix} Its value now does not work: {error}") from error
    if label_map.num_classes != sizes[0]:
        raise CheckpointError(
            f"{unnamed}, and dataset {cfg.DATASETS.TEST[0]} has {label_map.num_classes} ({label_map.source}). {fix}"
        )
    return label_map


def _classifier_sizes(weights: WeightFile) -> list[int]:
    """Return the number of classes of each classifier of actions that there is."""
    return [len(tensor) for name, tensor in weights.weights.items() if name.endswith(_CLASSIFIER) and tensor.ndim]
