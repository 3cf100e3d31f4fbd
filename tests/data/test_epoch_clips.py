"""Each epoch has rare clips as often as their factor asks for, and sums over epochs are those of counting."""

from __future__ import annotations

import numpy as np
import pytest

from alphaction.data.epoch_clips import EpochClips


def counts(epochs: EpochClips, epoch: int, clips: int) -> list[int]:
    return np.bincount(epochs.of(epoch), minlength=clips).tolist()


def test_a_factor_between_whole_numbers_is_one_of_both():
    """Four clips with 1.5: two of them come twice in each epoch, the other two in the next one."""
    epochs = EpochClips(np.zeros(5, dtype=int), np.array([1.5, 1.5, 1.0, 1.5, 1.5]), seed=0)
    first, second, third = (counts(epochs, epoch, 5) for epoch in range(3))
    assert sorted(first) == [1, 1, 1, 2, 2]
    assert [a + b for a, b in zip(first, second, strict=True)] == [3, 3, 2, 3, 3]
    assert third == first


def test_whole_factors_are_exact_in_every_epoch():
    epochs = EpochClips(np.zeros(3, dtype=int), np.array([3.0, 1.0, 2.0]), seed=9)
    assert [counts(epochs, epoch, 3) for epoch in (0, 1, 1000, 10**9)] == [[3, 1, 2]] * 4


def test_after_any_number_of_epochs_each_clip_has_come_as_often_as_its_factor_says_within_one():
    rng = np.random.default_rng(0)
    factors = np.sqrt(rng.choice([1.0, 1.7, 3.0, 30.0], 200))
    codes = rng.integers(3, size=200)
    epochs, total = EpochClips(codes, factors, seed=1), np.zeros(200)
    for epoch in range(60):
        assert epochs.before(epoch).tolist() == [total[codes == code].sum() for code in range(3)]
        here = np.bincount(epochs.of(epoch), minlength=200)
        assert (np.abs(here - factors) < 1).all()
        total += here
        assert (np.abs(total - (epoch + 1) * factors) < 1 + 1e-4).all()


def test_the_length_of_an_epoch_is_its_factors_sum_within_one_for_each_kind():
    factors = np.repeat([1.0, np.sqrt(5), np.sqrt(11)], (70, 20, 10))
    epochs = EpochClips(np.zeros(100, dtype=int), factors, seed=4)
    assert all(abs(len(epochs.of(epoch)) - factors.sum()) < 2 for epoch in range(50))


def test_seeds_choose_other_clips_and_equal_ones_the_same():
    of = lambda seed: EpochClips(np.zeros(100, dtype=int), np.full(100, 1.3), seed).of(0).tolist()  # noqa: E731
    assert of(1) == of(1) != of(2)


def test_sums_are_exact_far_away():
    codes, factors = np.array([0] * 3 + [2] * 4), np.array([1.0, 2.5, 2.5, 1.0, 1.25, 1.25, 1.25])
    epochs = EpochClips(codes, factors, seed=0)
    far = 4 * 10**9
    assert epochs.before(far).tolist() == [6 * far, 0, 4.75 * far]
    assert (epochs.before(far + 1) - epochs.before(far)).sum() == len(epochs.of(far))


def test_without_repeats_there_is_nothing_to_choose():
    assert EpochClips(np.array([0, 1, 1]), None, seed=0).of(3) is None
    assert EpochClips(np.array([0, 1, 1]), np.ones(3), seed=0).before(5).tolist() == [5, 10]


def test_a_clip_comes_at_least_once():
    with pytest.raises(ValueError, match="0.5"):
        EpochClips(np.zeros(2, dtype=int), np.array([1.0, 0.5]), seed=0)
