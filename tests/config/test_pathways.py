"""Which frames each pathway takes, and which numbers go together."""

from __future__ import annotations

import pytest

from alphaction.config import load_cfg
from alphaction.config.pathways import active_pathways, fast_frames, frame_counts, frame_problems, slow_frames

SLOWFAST = "MODEL.BACKBONE.SLOWFAST"


@pytest.mark.parametrize(
    ("overrides", "pathways", "counts"),
    [
        ((), (True, True), (4, 32)),
        (("INPUT.FRAME_NUM", 64, "INPUT.TAU", 16), (True, True), (4, 32)),
        ((f"{SLOWFAST}.FAST.ACTIVE", False, "INPUT.ALPHA", 16), (True, False), (4, 0)),
        ((f"{SLOWFAST}.SLOW.ACTIVE", False, "INPUT.FRAME_NUM", 30), (False, True), (0, 30)),
        (("MODEL.BACKBONE.CONV_BODY", "I3D-Resnet50", f"{SLOWFAST}.FAST.ACTIVE", False), (False, True), (0, 32)),
        (("MODEL.BACKBONE.CONV_BODY", "Slow-Resnet50", f"{SLOWFAST}.SLOW.ACTIVE", False), (True, False), (4, 0)),
    ],
)
def test_frames_of_the_pathways(overrides, pathways, counts):
    cfg = load_cfg(None, overrides)
    assert active_pathways(cfg) == pathways
    assert frame_counts(cfg) == counts


def test_every_start_has_as_many_slow_frames():
    assert {len(slow_frames(64, 16, start)) for start in range(16)} == {4}
    assert list(slow_frames(64, 16)) == [7, 23, 39, 55]
    assert list(fast_frames(64, 16, 4)) == list(range(1, 64, 4))


@pytest.mark.parametrize(
    ("frame_num", "tau", "sampling", "frames"),
    [
        (32, 4, "linspace", [0, 4, 8, 13, 17, 22, 26, 31]),  # PySlowFast's 8x8
        (32, 8, "first", [0, 8, 16, 24]),  # MMAction2's 4x16
        (32, 8, "middle", [3, 11, 19, 27]),
        (8, 8, "linspace", [0]),
        (4, 1, "linspace", [0, 1, 2, 3]),
        (4, 1, "middle", [0, 1, 2, 3]),
        (64, 4, "linspace", [0, 4, 8, 12, 16, 21, 25, 29, 33, 37, 42, 46, 50, 54, 58, 63]),
    ],
)
def test_ways_to_sample_the_slow_frames(frame_num, tau, sampling, frames):
    assert list(slow_frames(frame_num, tau, sampling=sampling)) == frames


def test_a_given_start_comes_before_the_way():
    assert list(slow_frames(16, 8, 5, "first")) == [5, 13]


@pytest.mark.parametrize(
    ("numbers", "slow", "fast", "expected"),
    [
        ((20, 8, 8), True, False, ["FRAME_NUM 20 ", "TAU 8", "to 16 or 24"]),
        ((36, 8, 8), True, True, ["FRAME_NUM 36 ", "TAU 8", "to 32 or 40"]),
        ((32, 80, 8), True, True, ["FRAME_NUM 32 ", "TAU 80", "to 80"]),
        ((32, 8, 3), True, True, ["INPUT.TAU 8 ", "INPUT.ALPHA 3", "INPUT.TAU to 9"]),
        ((32, 8, 16), False, True, ["INPUT.TAU 8 ", "INPUT.ALPHA 16", "INPUT.TAU to 16"]),
        ((2, 8, 1), False, True, ["INPUT.FRAME_NUM 2 ", "Set INPUT.FRAME_NUM to 4 or more."]),
        ((32, 8, 8), False, False, ["SLOW.ACTIVE and FAST.ACTIVE", "True"]),
    ],
)
def test_numbers_that_do_not_go_together(numbers, slow, fast, expected):
    (problem,) = frame_problems(*numbers, slow=slow, fast=fast)
    assert all(part in problem for part in expected), problem


@pytest.mark.parametrize(
    ("numbers", "slow", "fast"),
    [((64, 16, 8), True, True), ((30, 8, 8), False, True), ((16, 8, 3), True, False), ((4, 8, 1), False, True)],
)
def test_numbers_that_go_together(numbers, slow, fast):
    assert list(frame_problems(*numbers, slow=slow, fast=fast)) == []
