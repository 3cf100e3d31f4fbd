"""Checks that the tables of a dataset belong together, before anything is decoded."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from alphaction.data.annotations import AnnotationTable, BoxTable
from alphaction.data.sample import Keyframe
from alphaction.utils.errors import UserError


def require_boxes(name: str, annotations: AnnotationTable) -> None:
    """Raise a :class:`UserError` if the annotations of dataset ``name`` hold no box at all."""
    if not len(annotations):
        raise UserError(
            f'dataset "{name}": {annotations.source} has {len(annotations.keyframes)} keyframes and not one box, so '
            "there is nothing to learn or to test. Is it the right file?"
        )


def require_labels(name: str, annotations: AnnotationTable) -> None:
    """Raise a :class:`UserError` if not one box of dataset ``name`` has a label, which teaches nothing."""
    if not annotations.num_labels:
        raise UserError(
            f'dataset "{name}": {annotations.source} has {len(annotations)} boxes and not one action label, so there '
            "is nothing to learn. Fill in the class ids, or is it a file of detections?"
        )


def matched_rows(name: str, boxes: BoxTable, annotations: AnnotationTable) -> np.ndarray:
    """Return for each detected box, bool [R], whether its keyframe is annotated.

    Raises:
        UserError: if there are boxes and none of them matches.
    """
    keyframes = boxes.keyframes
    position = annotations.keyframes.locate(keyframes.videos, keyframes.video_index, keyframes.seconds)
    matched = np.repeat(position >= 0, np.diff(boxes.row_offsets))
    if len(matched) and not matched.any():
        raise UserError(
            f'dataset "{name}": {boxes.source}: not one of its {len(keyframes)} keyframes is annotated in '
            f"{annotations.source}. Detections start with {_first_keyframes(keyframes)}; annotations with "
            f"{_first_keyframes(annotations.keyframes)}. Write video names and seconds alike in both files."
        )
    return matched


def _first_keyframes(keyframes: Sequence[Keyframe], limit: int = 3) -> str:
    return ", ".join(f"{video} second {second}" for video, second in list(keyframes[:limit]))
