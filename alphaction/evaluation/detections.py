"""Scored boxes in two forms: one score for every class of a box, or one row for each box and class.

Axes: K keyframes, N boxes, C classes, R rows.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np

from alphaction.data.keyframes import Keyframe
from alphaction.utils.errors import DataError
from alphaction.utils.messages import counted


class Detections(Protocol):
    """Scored boxes as an evaluator needs them: :class:`Predictions` or :class:`DetectionRows`.

    Attributes:
        keyframes: the K keyframes that were searched, each once, including those in which nothing was found.
        keyframe_index: int64 [N], position in ``keyframes`` of each box.
        boxes: float64 [N, 4] x1, y1, x2, y2 as fractions of the frame.
    """

    @property
    def keyframes(self) -> Sequence[Keyframe]: ...

    @property
    def keyframe_index(self) -> np.ndarray: ...

    @property
    def boxes(self) -> np.ndarray: ...

    def rows_per_class(self) -> dict[int, int]:
        """Return the number of scores of each class id; classes without scores may be absent."""

    def scores_of(self, class_id: int) -> tuple[np.ndarray, np.ndarray]:
        """Return the boxes (int64 [r], positions in ``boxes``) scored for a class, and their scores [r]."""

    def score_range(self) -> tuple[float, float]:
        """Return the lowest and the highest score of all; (nan, nan) when there is none."""

    def select(self, keep: np.ndarray) -> Detections:
        """Return the boxes where ``keep`` (bool [N]) holds, with their scores; ``keyframes`` stays as it is."""


@dataclass(frozen=True, eq=False)
class Predictions:
    """The predictions of a model: every box has a score for each class.

    Attributes:
        keyframes: K keyframes, each once, including those without boxes.
        keyframe_index: int64 [N].
        boxes: float64 [N, 4] x1, y1, x2, y2 as fractions of the frame.
        scores: float [N, C].
        class_ids: int64 [C], class id of each channel (``LabelMap.ids``).
    """

    keyframes: Sequence[Keyframe]
    keyframe_index: np.ndarray
    boxes: np.ndarray
    scores: np.ndarray
    class_ids: np.ndarray

    def __post_init__(self) -> None:
        _set(self, "class_ids", np.asarray(self.class_ids, dtype=np.int64))
        _set(self, "scores", np.asarray(self.scores))
        _check_boxes(self)
        if len(np.unique(self.class_ids)) != len(self.class_ids):
            raise ValueError(f"class_ids hold one id twice: {self.class_ids.tolist()}")
        expected = (len(self.boxes), len(self.class_ids))
        if self.scores.shape != expected:
            raise ValueError(f"scores have shape {self.scores.shape}; expected {expected}: (boxes, classes)")
        _check_scores(self.scores, self.keyframes, self.keyframe_index)

    @classmethod
    def from_clips(
        cls,
        keyframes: Sequence[Keyframe],
        boxes: Sequence[np.ndarray],
        scores: Sequence[np.ndarray],
        class_ids: Sequence[int],
    ) -> Predictions:
        """Join the predictions of K clips: for each its keyframe, boxes [n, 4] and scores [n, C] (n may be 0)."""
        if not len(keyframes) == len(boxes) == len(scores):
            raise ValueError(f"{len(keyframes)} keyframes, {len(boxes)} box arrays and {len(scores)} score arrays")
        counts = [len(clip) for clip in boxes]
        index = np.repeat(np.arange(len(counts)), counts)
        # The empty arrays give the result its shape if there are no clips.
        joined_boxes = np.concatenate([np.empty((0, 4)), *(np.asarray(clip).reshape(-1, 4) for clip in boxes)])
        width = len(class_ids)
        joined = [np.empty((0, width), np.float32), *(np.asarray(clip).reshape(-1, width) for clip in scores)]
        return cls(keyframes, index, joined_boxes, np.concatenate(joined), np.asarray(class_ids))

    def above(self, threshold: float) -> Detections:
        """Return the scores of at least ``threshold`` (TEST.ACTION_THRESH); these predictions if that is all."""
        if self.scores.size == 0 or self.scores.min() >= threshold:
            return self
        box_index, channel = np.nonzero(self.scores >= threshold)
        scores = self.scores[box_index, channel]
        return DetectionRows(
            self.keyframes, self.keyframe_index, self.boxes, box_index, self.class_ids[channel], scores
        )

    def rows_per_class(self) -> dict[int, int]:
        return dict.fromkeys(self.class_ids.tolist(), len(self.boxes))

    def scores_of(self, class_id: int) -> tuple[np.ndarray, np.ndarray]:
        channels = np.flatnonzero(self.class_ids == class_id)
        if len(channels) == 0:
            return np.empty(0, np.int64), np.empty(0, self.scores.dtype)
        return np.arange(len(self.boxes)), self.scores[:, channels[0]]

    def score_range(self) -> tuple[float, float]:
        return _range(self.scores)

    def select(self, keep: np.ndarray) -> Predictions:
        return replace(self, keyframe_index=self.keyframe_index[keep], boxes=self.boxes[keep], scores=self.scores[keep])


@dataclass(frozen=True, eq=False)
class DetectionRows:
    """The content of a results file: rows of (box, class, score), any number of them for a box.

    Attributes:
        keyframes: K keyframes, each once.
        keyframe_index: int64 [N].
        boxes: float64 [N, 4] x1, y1, x2, y2 as fractions of the frame.
        box_index: integer [R], position in ``boxes`` of each row.
        row_class_ids: integer [R].
        scores: float [R].
    """

    keyframes: Sequence[Keyframe]
    keyframe_index: np.ndarray
    boxes: np.ndarray
    box_index: np.ndarray
    row_class_ids: np.ndarray
    scores: np.ndarray

    def __post_init__(self) -> None:
        for name in ("box_index", "row_class_ids", "scores"):
            _set(self, name, np.asarray(getattr(self, name)))
        _check_boxes(self)
        lengths = {len(self.box_index), len(self.row_class_ids), len(self.scores)}
        if len(lengths) != 1:
            raise ValueError(f"box_index, row_class_ids and scores differ in length: {sorted(lengths)}")
        _check_scores(self.scores, self.keyframes, self.keyframe_index, self.box_index)

    def rows_per_class(self) -> dict[int, int]:
        ids, counts = np.unique(self.row_class_ids, return_counts=True)
        return dict(zip(ids.tolist(), counts.tolist(), strict=True))

    def scores_of(self, class_id: int) -> tuple[np.ndarray, np.ndarray]:
        rows = np.flatnonzero(self.row_class_ids == class_id)
        return self.box_index[rows].astype(np.int64), self.scores[rows]

    def score_range(self) -> tuple[float, float]:
        return _range(self.scores)

    def select(self, keep: np.ndarray) -> DetectionRows:
        rows = keep[self.box_index]
        new_position = np.cumsum(keep) - 1
        return replace(
            self,
            keyframe_index=self.keyframe_index[keep],
            boxes=self.boxes[keep],
            box_index=new_position[self.box_index[rows]],
            row_class_ids=self.row_class_ids[rows],
            scores=self.scores[rows],
        )


def _set(table: Predictions | DetectionRows, name: str, value: np.ndarray) -> None:
    object.__setattr__(table, name, value)


def _check_boxes(table: Predictions | DetectionRows) -> None:
    """Convert keyframe indices and boxes to their types, and check that they can be evaluated."""
    _set(table, "keyframe_index", np.asarray(table.keyframe_index, dtype=np.int64))
    _set(table, "boxes", np.asarray(table.boxes, dtype=np.float64).reshape(-1, 4))
    if len(table.keyframe_index) != len(table.boxes):
        raise ValueError(f"{len(table.keyframe_index)} keyframe indices for {len(table.boxes)} boxes")
    bad = ~np.isfinite(table.boxes).all(axis=1)
    if bad.any():
        first = int(np.argmax(bad))
        video, second = table.keyframes[table.keyframe_index[first]]
        raise DataError(
            f"{int(bad.sum())} of {counted(len(bad), 'detection box', 'detection boxes')} hold nan or inf; the first "
            f"is at {video}, second {second}: {table.boxes[first].tolist()}. Check the person boxes that were given "
            "for it."
        )


def _check_scores(
    scores: np.ndarray, keyframes: Sequence[Keyframe], keyframe_index: np.ndarray, box_index: np.ndarray | None = None
) -> None:
    # A sum is finite only if all its terms are, and needs no temporary array.
    if np.isfinite(scores.sum(dtype=np.float64)):
        return
    bad = np.flatnonzero(~np.isfinite(scores).reshape(len(scores), -1).all(axis=1))
    if len(bad):
        box = int(bad[0]) if box_index is None else int(box_index[bad[0]])
        video, second = keyframes[keyframe_index[box]]
        raise DataError(
            f"{len(bad)} of {counted(len(scores), 'detection')} have a score of nan or inf; the first is at {video}, "
            f"second {second}. The model has diverged or its weights are damaged: lower SOLVER.BASE_LR, "
            "turn SOLVER.AMP off, or load another checkpoint."
        )


def _range(scores: np.ndarray) -> tuple[float, float]:
    return (float(scores.min()), float(scores.max())) if scores.size else (float("nan"), float("nan"))
