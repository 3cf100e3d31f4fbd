"""LVIS's repeat factors, by hand, and what is said of them."""

from __future__ import annotations

import numpy as np
import pytest

from alphaction.data.repeat_factors import RepeatFactors

# Ten clips: "stand" in eight, "wave" in two (one with "stand"), "fall" in one (with "wave"), "jump" in none, and one
# clip without a label.
HAS = np.zeros((10, 4), dtype=bool)
HAS[:8, 0] = True
HAS[7:9, 1] = True
HAS[8, 2] = True
NAMES = ["stand", "wave", "fall", "jump"]


def test_factors_by_hand():
    factors = RepeatFactors.of(HAS, 0.4)
    assert factors.shares.tolist() == [0.8, 0.2, 0.1, 0.0]
    assert factors.of_classes == pytest.approx([1, 2**0.5, 2, 1])
    assert factors.of_clips == pytest.approx([1] * 7 + [2**0.5, 2, 1])
    assert (factors.num_repeated, factors.epoch) == (2, 11)


def test_the_rarest_class_of_a_clip_decides():
    has = np.array([[True, True]] + [[True, False]] * 3)
    assert RepeatFactors.of(has, 1.0).of_clips == pytest.approx([2, 1, 1, 1])
    assert RepeatFactors.of(has[:, ::-1], 1.0).of_clips == pytest.approx([2, 1, 1, 1])


def test_what_the_log_says():
    assert RepeatFactors.of(HAS, 0.4).summary(NAMES) == (
        "DATALOADER.REPEAT_THRESHOLD 0.4: of 10 clips 2 come more than once an epoch, up to 2.00 times, for 2 rare "
        'classes: "fall" (10.00% of the clips, 2.00 times), "wave" (20.00% of the clips, 1.41 times); an epoch has 11 '
        "clips"
    )
    assert "no class is that rare" in RepeatFactors.of(HAS, 0.1).summary(NAMES)


def test_shares_of_a_large_dataset_are_not_rounded_to_nothing():
    has = np.zeros((184_000, 1), dtype=bool)
    has[0] = True
    assert '"fall" (0.00054% of the clips, ' in RepeatFactors.of(has, 0.01).summary(["fall"])


def test_no_labels_at_all():
    assert RepeatFactors.of(np.zeros((3, 2), dtype=bool), 0.5).of_clips.tolist() == [1, 1, 1]
