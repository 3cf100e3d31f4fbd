"""Length of a run from the size of the dataset."""

from __future__ import annotations

from dataclasses import replace

import pytest

from alphaction.config import get_cfg
from alphaction.config.paths_catalog import AVA_LABEL_MAP
from alphaction.data.annotations import read_label_map
from alphaction.solver import scale_schedule
from alphaction.utils.errors import UserError
from alphaction.workflows.finetune.dataset_statistics import ava_statistics
from alphaction.workflows.finetune.finetune_options import FinetuneOptions
from alphaction.workflows.finetune.recipe_schedule import plan_schedule


def own_statistics(keyframes: int):
    stats = ava_statistics("own_train", "own_val", read_label_map(AVA_LABEL_MAP))
    return replace(stats, keyframes=keyframes, published=False)


@pytest.mark.parametrize(
    ("keyframes", "epochs"),
    [(100, 50), (640, 50), (1000, 32), (4000, 8), (100_000, 90_000 * 16 / 184_000)],
)
def test_epochs_of_a_pretrained_network(keyframes, epochs):
    plan = plan_schedule(FinetuneOptions("own", num_gpus=8), own_statistics(keyframes), 256 * 464)
    assert plan.epochs == pytest.approx(epochs, rel=0.01)
    assert plan.steps == (round(plan.max_iter * 5 / 9), round(plan.max_iter * 7 / 9))
    assert plan.warmup == min(2000, plan.max_iter // 10)
    assert plan.period == pytest.approx(plan.max_iter / 5, abs=1)


def test_the_number_of_gpus_does_not_change_what_is_seen():
    stats = own_statistics(5000)
    plans = [plan_schedule(FinetuneOptions("own", num_gpus=gpus), stats, 256 * 464) for gpus in (0, 1, 4, 8)]
    assert [plan.batch for plan in plans] == [2, 2, 8, 16]
    assert [plan.lr for plan in plans] == [0.00005, 0.00005, 0.0002, 0.0004]
    assert {round(plan.max_iter * plan.batch / 100) for plan in plans} == {round(plans[0].epochs * 50)}


@pytest.mark.parametrize(
    ("keyframes", "pixels", "planned", "words"),
    [
        (720, 96 * 128, (8, 0.003, 810), "9 epochs, enough for random weights"),
        (85, 288 * 384, (4, 0.00212132, 300), "but at least 300 iterations"),
    ],
)
def test_the_small_network_with_a_structure(keyframes, pixels, planned, words):
    options = FinetuneOptions("own", backbone="tiny", use_ia=True, weights="")
    plan = plan_schedule(options, own_statistics(keyframes), pixels)
    assert (plan.batch, plan.lr, plan.max_iter) == planned
    assert (plan.warmup, plan.steps) == (50, ())
    assert words in plan.reason


@pytest.mark.parametrize(("clips", "iterations"), [(100, 300), (720, 810), (5120, 2500), (16_000, 6000)])
def test_the_length_for_a_structure_is_limited(clips, iterations):
    """9 epochs; but no more than 20,000 clips, unless those are less than 3 epochs."""
    plan = plan_schedule(FinetuneOptions("own", backbone="tiny", use_ia=True), own_statistics(clips), 96 * 128)
    assert plan.max_iter == iterations


def test_epochs_are_as_asked_for():
    plan = plan_schedule(FinetuneOptions("own", num_gpus=1, epochs=3, batch_size=10), own_statistics(100), 256 * 464)
    assert (plan.max_iter, plan.epoch, plan.epochs) == (30, 10, 3)
    assert "--epochs" in plan.reason


@pytest.mark.parametrize(("max_iter", "period"), [(1, 1), (4, 1), (8, 2), (10, 2), (11, 3), (300, 60)])
def test_a_short_run_is_evaluated_five_times_at_most(max_iter, period):
    plan = plan_schedule(FinetuneOptions("own", num_gpus=1, max_iter=max_iter), own_statistics(100), 256 * 464)
    assert plan.period == period


@pytest.mark.parametrize(("max_iter", "evaluations"), [(1063, 5), (1060, 5), (8, 4), (1, 1)])
def test_evaluations_are_counted_with_the_one_at_the_end(max_iter, evaluations):
    plan = plan_schedule(FinetuneOptions("own", num_gpus=1, max_iter=max_iter), own_statistics(100), 256 * 464)
    at = {*range(plan.period, max_iter + 1, plan.period), max_iter}
    assert plan.evaluations == len(at) == evaluations


@pytest.mark.parametrize("backbone", ["tiny", "resnet50"])
@pytest.mark.parametrize("gpus", [2, 4, 8])
def test_the_rate_is_that_of_the_scaled_config(backbone, gpus):
    """One rule: a config for one GPU that is scaled trains as one that is generated for more."""
    one, more = (
        plan_schedule(FinetuneOptions("own", backbone=backbone, num_gpus=count), own_statistics(5000), 96 * 128)
        for count in (1, gpus)
    )
    cfg = get_cfg()
    cfg.SOLVER.OPTIMIZER = "adamw" if backbone == "tiny" else "sgd"
    cfg.SOLVER.REFERENCE_GPUS, cfg.SOLVER.VIDEOS_PER_BATCH, cfg.SOLVER.BASE_LR = 1, one.batch, one.lr
    scale_schedule(cfg, gpus)
    assert more.batch == cfg.SOLVER.VIDEOS_PER_BATCH
    assert more.lr == pytest.approx(cfg.SOLVER.BASE_LR, rel=1e-5)


def test_epochs_without_end_are_refused():
    with pytest.raises(UserError, match="--epochs 1e[+]308: .* to 1000000"):
        FinetuneOptions("own", epochs=1e308).check()
    with pytest.raises(UserError, match="--epochs 1e[+]06: 184000 .* 2 .* 92000000000"):
        plan_schedule(FinetuneOptions("own", num_gpus=1, epochs=1e6), own_statistics(184_000), 256 * 464)


def test_a_batch_is_no_larger_than_the_dataset():
    plan = plan_schedule(FinetuneOptions("own", num_gpus=4), own_statistics(7), 256 * 464)
    assert plan.batch == 4
    plan = plan_schedule(FinetuneOptions("own", num_gpus=8), own_statistics(3), 256 * 464)
    assert plan.batch == 8  # one clip each; less is not possible
