"""How far many videos are, when they will be done, and what they cost."""

from __future__ import annotations

from dataclasses import replace

import pytest

from alphaction.workflows.predict.ledger import Overview
from alphaction.workflows.predict.progress import Costs, duration, progress_line

START = Overview(done=2, failed=0, seconds=7200.0, bytes_done=100, bytes_all=1000)


def test_what_is_left_follows_from_the_bytes_of_the_files():
    now = replace(START, done=5, failed=1, seconds=14400.0, bytes_done=400)
    assert progress_line(START, now, 20, 600.0) == (
        "5 of 20 videos done, 1 could not be predicted, 4 h of video; 12 times real time, about 20 min left"
    )
    assert progress_line(START, START, 20, 600.0) == "2 of 20 videos done, 2 h of video"


def test_the_cost_of_an_hour_is_that_of_all_videos_by_stage():
    costs = Costs()
    assert str(costs) == ""
    for length in (1200.0, 600.0):
        costs.add(length, {"decode": 10.0, "classify": 90.0})
    assert str(costs).startswith(
        "cost of an hour of video: 400 s of CPU (open 0, decode 40, detect 0, classify 360, track 0, draw 0, write 0); "
        "30 min of video in "
    )


@pytest.mark.parametrize(("seconds", "text"), [(3, "3 s"), (720, "12 min"), (11520, "3.2 h")])
def test_durations_are_short(seconds, text):
    assert duration(seconds) == text
