"""The paired bootstrap: the difference of two sides on the same videos, and over the trainings of each."""

from __future__ import annotations

import math

import numpy as np
import pytest

from alphaction.evaluation.bootstrap import draw_videos
from alphaction.evaluation.comparison import Comparison, Difference, compare, student_factor
from alphaction.evaluation.video_scores import RankedVideos, VideoScores


def side(order, videos=6):
    """A class with a label in each video, all of them found; ``order``: whether each detection is right, best first."""
    video = np.arange(len(order), dtype=np.int32) % videos
    right = np.flatnonzero(order)
    labels = np.ones(videos)
    rows = RankedVideos(labels, video, right[:videos])
    return VideoScores(tuple(f"v{k}" for k in range(videos)), ("stand",), ("movement",), (rows,))


GOOD = side([1, 1, 1, 1, 1, 1])
UNEVEN = side([1, 0, 0, 1, 1, 0, 0, 1, 1, 0, 0, 1])
POOR = side([0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 1])


def test_what_holds_in_every_video_is_more_than_noise():
    found = compare([POOR], [GOOD], resamples=200)
    row = found.mean
    assert (row.a, row.b, row.difference) == (pytest.approx(0.5), 1.0, pytest.approx(0.5))
    assert row.interval == pytest.approx((0.5, 0.5))  # any 6 of the videos have 6 false positives before 6 right ones
    assert (row.better, row.beyond_noise, row.videos) == (1.0, True, 6)
    assert [(each.name, each.beyond_noise) for each in found.classes] == [("AP/stand", True)]
    assert found.groups == ()  # there is one
    assert (found.videos, found.labels, found.trainings, found.spread) == (6, 6, (1, 1), (None, None))


def test_the_same_side_twice_is_no_difference():
    row = compare([POOR], [POOR], resamples=100).mean
    assert (row.difference, row.interval, row.better, row.beyond_noise) == (0, (0, 0), 0.5, False)


def test_the_draws_are_the_same_for_both_sides():
    found = compare([UNEVEN], [GOOD], resamples=300)
    drawn = draw_videos(6, 300)
    change = (GOOD.average_precisions(drawn) - UNEVEN.average_precisions(drawn))[:, 0]
    ends = found.mean.difference + np.quantile(change, [0.025, 0.975]) - change.mean()
    assert found.mean.interval == pytest.approx(tuple(ends), abs=1e-12)


def test_trainings_of_a_side_are_drawn_too():
    # Between videos nothing differs, so that all there is comes from the three trainings.
    runs = [GOOD, POOR, GOOD]
    found = compare([POOR, POOR, POOR], runs, resamples=4000)
    means = np.array([1.0, 0.5, 1.0])
    assert found.mean.b == pytest.approx(means.mean())
    assert found.spread == (0.0, pytest.approx(means.std(ddof=1)))
    low, high = found.mean.interval
    # A mean of three has this standard deviation; plain draws of the three would have 0.82 of it.
    deviation = means.std(ddof=1) / math.sqrt(3)
    drawn = (draw_videos(3, 4000, seed=2) / 3 - 1 / 3) * math.sqrt(3 / 2) @ means
    assert drawn.std() == pytest.approx(deviation, rel=0.05)
    drawn *= student_factor(4)
    assert (low, high) == pytest.approx(np.quantile(drawn, [0.025, 0.975]) - drawn.mean() + found.mean.difference)


def test_trainings_of_one_recipe_are_rarely_told_apart():
    rng = np.random.default_rng(0)
    found = []
    for _ in range(150):
        # Each training moves all videos alike: the place of the right detections in the ranking.
        a, b = ([side([0] * n + [1] * 6) for n in rng.integers(0, 40, 3)] for _ in range(2))
        found.append(compare(a, b, resamples=200).mean.beyond_noise)
    assert np.mean(found) < 0.09  # 0.13 without Student's t


@pytest.mark.parametrize(("freedom", "quantile"), [(1, 12.706), (2, 4.3027), (3, 3.1824), (4, 2.7764), (30, 2.0423)])
def test_students_t(freedom, quantile):
    assert student_factor(freedom) * 1.959964 == pytest.approx(quantile, rel=2e-3)


def test_the_same_trainings_on_both_sides_are_no_difference():
    found = compare([POOR, UNEVEN, GOOD], [POOR, UNEVEN, GOOD], resamples=100)
    assert found.mean.difference == 0
    row = compare([UNEVEN] * 3, [UNEVEN] * 3, resamples=100).mean
    assert (row.difference, row.interval, row.better, row.beyond_noise) == (0, (0, 0), 0.5, False)


def test_how_much_more_would_be_needed():
    row = Difference("mAP", 0.4, 0.41, 0.01, (-0.03, 0.05), 0.7, 8)
    found = Comparison(row, (), (), 8, 100, (1, 1), (None, None), 100, 0.95)
    assert found.more_needed == pytest.approx(16)
    assert not row.beyond_noise
    assert Comparison(
        Difference("mAP", 0.4, 0.4, 0.0, (-0.03, 0.05), 0.5, 8), (), (), 8, 100, (1, 1), (None, None), 100, 0.95
    ).more_needed is None  # fmt: skip


def test_with_few_videos_nothing_is_more_than_noise():
    assert Difference("mAP", 0.4, 0.5, 0.1, (0.05, 0.15), 1.0, 5).beyond_noise
    assert not Difference("mAP", 0.4, 0.5, 0.1, (0.05, 0.15), 1.0, 4).beyond_noise
    one = compare([side([0, 1], 1)], [side([1, 1], 1)], resamples=100).mean
    assert (one.difference, one.interval) == (0.5, None)
    assert math.isnan(one.better)
