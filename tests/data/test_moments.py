"""Moments of a video that are evenly apart."""

from __future__ import annotations

import math
import pickle

import numpy as np
import pytest

from alphaction.data.moments import Moments


@pytest.mark.parametrize(("start", "end"), [(0, 4.3), (1.7, 4.0), (2, 4.001), (0, 0.5), (3, 3)])
def test_at_one_second_they_are_a_range(start, end):
    moments = Moments.between(1.0, start, end)
    assert list(moments) == list(range(math.floor(start), math.ceil(end)))
    assert all(isinstance(moment, int) for moment in moments)


@pytest.mark.parametrize(
    ("interval", "start", "end", "expected"),
    [
        (0.5, 0.7, 2.5, [0.5, 1, 1.5, 2]),
        (1 / 3, 0, 1.5, [0, 0.333, 0.667, 1, 1.333]),
        (0.333, 0.333, 1.0, [0.333, 0.667]),
        (0.333, 0.667, 1.1, [0.667, 1]),
        (0.04, 1.0, 1.1, [1, 1.04, 1.08]),
        (2, 3.9, 9, [2, 4, 6, 8]),
        (1.5, 0, 3.0001, [0, 1.5, 3]),
        (0.5, 2, 2, []),
    ],
)
def test_multiples_from_the_last_at_or_before_the_start(interval, start, end, expected):
    moments = Moments.between(interval, start, end)
    assert list(moments) == expected
    assert len(moments) == len(expected)
    assert moments[1:3] == expected[1:3]
    assert pickle.loads(pickle.dumps(moments)) == moments


@pytest.mark.parametrize("interval", [1, 0.5, 1 / 3, 0.04, 2, 0.7])
def test_which_times_are_among_them(interval):
    moments = Moments.between(interval, 3.0, 9.0)
    thousandths = np.arange(0, 12_000) / 1000
    held = thousandths[moments.holds(thousandths)]
    assert held.tolist() == [float(moment) for moment in moments]
    assert moments.holds(np.arange(12)).tolist() == [second in [*moments] for second in range(12)]
    assert moments[2] in moments
    assert "3" not in moments
    assert Moments.between(interval, 0, 0).holds(thousandths).any() == False  # noqa: E712
