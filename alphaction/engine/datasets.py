"""Datasets of a run, by the names in the config, checked before anything heavy starts."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from yacs.config import CfgNode

from alphaction.checks.check_files import check_files
from alphaction.checks.check_settings import CheckSettings
from alphaction.checks.findings import Finding
from alphaction.checks.quick_checks import quick_findings
from alphaction.checks.video_findings import frame_rate_findings
from alphaction.config.paths_catalog import find_dataset
from alphaction.data.annotations import LabelMap
from alphaction.data.dataset import ActionDataset
from alphaction.data.joined_dataset import JoinedDataset
from alphaction.data.table_checks import require_same_classes
from alphaction.data.tables import seconds_of_videos
from alphaction.data.video.check_videos import check_videos, describe_videos, require_usable
from alphaction.evaluation.evaluator import require_counted_labels
from alphaction.utils.errors import DataError
from alphaction.utils.logging import get_logger
from alphaction.utils.messages import counted


def open_dataset(cfg: CfgNode, name: str, training: bool) -> ActionDataset:
    """Return the dataset called ``name`` after a check of its files and videos.

    Raises:
        UserError: if anything in it would stop the run later; the message names file and row.
    """
    dataset = ActionDataset.from_config(cfg, find_dataset(cfg, name), training=training)
    get_logger().info("%s: %s", name, dataset.summary())
    videos = check_videos(dataset.source, seconds_of_videos(dataset.keyframes))
    try:
        require_usable(videos, f'dataset "{name}" (annotations: {dataset.annotations.source})')
    except DataError as error:
        if not training or all(video.info is None for video in videos):
            raise
        if cfg.DATALOADER.ON_BAD_CLIP != "skip":
            raise DataError(f"{error}\nTo train without such clips, set DATALOADER.ON_BAD_CLIP skip.") from error
        get_logger().warning("%s\nThe training goes on without them: DATALOADER.ON_BAD_CLIP skip", error)
    get_logger().info("%s: %s, %s", name, describe_videos(videos), counted(len(dataset), "keyframe"))
    _log(check_files(dataset.tables))
    settings = CheckSettings.from_config(cfg, chosen=True)
    _log(frame_rate_findings(dataset.tables, settings, [video.info for video in videos if video.info is not None]))
    return dataset


def open_train_dataset(cfg: CfgNode) -> ActionDataset | JoinedDataset:
    """Return the dataset of DATASETS.TRAIN; several names are trained on together."""
    datasets = [open_dataset(cfg, name, training=True) for name in cfg.DATASETS.TRAIN]
    for dataset in datasets[1:]:
        require_same_classes(dataset.tables, datasets[0].label_map, datasets[0].name)
    return datasets[0] if len(datasets) == 1 else JoinedDataset(datasets)


def open_test_datasets(cfg: CfgNode, label_map: LabelMap | None = None) -> list[ActionDataset]:
    """Return the datasets of DATASETS.TEST, all with the classes of ``label_map`` (default: of the first).

    Raises:
        UserError: as :func:`open_dataset`, and if no label is of a class that counts: that must not come up only after
            the training.
    """
    datasets = [open_dataset(cfg, name, training=False) for name in cfg.DATASETS.TEST]
    for dataset in datasets:
        require_same_classes(dataset.tables, label_map or datasets[0].label_map, "the training data")
        require_counted_labels(dataset.annotations, dataset.tables.counted_classes)
    return datasets


def report_findings(cfg: CfgNode, train_set: ActionDataset | JoinedDataset, test_sets: Sequence[ActionDataset]) -> None:
    """Log what is wrong with the tables of a run: duplicates, leakage, untrained classes, low recall, ...

    An error of these checks is a warning here: some train on their test data on purpose, to see a model overfit.
    """
    _log(quick_findings(cfg, [dataset.tables for dataset in (*train_set.datasets, *test_sets)]))


def _log(findings: Iterable[Finding]) -> None:
    for finding in findings:
        if finding.level != "note":
            get_logger().warning("%s (%s): %s", finding.dataset, finding.check, finding.message)
