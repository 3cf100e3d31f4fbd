"""The checks that need only the opened tables: they run before every training and in every validation."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from yacs.config import CfgNode

from alphaction.checks.check_boxes import check_boxes
from alphaction.checks.check_classes import check_classes
from alphaction.checks.check_detections import check_detections
from alphaction.checks.check_labels import check_labels
from alphaction.checks.check_settings import CheckSettings
from alphaction.checks.check_splits import check_splits
from alphaction.checks.findings import Finding, in_order
from alphaction.data.tables import DatasetTables


def check_tables(split: DatasetTables, settings: CheckSettings) -> Iterator[Finding]:
    """Yield the findings about one split: its labels, its boxes, and its person boxes against them."""
    yield from check_labels(split, settings)
    yield from check_boxes(split)
    yield from check_detections(split, settings)


def quick_findings(cfg: CfgNode, splits: Sequence[DatasetTables]) -> list[Finding]:
    """Return the findings about the tables of one run; no video is opened.

    This takes a second or two for tables of AVA's size. Files are read again only for the line numbers in a finding.

    Args:
        cfg: the run's config.
        splits: what the run trains on, then what it evaluates on.
    """
    settings = CheckSettings.from_config(cfg, chosen=True)
    findings = [finding for split in splits for finding in check_tables(split, settings)]
    findings += check_splits(splits, compare_files=False)
    findings += check_classes(splits)
    return in_order(findings)
