"""Validation of a dataset before hours of training: its files, tables, sample clips, and splits against each other.

Each check is a function of its own in :mod:`alphaction.checks`; this module only runs them in order.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from yacs.config import CfgNode

from alphaction.checks.check_boxes import check_box_sizes
from alphaction.checks.check_classes import check_classes
from alphaction.checks.check_files import check_files, open_split
from alphaction.checks.check_person_height import check_person_height
from alphaction.checks.check_settings import CheckSettings
from alphaction.checks.check_splits import check_splits
from alphaction.checks.check_truth import check_truth
from alphaction.checks.findings import Finding
from alphaction.checks.quick_checks import check_tables
from alphaction.checks.video_findings import video_findings
from alphaction.config.paths_catalog import (
    AVA_VERSIONS,
    BUILT_IN,
    find_dataset,
    known_datasets,
    registered_by,
    splits_of,
)
from alphaction.data.tables import DatasetTables, seconds_of_videos
from alphaction.data.video.check_videos import check_videos
from alphaction.data.video.clip_source import VideoCheck
from alphaction.utils.errors import UserError
from alphaction.utils.messages import suggest
from alphaction.workflows.inspect.split_facts import collect_facts
from alphaction.workflows.inspect.validation_report import Report


def validate_dataset(cfg: CfgNode, name: str, *, thorough: bool = True, chosen: bool = False) -> Report:
    """Validate one split, also against the other splits of its dataset.

    Args:
        cfg: finds the dataset and says how a model would see it.
        name: a registered dataset, such as "pets_train".
        thorough: decode sample clips; otherwise open the videos only.
        chosen: ``cfg`` is the user's config for this dataset; otherwise what its defaults do not fit is a note.

    Raises:
        UserError: the dataset is not registered. Whatever is wrong with its files is a finding.
    """
    if name not in known_datasets(cfg):
        find_dataset(cfg, name)  # says which are known
    return _validate(cfg, name, [name], _siblings(cfg, name), thorough, chosen)


def validate_all(cfg: CfgNode, dataset: str, *, thorough: bool = True, chosen: bool = False) -> Report:
    """Validate every split of ``dataset`` ("pets": pets_train, pets_val); see :func:`validate_dataset`.

    Raises:
        UserError: no split of such a dataset is registered.
    """
    names = splits_of(cfg, dataset)
    if not names:
        known = known_datasets(cfg)
        stems = {name.rsplit("_", 1)[0] for name in known if "_" in name and registered_by(cfg, name) != [BUILT_IN]}
        stems |= set(AVA_VERSIONS)
        raise UserError(
            f'no dataset "{dataset}" with splits {dataset}_train, {dataset}_val, ... is known. '
            f"{suggest(dataset, stems)} Register it with a dataset.yaml (DATASETS.DATA_DIR, DATASETS.CATALOG)."
        )
    return _validate(cfg, dataset, names, [], thorough, chosen)


def _validate(
    cfg: CfgNode, title: str, names: Sequence[str], siblings: Sequence[str], thorough: bool, chosen: bool
) -> Report:
    settings = CheckSettings.from_config(cfg, chosen)
    findings: list[Finding] = []
    facts: dict[str, dict[str, Any]] = {}
    splits: list[DatasetTables] = []
    for name in names:
        split, found = open_split(cfg, name)
        findings += found
        if split is None:
            continue
        splits.append(split)
        checks = _check_videos(split, thorough)
        facts[name] = collect_facts(split, settings, checks)
        findings += _check_all(split, settings, checks, facts[name])
    # Of a sibling, only what concerns this split is said; its own faults are for its own report.
    others = [split for split, _ in (open_split(cfg, name) for name in siblings) if split is not None]
    findings += check_splits([*splits, *others])
    findings += check_classes(splits, others)
    missing = [name for name in siblings if name not in {split.name for split in others}]
    if missing:
        message = f"not compared with {', '.join(missing)}, whose files cannot be read; validate those as well (--all)."
        findings.append(Finding("note", "leakage", message, title))
    return Report.of(title, findings, facts)


def _check_videos(split: DatasetTables, thorough: bool) -> list[VideoCheck]:
    if split.source is None:
        return []
    seconds = seconds_of_videos(split.annotations.keyframes)
    return check_videos(split.source, seconds, decode=thorough, progress=f"{split.name}: videos")


def _check_all(
    split: DatasetTables, settings: CheckSettings, checks: Sequence[VideoCheck], facts: dict[str, Any]
) -> Iterator[Finding]:
    yield from check_files(split)
    yield from video_findings(split, settings, checks)
    yield from check_tables(split, settings)
    sizes = {check.video: (check.info.width, check.info.height) for check in checks if check.info is not None}
    yield from check_box_sizes(split, settings, sizes)
    yield from check_person_height(split, settings, sizes)
    yield from check_truth(split, facts)


def _siblings(cfg: CfgNode, name: str) -> list[str]:
    """Return the other splits that the same file registers."""
    files = set(registered_by(cfg, name))
    if BUILT_IN in files:
        return [name.replace("_train_", "_val_") if "_train_" in name else name.replace("_val_", "_train_")]
    return [known for known in known_datasets(cfg) if known != name and files & set(registered_by(cfg, known))]
