"""Datasets of a run, by the names in the config, checked before anything heavy starts."""

from __future__ import annotations

from collections.abc import Sequence

from yacs.config import CfgNode

from alphaction.config.paths_catalog import find_dataset
from alphaction.data.annotations import LabelMap
from alphaction.data.dataset import ActionDataset
from alphaction.data.joined_dataset import JoinedDataset
from alphaction.data.preflight import check_dataset
from alphaction.evaluation.evaluator import require_counted_labels
from alphaction.utils.errors import UserError
from alphaction.utils.logging import get_logger
from alphaction.workflows.inspect.validate import quick_findings


def open_dataset(cfg: CfgNode, name: str, training: bool) -> ActionDataset:
    """Return the dataset called ``name`` after a check of its files and videos.

    Raises:
        UserError: if anything in it would stop the run later; the message names file and row.
    """
    dataset = ActionDataset.from_config(cfg, find_dataset(cfg, name), training=training)
    get_logger().info("%s: %s", name, dataset.summary())
    get_logger().info("%s: %s", name, check_dataset(cfg, dataset))
    if dataset.label_map.untyped:
        get_logger().warning(
            "%s: classes %s have no label_type in the label map and are taken as independent (OBJECT_MANIPULATION)",
            name,
            ", ".join(map(str, dataset.label_map.untyped)),
        )
    return dataset


def open_train_dataset(cfg: CfgNode) -> ActionDataset | JoinedDataset:
    """Return the dataset of DATASETS.TRAIN; several names are trained on together."""
    datasets = [open_dataset(cfg, name, training=True) for name in cfg.DATASETS.TRAIN]
    for dataset in datasets[1:]:
        require_same_classes(dataset, datasets[0].label_map, datasets[0].name)
    return datasets[0] if len(datasets) == 1 else JoinedDataset(datasets)


def open_test_datasets(cfg: CfgNode, label_map: LabelMap | None = None) -> list[ActionDataset]:
    """Return the datasets of DATASETS.TEST, all with the classes of ``label_map`` (default: of the first).

    Raises:
        UserError: as :func:`open_dataset`, and if no label is of a class that counts: that must not come up only after
            the training.
    """
    datasets = [open_dataset(cfg, name, training=False) for name in cfg.DATASETS.TEST]
    for dataset in datasets:
        require_same_classes(dataset, label_map or datasets[0].label_map, "the training data")
        require_counted_labels(dataset.annotations, dataset.eval_label_map or dataset.label_map)
    return datasets


def report_findings(cfg: CfgNode, train_set: ActionDataset | JoinedDataset, test_sets: Sequence[ActionDataset]) -> None:
    """Log what the tables of a run tell: duplicates, leakage, classes never trained, recall of person boxes, ...

    An error of the inspection is a warning here: some train on their test data on purpose, to see a model overfit.
    """
    for finding in quick_findings(cfg, train_set.datasets, test_sets):
        if finding.level != "note":
            get_logger().warning("%s (%s): %s", finding.dataset, finding.check, finding.message)


def require_same_classes(dataset: ActionDataset, label_map: LabelMap, owner: str) -> None:
    """Raise a :class:`UserError` unless ``dataset`` has the classes of ``label_map``, which is that of ``owner``."""
    ours, theirs = dataset.label_map, label_map
    for mine, other in zip(ours.classes, theirs.classes, strict=False):
        if mine != other:
            raise UserError(
                f'{dataset.name}: class {mine.id} "{mine.name}" ({mine.group}) stands where {owner} has {other.id} '
                f'"{other.name}" ({other.group}). One model has one list of classes: use the same label map.'
            )
    if ours.num_classes != theirs.num_classes:
        raise UserError(
            f"{dataset.name} has {ours.num_classes} classes, {owner} {theirs.num_classes}. "
            "One model has one list of classes: use the same label map."
        )
