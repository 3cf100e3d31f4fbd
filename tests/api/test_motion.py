"""What moves, in place of persons, from Python."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from alphaction.api.footage import open_frames
from alphaction.api.people import DetectedPeople, find_detector
from alphaction.api.wording import python_words
from alphaction.config import get_cfg
from alphaction.utils.errors import UserError

FPS, SECONDS = 2, 12


@pytest.fixture(scope="module")
def frames() -> np.ndarray:
    """Somebody walks from left to right."""
    frames = np.full((FPS * SECONDS, 60, 160, 3), 90, dtype=np.uint8)
    for number, frame in enumerate(frames):
        frame[20:40, 6 * number : 6 * number + 8] = 200
    return frames


def counts(video) -> list[int]:
    """Return how many boxes there are at each second."""
    cfg = get_cfg()
    people = DetectedPeople(find("motion"), open_frames(video, FPS, "walk", cfg))
    found = [people.at([second])[0] for second in range(SECONDS)]
    return [len(table) for table in found]


def find(detector: str, weights: str | None = None):
    return find_detector(detector, weights, get_cfg(), torch.device("cpu"), objects_given=False)


def test_frames_that_are_all_there_are_looked_at_before_and_after_a_moment(frames):
    assert counts(frames) == [1] * SECONDS


def test_frames_that_come_one_by_one_are_compared_with_those_before(frames):
    assert counts(iter(frames)) == [0] * 7 + [1] * (SECONDS - 7)


def test_a_second_video_has_a_past_of_its_own(frames):
    detector, cfg = find("motion"), get_cfg()
    for _ in range(2):
        people = DetectedPeople(detector, open_frames(iter(frames), FPS, "walk", cfg))
        assert len(people.at(range(8))[0]) == 1


def test_other_words_are_refused():
    with pytest.raises(UserError, match=r"Did you mean .motion."):
        find("motoin")
    with pytest.raises(UserError, match=r"detector=motion and detector_weights= w.pth contradict"), python_words():
        find("motion", "w.pth")
