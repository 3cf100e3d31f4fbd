"""Tables: the checks before a training, and the recall of person boxes, compared with reading the csv.

The tables are made up: boxes all over the frame in 300 videos of 900 seconds, and as many detections.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from alphaction.checks.quick_checks import quick_findings
from alphaction.config import get_cfg
from alphaction.data.annotations import (
    ActionClass,
    AnnotationTable,
    BoxTable,
    LabelMap,
    read_annotations,
    write_ava_csv,
)
from alphaction.data.tables import DatasetTables
from alphaction.evaluation.recall import Recall
from alphaction.utils.numbers import POSITIVE
from alphaction.utils.options import option
from benchmarks.speed.measure import Case, Comparison, compare

SMALLEST = ("--boxes", "200")
_CLASSES = 80
_VIDEOS, _SECONDS = 300, 900


@dataclass(frozen=True)
class Options:
    """How large the tables are."""

    boxes: int = option(430_000, within=POSITIVE, metavar="N", help="annotated boxes (default: %(default)s, as in AVA)")


def run(options: Options, repetitions: int) -> Iterator[Comparison]:
    """Yield the table."""
    label_map = LabelMap(tuple(ActionClass(i, f"class {i}", "object") for i in range(1, _CLASSES + 1)))
    annotations, detections = _made_up_tables(options.boxes)
    tables = DatasetTables("made_train", label_map, annotations, source=None, training=True)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "annotations.csv"
        write_ava_csv(path, annotations)
        cases = [
            Case("reading the annotations", lambda: read_annotations(path, label_map)),
            Case("checks", lambda: quick_findings(get_cfg(), [tables])),
            Case("recall of the detections", lambda: Recall.of(annotations, detections)),
        ]
        yield compare(f"Tables of {options.boxes:,} boxes", "table", cases, repetitions=repetitions)


def _made_up_tables(count: int) -> tuple[AnnotationTable, BoxTable]:
    draw = np.random.default_rng(0)
    size = draw.uniform([0.08, 0.2], [0.15, 0.4], (count, 2))
    corner = draw.uniform(0, 1, (count, 2)) * (1 - size)
    boxes = np.concatenate([corner, corner + size], axis=1)
    videos = [f"v{index}" for index in draw.integers(0, _VIDEOS, count)]
    seconds = draw.integers(0, _SECONDS, count)
    annotations = AnnotationTable.from_columns(videos, seconds, boxes, draw.integers(1, _CLASSES + 1, count))
    return annotations, BoxTable.from_columns(videos, seconds, boxes, draw.uniform(0, 1, count))
