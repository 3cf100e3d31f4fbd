"""Dividing videos into folds: even in every class, and no class in one fold alone where that can be helped."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from alphaction.workflows.finetune.folds.division import confined, divide


@given(seed=st.integers(0, 10_000), units=st.integers(2, 14), folds=st.integers(2, 5))
@settings(max_examples=60, deadline=None)
def test_no_fold_is_empty_and_no_class_alone(seed, units, folds):
    folds = min(folds, units)
    rng = np.random.default_rng(seed)
    weights = rng.integers(0, 4, (units, 4)) * (rng.random((units, 4)) < 0.5)
    weights = np.concatenate([weights, np.ones((units, 1), dtype=np.int64)], axis=1)
    fold = divide(weights, folds)
    assert set(fold.tolist()) == set(range(folds))
    assert (divide(weights, folds) == fold).all()
    # One fold has all of a class only where one unit has.
    assert (confined(weights, fold) == (np.count_nonzero(weights, axis=0) == 1)).all()


def test_equal_videos_are_spread_evenly():
    weights = np.array([[10, 0, 1]] * 4 + [[0, 6, 1]] * 4)
    fold = divide(weights, 4)
    for number in range(4):
        assert weights[fold == number].sum(axis=0).tolist() == [10, 6, 2]


def test_the_labels_of_each_fold_are_about_the_same():
    rng = np.random.default_rng(0)
    weights = np.concatenate([rng.poisson(5, (40, 6)), np.full((40, 1), 10)], axis=1)
    fold = divide(weights, 5)
    sums = np.stack([weights[fold == number].sum(axis=0) for number in range(5)])
    assert np.abs(sums / weights.sum(axis=0) - 0.2).max() < 0.03
    assert sums[:, -1].tolist() == [80] * 5


@pytest.mark.parametrize("folds", [2, 10])
def test_many_videos_take_no_time(folds):
    rng = np.random.default_rng(0)
    weights = rng.poisson(0.5, (800, 20))
    fold = divide(weights, folds)
    share = np.stack([weights[fold == number].sum(axis=0) for number in range(folds)]) / weights.sum(axis=0)
    assert np.abs(share - 1 / folds).max() < 0.2 / folds
