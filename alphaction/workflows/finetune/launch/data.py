"""The datasets of a planned run: whether their files are there, how large they are, and their classes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from yacs.config import CfgNode

from alphaction.config.paths_catalog import find_dataset
from alphaction.data.annotations import LabelMap
from alphaction.data.dataset import ActionDataset
from alphaction.engine.classes import adopt_label_map
from alphaction.utils.errors import UserError


@dataclass(frozen=True)
class PlannedData:
    """What a plan says of the data.

    Attributes:
        training: lines on the training data.
        evaluation: lines on the evaluation data.
        num_keyframes: clips of one epoch; None if the training data could not be read.
        label_map: classes of the training data; None likewise.
        problems: why data could not be read.
    """

    training: str
    evaluation: str
    num_keyframes: int | None
    label_map: LabelMap | None
    problems: tuple[str, ...]


def read_planned_data(cfg: CfgNode, tolerant: bool) -> PlannedData:
    """Read annotations and boxes of DATASETS.TRAIN and DATASETS.TEST, and give ``cfg`` the classes of the label map.

    Args:
        cfg: the config; its class counts may be changed.
        tolerant: report data that cannot be read instead of raising.

    Raises:
        UserError: if data cannot be read, or its classes are not those that the config names; not where ``tolerant``.
    """
    problems: list[str] = []

    def read(names: Sequence[str], training: bool) -> list[ActionDataset] | None:
        try:
            found = [ActionDataset.from_config(cfg, find_dataset(cfg, name), training=training) for name in names]
            if training:
                adopt_label_map(cfg, found[0].label_map)
            return found
        except UserError as error:
            if not tolerant:
                raise
            problems.append(str(error))
            return None

    train, test = read(cfg.DATASETS.TRAIN, training=True), read(cfg.DATASETS.TEST, training=False)
    return PlannedData(
        training=_describe(cfg.DATASETS.TRAIN, train),
        evaluation=_describe(cfg.DATASETS.TEST, test),
        num_keyframes=sum(len(dataset) for dataset in train) if train else None,
        label_map=train[0].label_map if train else None,
        problems=tuple(problems),
    )


def _describe(names: Sequence[str], datasets: Sequence[ActionDataset] | None) -> str:
    if not names:
        return "none"
    if datasets is None:
        return f"{', '.join(names)} (not read)"
    return "\n".join(_describe_one(dataset) for dataset in datasets)


def _describe_one(dataset: ActionDataset) -> str:
    videos = len({keyframe.video for keyframe in dataset.keyframes})
    plural = "s" if videos != 1 else ""
    source = "ground truth" if dataset.training or dataset.uses_ground_truth_boxes else "detected"
    return (
        f"{dataset.name}: {len(dataset)} keyframes of {videos} video{plural}, {dataset.label_map.num_classes} classes, "
        f"{source} boxes"
    )
