"""Scores that are smooth along a track."""

from __future__ import annotations

import math

import numpy as np
import pytest

from alphaction.workflows.predict.tracker import Track
from alphaction.workflows.predict.tracking.smoothing import ExponentialSmoother, smoothed_scores

FADED = math.exp(-1)  # what a second ago counts with a time constant of a second


def test_the_past_fades():
    smoother = ExponentialSmoother(1.0)
    assert smoother.update(1, 0.0, np.array([1.0, 0.0])).tolist() == [1.0, 0.0]
    np.testing.assert_allclose(smoother.update(1, 1.0, np.array([0.0, 1.0])), [FADED / (1 + FADED), 1 / (1 + FADED)])
    total = 1 + FADED + FADED**2
    np.testing.assert_allclose(
        smoother.update(1, 2.0, np.array([0.5, 0.5])), [(0.5 + FADED**2) / total, (0.5 + FADED) / total]
    )
    # Nobody else's scores matter.
    assert smoother.update(2, 2.0, np.array([0.3, 0.7])).tolist() == [0.3, 0.7]


def test_who_was_long_away_starts_anew_and_is_forgotten():
    smoother = ExponentialSmoother(0.5)
    for person in range(1, 500):
        smoother.update(person, float(person), np.array([1.0]))
    assert len(smoother._last) <= 4
    assert smoother.update(1, 500.0, np.array([0.0])).tolist() == [0.0]


@pytest.mark.parametrize("smooth", [lambda s: ExponentialSmoother(0.0).update(1, 1.0, s), None])
def test_zero_leaves_scores_alone(smooth):
    scores = np.array([[0.2], [0.9]])
    same = smoothed_scores([Track(1, [0, 1], [0, 1])], scores, 0.0) if smooth is None else smooth(scores)
    assert same is scores


def test_with_the_future_both_sides_count():
    scores = np.array([[1.0], [0.5], [0.0], [0.9]], dtype=np.float32)
    tracks = [Track(1, [0, 1, 2], [0, 2, 3]), Track(2, [1], [1])]
    smooth = smoothed_scores(tracks, scores, 1.0)
    np.testing.assert_allclose(smooth[2, 0], (FADED * 1.0 + 0.0 + FADED * 0.9) / (1 + 2 * FADED), rtol=1e-6)
    np.testing.assert_allclose(smooth[0, 0], (1.0 + FADED**2 * 0.9) / (1 + FADED + FADED**2), rtol=1e-6)
    assert smooth[1, 0] == 0.5
    assert smooth.dtype == np.float32
    assert scores[2, 0] == 0.0  # the scores that were given stay
