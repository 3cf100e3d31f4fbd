"""Persons followed from keyframe to keyframe by the overlap of their boxes.

Sizes in shapes: n boxes of a keyframe, k keyframes of a track.
"""

from __future__ import annotations

import bisect
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from alphaction.evaluation.average_precision import box_iou

# A walker covers about 0.8 of their own height in a second, a runner twice their height.
_MAX_SHIFT = 1.0
_MIN_SIZE_RATIO = 0.5
# People slow down and turn: this share of the last movement is expected to continue.
_MOMENTUM = 0.75


@dataclass
class Track:
    """One person.

    Attributes:
        id: number of the person, from 1 in order of appearance.
        seconds: keyframes at which the person was found, ascending.
        rows: index of the person's box among all boxes given to the tracker, for each keyframe.
        boxes: float64 [4] x1, y1, x2, y2 as fractions of the frame, for each keyframe.
    """

    id: int
    seconds: list[int] = field(default_factory=list)
    rows: list[int] = field(default_factory=list)
    boxes: list[np.ndarray] = field(default_factory=list)

    def add(self, second: int, row: int, box: np.ndarray) -> None:
        """Append a keyframe, later than those before."""
        self.seconds.append(second)
        self.rows.append(row)
        self.boxes.append(box)

    def expected(self, second: int) -> np.ndarray:
        """Return where the box is expected at a later second, moving nearly as between the last two keyframes."""
        last = self.boxes[-1]
        if len(self.boxes) < 2:
            return last
        steps = _MOMENTUM * (second - self.seconds[-1]) / (self.seconds[-1] - self.seconds[-2])
        return last + np.tile(_center(last) - _center(self.boxes[-2]), 2) * steps

    def box_at(self, time: float, margin: float = 0.5) -> np.ndarray | None:
        """Return the box at ``time`` seconds, float64 [4], between keyframes by linear interpolation.

        Up to ``margin`` seconds before the first and after the last keyframe it is theirs; further away, None.
        """
        if not self.seconds[0] - margin <= time <= self.seconds[-1] + margin:
            return None
        after = bisect.bisect_right(self.seconds, time)
        if after in (0, len(self.seconds)):
            return self.boxes[max(after - 1, 0)]
        before = after - 1
        share = (time - self.seconds[before]) / (self.seconds[after] - self.seconds[before])
        return self.boxes[before] + share * (self.boxes[after] - self.boxes[before])

    def row_at(self, time: float) -> int:
        """Return the row of the keyframe nearest to ``time`` seconds; of two equally near, the later one."""
        after = bisect.bisect_right(self.seconds, time)
        if after in (0, len(self.seconds)):
            return self.rows[max(after - 1, 0)]
        return self.rows[after if self.seconds[after] - time <= time - self.seconds[after - 1] else after - 1]


class IouTracker:
    """Links the boxes of each keyframe to those of the keyframes before, greedily, best pair first.

    A pair matches if the boxes overlap by ``min_iou`` after the earlier one has moved on at its last speed. Small and
    fast persons do not overlap themselves a second later; for them a pair also matches if the center moved by at most
    the longer side of the box and the area changed by at most a factor of two. Overlapping pairs come first.

    Limits: appearance is ignored, so two persons who cross or stand close together may swap ids, and someone who moves
    by more than their own size in a second, or is not found for more than ``max_missed`` seconds, gets a new id.

    Args:
        aspect: width of the frame divided by its height; distances are measured in pixels of square shape.
        min_iou: least overlap of a pair.
        max_missed: seconds in a row that a person may be missing without losing the id.
    """

    def __init__(self, aspect: float = 1.0, min_iou: float = 0.2, max_missed: int = 1) -> None:
        self.min_iou = min_iou
        self.max_missed = max_missed
        self.tracks: list[Track] = []
        self._alive: list[Track] = []
        self._scale = np.array([aspect, 1.0, aspect, 1.0])
        self._num_rows = 0

    def update(self, second: int, boxes: np.ndarray) -> list[int]:
        """Link the boxes of the next keyframe.

        Args:
            second: later than in the call before.
            boxes: float [n, 4] x1, y1, x2, y2 as fractions of the frame; n may be 0.

        Returns:
            the person ids of the boxes.
        """
        boxes = np.asarray(boxes, dtype=np.float64).reshape(-1, 4)
        self._alive = [track for track in self._alive if second - track.seconds[-1] <= self.max_missed + 1]
        owners: list[Track | None] = [None] * len(boxes)
        for track, box in self._pairs(second, self._alive, boxes):
            owners[box] = self._alive[track]
        for index, box in enumerate(boxes):
            if owners[index] is None:
                owners[index] = Track(len(self.tracks) + 1)
                self.tracks.append(owners[index])
                self._alive.append(owners[index])
            owners[index].add(second, self._num_rows + index, box)
        self._num_rows += len(boxes)
        return [owner.id for owner in owners]

    def _pairs(self, second: int, alive: Sequence[Track], boxes: np.ndarray) -> list[tuple[int, int]]:
        """Return the (track, box) pairs that belong together, each track and box at most once."""
        candidates = []
        for index, track in enumerate(alive):
            gap, expected = second - track.seconds[-1], track.expected(second) * self._scale
            overlaps = box_iou(np.broadcast_to(expected, boxes.shape), boxes * self._scale)
            for number, box in enumerate(boxes):
                fit = self._fit(expected, box * self._scale, float(overlaps[number]), gap)
                if fit is not None:
                    candidates.append((fit, index, number))
        pairs: list[tuple[int, int]] = []
        used_tracks, used_boxes = set(), set()
        for _, index, number in sorted(candidates, key=lambda entry: (-entry[0], entry[1], entry[2])):
            if index not in used_tracks and number not in used_boxes:
                pairs.append((index, number))
                used_tracks.add(index)
                used_boxes.add(number)
        return pairs

    def _fit(self, expected: np.ndarray, box: np.ndarray, overlap: float, gap: int) -> float | None:
        """Return how well a box fits where its person is expected: the IoU, or below 0 by distance; None if not."""
        if overlap >= self.min_iou:
            return overlap
        sizes, others = expected[2:] - expected[:2], box[2:] - box[:2]
        ratio = sizes.prod() / max(others.prod(), 1e-12)
        distance = float(np.linalg.norm(_center(expected) - _center(box)) / max(sizes.max(), others.max(), 1e-12))
        if not _MIN_SIZE_RATIO <= ratio <= 1 / _MIN_SIZE_RATIO or distance > _MAX_SHIFT * gap:
            return None
        return -distance


def _center(box: np.ndarray) -> np.ndarray:
    return (box[:2] + box[2:]) / 2
