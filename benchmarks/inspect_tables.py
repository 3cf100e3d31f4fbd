"""Time of what runs on tables before every training, at AVA's size: the quick checks, and the recall of person boxes.

    python benchmarks/inspect_tables.py [--boxes 430000]

The tables are made up: boxes all over the frame in 300 videos of 900 seconds, as many detections.
"""

from __future__ import annotations

import argparse
import time

import numpy as np

from alphaction.checks.quick_checks import quick_findings
from alphaction.config import get_cfg
from alphaction.data.annotations import ActionClass, AnnotationTable, BoxTable, LabelMap
from alphaction.data.tables import DatasetTables
from alphaction.evaluation.recall import Recall

_CLASSES = 80
_VIDEOS, _SECONDS = 300, 900


def main() -> None:
    """Make the tables and print the times."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--boxes", type=int, default=430_000, help="annotated boxes (default: %(default)s)")
    count = parser.parse_args().boxes
    rng = np.random.default_rng(0)
    size = rng.uniform([0.08, 0.2], [0.15, 0.4], (count, 2))
    corner = rng.uniform(0, 1, (count, 2)) * (1 - size)
    boxes = np.concatenate([corner, corner + size], axis=1)
    videos = [f"v{index}" for index in rng.integers(0, _VIDEOS, count)]
    seconds = rng.integers(0, _SECONDS, count)
    label_map = LabelMap(tuple(ActionClass(i, f"class {i}", "object") for i in range(1, _CLASSES + 1)))
    annotations = AnnotationTable.from_columns(videos, seconds, boxes, rng.integers(1, _CLASSES + 1, count))
    detections = BoxTable.from_columns(videos, seconds, boxes, rng.uniform(0, 1, count))
    tables = DatasetTables("made_train", label_map, annotations, source=None, training=True)
    for what, work in (
        ("quick checks", lambda: quick_findings(get_cfg(), [tables])),
        ("recall", lambda: Recall.of(annotations, detections)),
    ):
        start = time.perf_counter()
        work()
        print(f"{what}: {time.perf_counter() - start:.2f} s for {count} boxes")


if __name__ == "__main__":
    main()
