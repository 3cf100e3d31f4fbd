"""Id switches, MOTA and IDF1 of the study of trackers, on a case worked out by hand."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.tracking.paths import Moment
from benchmarks.tracking.scores import NOBODY, score_ids

pytest.importorskip("scipy")

LEFT, RIGHT, ELSEWHERE = [0.0, 0.0, 0.1, 0.4], [0.5, 0.0, 0.6, 0.4], [0.8, 0.5, 0.9, 0.9]


def moment(time: float, *found: list[float]) -> Moment:
    """Return a moment at which two persons are there."""
    boxes = np.array(found).reshape(-1, 4)
    return Moment(time, np.array([1, 2]), np.array([LEFT, RIGHT]), boxes, np.ones(len(boxes)))


def test_a_swap_a_miss_a_false_box_and_one_without_an_id():
    scores = score_ids(
        [
            (moment(0, LEFT, RIGHT), np.array([7, 8])),
            (moment(1, RIGHT, LEFT), np.array([7, 8])),  # both swapped
            (moment(2, LEFT, ELSEWHERE), np.array([8, 9])),  # one missed, one false
            (moment(3, LEFT, RIGHT), np.array([8, NOBODY])),
        ]
    )
    assert (scores.true, scores.found, scores.matched, scores.switches) == (8, 7, 6, 2)
    # The first person was 8 three times, the second one 7 once.
    assert scores.kept == 4
    assert scores.mota == pytest.approx(1 - (2 + 1 + 2) / 8)
    assert scores.idf1 == pytest.approx(2 * 4 / (8 + 7))
