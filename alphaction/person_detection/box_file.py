"""Writing the csv of boxes, and what a user wants to know about it: recall, and how to register it."""

from __future__ import annotations

import os
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from torchvision.ops import box_iou

from alphaction.config.paths_catalog import BUILT_IN, DatasetSpec
from alphaction.config.yaml_file import read_yaml_mapping
from alphaction.data.annotations import AnnotationTable, BoxTable, write_box_csv


class Recall(NamedTuple):
    """How many boxes of the ground truth have a detection on them."""

    found: int
    total: int

    def __str__(self) -> str:
        share = 100 * self.found / self.total if self.total else 0.0
        return f"{self.found} of {self.total} ground truth boxes ({share:.1f} %)"


def write_boxes(output: Path, table: BoxTable) -> None:
    """Write ``table`` as csv rows video, second, x1, y1, x2, y2, score; ``output`` is replaced in one step."""
    suffix = ".new.gz" if output.suffix == ".gz" else ".new"
    new = output.with_name(output.name + suffix)
    write_box_csv(new, table)
    os.replace(new, output)


def box_recall(annotations: AnnotationTable, boxes: BoxTable, min_iou: float = 0.5) -> Recall:
    """Return how many ground truth boxes overlap a detection of their keyframe by at least ``min_iou``.

    No model can find the actions of the others: the share is the ceiling of the mean AP at that IoU.
    """
    found = 0
    for k, keyframe in enumerate(annotations.keyframes):
        truth = annotations.boxes[annotations.rows(k)]
        detected, _ = boxes.lookup(*keyframe)
        if len(truth) and len(detected):
            overlap = box_iou(torch.from_numpy(truth), torch.from_numpy(np.ascontiguousarray(detected)))
            # 1e-9: a box that is exactly half covered counts, whatever the rounding of the coordinates.
            found += int((overlap.max(dim=1).values >= min_iou - 1e-9).sum())
    return Recall(found, len(annotations))


def registration_hint(spec: DatasetSpec, output: Path, role: str) -> str:
    """Return what to write into which file so that the dataset uses ``output`` as ``role`` ("person_boxes")."""
    if spec.source == BUILT_IN:
        target = "object" if role == "object_boxes" else "person"
        split = "train" if "_train_" in spec.name else "val"
        place = spec.annotations.parent.parent / "boxes" / f"ava_{split}_det_{target}_bbox.json"
        return f"To use it, copy it to {place} (the format is recognized by content, whatever the name)."
    catalog = Path(spec.source)
    split = spec.name.removeprefix(f"{read_yaml_mapping(catalog, 'dataset file')['name']}_")
    folder, file = catalog.parent.resolve(), output.resolve()
    path = file.relative_to(folder) if file.is_relative_to(folder) else file
    return f"To use it, write into {catalog}, below splits: {split}:\n    {role}: {path.as_posix()}"
