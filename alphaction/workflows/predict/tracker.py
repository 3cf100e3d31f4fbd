"""Persons followed from keyframe to keyframe by the overlap of their boxes.

Sizes in shapes: n boxes of a keyframe, k keyframes of a track.
"""

from __future__ import annotations

import bisect
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from alphaction.evaluation.average_precision import box_iou
from alphaction.workflows.predict.tracking.assignment import best_pairs
from alphaction.workflows.predict.tracking.followed_boxes import FollowedBoxes

# A walker covers about 0.8 of their own height in a second, a runner twice their height.
_MAX_SHIFT = 1.0
_MIN_SIZE_RATIO = 0.5
# People slow down and turn: this share of the last movement is expected to continue.
_MOMENTUM = 0.75
# Seconds over which a movement is measured: in less, what shows is how the boxes jitter.
_BASE = 0.75
# More pairs count more than better ones: what a pair is worth of which nothing fits.
_ANY_PAIR = 2.5


@dataclass
class Track:
    """One person.

    Attributes:
        id: number of the person, from 1 in order of appearance.
        seconds: moments at which the person was found, ascending.
        rows: index of the person's box among all boxes given to the tracker, for each keyframe.
        boxes: float64 [4] x1, y1, x2, y2 as fractions of the frame, for each keyframe.
        end: moment until which the person is taken to be there; None: half of what keyframes are apart after the last.
        followed: the boxes on the frames of the video; None: those between keyframes are not known.
    """

    id: int
    seconds: list[float] = field(default_factory=list)
    rows: list[int] = field(default_factory=list)
    boxes: list[np.ndarray] = field(default_factory=list)
    end: float | None = None
    followed: FollowedBoxes | None = None

    def add(self, second: float, row: int, box: np.ndarray) -> None:
        """Append a keyframe, later than those before."""
        self.seconds.append(second)
        self.rows.append(row)
        self.boxes.append(box)

    def forget(self, history: float) -> None:
        """Keep the keyframes of the last ``history`` seconds only, and two of them in any case."""
        old = min(bisect.bisect_left(self.seconds, self.seconds[-1] - history), len(self.seconds) - 2)
        if old > 0:
            for values in (self.seconds, self.rows, self.boxes):
                del values[:old]

    def expected(self, second: float) -> np.ndarray:
        """Return where the box is expected at a later second, moving nearly as it did before."""
        last = self.boxes[-1]
        if len(self.boxes) < 2:
            return last
        base = max(bisect.bisect_right(self.seconds, self.seconds[-1] - _BASE), 1) - 1
        steps = _MOMENTUM * (second - self.seconds[-1]) / (self.seconds[-1] - self.seconds[base])
        return last + np.tile(_center(last) - _center(self.boxes[base]), 2) * steps

    def lasts_until(self, margin: float) -> float:
        """Return ``end``, or if that is not known the moment ``margin`` seconds after the last keyframe."""
        return self.seconds[-1] + margin if self.end is None else self.end

    def box_at(self, time: float, margin: float = 0.5) -> np.ndarray | None:
        """Return the box at ``time`` seconds, float64 [4]: where the person was followed to.

        Where nobody was followed, boxes between keyframes come from linear interpolation, and from ``margin`` seconds
        before the first to :meth:`lasts_until` after the last keyframe they are theirs. Further away, None. The usual
        margin is half of what keyframes are apart: so much of the time belongs to each.
        """
        if not self.seconds[0] - margin <= time <= self.lasts_until(margin):
            return None
        if self.followed is not None:
            return self.followed.at(time)
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
    """Links the boxes of each keyframe to those of the keyframes before, so that all pairs together fit best.

    A pair matches if the boxes overlap by ``min_iou`` after the earlier one has moved on at its last speed. Small and
    fast persons do not overlap themselves a second later; for them a pair also matches if the center moved by at most
    the longer side of the box a second and the area changed by at most a factor of two. The better pair has the larger
    overlap, and less distance between the centers; a person who was missed waits a little behind those who were not.
    How that compares with other trackers: docs/TRACKING.md.

    Limits: appearance is ignored, so two persons who cross or stand close together may swap ids, and someone who moves
    by more than their own size in a second, or is not found for more than ``max_missed`` seconds, gets a new id.

    Args:
        aspect: width of the frame divided by its height; distances are measured in pixels of square shape.
        min_iou: least overlap of a pair.
        max_missed: seconds in a row that a person may be missing without losing the id.
        history: seconds of each track that are kept, where tracks that ended are not kept at all, so that a stream
            without end needs no more and more memory; None: everything is kept.

    Attributes:
        tracks: the persons, those that ended too if they are kept.
    """

    def __init__(
        self, aspect: float = 1.0, min_iou: float = 0.2, max_missed: float = 1, history: float | None = None
    ) -> None:
        self.min_iou = min_iou
        self.max_missed = max_missed
        self.history = history
        self.tracks: list[Track] = []
        self._alive: list[Track] = []
        self._scale = np.array([aspect, 1.0, aspect, 1.0])
        self._num_rows = 0
        self._num_persons = 0
        self._before = -np.inf  # the moment of the call before

    def update(self, second: float, boxes: np.ndarray, expected: Mapping[int, np.ndarray] | None = None) -> list[int]:
        """Link the boxes of the next keyframe.

        Args:
            second: later than in the call before.
            boxes: float [n, 4] x1, y1, x2, y2 as fractions of the frame; n may be 0.
            expected: person id -> float64 [4], where who knows better than by the last speed expects the box.

        Returns:
            the person ids of the boxes.
        """
        boxes = np.asarray(boxes, dtype=np.float64).reshape(-1, 4)
        self._alive = [track for track in self._alive if second - track.seconds[-1] <= self.max_missed + 1]
        owners: list[Track | None] = [None] * len(boxes)
        for track, box in self._pairs(second, self._alive, boxes, expected or {}):
            owners[box] = self._alive[track]
        for index, box in enumerate(boxes):
            if owners[index] is None:
                self._num_persons += 1
                owners[index] = Track(self._num_persons)
                self.tracks.append(owners[index])
                self._alive.append(owners[index])
            owners[index].add(second, self._num_rows + index, box)
        self._num_rows += len(boxes)
        self._before = second
        if self.history is not None:
            self.tracks = list(self._alive)
            for track in self.tracks:
                track.forget(self.history)
        return [owner.id for owner in owners]

    def _pairs(
        self, second: float, alive: Sequence[Track], boxes: np.ndarray, known: Mapping[int, np.ndarray]
    ) -> list[tuple[int, int]]:
        """Return the (track, box) pairs that belong together, each track and box at most once."""
        worth = np.zeros((len(alive), len(boxes)))
        for index, track in enumerate(alive):
            gap = second - track.seconds[-1]
            expected = (known[track.id] if track.id in known else track.expected(second)) * self._scale
            overlaps = box_iou(np.broadcast_to(expected, boxes.shape), boxes * self._scale)
            waited = self._before - track.seconds[-1]
            for number, box in enumerate(boxes):
                fit = self._fit(expected, box * self._scale, float(overlaps[number]), gap)
                if fit is not None:
                    worth[index, number] = _ANY_PAIR + fit - waited
        return best_pairs(worth)

    def _fit(self, expected: np.ndarray, box: np.ndarray, overlap: float, gap: float) -> float | None:
        """Return how well a box fits where its person is expected: the IoU less the distance; None: not at all."""
        sizes, others = expected[2:] - expected[:2], box[2:] - box[:2]
        ratio = sizes.prod() / max(others.prod(), 1e-12)
        distance = float(np.linalg.norm(_center(expected) - _center(box)) / max(sizes.max(), others.max(), 1e-12))
        near = _MIN_SIZE_RATIO <= ratio <= 1 / _MIN_SIZE_RATIO and distance <= _MAX_SHIFT * gap
        return overlap - distance if near or overlap >= self.min_iou else None


def longest_miss(stride: float) -> float:
    """Return how many seconds a person may be missing without losing the id: a second, or one keyframe if that is more.

    Args:
        stride: seconds from one keyframe to the next.
    """
    return max(1.0, 2 * stride - 1)


def _center(box: np.ndarray) -> np.ndarray:
    return (box[:2] + box[2:]) / 2
