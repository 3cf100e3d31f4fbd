"""Whether a validation split is large enough to tell two recipes apart."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from math import sqrt

import numpy as np

from alphaction.data.annotations import AnnotationTable
from alphaction.evaluation.result import FEW_VIDEOS
from alphaction.utils.messages import counted

FEW_BOXES = 200
"""With fewer validated boxes, recipes that differ by less than many points of mAP cannot be told apart."""

# Half of a 95% interval of mAP, squared, is about these by the number of labels and of videos: fitted to the intervals
# of 5 to 40 videos, one label in each (JHMDB) and 27 in each (AVA, 2% of its keyframes); docs/RESULTS.md.
_OF_LABELS, _OF_VIDEOS = 0.31, 0.05


@dataclass(frozen=True)
class ValidationSize:
    """Counts of a validation split: videos with labels, boxes, labels."""

    videos: int
    boxes: int
    labels: int

    @classmethod
    def of(cls, table: AnnotationTable) -> ValidationSize:
        """Count what a table has."""
        of_label = table.keyframes.video_index[table.keyframe_of_box()[table.box_of_label()]]
        return cls(len(np.unique(of_label)), len(table), table.num_labels)

    @property
    def half_width(self) -> float:
        """About how far the 95% interval of an mAP reaches to either side, from 0 to 1."""
        if not self.labels:
            return 1.0
        return min(1.0, sqrt(_OF_LABELS / self.labels + _OF_VIDEOS / self.videos))

    def notes(self, name: str, *, folds: bool) -> Iterator[str]:
        """Yield a warning where the split is too small.

        Args:
            name: of the split.
            folds: whether to offer a cross-validation.
        """
        if self.boxes >= FEW_BOXES and self.videos >= FEW_VIDEOS:
            return
        offer = (
            " --folds 4 validates on the videos of both splits in turn, and tools/compare_runs.py says whether a "
            "difference is more than noise."
            if folds
            else ""
        )
        yield (
            f"{name} has {counted(self.boxes, 'box', 'boxes')} in {counted(self.videos, 'video')}, which is little to "
            f"tell recipes apart: with other videos its mAP could be some {100 * self.half_width:.0f} points higher or "
            f"lower.{offer}"
        )
