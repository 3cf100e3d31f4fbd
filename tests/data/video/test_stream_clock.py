"""The times of a stream's frames."""

from __future__ import annotations

import pytest

from alphaction.data.video.stream_clock import StreamClock


def times(clock: StreamClock, *frames: tuple[float | None, float]) -> list[float]:
    """Return the times of frames of these time stamps and arrivals."""
    return [round(clock.time(stamp, arrived), 6) for stamp, arrived in frames]


def test_time_stamps_decide_and_count_from_the_first():
    # What a server has buffered arrives at once.
    assert times(StreamClock(), (7.0, 100.0), (7.5, 100.0), (8.0, 100.1)) == [0, 0.5, 1.0]


def test_without_time_stamps_the_wall_decides():
    assert times(StreamClock(), (None, 50.0), (None, 50.25), (None, 50.25), (None, 51.0)) == [0, 0.25, 0.251, 1.001]


@pytest.mark.parametrize("jump", [0.0, -5000.0, 5000.0])
def test_after_a_jump_time_goes_on_by_the_wall(jump):
    clock = StreamClock()
    assert times(clock, (10.0, 0.0), (10.1, 0.1), (10.1 + jump, 0.3), (10.2 + jump, 0.4)) == [0, 0.1, 0.3, 0.4]


def test_after_an_interruption_time_goes_on_by_the_wall():
    clock = StreamClock()
    assert times(clock, (10.0, 0.0), (10.1, 0.1)) == [0, 0.1]
    clock.interrupt()
    assert times(clock, (0.0, 4.1), (0.1, 4.2)) == [4.1, 4.2]


def test_a_file_has_its_own_times_however_fast_it_is_read():
    clock = StreamClock(step=0.5, origin=3.0)
    assert times(clock, (3.25, 0.0), (90.0, 0.0), (None, 0.0), (4.0, 0.0)) == [0.25, 87.0, 87.5, 88.0]
