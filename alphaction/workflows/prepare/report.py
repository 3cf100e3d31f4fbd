"""What a preparation prints: the classes and splits in a table, notices, and the commands that come next."""

from __future__ import annotations

import os
import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from alphaction.config import load_cfg
from alphaction.config.paths_catalog import registered_by
from alphaction.data.annotations import AnnotationTable, LabelMap
from alphaction.data.label_statistics import labels_per_class
from alphaction.utils.messages import listed

_FEW = 5


def tables_text(label_map: LabelMap, splits: Mapping[str, AnnotationTable]) -> list[str]:
    """Return the lines of two tables: what each split holds, and its labels of each class by id.

    Where many classes have no label, as with AVA's 80 and a few annotated ones, those are only counted.
    """
    facts = {
        "videos": [len(np.unique(table.keyframes.video_index)) for table in splits.values()],
        "keyframes": [len(table.keyframes) for table in splits.values()],
        "boxes": [len(table) for table in splits.values()],
        "boxes without action": [int((np.diff(table.label_offsets) == 0).sum()) for table in splits.values()],
    }
    counts = np.stack([labels_per_class(table, label_map) for table in splits.values()], axis=1)
    classes = sorted(zip(label_map, counts.tolist(), strict=True), key=lambda row: row[0].id)
    unused = [entry for entry, numbers in classes if not any(numbers)]
    if len(unused) > _FEW:
        classes = [(entry, numbers) for entry, numbers in classes if any(numbers)]
    head = ["", *splits]
    rows = [[fact, *map(str, numbers)] for fact, numbers in facts.items()]
    labels = [[f"{entry.id:>3}  {entry.name} ({entry.group})", *map(str, numbers)] for entry, numbers in classes]
    width = max(len(row[0]) for row in [*rows, *labels])

    def line(row: Sequence[str]) -> str:
        return f"  {row[0]:<{width}}" + "".join(f"{cell:>9}" for cell in row[1:])

    lines = [line(head), *map(line, rows), "labels of each class, by id", *map(line, labels)]
    if len(unused) > _FEW:
        lines.append(f"  and {len(unused)} of {label_map.num_classes} classes without a label")
    return lines


def class_notes(label_map: LabelMap, splits: Mapping[str, AnnotationTable]) -> list[str]:
    """Return notices on classes that a split lacks or has few of."""
    notes = []
    counts = {split: labels_per_class(table, label_map) for split, table in splits.items()}
    total = sum(counts.values())
    names = np.array(label_map.names)
    if (total == 0).any():
        notes.append(f"in no split at all: {listed(names[total == 0], 10)}. Nothing can be learned of them")
    for split, count in counts.items():
        absent = (count == 0) & (total > 0)
        if absent.any():
            effect = "they cannot be learned" if split == "train" else "they do not count in the mAP"
            notes.append(f"not in {split}: {listed(names[absent], 10)}; {effect}")
    few = (counts["train"] > 0) & (counts["train"] < _FEW)
    if few.any():
        notes.append(f"fewer than {_FEW} labels in train: {listed(names[few], 10)}")
    return notes


def overlap_notes(train: AnnotationTable, val: AnnotationTable, divided_by_time: bool) -> list[str]:
    """Return notices on keyframes and videos that are in both splits."""
    shared = set(train.keyframes) & set(val.keyframes)
    if shared:
        first = min(shared)
        return [
            f"{len(shared)} of the {len(val.keyframes)} val keyframes are in train too (the first: {first.video}, "
            f"second {first.second}); the mAP will be too good to be true. Remove them from one file"
        ]
    videos = sorted({keyframe.video for keyframe in train.keyframes} & {keyframe.video for keyframe in val.keyframes})
    if videos and not divided_by_time:
        return [f"{listed(videos, 10)}: annotated in train and in val, at different seconds"]
    return []


def finding(name: str, catalog: Path, overrides: Sequence[str]) -> str:
    """Return the config keys that make the other tools find the dataset, as the end of a command; "" if none is needed.

    Args:
        catalog: the ``dataset.yaml``.
        overrides: keys and values that this command was given.
    """
    for some in ((), overrides):
        sources = registered_by(load_cfg(None, some), f"{name}_train")
        if any(Path(source).resolve() == catalog.resolve() for source in sources):
            return "".join(f" {shlex.quote(word)}" for word in some)
    return f" DATASETS.CATALOG {shlex.quote(shown_path(catalog))}"


def next_commands(name: str, catalog: Path, override: str, person_boxes: bool) -> list[str]:
    """Return the commands that come next.

    Args:
        catalog: the ``dataset.yaml``.
        override: what :func:`finding` returns.
        person_boxes: whether there are detected persons for the validation.
    """
    commands = [
        f"python tools/validate_dataset.py --all {name}{override}",
        f"python tools/visualize_dataset.py --dataset-name {name}_train --num-samples 10 "
        f"--output-dir output/{name}_pictures{override}",
        f"python tools/generate_finetune_config.py --dataset-name {name}{override}",
    ]
    if not person_boxes:
        detections = f"{shown_path(catalog.parent)}/boxes/detected_persons_val.csv"
        commands.append(
            f"python tools/detect_persons.py --dataset-name {name}_val --output {shlex.quote(detections)}{override}"
        )
    return commands


def shown_path(path: Path) -> str:
    """Return the path as a command in the current folder would write it: relative if it lies below it."""
    relative = os.path.relpath(path)
    return str(path) if relative.startswith("..") else relative
