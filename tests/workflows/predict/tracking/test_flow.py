"""Boxes moved by optical flow."""

from __future__ import annotations

import numpy as np
from workflows.predict.tracking.moving import box, picture

from alphaction.workflows.predict.tracking.flow import gray_frame, moved_boxes


def test_a_box_moves_with_what_it_shows():
    boxes = np.stack([box(20, 30), box(100, 60)])
    moved, found = moved_boxes(gray_frame(picture((20, 30), (100, 60))), gray_frame(picture((25, 33), (96, 60))), boxes)
    assert found.all()
    np.testing.assert_allclose(moved, np.stack([box(25, 33), box(96, 60)]), atol=0.003)


def test_a_box_whose_content_is_gone_stays_and_is_said_to_be_lost():
    noise = np.random.default_rng(1).integers(0, 255, (120, 160), dtype=np.uint8)
    moved, found = moved_boxes(gray_frame(picture((20, 30))), noise, box(20, 30)[None])
    assert not found.any()
    np.testing.assert_array_equal(moved[0], box(20, 30))


def test_frames_of_another_size_and_no_boxes():
    small = gray_frame(picture((20, 30)))[:100]
    assert not moved_boxes(gray_frame(picture((20, 30))), small, box(20, 30)[None])[1].any()
    moved, found = moved_boxes(small, small, np.zeros((0, 4)))
    assert (moved.shape, found.shape) == ((0, 4), (0,))


def test_large_frames_are_reduced():
    assert gray_frame(np.zeros((720, 960, 3), np.uint8)).shape == (360, 480)
    assert gray_frame(np.zeros((100, 200, 3), np.uint8)).shape == (100, 200)
