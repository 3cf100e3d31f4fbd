"""The training and the validation split of a dataset as one, and the part of it that some videos are."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace

import numpy as np

from alphaction.config.paths_catalog import DatasetSpec
from alphaction.data.annotations import AnnotationTable, BoxTable, LabelMap
from alphaction.data.annotations.annotation_table import NO_CLASS, merge_rows
from alphaction.data.keyframes import KeyframeIndex, encode, time_text
from alphaction.data.table_checks import require_same_classes
from alphaction.data.tables import BOX_FILES, DatasetTables, open_tables
from alphaction.utils.errors import DataError, UserError


@dataclass(frozen=True, eq=False)
class JoinedSplits:
    """All that is annotated of a dataset.

    Attributes:
        spec: of the training split: folder of the videos, label maps.
        label_map: the classes.
        annotations: of both splits, without excluded keyframes.
        boxes: role -> boxes of both splits; roles that neither has are missing.
    """

    spec: DatasetSpec
    label_map: LabelMap
    annotations: AnnotationTable
    boxes: dict[str, BoxTable]


def join_splits(train: DatasetSpec, val: DatasetSpec) -> JoinedSplits:
    """Read both splits of a dataset and join them.

    Raises:
        UserError: they have different classes or videos in two folders, one has boxes that the other lacks, or both
            have the same keyframe.
    """
    for role in ("videos", "clips", "eval_label_map"):
        places = getattr(train, role), getattr(val, role)
        if places[0] != places[1]:
            raise UserError(
                f"--folds: {train.name} and {val.name} have different {role.replace('_', ' ')}: {places[0] or 'none'} "
                f"and {places[1] or 'none'}. Register both splits in one dataset.yaml."
            )
    opened = [open_tables(spec) for spec in (train, val)]
    require_same_classes(opened[1], opened[0].label_map, train.name)
    annotations = _join_annotations([each.annotations for each in opened])
    boxes = {role: joined for role in BOX_FILES if (joined := _join_boxes(role, opened)) is not None}
    return JoinedSplits(train, opened[0].label_map, annotations, boxes)


def part_of_annotations(table: AnnotationTable, videos: Collection[str]) -> AnnotationTable:
    """Return the keyframes of some videos."""
    return table.without([keyframe for keyframe in table.keyframes if keyframe.video not in videos])


def part_of_boxes(table: BoxTable, videos: Collection[str]) -> BoxTable:
    """Return the boxes of some videos."""
    names = [keyframe.video for keyframe in table.keyframes]
    wanted = np.array([name in videos for name in names], dtype=bool)
    of_box = table.keyframe_of_box()
    rows = np.flatnonzero(wanted[of_box])
    seconds = table.keyframes.seconds[of_box[rows]]
    part = BoxTable.from_columns(
        [names[k] for k in of_box[rows].tolist()], seconds, table.boxes[rows], table.scores[rows], table.source
    )
    return replace(part, counts=table.counts)


def _join_annotations(tables: list[AnnotationTable]) -> AnnotationTable:
    known: dict[str, int] = {}
    names = [keyframe.video for table in tables for keyframe in table.keyframes]
    codes = encode(names, known)
    seconds = np.concatenate([table.keyframes.seconds for table in tables])
    keyframes, position = KeyframeIndex.from_rows(list(known), codes, seconds)
    if len(keyframes) < len(names):
        twice = keyframes[int(np.flatnonzero(np.bincount(position) > 1)[0])]
        raise DataError(
            f"--folds: {twice.video}, second {time_text(twice.second)} is in both splits ({tables[0].source} and "
            f"{tables[1].source}): a keyframe that is trained on cannot be validated. Take it out of one of them."
        )
    columns, start = [], 0
    for table in tables:
        repeats = np.maximum(np.diff(table.label_offsets), 1)
        rows = np.repeat(np.arange(len(table)), repeats)
        ids = np.full(len(rows), NO_CLASS, dtype=np.int64)
        ids[np.repeat(np.diff(table.label_offsets) > 0, repeats)] = table.label_ids
        of_row = position[start : start + len(table.keyframes)][table.keyframe_of_box()[rows]]
        columns.append((of_row, table.boxes[rows], ids, table.person_ids[rows]))
        start += len(table.keyframes)
    joined = (np.concatenate(column) for column in zip(*columns, strict=True))
    return merge_rows(keyframes, *joined, source=" and ".join(table.source for table in tables))


def _join_boxes(role: str, opened: list[DatasetTables]) -> BoxTable | None:
    found = [getattr(tables, role) for tables in opened]
    if all(table is None for table in found):
        return None
    if any(table is None for table in found):
        lacking = next(tables.name for tables, table in zip(opened, found, strict=True) if table is None)
        what = role.replace("_", " ")
        raise UserError(
            f"--folds: {lacking} has no {what}, and the other split has: every video is validated once, and needs "
            f"them. Make them: python tools/detect_persons.py --dataset-name {lacking}"
            + (" --every-class --no-persons" if role == "object_boxes" else "")
        )
    names = [k.video for table in found for k in table.keyframes]
    first = len(found[0].keyframes)
    of_box = np.concatenate([found[0].keyframe_of_box(), found[1].keyframe_of_box() + first])
    seconds = np.concatenate([table.keyframes.seconds for table in found])[of_box]
    boxes, scores = (np.concatenate([getattr(table, name) for table in found]) for name in ("boxes", "scores"))
    source = " and ".join(table.source for table in found)
    return BoxTable.from_columns([names[k] for k in of_box.tolist()], seconds, boxes, scores, source)
