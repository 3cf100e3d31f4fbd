"""Pairs of tracks and boxes that together fit best."""

from __future__ import annotations

from itertools import permutations

import numpy as np

from alphaction.workflows.predict.tracking.assignment import best_pairs


def best_sum(worth: np.ndarray) -> float:
    """Return the largest sum, found by trying all."""
    if worth.shape[0] > worth.shape[1]:
        worth = worth.T
    gains = np.maximum(worth, 0)
    return max(
        sum(gains[row, column] for row, column in enumerate(chosen))
        for chosen in permutations(range(worth.shape[1]), len(worth))
    )


def test_two_good_pairs_are_better_than_the_best_one():
    # Greedy would take 0.9, and leave 0.1.
    assert best_pairs(np.array([[0.9, 0.8], [0.8, 0.1]])) == [(0, 1), (1, 0)]


def test_what_is_not_above_zero_is_no_pair():
    assert best_pairs(np.array([[-1.0, 0.0], [0.5, -2.0]])) == [(1, 0)]
    assert best_pairs(np.zeros((0, 3))) == best_pairs(np.zeros((3, 0))) == []


def test_the_sum_is_that_of_trying_all():
    rng = np.random.default_rng(0)
    for _ in range(150):
        worth = rng.normal(size=rng.integers(1, 6, size=2)).round(int(rng.integers(0, 3)))
        pairs = best_pairs(worth)
        assert len({row for row, _ in pairs}) == len({column for _, column in pairs}) == len(pairs)
        assert np.isclose(sum(worth[pair] for pair in pairs), best_sum(worth))
