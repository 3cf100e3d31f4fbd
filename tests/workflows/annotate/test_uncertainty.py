"""Bits by hand: -p log2 p - (1 - p) log2 (1 - p) is 1 at a half, 0.8113 at a quarter and 0 at 0 and 1."""

from __future__ import annotations

from math import log2

import numpy as np
import pytest

from alphaction.evaluation.tubes import PersonTube, ScoredBox, VideoTubes
from alphaction.workflows.annotate.uncertainty import class_groups, disagreement, entropy, moments_of

QUARTER = 2 - 0.75 * log2(3)
BOX = (0.1, 0.1, 0.5, 0.9)
CLASSES = ("stand", "walk", "wave")


def person(number: int, scores: dict[float, tuple[float, ...]], classes: tuple[str, ...] = CLASSES) -> PersonTube:
    """Return a person with scores (time -> a score for each class)."""
    keyframes = [ScoredBox(time, BOX, 1.0, dict(zip(classes, row, strict=True))) for time, row in scores.items()]
    return PersonTube(number, np.array(list(scores)), np.array([BOX] * len(scores)), keyframes)


def video(name: str, *persons: PersonTube, stride: float = 1.0, classes: tuple[str, ...] = CLASSES) -> VideoTubes:
    """Return a video of 20 seconds."""
    return VideoTubes(name, 25.0, (640, 360), 20.0, stride, classes, persons)


@pytest.mark.parametrize(
    ("scores", "bits"),
    [
        ([0.5, 0.5, 0.5], 3.0),
        ([0.0, 1.0, 0.0], 0.0),
        ([0.25, 1.0, 0.5], QUARTER + 1.0),
        ([[0.5, 0.0, 0.0], [0.25, 0.75, 0.0]], [1.0, 2 * QUARTER]),
    ],
)
def test_each_class_is_a_yes_or_no(scores, bits):
    np.testing.assert_allclose(entropy(np.array(scores)), bits, atol=1e-12)


@pytest.mark.parametrize(
    ("scores", "bits"),
    [
        ([0.5, 0.5, 0.0], 1.0),  # one of two; as a yes or no each, it would be two bits
        ([0.25, 0.25, 0.0], 1.5),  # one of two or none of them: a quarter, a quarter, a half
        ([1.0, 1.0, 0.0], 1.0),  # more than one altogether: a half each
        ([1.0, 0.0, 0.5], 1.0),  # the third class is on its own
    ],
)
def test_of_an_exclusive_group_there_is_one_choice(scores, bits):
    groups = class_groups(CLASSES, [("walk", "stand")])
    np.testing.assert_allclose(entropy(np.array(scores), groups), bits, atol=1e-12)


def test_a_group_of_one_known_class_is_none():
    assert class_groups(CLASSES, [("stand", "swim"), ()]) == []


def test_neighbors_that_say_the_same_agree_however_unsure():
    np.testing.assert_allclose(disagreement(np.full((3, 2), 0.5), np.arange(3.0), 1.5), 0.0, atol=1e-12)


def test_disagreement_is_the_entropy_of_the_mean_less_the_mean_entropy():
    # The first and the last two seconds are sure and contradict each other.
    scores = np.array([[1.0], [0.0], [0.0]])
    third = -(1 / 3) * log2(1 / 3) - (2 / 3) * log2(2 / 3)
    np.testing.assert_allclose(disagreement(scores, np.arange(3.0), 1.5), [1.0, third, 0.0], atol=1e-12)
    # The mean of 1/2 and 1/4 is 3/8.
    bits = -(3 / 8) * log2(3 / 8) - (5 / 8) * log2(5 / 8)
    found = disagreement(np.array([[0.5], [0.25]]), np.arange(2.0), 1.5)
    np.testing.assert_allclose(found, bits - (1 + QUARTER) / 2, atol=1e-12)


def test_what_is_far_away_is_no_neighbor():
    found = disagreement(np.array([[1.0], [0.0], [1.0]]), np.array([0.0, 2.0, 3.0]), 1.5)
    np.testing.assert_allclose(found, [0.0, 1.0, 1.0], atol=1e-12)
    assert disagreement(np.array([[0.5]]), np.array([4.0]), 1.5).tolist() == [0.0]


def test_a_moment_has_the_mean_of_its_persons():
    tubes = video(
        "a.mp4",
        person(1, {1.0: (0.5, 0.5, 0.5), 2.0: (0.5, 0.5, 0.5)}),
        person(2, {2.0: (1.0, 0.0, 0.5)}),
    )
    first, second = moments_of(tubes)
    assert (first.video, first.time, first.boxes, first.uncertainty) == ("a.mp4", 1.0, 1, pytest.approx(3.0))
    assert (second.time, second.boxes, second.entropy, second.disagreement) == (2.0, 2, pytest.approx(2.0), 0.0)
    assert [moment.entropy for moment in moments_of(tubes, [("stand", "walk")])] == [
        pytest.approx(2.0),
        pytest.approx(1.5),
    ]


def test_neighbors_are_those_of_the_track_and_of_the_video_s_stride():
    rows = {0.0: (1.0, 0.0, 0.0), 0.2: (0.0, 0.0, 0.0), 1.2: (1.0, 0.0, 0.0)}
    found = [moment.disagreement for moment in moments_of(video("a.mp4", person(1, rows), stride=0.2))]
    assert found == [pytest.approx(1.0), pytest.approx(1.0), 0.0]
    others = [person(number, {time: row}) for number, (time, row) in enumerate(rows.items())]
    assert all(moment.disagreement == 0.0 for moment in moments_of(video("a.mp4", *others, stride=0.2)))


def test_nobody_is_no_moment():
    assert moments_of(video("a.mp4")) == []
    assert moments_of(video("a.mp4", person(1, {}))) == []
