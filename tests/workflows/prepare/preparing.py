"""Preparing a dataset in a test."""

from __future__ import annotations

import csv
from pathlib import Path

from alphaction.workflows.prepare.prepare import prepare_dataset
from alphaction.workflows.prepare.prepare_options import PrepareOptions

SECONDS = 6


def prepare(options: PrepareOptions) -> tuple[Path, str]:
    """Return the dataset.yaml and what was printed."""
    lines: list[str] = []
    catalog = prepare_dataset(options, say=lines.append, progress=False)
    return catalog, "\n".join(lines)


def write_rows(path: Path, rows: list) -> Path:
    with path.open("w", newline="") as file:
        csv.writer(file).writerows(rows)
    return path
