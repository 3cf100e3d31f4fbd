"""What a preparation prints: the classes and splits in a table, notices, and the commands that come next."""

from __future__ import annotations

import os
import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from alphaction.config import load_cfg
from alphaction.config.paths_catalog import CATALOG_FILE, registered_by
from alphaction.data.annotations import AnnotationTable, LabelMap
from alphaction.data.label_statistics import labels_per_class
from alphaction.utils.messages import counted, listed, text_table
from alphaction.workflows.prepare.dataset_contents import Contents
from alphaction.workflows.prepare.prepare_options import PrepareOptions
from alphaction.workflows.prepare.split_tables import seconds_by_video
from alphaction.workflows.prepare.train_val_split import gap_notes
from alphaction.workflows.prepare.video_library import VideoLibrary

_FEW = 5


def report_lines(contents: Contents, library: VideoLibrary, options: PrepareOptions) -> list[str]:
    """Return the lines that are printed in the end: what the dataset holds, notices on it, and what to do next."""
    catalog = options.folder / CATALOG_FILE
    has_boxes = "val" in contents.boxes.get("person_boxes", {})
    used = seconds_by_video(contents.splits.values())
    notes = [
        *contents.notes,
        *class_notes(contents.label_map, contents.splits),
        *overlap_notes(contents.splits["train"], contents.splits["val"], contents.plan is not None),
    ]
    unused = [video for video in library.names if video not in used]
    if unused:
        videos = counted(len(library), "video")
        notes.append(f"not used, as nothing in them is annotated: {len(unused)} of {videos} ({listed(unused)})")
    notes += gap_notes(contents.plan, [library.info(video).fps for video in used])
    if not has_boxes:
        notes.append(
            "no person boxes for val: the evaluation will use the annotated boxes, which is optimistic. "
            "tools/detect_persons.py makes them, and says which line to add to dataset.yaml"
        )
    return [
        "",
        f"{shown_path(catalog)} registers {options.name}_train and {options.name}_val",
        *tables_text(contents.label_map, contents.splits),
        "",
        "Notes:",
        *(f"  - {note}" for note in notes),
        "",
        "Next:",
        *(f"  {command}" for command in next_commands(options, catalog, has_boxes)),
    ]


def tables_text(label_map: LabelMap, splits: Mapping[str, AnnotationTable]) -> list[str]:
    """Return the lines of a table: what each split holds, and its labels of each class by id.

    Where many classes have no label, as with AVA's 80 and a few annotated ones, those are only counted.
    """
    tables = splits.values()
    facts = [
        ["", *splits],
        ["videos", *(len(np.unique(table.keyframes.video_index)) for table in tables)],
        ["keyframes", *(len(table.keyframes) for table in tables)],
        ["boxes", *(len(table) for table in tables)],
        ["boxes without action", *(int((np.diff(table.label_offsets) == 0).sum()) for table in tables)],
    ]
    counts = np.stack([labels_per_class(table, label_map) for table in tables], axis=1)
    classes = sorted(zip(label_map, counts.tolist(), strict=True), key=lambda row: row[0].id)
    unused = sum(not any(numbers) for _, numbers in classes)
    if unused > _FEW:
        classes = [(entry, numbers) for entry, numbers in classes if any(numbers)]
    labels = [[f"{entry.id:>3}  {entry.name} ({entry.group})", *numbers] for entry, numbers in classes]
    lines = text_table([*facts, *labels], indent="  ")
    lines.insert(len(facts), "labels of each class, by id")
    if unused > _FEW:
        lines.append(f"  and {unused} of {label_map.num_classes} classes without a label")
    return lines


def class_notes(label_map: LabelMap, splits: Mapping[str, AnnotationTable]) -> list[str]:
    """Return notices on classes that a split lacks or has few of."""
    notes = []
    counts = {split: labels_per_class(table, label_map) for split, table in splits.items()}
    total = sum(counts.values())
    names = np.array(label_map.names)
    if (total == 0).any():
        notes.append(f"in no split at all: {listed(names[total == 0], 10)}. They cannot be learned")
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
            f"val keyframes that are in train too: {len(shared)} of {len(val.keyframes)} (the first: {first.video}, "
            f"second {first.second}). The mAP will be too good to be true: remove them from one file"
        ]
    videos = sorted({keyframe.video for keyframe in train.keyframes} & {keyframe.video for keyframe in val.keyframes})
    if videos and not divided_by_time:
        return [f"{listed(videos, 10)}: annotated in train and in val, at different seconds"]
    return []


def next_commands(options: PrepareOptions, catalog: Path, person_boxes: bool) -> list[str]:
    """Return the commands that come next.

    Args:
        options: what was prepared.
        catalog: the ``dataset.yaml``.
        person_boxes: whether there are detected persons for the validation.
    """
    name, keys = options.name, _keys_that_find(options.name, catalog, options.overrides)
    commands = [
        f"python tools/validate_dataset.py --all {name}{keys}",
        f"python tools/visualize_dataset.py --dataset-name {name}_train --num-samples 10 "
        f"--output-dir output/{name}_pictures{keys}",
        f"python tools/generate_finetune_config.py --dataset-name {name}{keys}",
    ]
    if not person_boxes:
        detections = f"{shown_path(catalog.parent)}/boxes/detected_persons_val.csv"
        commands.append(
            f"python tools/detect_persons.py --dataset-name {name}_val --output {shlex.quote(detections)}{keys}"
        )
    return commands


def _keys_that_find(name: str, catalog: Path, overrides: Sequence[str]) -> str:
    """Return the config keys that make the other tools find the dataset, as the end of a command; "" if none is needed.

    Args:
        name: the dataset's name.
        catalog: its ``dataset.yaml``.
        overrides: keys and values that this command was given.
    """
    for some in ((), overrides):
        sources = registered_by(load_cfg(None, some), f"{name}_train")
        if any(Path(source).resolve() == catalog.resolve() for source in sources):
            return "".join(f" {shlex.quote(word)}" for word in some)
    return f" DATASETS.CATALOG {shlex.quote(shown_path(catalog))}"


def shown_path(path: Path) -> str:
    """Return the path as a command in the current folder would write it: relative if it lies below it."""
    relative = os.path.relpath(path)
    return str(path) if relative.startswith("..") else relative
