"""From videos and annotation files to a registered dataset: the steps of ``tools/prepare_dataset.py``."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from yacs.config import CfgNode

from alphaction.config.paths_catalog import CATALOG_FILE, registered_by
from alphaction.data.annotations import AnnotationTable, read_label_map
from alphaction.utils.errors import UserError
from alphaction.utils.messages import listed
from alphaction.utils.output_folder import scratch_beside
from alphaction.workflows.prepare.classes import DEFAULT_GROUP, ResolvedClasses, resolve_classes
from alphaction.workflows.prepare.imported import ImportedAnnotations
from alphaction.workflows.prepare.importers import import_annotations
from alphaction.workflows.prepare.options import PrepareOptions
from alphaction.workflows.prepare.output import SPLITS, OutputFolder
from alphaction.workflows.prepare.report import (
    class_notes,
    finding,
    next_commands,
    overlap_notes,
    shown_path,
    tables_text,
)
from alphaction.workflows.prepare.split import SplitPlan, gap_notes, split_annotations
from alphaction.workflows.prepare.tables import (
    build_table,
    divide_boxes,
    image_ids_of,
    part_of,
    read_exclusions,
    seconds_by_video,
)
from alphaction.workflows.prepare.videos import VideoLibrary
from alphaction.workflows.prepare.writing import Contents, cut_clips, write_contents

Say = Callable[[str], None]


def prepare_dataset(options: PrepareOptions, *, say: Say = print, progress: bool | None = None) -> Path:
    """Make a dataset and return its ``dataset.yaml``, which registers ``{name}_train`` and ``{name}_val``.

    Running it again replaces what it wrote before; an interrupted run leaves the former dataset or none, never half.

    Args:
        options: what to make.
        say: receives the lines of the report, while it runs.
        progress: show progress bars; None: only on a terminal.

    Raises:
        UserError: an option, a video, a file, a label or a row is wrong; nothing is registered then.
    """
    options.check()
    output = OutputFolder(options.folder, options.name)
    files = options.annotation_files()
    output.check(options.inputs(), options.force, options.label_map)
    check_free(options.cfg, options.name, options.folder / CATALOG_FILE)

    library = VideoLibrary(options.videos)
    library.probe(progress)
    for line in library.summary():
        say(line)
    parts = {split: [_import(path, library, options) for path in paths] for split, paths in files.items()}
    every = [part for some in parts.values() for part in some]
    for part in every:
        say(part.summary())
        for note in part.notes:
            say(f"  {note}")
    library.check_lengths(every)
    contents = _convert(parts, library, options)
    seconds = seconds_by_video(contents.splits.values())
    library.check_readable(seconds, progress)

    output.begin(options.record())
    if options.cut_clips:
        say(cut_clips(output, library, list(seconds), options.processes))
    with scratch_beside(options.folder) as scratch:
        try:
            written = write_contents(scratch, output, contents, options)
        except UserError as error:
            raise UserError(str(error).replace(str(scratch), str(options.folder))) from error
        output.replace(scratch, written, {"options": options.record()})
    _report(contents, library, options, say)
    return options.folder / CATALOG_FILE


def check_free(cfg: CfgNode, name: str, catalog: Path) -> None:
    """Raise a :class:`UserError` if another file than ``catalog`` registers ``name``'s splits."""
    for split in SPLITS:
        for source in registered_by(cfg, f"{name}_{split}"):
            if Path(source).resolve() != catalog.resolve():
                raise UserError(
                    f'--name {name}: the dataset "{name}_{split}" is registered already, by {source}. Choose another '
                    "name."
                )


def _import(path: Path, library: VideoLibrary, options: PrepareOptions) -> ImportedAnnotations:
    return import_annotations(
        path,
        info=library.info,
        video_names=library.names,
        format=options.format,
        box_format=options.box_format,
        normalized=options.normalized,
        keyframe_interval=options.keyframe_interval,
        action_attributes=options.action_attributes,
    )


