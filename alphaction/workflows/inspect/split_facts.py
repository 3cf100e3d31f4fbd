"""The numbers of one split that a report shows, as plain types."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from alphaction.checks.check_person_height import person_height
from alphaction.checks.check_settings import CheckSettings
from alphaction.data.label_statistics import labels_per_class
from alphaction.data.tables import DatasetTables
from alphaction.data.video.clip_source import VideoCheck
from alphaction.evaluation.recall import Recall


def collect_facts(split: DatasetTables, settings: CheckSettings, checks: Sequence[VideoCheck]) -> dict[str, Any]:
    """Return the facts of a split.

    Keys: files (role -> path), videos, seconds, frame_sizes, fps ([lowest, highest]), keyframes, boxes, negatives,
    labels, classes (list of id, name, group, labels, recall), person_boxes, box_threshold, recall,
    recall_at_threshold (these four only with person boxes), person_height (of the median person in the network's
    frames: pixels, cells, cell; only with a config).
    """
    table = split.annotations
    infos = [check.info for check in checks if check.info is not None]
    counts = labels_per_class(table, split.label_map).tolist()
    classes = [
        {"id": entry.id, "name": entry.name, "group": entry.group, "labels": count}
        for entry, count in zip(split.label_map, counts, strict=True)
    ]
    facts: dict[str, Any] = {
        "annotations": table.source,
        "training": split.training,
        "videos": len(np.unique(table.keyframes.video_index)),
        "seconds": round(sum(info.duration or 0.0 for info in infos), 2),
        "frame_sizes": sorted({f"{info.width}x{info.height}" for info in infos}),
        "fps": [round(rate, 3) for rate in (min(info.fps for info in infos), max(info.fps for info in infos))]
        if infos
        else [],
        "keyframes": len(table.keyframes),
        "boxes": len(table),
        "negatives": table.num_negatives,
        "labels": table.num_labels,
        "left out or merged": {name: int(count) for name, count in table.counts.items() if count and name != "rows"},
        "classes": classes,
    }
    sizes = {check.video: (check.info.width, check.info.height) for check in checks if check.info is not None}
    if settings.chosen and (height := person_height(split, settings, sizes)) is not None:
        facts["person_height"] = {
            "pixels": round(height.pixels, 1),
            "cells": round(height.cells, 2),
            "cell": height.cell,
        }
    if split.person_boxes is not None and len(split.person_boxes):
        recall = Recall.of(table, split.person_boxes)
        for entry, found in zip(classes, recall.per_class(split.label_map).tolist(), strict=True):
            entry["recall"] = None if np.isnan(found) else round(found, 4)
        facts |= {
            "person_boxes": len(split.person_boxes),
            "recall": round(recall.at(), 4),
            "box_threshold": settings.box_threshold,
            "recall_at_threshold": round(recall.at(settings.box_threshold), 4),
        }
    return facts
