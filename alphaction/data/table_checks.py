"""Checks that the tables of a dataset hold what is needed and belong together, before anything is decoded.

Sizes in shapes: R boxes, K annotated keyframes.
"""

from __future__ import annotations

import numpy as np

from alphaction.data.annotations import AnnotationTable, BoxTable, KeyframeIndex, LabelMap
from alphaction.data.keyframes import exact_time
from alphaction.data.row_places import first_row, place
from alphaction.data.tables import DatasetTables
from alphaction.utils.errors import DataError
from alphaction.utils.messages import counted, suggest


def require_boxes(annotations: AnnotationTable) -> None:
    """Raise a :class:`UserError` if there is no box at all."""
    if not len(annotations):
        raise DataError(
            f"{annotations.source} has {counted(len(annotations.keyframes), 'keyframe')} and not one box, so there is "
            "nothing to learn or to test. Is it the right file?"
        )


def require_labels(annotations: AnnotationTable) -> None:
    """Raise a :class:`UserError` if not one box has a label, which teaches nothing."""
    if not annotations.num_labels:
        raise DataError(
            f"{annotations.source} has {counted(len(annotations), 'box', 'boxes')} and not one action label. Fill in "
            "the class ids (7th column), or is it a file of detections?"
        )


def require_matches(boxes: BoxTable, annotations: AnnotationTable) -> None:
    """Raise a :class:`UserError` if there are ``boxes``, but none at an annotated keyframe."""
    keyframes, annotated = boxes.keyframes, annotations.keyframes
    found = annotated.locate_each(keyframes)
    if not len(boxes) or (found >= 0).any():
        return
    own, wanted = used_videos(keyframes), used_videos(annotated)
    strange = [video for video in own if video not in wanted]
    if strange:
        where = first_row(boxes.source, strange[0])
        reason = f'video "{strange[0]}" is not annotated. {suggest(strange[0], wanted, limit=5)}'
    else:
        where = place(boxes, 0)
        reason = (
            f'the annotations of video "{own[0]}" and others are at seconds {exact_time(annotated.seconds.min())} to '
            f"{exact_time(annotated.seconds.max())}, the boxes at {exact_time(keyframes.seconds.min())} to "
            f"{exact_time(keyframes.seconds.max())}. Count "
            "both in seconds from the start of the video."
        )
    raise DataError(
        f"{where}: not one of the {counted(len(keyframes), 'keyframe')} of these boxes is annotated in "
        f"{annotations.source}: {reason} Write video names and seconds alike in both files."
    )


def require_same_classes(tables: DatasetTables, label_map: LabelMap, owner: str) -> None:
    """Raise a :class:`UserError` unless a dataset has the classes of ``label_map``, which is that of ``owner``."""
    remedy = "One model has one list of classes: use the same label map."
    for mine, other in zip(tables.label_map.classes, label_map.classes, strict=False):
        if mine != other:
            raise DataError(
                f'{tables.name}: class {mine.id} "{mine.name}" ({mine.group}) is where {owner} has {other.id} '
                f'"{other.name}" ({other.group}). {remedy}'
            )
    if odd := sorted(tables.label_map.exclusive ^ label_map.exclusive):
        here = "exclusive" if odd[0] in tables.label_map.exclusive else "independent"
        there = "independent" if here == "exclusive" else "exclusive"
        raise DataError(f'{tables.name}: the group "{odd[0]}" is {here}, and {there} in {owner}. {remedy}')
    ours, theirs = tables.label_map.num_classes, label_map.num_classes
    if ours != theirs:
        raise DataError(f"{tables.name} has {counted(ours, 'class', 'classes')}, {owner} {theirs}. {remedy}")


def used_videos(keyframes: KeyframeIndex) -> list[str]:
    """Return the names of the videos that have a keyframe, sorted."""
    return [str(video) for video in keyframes.videos[np.unique(keyframes.video_index)]]
