"""Which of the detected persons a model classifies at test time.

Sizes in shapes: R detections, K annotated keyframes.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from alphaction.data.annotations import BoxTable
from alphaction.data.table_checks import require_matches
from alphaction.data.tables import DatasetTables
from alphaction.utils.errors import DataError
from alphaction.utils.messages import counted


@dataclass(frozen=True, eq=False)
class UsedDetections:
    """The detections at annotated keyframes whose score suffices.

    Attributes:
        boxes: all detections.
        min_score: the lowest score that suffices.
        matched: bool [R], whether their keyframe is annotated.
        confident: bool [R], whether their score suffices.
        keyframes: bool [K], the annotated keyframes that have a detection to classify.
    """

    boxes: BoxTable
    min_score: float
    matched: np.ndarray
    confident: np.ndarray
    keyframes: np.ndarray

    @classmethod
    def of(cls, tables: DatasetTables, min_score: float) -> UsedDetections:
        """Choose among the person boxes of a dataset, which must have some.

        Raises:
            DataError: none is at an annotated keyframe, or none of those scores ``min_score``.
        """
        boxes = tables.person_boxes
        require_matches(boxes, tables.annotations)
        position = tables.keyframe_of(boxes)
        matched, confident = position >= 0, boxes.scores >= np.float32(min_score)
        if not (matched & confident).any():
            best = boxes.scores[matched].max(initial=0)
            raise DataError(
                f"{boxes.source}: all {counted(int(matched.sum()), 'detection')} at annotated keyframes score below "
                f"TEST.BOX_THRESH {min_score} (the best has {best:.3f}). Lower TEST.BOX_THRESH."
            )
        keyframes = np.zeros(len(tables.annotations.keyframes), dtype=bool)
        keyframes[position[matched & confident]] = True
        return cls(boxes, min_score, matched, confident, keyframes)

    def summary(self) -> str:
        """Return counts for the log."""
        return (
            f"{self.boxes.summary()}; detections used: {int((self.matched & self.confident).sum())}; below "
            f"TEST.BOX_THRESH {self.min_score}: {int((self.matched & ~self.confident).sum())}; at keyframes that are "
            f"not annotated: {int((~self.matched).sum())}"
        )
