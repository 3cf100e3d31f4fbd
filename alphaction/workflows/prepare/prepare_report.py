"""The report of a preparation: a table of splits and classes, notes, and the commands that come next."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np

from alphaction.checks.check_classes import check_classes
from alphaction.checks.check_splits import check_splits
from alphaction.checks.findings import Finding
from alphaction.config.dataset_keys import keys_that_find, shown_path
from alphaction.config.paths_catalog import CATALOG_FILE
from alphaction.data.annotations import AnnotationTable, LabelMap
from alphaction.data.label_statistics import labels_per_class
from alphaction.data.tables import DatasetTables
from alphaction.utils.command_text import runnable_here
from alphaction.utils.messages import counted, listed, text_table
from alphaction.workflows.prepare.dataset_contents import Contents
from alphaction.workflows.prepare.kept_boxes import NOTHING_KEPT, KeptBoxes
from alphaction.workflows.prepare.prepare_options import PrepareOptions
from alphaction.workflows.prepare.split_tables import seconds_by_video
from alphaction.workflows.prepare.train_val_split import gap_notes
from alphaction.workflows.prepare.video_library import VideoLibrary

# Classes without a label are listed up to this number.
_LISTED_UNUSED = 5


def report_lines(
    contents: Contents, library: VideoLibrary, options: PrepareOptions, kept: KeptBoxes = NOTHING_KEPT
) -> list[str]:
    """Return the lines that are printed in the end: what the dataset holds, notices on it, and what to do next.

    Args:
        contents: the dataset.
        library: its videos.
        options: of the preparation.
        kept: boxes that the dataset had before.
    """
    catalog = options.folder / CATALOG_FILE
    has_boxes = "val" in contents.boxes.get("person_boxes", {}) or "person_boxes" in kept.roles.get("val", {})
    used = seconds_by_video(contents.splits.values())
    notes = [
        *contents.left_out,
        *kept.gone,
        *kept.stay,
        *contents.notes,
        *split_notes(contents, options.name),
    ]
    unused = [video for video in library.names if video not in used]
    if unused:
        videos = counted(len(library), "video")
        notes.append(f"not used, as nothing in them is annotated: {len(unused)} of {videos} ({listed(unused)})")
    notes += gap_notes(contents.plan, [library.info(video).fps for video in used])
    if not has_boxes:
        notes.append(
            "no person boxes for val: the evaluation will use the annotated boxes, which is optimistic. "
            "tools/detect_persons.py, below, makes and registers them"
        )
    return [
        "",
        f"{shown_path(catalog)} registers {options.name}_train and {options.name}_val",
        *tables_text(contents.label_map, contents.splits),
        "",
        "Notes:",
        *(f"  - {note}" for note in notes),
        "",
        "To check it:",
        *(f"  {command}" for command in check_commands(options, catalog)),
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
        ["boxes without action", *(table.num_negatives for table in tables)],
    ]
    counts = np.stack([labels_per_class(table, label_map) for table in tables], axis=1)
    classes = sorted(zip(label_map, counts.tolist(), strict=True), key=lambda row: row[0].id)
    unused = sum(not any(numbers) for _, numbers in classes)
    if unused > _LISTED_UNUSED:
        classes = [(entry, numbers) for entry, numbers in classes if any(numbers)]
    labels = [[f"{entry.id:>3}  {entry.name} ({entry.group})", *numbers] for entry, numbers in classes]
    lines = text_table([*facts, *labels], indent="  ")
    lines.insert(len(facts), "labels of each class, by id")
    if unused > _LISTED_UNUSED:
        lines.append(f"  and {unused} of {label_map.num_classes} classes without a label")
    return lines


def split_notes(contents: Contents, name: str) -> list[str]:
    """Return what the checks of datasets find odd about the classes of the splits, and in both of them.

    Args:
        contents: the dataset.
        name: its name, which stands for the file where both splits come from the same ones.
    """
    # A table of many files would name all of them in each note.
    divided = contents.plan is not None
    splits = [
        DatasetTables(
            name=f"{name}_{split}",
            label_map=contents.label_map,
            annotations=replace(table, source=f"{name}_{split}") if divided or ", " in table.source else table,
            source=None,
            training=split == "train",
        )
        for split, table in contents.splits.items()
    ]
    # A division by time shares the videos on purpose.
    shared = check_splits(splits, compare_files=False) if contents.plan is None else ()
    return [*_merged(check_classes(splits)), *(finding.message for finding in shared)]


def _merged(findings: Iterable[Finding]) -> list[str]:
    """Return messages, of which those on the classes of one split are one; they begin with the name of its file."""
    texts: dict[tuple[str, str], str] = {}
    for finding in findings:
        source, _, rest = finding.message.partition(": ")
        before = texts.get((finding.dataset, source))
        more = f"{rest[:1].upper()}{rest[1:]}"
        texts[finding.dataset, source] = f"{before} {more}" if before else finding.message
    return list(texts.values())


def check_commands(options: PrepareOptions, catalog: Path) -> list[str]:
    """Return the commands that show whether the dataset is what it should be; see :func:`next_commands`."""
    name, keys = options.name, keys_that_find(options.name, catalog, options.overrides)
    commands = [
        f"python tools/validate_dataset.py --all {name}{keys}",
        f"python tools/visualize_dataset.py --dataset-name {name}_train --num-samples 10 "
        f"--output-dir output/{name}_pictures{keys}",
    ]
    return [runnable_here(command) for command in commands]


def next_commands(options: PrepareOptions, catalog: Path, person_boxes: bool) -> list[str]:
    """Return the commands that come next, in their order: the shortest way to a config.

    Args:
        options: what was prepared.
        catalog: the ``dataset.yaml``.
        person_boxes: whether there are detected persons for the validation.
    """
    name, keys = options.name, keys_that_find(options.name, catalog, options.overrides)
    boxes = [] if person_boxes else [f"python tools/detect_persons.py --dataset-name {name}_val{keys}"]
    commands = [*boxes, f"python tools/generate_finetune_config.py --dataset-name {name}{keys}"]
    return [runnable_here(command) for command in commands]
