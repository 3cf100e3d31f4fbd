"""Where annotated persons are shortly before and after their keyframes, as far as their neighbors at other ones tell.

Sizes in shapes: R boxes of the annotations, n of a clip.
"""

from __future__ import annotations

import numpy as np

from alphaction.data.annotations import AnnotationTable

# Between keyframes further apart than this, in seconds, nobody walks in a straight line.
_FURTHEST = 2.0


class PersonTracks:
    """Boxes between the keyframes of one person, on straight lines.

    Args:
        annotations: ground truth; boxes with the same person id in one video are the same person's.
    """

    def __init__(self, annotations: AnnotationTable) -> None:
        self._boxes = annotations.boxes
        keyframe = annotations.keyframe_of_box()
        video = annotations.keyframes.video_index[keyframe]
        self._seconds = np.asarray(annotations.keyframes.seconds, dtype=np.float64)[keyframe]
        order = np.lexsort((self._seconds, annotations.person_ids, video))
        before, after = order[:-1], order[1:]
        gap = self._seconds[after] - self._seconds[before]
        same = (video[before] == video[after]) & (annotations.person_ids[before] == annotations.person_ids[after])
        same &= (annotations.person_ids[after] >= 0) & (gap > 0) & (gap <= _FURTHEST)
        self._next, self._previous = (np.full(len(order), -1) for _ in range(2))
        self._next[before[same]] = after[same]
        self._previous[after[same]] = before[same]

    def boxes(self, rows: np.ndarray, later: float) -> np.ndarray:
        """Return the boxes of persons some time after their keyframe, float64 [n, 4].

        Args:
            rows: of the annotations, int64 [n].
            later: seconds, below 0 for earlier; not beyond the neighbor. The box of a person without a neighbor on
                that side is that of the keyframe.
        """
        other = (self._next if later > 0 else self._previous)[rows]
        known = other >= 0
        boxes = self._boxes[rows].copy()
        rows, other = rows[known], other[known]
        share = np.minimum(np.abs(later / (self._seconds[other] - self._seconds[rows])), 1)[:, None]
        boxes[known] = (1 - share) * self._boxes[rows] + share * self._boxes[other]
        return boxes

    def usual_step(self) -> float:
        """Return how many seconds later a person's next box usually is; 0 where less than half of them have one."""
        rows = np.flatnonzero(self._next >= 0)
        if 2 * len(rows) < max(len(self._next), 1):
            return 0.0
        return float(np.median(self._seconds[self._next[rows]] - self._seconds[rows]))
