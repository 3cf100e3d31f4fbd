"""The small network's clips, how they vary, and how long it trains on few of them."""

from __future__ import annotations

from dataclasses import replace

import pytest

from alphaction.config.paths_catalog import AVA_LABEL_MAP
from alphaction.data.annotations import read_label_map
from alphaction.workflows.finetune.dataset_statistics import DatasetStatistics, ava_statistics
from alphaction.workflows.finetune.finetune_options import FinetuneOptions
from alphaction.workflows.finetune.recipe_schedule import plan_schedule
from alphaction.workflows.finetune.small_recipe import (
    TinyClip,
    is_short_of_epochs,
    jitter_settings,
    small_length,
    time_shift,
)

TINY = FinetuneOptions("own", backbone="tiny")
SMALL_FRAME, LARGE_FRAME = 96 * 128, 288 * 384


@pytest.fixture(scope="module")
def ava() -> DatasetStatistics:
    return ava_statistics("own_train", "own_val", read_label_map(AVA_LABEL_MAP))


@pytest.fixture
def stats(ava):
    def of(keyframes: int = 100, fps: float = 30.0, **changes) -> DatasetStatistics:
        return replace(ava, keyframes=keyframes, fps=(fps, fps, fps), published=False, **changes)

    return of


def test_clips_fit_the_rate_of_the_videos(stats):
    assert TinyClip.of(stats(fps=30.0)) == TinyClip(12.0, 16, 4, 2)
    assert TinyClip.of(stats(fps=7.0)) == TinyClip(7.0, 16, 4, 4)  # every frame: 3.5 a second would lose motion
    # 4 slow and 8 fast frames, 4 slow and 16 fast ones
    assert TinyClip.of(stats(fps=30.0)).core_seconds(SMALL_FRAME) == pytest.approx(0.33 * 12 * 0.012288)
    assert TinyClip.of(stats(fps=7.0)).core_seconds(LARGE_FRAME) == pytest.approx(0.33 * 20 * 0.110592)


@pytest.mark.parametrize(
    ("keyframes", "pixels", "iterations", "words"),
    [
        (8, SMALL_FRAME, 300, "at least 300 iterations; about 1 minute on 2 cores"),
        (160, SMALL_FRAME, 1600, "80 epochs, as clips vary; about 6 minutes on 2 cores"),
        (400, SMALL_FRAME, 3082, "as many epochs as 20 minutes of one core allow, as clips vary; about 12 minutes"),
        (8000, SMALL_FRAME, 9000, "9 epochs, enough for random weights, but at least 300 iterations; about 36 minutes"),
    ],
)
def test_length(stats, keyframes, pixels, iterations, words):
    found, why = small_length(stats(keyframes), 8, pixels)
    assert found == iterations
    assert words in why


def test_without_jitter_there_is_less_to_learn(stats):
    plan = plan_schedule(replace(TINY, use_ia=True), stats(160), SMALL_FRAME)
    assert (plan.max_iter, plan.reason) == (300, "9 epochs, enough for random weights, but at least 300 iterations")


def test_large_frames_leave_few_epochs(stats):
    assert is_short_of_epochs(TINY, stats(85, fps=7.0), LARGE_FRAME)
    assert not is_short_of_epochs(TINY, stats(85, fps=7.0), 192 * 256)
    assert not is_short_of_epochs(TINY, stats(1001, fps=7.0), LARGE_FRAME)  # not small: as long as it takes
    assert not is_short_of_epochs(replace(TINY, use_ia=True), stats(85, fps=7.0), LARGE_FRAME)


def test_how_far_clips_move_in_time(stats):
    """0.3 s; with tracks, half-way to the next box, at most 0.5 s; the slowest clip still has its keyframe."""
    moves = [
        time_shift(stats(fps=fps, track_step=step), TinyClip.of(stats(fps=fps)))
        for fps, step in ((7, 0), (7, 0.5), (7, 0.8), (7, 1), (7, 2), (12, 0), (12, 1))
    ]
    assert [frames for frames, _ in moves] == [2.1, 2.1, 2.8, 3.5, 3.5, 3.6, 5.71]
    assert moves[0][1] == "up to 0.3 s earlier or later: where labels still hold"
    assert moves[3][1] == "up to 0.5 s earlier or later: boxes go along, as persons have ids"


def test_only_the_small_network_alone_varies_so(stats):
    settings = {setting.key: setting.value for setting in jitter_settings(TINY, stats(), TinyClip.of(stats()))}
    assert settings["INPUT.ZOOM_JITTER"] == [0.6, 1.4]
    assert settings["INPUT.COLOR_JITTER"] is True
    for options in (replace(TINY, use_ia=True), FinetuneOptions("own")):
        assert list(jitter_settings(options, stats(), TinyClip.of(stats()))) == []
