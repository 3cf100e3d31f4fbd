"""Everything that a prepared dataset consists of, from the imported annotations of its splits."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from alphaction.data.annotations import AnnotationTable, BoxTable, Keyframe, LabelMap, read_label_map
from alphaction.data.formats.rows import RowTable
from alphaction.workflows.prepare.class_collection import ResolvedClasses, resolve_classes
from alphaction.workflows.prepare.class_notes import DEFAULT_GROUP
from alphaction.workflows.prepare.nothing_to_learn import no_box_left
from alphaction.workflows.prepare.prepare_options import PrepareOptions
from alphaction.workflows.prepare.split_tables import (
    build_table,
    divide_boxes,
    image_ids_of,
    part_of,
    read_exclusions,
)
from alphaction.workflows.prepare.train_val_split import SplitPlan, split_annotations
from alphaction.workflows.prepare.video_library import VideoLibrary


@dataclass(frozen=True, eq=False)
class Contents:
    """All that is written for a dataset.

    Attributes:
        label_map: the classes.
        comment: lines for the top of the label map.
        splits: split -> annotations.
        boxes: role (person_boxes, object_boxes) -> split -> boxes.
        exclusions: split -> excluded timestamps; splits without any are missing.
        left_out: what was left out or changed on the way.
        notes: what was decided.
        plan: how one set of annotations was divided; None: the files were given for each split.
        unconfirmed: the rows of keyframes that were left out as a prediction at them is not confirmed.
    """

    label_map: LabelMap
    comment: str
    splits: Mapping[str, AnnotationTable]
    boxes: Mapping[str, Mapping[str, BoxTable]]
    exclusions: Mapping[str, set[Keyframe]]
    left_out: tuple[str, ...]
    notes: tuple[str, ...]
    plan: SplitPlan | None
    unconfirmed: Sequence[RowTable] = ()


def contents_of(parts: Mapping[str, Sequence[RowTable]], library: VideoLibrary, options: PrepareOptions) -> Contents:
    """Return the tables of both splits, with ids of one label map.

    Args:
        parts: split -> its imported files; only "train" where they are to be divided.
        library: the videos.
        options: where the other files are, and how to divide.

    Raises:
        UserError: a label, a box or a file is wrong, or the annotations cannot be divided.
    """
    given = None
    if options.label_map is not None:
        given = read_label_map(options.label_map, options.class_group or DEFAULT_GROUP)
    every = [part for some in parts.values() for part in some]
    by_attribute = options.groups_from_attributes
    classes = resolve_classes(every, given, options.class_group, options.wanted_groups, by_attribute=by_attribute)
    splits, plan = _splits(parts, classes, options)
    notes = [*classes.notes, *([plan.text] if plan else [])]
    left_out = [
        f"{f'{split}: ' if plan is None else ''}{name}: {count}"
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
            left_out += divided.left_out
            notes += divided.notes
    exclusions = {}
    for split, table in splits.items():
        path = options.exclusions(split)
        excluded = read_exclusions(path, library) if path else set()
        if plan is not None:
            excluded = {keyframe for keyframe in excluded if keyframe in table.keyframes}
        if excluded:
            exclusions[split] = excluded
            left_out.append(f"{split}: excluded seconds: {len(excluded)}")
    return Contents(classes.label_map, classes.comment, splits, boxes, exclusions, tuple(left_out), tuple(notes), plan)


def _splits(
    parts: Mapping[str, Sequence[RowTable]], classes: ResolvedClasses, options: PrepareOptions
) -> tuple[dict[str, AnnotationTable], SplitPlan | None]:
    """Return the annotations of each split, and how they were divided if one set of files holds both."""
    tables, start = {}, 0
    for split, some in parts.items():
        tables[split] = build_table(some, classes.class_ids[start : start + len(some)])
        start += len(some)
        if not len(tables[split]):
            raise no_box_left(split, tables[split])
    if "val" in tables:
        return tables, None
    table = tables["train"]
    plan = split_annotations(table, classes.label_map, options.fraction, options.split_by)
    return {"train": part_of(table, plan.train), "val": part_of(table, plan.val)}, plan
