"""Rows in groups: boxes of a keyframe, labels of a box, equal boxes as one. Sizes in shapes: n rows, R boxes."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np


class GroupedBoxes:
    """What ground truth and detections share: R boxes in groups, one for each of K keyframes.

    Attributes:
        row_offsets: int64 [K + 1]; boxes of keyframe k are ``row_offsets[k]:row_offsets[k + 1]``.
        boxes: float64 [R, 4].
    """

    row_offsets: np.ndarray
    boxes: np.ndarray

    def __len__(self) -> int:
        """Return the number of boxes, R."""
        return len(self.boxes)

    def rows(self, k: int) -> slice:
        """Return the rows of keyframe ``k``: ``table.boxes[table.rows(k)]``."""
        return slice(int(self.row_offsets[k]), int(self.row_offsets[k + 1]))

    def keyframe_of_box(self) -> np.ndarray:
        """Return the position of each box's keyframe, int64 [R]."""
        return owners_of(self.row_offsets)


def offsets_of(lengths: np.ndarray) -> np.ndarray:
    """Return where each of consecutive groups begins, and where the last one ends."""
    return np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)


def owners_of(offsets: np.ndarray) -> np.ndarray:
    """Return, for each element of consecutive groups that begin at ``offsets``, the number of its group."""
    return np.repeat(np.arange(len(offsets) - 1), np.diff(offsets))


def group_boxes(position: np.ndarray, boxes: np.ndarray, person_ids: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the first row, int64 [R], of each distinct box, and the box, int64 [n], of each row.

    Boxes are ordered by keyframe, then by first appearance.
    """
    if not len(position):
        return np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.int64)
    keys = (person_ids, boxes[:, 3], boxes[:, 2], boxes[:, 1], boxes[:, 0], position)
    order = np.lexsort(keys)
    starts_box = np.ones(len(order), dtype=bool)
    starts_box[1:] = False
    for key in keys:
        ordered = key[order]
        starts_box[1:] |= ordered[1:] != ordered[:-1]
    first = order[starts_box]  # lexsort is stable: the first row of a run is the first in the file
    rank_order = np.lexsort((first, position[first]))
    rank = np.empty_like(rank_order)
    rank[rank_order] = np.arange(len(first))
    box_of_row = np.empty(len(order), dtype=np.int64)
    box_of_row[order] = rank[np.cumsum(starts_box) - 1]
    return first[rank_order], box_of_row


def with_counts(head: str, counts: Mapping[str, int]) -> str:
    """Return one line: ``head``, and the counts that are not zero."""
    return "; ".join([head, *(f"{name}: {count}" for name, count in counts.items() if count)])
