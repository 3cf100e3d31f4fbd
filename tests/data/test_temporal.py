"""Frames of a clip and of its pathways."""

from __future__ import annotations

import numpy as np
import pytest

from alphaction.data.temporal import TemporalSampling, clip_slots, spread_slots
from alphaction.utils.errors import UserError


def test_clip_is_centered_on_the_keyframe():
    assert clip_slots(64, 1) == list(range(-32, 32))
    assert clip_slots(32, 2) == list(range(-32, 32, 2))
    assert clip_slots(5, 1) == [-2, -1, 0, 1, 2]


def test_an_offset_moves_the_whole_clip():
    assert clip_slots(16, 4, 1) == [-31, -27, -23, -19, -15, -11, -7, -3, 1, 5, 9, 13, 17, 21, 25, 29]
    plain, later = (TemporalSampling(64, 1, 16, 8, offset=offset).slots() for offset in (0, -3))
    assert later == tuple([slot - 3 for slot in slots] for slots in plain)


@pytest.mark.parametrize(
    ("tau", "alpha", "slow", "fast"),
    [
        (16, 8, [-25, -9, 7, 23], list(range(-32, 32, 2))),  # 4x16
        (8, 4, list(range(-29, 32, 8)), list(range(-32, 32, 2))),  # 8x8
        (8, 8, list(range(-29, 32, 8)), list(range(-32, 32))),
        (16, 4, [-25, -9, 7, 23], list(range(-31, 32, 4))),
    ],
)
def test_pathways(tau, alpha, slow, fast):
    assert TemporalSampling(64, 1, tau, alpha).slots() == (slow, fast)


def test_random_start_covers_every_frame():
    sampling = TemporalSampling(64, 1, tau=16, alpha=8, slow_jitter=True)
    rng = np.random.default_rng(0)
    starts = {sampling.draw_slow_start(rng) for _ in range(500)}
    assert starts == set(range(16))
    for start in starts:
        slow, fast = sampling.slots(start)
        assert slow == [-32 + start, -16 + start, start, 16 + start]
        assert len(fast) == 32


@pytest.mark.parametrize(
    ("sampling", "tau", "slow"),
    [("linspace", 4, [-32, -24, -16, -6, 2, 12, 20, 30]), ("first", 8, [-32, -16, 0, 16])],
)
def test_slow_frames_of_public_weights(sampling, tau, slow):
    found, fast = TemporalSampling(32, 2, tau, tau, slow_sampling=sampling).slots()
    assert found == slow
    assert fast == list(range(-32, 32, 2))


def test_random_start_from_the_first_frame_too():
    sampling = TemporalSampling(64, 1, tau=16, alpha=8, slow_jitter=True, slow_sampling="first")
    assert sampling.slots(5)[0] == [-27, -11, 5, 21]
    assert sampling.slots()[0] == [-32, -16, 0, 16]


def test_evenly_spread_frames_have_no_other_start():
    with pytest.raises(UserError, match=r"SLOW_JITTER True .*SLOW_SAMPLING linspace.*Set SLOW_JITTER to False"):
        TemporalSampling(64, 1, 16, 8, slow_jitter=True, slow_sampling="linspace")
    TemporalSampling(64, 1, 16, 8, slow=False, slow_jitter=True, slow_sampling="linspace")


def test_without_jitter_the_start_is_fixed():
    assert TemporalSampling(64, 1, tau=16, alpha=8).draw_slow_start(np.random.default_rng(0)) is None


def test_inactive_pathways():
    assert TemporalSampling(64, 1, 16, 8, fast=False).slots()[1] == []
    assert TemporalSampling(30, 1, 8, 8, slow=False).slots() == ([], list(range(-15, 15)))
    # ALPHA is the fast pathway's.
    assert TemporalSampling(16, 1, 8, 16, fast=False).slots() == ([-5, 3], [])


def test_numbers_that_do_not_go_together():
    with pytest.raises(UserError, match=r"FRAME_NUM 60 .*INPUT.TAU 16.* 48 or 64"):
        TemporalSampling(60, 1, 16, 8)


def test_slots_to_look_at_hold_the_keyframe():
    assert spread_slots(range(-8, 8), 8) == (-8, -6, -4, -2, 0, 3, 5, 7)
    assert spread_slots([-32, 0], 8) == (-32, 0)
    assert spread_slots([0], 5) == (0,)
    assert spread_slots(range(-8, 8), 5) == (-8, -4, 0, 3, 7)
