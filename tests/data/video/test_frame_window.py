"""Frames from an iterator as the source of clips."""

from __future__ import annotations

import math

import numpy as np
import pytest

from alphaction.data.video.frame_window import FrameWindow
from alphaction.utils.errors import DataError


def window(count: int, fps: float, behind: float = math.inf) -> FrameWindow:
    """Return frames of 4x2 pixels, each filled with its number."""
    return FrameWindow((np.full((2, 4, 3), number % 256, np.uint8) for number in range(count)), fps, "v", behind)


def numbers(source: FrameWindow, second: float, slots: list[int], fps: float = 0) -> list[int]:
    return source.read("v", second, slots, fps)[:, 0, 0, 0].tolist()


def test_frames_nearest_to_the_times():
    assert numbers(window(30, 10), 1, [-2, -1, 0, 1]) == [8, 9, 10, 11]
    assert numbers(window(30, 10), 1, [-2, -1, 0, 1], fps=4) == [5, 7, 10, 12]  # of two equally near, the earlier
    assert numbers(window(30, 10), 0, [-2, 0, 1]) == [0, 0, 1]  # the ends repeat
    assert numbers(window(12, 10), 1, [0, 1, 5]) == [10, 11, 11]
    assert numbers(window(31, 29.97), 1, [0]) == [30]


def test_only_what_is_needed_is_kept():
    source = window(1000, 10, behind=0.5)
    for second in range(90):
        assert numbers(source, second, [-5, 0, 5])[1] == 10 * second % 256
        assert source.taken <= 10 * second + 6
        assert len(source._kept) <= 14
    with pytest.raises(DataError, match="ascending"):
        numbers(source, 3, [0])


def test_the_end():
    source = window(25, 10)
    assert [second for second in range(9) if source.reaches(second)] == [0, 1, 2]
    with pytest.raises(DataError, match=r"v: ends at 2.50 s, before second 3"):
        numbers(source, 3, [0])
    with pytest.raises(DataError, match="no frames"):
        window(0, 10).probe("v")


def test_size():
    source = window(5, 10)
    assert source.frame_size("v") == (4, 2)
    assert source.read("v", 0, [0, 1], 0, lambda size: (size[0] * 2, size[1] * 2)).shape == (2, 4, 8, 3)
