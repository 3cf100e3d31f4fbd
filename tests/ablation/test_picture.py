"""The picture of the world, from a dataset that is rendered for it."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from ablation.conftest import TINY

from benchmarks.ablation.dataset import open_dataset
from benchmarks.ablation.picture import SCALE, SECONDS, VIDEOS, classes_of_left, draw_world


@pytest.fixture
def data(folder):
    return open_dataset(folder)


def test_the_picture_has_two_videos_at_two_seconds(data, tmp_path):
    draw_world(data, tmp_path / "world.png")
    picture = cv2.imread(str(tmp_path / "world.png"))
    assert picture.shape[1] > len(SECONDS) * SCALE * TINY.width
    assert picture.shape[0] > len(VIDEOS) * SCALE * TINY.height
    # Somebody is drawn in every cell.
    halves = np.array_split(picture, 2, axis=0)
    assert all(half.std() > 20 for half in halves)


def test_the_titles_are_opposite_in_the_two_videos(data):
    for second in SECONDS:
        one, other = (set(classes_of_left(data, video, second)) for video in VIDEOS)
        assert one | other == set(data.kinds)
        assert not one & other