def _convert(
    parts: Mapping[str, Sequence[ImportedAnnotations]], library: VideoLibrary, options: PrepareOptions
) -> Contents:
    """Return the tables of both splits, with ids of one label map."""
    given = None
    if options.label_map is not None:
        given = read_label_map(options.label_map, options.class_group or DEFAULT_GROUP)
    every = [part for some in parts.values() for part in some]
    classes = resolve_classes(every, given, options.class_group)
    notes = list(classes.notes)
    splits, plan = _splits(parts, classes, options)
    notes += [plan.text] if plan else []
    notes += [
        f"{split}: {name}: {count}"
        for split, table in splits.items()
        for name, count in table.counts.items()
        if count and (plan is None or split == "train")
    ]
    boxes = {}
    for role, paths in (("person_boxes", options.person_boxes), ("object_boxes", options.object_boxes)):
        if paths:
            objects = role == "object_boxes"
            divided = divide_boxes(paths, splits, image_ids_of(parts), library, objects=objects, dataset=options.name)
            boxes[role] = divided.tables
            notes += divided.notes
    exclusions = {}
    for split, table in splits.items():
        path = options.exclusions(split)
        excluded = read_exclusions(path, library) if path else set()
        if plan is not None:
            excluded = {keyframe for keyframe in excluded if keyframe in table.keyframes}
        if excluded:
            exclusions[split] = excluded
            notes.append(f"{split}: {len(excluded)} seconds are excluded")
    return Contents(classes.label_map, classes.comment, splits, boxes, exclusions, tuple(notes), plan)


def _splits(
    parts: Mapping[str, Sequence[ImportedAnnotations]], classes: ResolvedClasses, options: PrepareOptions
) -> tuple[dict[str, AnnotationTable], SplitPlan | None]:
    """Return the annotations of each split, and how they were divided if one set of files holds both."""
    tables, start = {}, 0
    for split, some in parts.items():
        tables[split] = build_table(some, classes.class_ids[start : start + len(some)])
        start += len(some)
    if "val" in tables:
        return tables, None
    table = tables["train"]
    plan = split_annotations(table, classes.label_map, options.fraction, options.split_by)
    return {"train": part_of(table, plan.train), "val": part_of(table, plan.val)}, plan


def _report(contents: Contents, library: VideoLibrary, options: PrepareOptions, say: Say) -> None:
    """Say what the dataset holds, what to know about it, and what to do next."""
    catalog = options.folder / CATALOG_FILE
    say("")
    say(f"{shown_path(catalog)} registers {options.name}_train and {options.name}_val")
    for line in tables_text(contents.label_map, contents.splits):
        say(line)
    notes = [
        *contents.notes,
        *class_notes(contents.label_map, contents.splits),
        *overlap_notes(contents.splits["train"], contents.splits["val"], contents.plan is not None),
        *_unused_notes(contents, library),
        *gap_notes(contents.plan, [library.info(video).fps for video in seconds_by_video(contents.splits.values())]),
    ]
    if "val" not in contents.boxes.get("person_boxes", {}):
        notes.append(
            "no person boxes for val: the evaluation will use the annotated boxes, which is optimistic. "
            "tools/detect_persons.py makes them, and says which line to add to dataset.yaml"
        )
    say("")
    say("To know:")
    for note in notes:
        say(f"  - {note}")
    say("")
    say("Next:")
    where = finding(options.name, catalog, options.overrides)
    for command in next_commands(options.name, catalog, where, "val" in contents.boxes.get("person_boxes", {})):
        say(f"  {command}")


def _unused_notes(contents: Contents, library: VideoLibrary) -> list[str]:
    used = seconds_by_video(contents.splits.values())
    unused = [video for video in library.names if video not in used]
    if not unused:
        return []
    return [f"{len(unused)} of {len(library)} videos have no annotation and are not used: {listed(unused)}"]
