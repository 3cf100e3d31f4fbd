"""Mean, spread and comparisons, with numbers worked out by hand."""

from __future__ import annotations

import pytest

from alphaction.ablation.statistics import Comparison, Summary


def test_a_summary_has_the_deviation_of_the_population():
    # Deviations from 4 are -2, 0, 2: squares add up to 8, and 8 / (3 - 1) = 4.
    assert Summary.of([2.0, 4.0, 6.0]) == Summary(4.0, 2.0, 3)
    assert Summary.of([1.0, 2.0]).std == pytest.approx(0.5**0.5)


def test_one_value_has_no_spread_and_none_has_no_summary():
    assert Summary.of([7.0]) == Summary(7.0, None, 1)
    assert Summary.of([7.0]).spread == 0.0
    assert Summary.of([]) is None


@pytest.mark.parametrize(
    ("one", "other", "verdict"),
    [
        (Summary(90.0, 1.0, 3), Summary(88.0, 2.0, 3), "equal"),
        (Summary(90.0, 1.0, 3), Summary(87.9, 2.0, 3), "above"),
        (Summary(88.0, 2.0, 3), Summary(90.0, 2.5, 3), "equal"),
        (Summary(88.0, 1.0, 3), Summary(90.0, 1.5, 3), "below"),
        (Summary(88.0, None, 1), Summary(88.9, None, 1), "equal"),
        (Summary(88.0, None, 1), Summary(89.1, None, 1), "below"),
        (Summary(88.0, None, 1), Summary(88.0, None, 1), "equal"),
    ],
)
def test_within_the_larger_spread_means_are_equal(one, other, verdict):
    comparison = Comparison.of(one, other)
    assert comparison.verdict == verdict
    assert comparison.margin == pytest.approx(one.mean - other.mean)
