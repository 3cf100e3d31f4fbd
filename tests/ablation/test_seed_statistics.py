"""Mean, spread and comparisons, with numbers worked out by hand."""

from __future__ import annotations

import pytest

from benchmarks.ablation.seed_statistics import Comparison, Summary


def test_a_summary_has_the_deviation_of_the_population():
    # Deviations from 4 are -2, 0, 2: squares add up to 8, and 8 / (3 - 1) = 4.
    found = Summary.of([2.0, 4.0, 6.0])
    assert (found.mean, found.std, found.count) == (4.0, 2.0, 3)
    assert Summary.of([1.0, 2.0]).std == pytest.approx(0.5**0.5)


def test_one_value_has_no_spread_and_none_has_no_summary():
    found = Summary.of([7.0])
    assert (found.mean, found.std, found.count) == (7.0, None, 1)
    assert Summary.of([]) is None


@pytest.mark.parametrize(
    ("one", "reference", "verdict"),
    [
        ((89.0, 90.0, 91.0), (86.0, 88.0, 90.0), "equal"),
        ((89.0, 90.0, 91.0), (85.9, 87.9, 89.9), "above"),
        ((87.0, 88.0, 89.0), (87.5, 90.0, 92.5), "equal"),
        ((87.0, 88.0, 89.0), (88.5, 90.0, 91.5), "below"),
        # A seed that fails does not widen what counts as equal.
        ((97.0, 98.0, 52.0), (95.0, 96.0, 97.0), "below"),
        # Nor does a reference that fails with one.
        ((50.5, 99.0, 99.5), (51.0, 100.0, 100.0), "equal"),
        ((48.0, 97.0, 97.0), (50.0, 99.5, 99.5), "below"),
        ((88.0,), (88.9,), "equal"),
        ((88.0,), (89.1,), "below"),
        ((88.0,), (88.0,), "equal"),
    ],
)
def test_within_the_spread_of_the_reference_means_are_equal(one, reference, verdict):
    comparison = Comparison.of(Summary(one), Summary(reference))
    assert comparison.verdict == verdict
    assert comparison.margin == pytest.approx(sum(one) / len(one) - sum(reference) / len(reference))
