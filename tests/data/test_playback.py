"""Random moments and speeds of training clips."""

from __future__ import annotations

import numpy as np

from alphaction.config import get_cfg
from alphaction.data.playback import Playback, PlaybackJitter, jittered_window


def test_slots_of_another_moment_and_speed():
    assert Playback(0.0, 1.0, 2).slots([-2, 0, 1]) == [-4, 0, 2]
    assert Playback(1.5, 1.0, 2).slots([-2, 0, 1]) == [-1, 3, 5]
    # slower: half-way frames are taken where whole ones would come twice
    assert Playback(0.0, 0.7, 2).slots([-3, -2, -1, 0, 1, 2]) == [-4, -3, -1, 0, 1, 3]
    assert Playback(-1.0, 2.0, 1).slots([-3, -2, -1, 0, 1, 2]) == [-7, -5, -3, -1, 1, 3]


def test_drawn_playbacks_stay_in_the_window():
    jitter, rng = PlaybackJitter(3.0, 1.5), np.random.default_rng(0)
    drawn = [jitter.draw(rng) for _ in range(400)]
    shifts, speeds = (np.array([getattr(playback, name) for playback in drawn]) for name in ("shift", "speed"))
    assert -3 <= shifts.min() < -2.9
    assert 2.9 < shifts.max() <= 3
    assert 1 / 1.5 <= speeds.min() < 0.68
    assert 1.48 < speeds.max() <= 1.5
    assert abs(np.log(speeds).mean()) < 0.03  # as often slower as faster
    window = jitter.window([-8, 7])
    taken = {slot for playback in drawn for slot in playback.slots([-8, -1, 0, 7])}
    assert window == range(-30, 28)  # 2 parts x (8 x 1.5 + 3) before, 2 x (7 x 1.5 + 3) after
    assert taken <= set(window)
    assert min(taken) < -27
    assert max(taken) > 24


def test_off_by_default():
    cfg = get_cfg()
    assert PlaybackJitter.from_config(cfg) is None
    assert jittered_window(cfg) == range(0)
    cfg.INPUT.TIME_JITTER = 2.0
    cfg.INPUT.FPS = 0.0  # the video's own frames have nothing in between
    assert PlaybackJitter.from_config(cfg) == PlaybackJitter(2.0, 1.0, parts=1)
    assert jittered_window(cfg) == range(-34, 33)  # 32 frames, one of two
