"""Weights of classes by their effective numbers of labels."""

from __future__ import annotations

import numpy as np
import pytest

from alphaction.data.label_statistics import effective_number_weights


def test_weights_by_hand():
    """1 and 2 labels at 0.5 are worth 1 and 1.5: weights 1 and 2/3, times 6/5."""
    assert effective_number_weights(np.array([1, 2]), 0.5) == pytest.approx([1.2, 0.8])


def test_a_class_without_labels_has_weight_one_and_no_part_in_the_mean():
    assert effective_number_weights(np.array([0, 1, 2, 0]), 0.5) == pytest.approx([1, 1.2, 0.8, 1])
    assert effective_number_weights(np.array([0, 0]), 0.9).tolist() == [1, 1]


def test_beta_near_one_is_the_inverse_of_the_counts_and_near_zero_all_are_alike():
    counts = np.array([10, 100_000])
    assert effective_number_weights(counts, 1 - 1e-12) == pytest.approx(2 / (1 + 1e-4) * np.array([1, 1e-4]), rel=1e-5)
    assert effective_number_weights(counts, 1e-9) == pytest.approx([1, 1])
