"""Detections as a typed table, which all readers of boxes end in. Sizes in shapes: K keyframes, R boxes, n rows."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from alphaction.data.annotations.grouping import GroupedBoxes, offsets_of, with_counts
from alphaction.data.keyframes import KeyframeIndex, encode, exact_times
from alphaction.utils.messages import counted

REPEATED = "boxes equal to another of that moment, left out"


@dataclass(frozen=True, eq=False)
class BoxTable(GroupedBoxes):
    """Detections: scored boxes per keyframe, best score first within a keyframe. Numpy columns only.

    Attributes:
        keyframes: the K keyframes that have boxes, sorted by (video, second).
        row_offsets: int64 [K + 1]; boxes of keyframe k are ``row_offsets[k]:row_offsets[k + 1]``.
        boxes: float64 [R, 4] x1, y1, x2, y2 as fractions (0 to 1) of the frame.
        scores: float32 [R] in [0, 1].
        source: the file, for messages.
        counts, notes: what the reader met, for :meth:`summary`.
    """

    keyframes: KeyframeIndex
    row_offsets: np.ndarray
    boxes: np.ndarray
    scores: np.ndarray
    source: str = "boxes"
    counts: Mapping[str, int] = field(default_factory=dict)
    notes: Sequence[str] = ()

    @classmethod
    def from_columns(
        cls,
        videos: Sequence[str],
        seconds: Sequence[float] | np.ndarray,
        boxes: np.ndarray,
        scores: Sequence[float] | np.ndarray,
        source: str = "boxes",
    ) -> BoxTable:
        """Return the table of n detections: video names, times [n], float [n, 4] in [0, 1], float [n] in [0, 1]."""
        known: dict[str, int] = {}
        codes = encode(videos, known)
        keyframes, position = KeyframeIndex.from_rows(list(known), codes, exact_times(seconds))
        boxes = np.asarray(boxes, dtype=np.float64).reshape(-1, 4)
        return cls.from_positions(keyframes, position, boxes, np.asarray(scores), source)

    @classmethod
    def from_positions(
        cls,
        keyframes: KeyframeIndex,
        position: np.ndarray,
        boxes: np.ndarray,
        scores: np.ndarray,
        source: str = "boxes",
        counts: Mapping[str, int] | None = None,
    ) -> BoxTable:
        """Return the table of n detections whose keyframes are ``keyframes[position]``; equal scores keep order."""
        scores = scores.astype(np.float32)
        order = np.lexsort((-scores, position))
        offsets = offsets_of(np.bincount(position, minlength=len(keyframes)))
        return cls(keyframes, offsets, boxes[order], scores[order], source, counts or {})

    def lookup(
        self, video: str, second: float, min_score: float = 0.0, limit: int | None = None
    ) -> tuple[np.ndarray, np.ndarray]:
        """Return boxes float64 [n, 4] and scores float32 [n] of a keyframe, best first; empty if it has none.

        Args:
            min_score: keep scores of at least this (compared in float32, as scores are stored).
            limit: keep at most so many.
        """
        k = self.keyframes.index_of(video, second)
        rows = slice(0, 0) if k is None else self.rows(k)
        scores = self.scores[rows]
        count = int(np.count_nonzero(scores >= np.float32(min_score)))
        if limit is not None:
            count = min(count, limit)
        return self.boxes[rows][:count], scores[:count]

    def renamed(self, name_of: Callable[[str], str]) -> BoxTable:
        """Return the table with other names of its videos."""
        index = self.keyframes
        before = index.videos.tolist()
        after = [name_of(video) for video in before]
        if after == before:
            return self
        known: dict[str, int] = {}
        codes = encode(after, known)
        keyframes, position = KeyframeIndex.from_rows(list(known), codes[index.video_index], index.seconds)
        position = position[self.keyframe_of_box()]
        moved = BoxTable.from_positions(keyframes, position, self.boxes, self.scores, self.source, self.counts)
        return replace(moved, notes=self.notes)

    def summary(self) -> str:
        """Return one line of counts for the log."""
        videos = len(np.unique(self.keyframes.video_index))
        head = (
            f"{self.source}: {counted(videos, 'video')}, {counted(len(self.keyframes), 'keyframe')}, "
            f"{counted(len(self), 'box', 'boxes')}"
        )
        if len(self):
            low, high = f"{self.scores.min():.3g}", f"{self.scores.max():.3g}"
            head += f", score {low}" if low == high else f", scores {low} to {high}"
        return "; ".join([with_counts(head, self.counts), *self.notes])


def distinct_boxes(keys: np.ndarray, boxes: np.ndarray, scores: np.ndarray) -> np.ndarray:
    """Return which of n detections stay, int64 ascending, where equal boxes of one key stand several times.

    Of equal ones the best score stays, and of equally good ones the first.

    Args:
        keys: [n] or [n, m], what equal boxes must share to be one: video and second, say.
        boxes: float64 [n, 4].
        scores: float [n].
    """
    columns = [*boxes.T, *np.atleast_2d(keys.T)]
    order = np.lexsort((-scores, *columns))  # stable
    same = np.ones(len(order), dtype=bool)
    for column in columns:
        same[1:] &= column[order][1:] == column[order][:-1]
    same[:1] = False
    return np.sort(order[~same])
