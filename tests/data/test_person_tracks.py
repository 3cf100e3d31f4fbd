"""Boxes of persons between their keyframes."""

from __future__ import annotations

import numpy as np
import pytest

from alphaction.data.annotations import AnnotationTable
from alphaction.data.person_tracks import PersonTracks


@pytest.fixture
def tracks() -> PersonTracks:
    rows = [  # video, second, left side, person
        ("a", 0, 0.0, 7),
        ("a", 1, 0.2, 7),
        ("a", 1, 0.5, 8),  # alone
        ("a", 3, 0.6, 7),
        ("a", 6, 0.8, 7),  # too far from the one before
        ("b", 1, 0.3, 7),  # somebody else
        ("b", 1.5, 0.2, -1),  # nobody knows who
        ("b", 2, 0.3, -1),
    ]
    boxes = np.array([[left, 0.0, left + 0.1, 1.0] for _, _, left, _ in rows])
    table = AnnotationTable.from_columns(
        [row[0] for row in rows], [row[1] for row in rows], boxes, [1] * len(rows), [row[3] for row in rows]
    )
    assert table.boxes.tolist() == boxes.tolist()  # in this order
    return PersonTracks(table)


@pytest.mark.parametrize(
    ("later", "lefts"),
    [
        (0.5, [0.1, 0.3, 0.5, 0.6, 0.8, 0.3, 0.2, 0.3]),
        (-0.5, [0.0, 0.1, 0.5, 0.5, 0.8, 0.3, 0.2, 0.3]),
        (9.0, [0.2, 0.6, 0.5, 0.6, 0.8, 0.3, 0.2, 0.3]),  # no further than the neighbor
        (0.0, [0.0, 0.2, 0.5, 0.6, 0.8, 0.3, 0.2, 0.3]),
    ],
)
def test_boxes_on_straight_lines(tracks, later, lefts):
    boxes = tracks.boxes(np.arange(8), later)
    assert boxes[:, 0].tolist() == pytest.approx(lefts)
    assert boxes[:, 2].tolist() == pytest.approx([left + 0.1 for left in lefts])
    assert tracks.boxes(np.array([3, 1]), later)[:, 0].tolist() == pytest.approx([lefts[3], lefts[1]])


def test_the_usual_step_to_the_next_box(tracks):
    assert tracks.usual_step() == 0  # 2 boxes of 8 have one
    boxes = np.tile([0.1, 0.1, 0.2, 0.9], (5, 1))
    table = AnnotationTable.from_columns(["a"] * 5, [0, 0.5, 1, 1.5, 1], boxes, [1] * 5, [1, 1, 1, 1, 2])
    assert PersonTracks(table).usual_step() == 0.5
