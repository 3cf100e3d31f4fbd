"""The last frames of a stream as the source of clips."""

from __future__ import annotations

import numpy as np
import pytest

from alphaction.data.video.frame_window import FrameWindow
from alphaction.data.video.timed_window import TimedWindow
from alphaction.utils.errors import DataError


def image(number: int) -> np.ndarray:
    """Return a frame of 4x2 pixels that is filled with a number."""
    return np.full((2, 4, 3), number % 256, np.uint8)


def window(times: list[float], fps: float = 10.0, **options: float) -> TimedWindow:
    """Return a window to which frames were added, each filled with its position."""
    source = TimedWindow("v", fps, **options)
    for number, time in enumerate(times):
        source.add(time, image(number))
    return source


def numbers(source: TimedWindow, second: float, slots: list[int], fps: float = 0) -> list[int]:
    return source.read("v", second, slots, fps)[:, 0, 0, 0].tolist()


@pytest.mark.parametrize("fps", [7.0, 25.0, 29.97])
@pytest.mark.parametrize("rate", [0.0, 4.0, 30.0])
def test_an_even_rate_gives_what_frames_of_an_even_rate_give(fps, rate):
    count, slots = 60, list(range(-9, 10, 3))
    even = FrameWindow((image(number) for number in range(count)), fps, "v", behind=3.0)
    timed = window([number / fps for number in range(count)], fps)
    for second in np.arange(0, (count - 1) / fps, 0.37):
        assert numbers(timed, second, slots, rate) == numbers(even, second, slots, rate)


def test_uneven_times_give_the_nearest_frame():
    source = window([0.0, 0.1, 0.2, 0.9, 1.0])
    assert numbers(source, 0.5, [-4, -1, 0, 1, 4]) == [1, 2, 2, 3, 3]


def test_what_is_older_than_it_keeps_is_forgotten():
    source = window([number / 10 for number in range(1000)], behind=0.5)
    assert len(source._kept) == 7
    assert source.taken == 1000
    assert numbers(source, 99.7, [-3, 0, 2]) == [994 % 256, 997 % 256, 999 % 256]
    assert source.covers(99.7, before=0.3, after=0.2)
    assert not source.covers(99.7, before=0.5)
    with pytest.raises(DataError, match=r"v: its frames before 99.30 s are forgotten, and a clip around second 99.4"):
        numbers(source, 99.4, [-2, 0])


def test_what_was_before_a_long_pause_can_be_read_after_it():
    source = window([0.0, 0.1, 0.2, 0.3, 0.4, 9.0], behind=0.3)
    assert numbers(source, 0.4, [-3, 0, 2]) == [1, 4, 4]


def test_bytes_are_limited_too():
    source = window([number / 10 for number in range(50)], most_bytes=5 * image(0).nbytes)
    assert len(source._kept) == 5
    assert source._bytes == 5 * image(0).nbytes


def test_a_moment_waits_for_the_frames_after_it():
    source = window([0.0, 0.1, 0.2])
    assert [source.covers(0.1, after=after) for after in (0.1, 0.2)] == [True, False]
    assert not source.covers(0.3)
    source.end()
    assert source.covers(0.1, after=5.0)  # the last frame repeats
    assert numbers(source, 0.1, [0, 1, 2, 9]) == [1, 2, 2, 2]
    with pytest.raises(DataError, match=r"v: ends at 0.30 s, before second 0.4"):
        numbers(source, 0.4, [0])


def test_an_interruption_is_an_end_and_a_beginning():
    source = window([0.0, 0.1, 0.2])
    source.add(5.0, image(3), interrupted=True)
    source.add(5.1, image(4))
    assert numbers(source, 0.1, [-1, 0, 1, 40]) == [0, 1, 2, 2]
    assert numbers(source, 5.0, [-40, -1, 0, 1]) == [3, 3, 3, 4]
    assert source.covers(0.1, after=9.0)
    assert not source.covers(2.0)
    with pytest.raises(DataError, match=r"nothing was seen at second 2, as it was interrupted from 0.20 to 5.00 s"):
        numbers(source, 2.0, [0])


def test_frames_may_be_kept_at_the_size_that_is_read():
    def half(size: tuple[int, int]) -> tuple[int, int]:
        return size[0] // 2, size[1] // 2

    picture = np.random.default_rng(0).integers(0, 255, (8, 12, 3), np.uint8)
    whole, small = TimedWindow("v", 10), TimedWindow("v", 10, stored=half)
    for source in (whole, small):
        source.add(0.0, picture)
        assert source.frame_size("v") == (12, 8)
    assert small._bytes * 4 == whole._bytes
    assert np.array_equal(small.read("v", 0, [0], 0, half), whole.read("v", 0, [0], 0, half))
