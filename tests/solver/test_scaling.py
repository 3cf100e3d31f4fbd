"""Scaling to another number of processes."""

from __future__ import annotations

import pytest
from messages import says

from alphaction.config import get_cfg
from alphaction.solver import check_unscaled, scale_schedule
from alphaction.utils.errors import UserError


def zoo_cfg():
    cfg = get_cfg()
    solver = cfg.SOLVER
    solver.BASE_LR, solver.VIDEOS_PER_BATCH, solver.MAX_ITER, solver.STEPS = 0.0004, 16, 90000, (50000, 70000)
    solver.WARMUP_ITERS, solver.CHECKPOINT_PERIOD, solver.EVAL_PERIOD = 2000, 10000, 10000
    return cfg


def test_one_process_of_eight():
    cfg = zoo_cfg()
    message = scale_schedule(cfg, 1)
    solver = cfg.SOLVER
    assert solver.VIDEOS_PER_BATCH == 2
    assert pytest.approx(0.00005) == solver.BASE_LR
    assert solver.MAX_ITER == 720000
    assert tuple(solver.STEPS) == (400000, 560000)
    assert solver.WARMUP_ITERS == 16000
    assert solver.EVAL_PERIOD == 80000
    assert cfg.TEST.VIDEOS_PER_BATCH == 2
    assert "from 8 to 1" in message


def test_scaling_twice_changes_nothing():
    cfg = zoo_cfg()
    scale_schedule(cfg, 4)
    once = cfg.clone()
    assert "nothing to scale" in scale_schedule(cfg, 4)
    assert cfg == once


def test_there_and_back():
    cfg = zoo_cfg()
    scale_schedule(cfg, 16)
    assert cfg.SOLVER.VIDEOS_PER_BATCH == 32
    scale_schedule(cfg, 8)
    assert cfg.SOLVER.MAX_ITER == 90000
    assert pytest.approx(0.0004) == cfg.SOLVER.BASE_LR


def test_adamw_follows_the_square_root():
    cfg = zoo_cfg()
    cfg.SOLVER.OPTIMIZER, cfg.SOLVER.BASE_LR, cfg.SOLVER.MIN_LR = "adamw", 0.003, 2e-6
    scale_schedule(cfg, 2)
    assert pytest.approx(0.0015) == cfg.SOLVER.BASE_LR
    assert pytest.approx(1e-6) == cfg.SOLVER.MIN_LR
    assert (cfg.SOLVER.VIDEOS_PER_BATCH, cfg.SOLVER.MAX_ITER) == (4, 360_000)
    scale_schedule(cfg, 8)
    assert pytest.approx(0.003) == cfg.SOLVER.BASE_LR


@pytest.mark.parametrize(("batch", "nearest"), [(0, 8), (-4, 8), (3, 8), (12, 16)])
def test_a_batch_that_does_not_split_is_not_scaled(batch, nearest):
    cfg = zoo_cfg()
    cfg.SOLVER.VIDEOS_PER_BATCH = batch
    before = cfg.clone()
    with pytest.raises(UserError, match=rf"VIDEOS_PER_BATCH is {batch}\b.*VIDEOS_PER_BATCH {nearest}\b"):
        scale_schedule(cfg, 2)
    assert cfg == before


def test_values_are_checked_for_the_processes_that_they_are_written_for():
    cfg = zoo_cfg()
    cfg.DATASETS.TRAIN = ("toy_train",)
    cfg.TEST.VIDEOS_PER_BATCH = 1
    check_unscaled(cfg)
    cfg.SOLVER.WARMUP_ITERS, cfg.SOLVER.VIDEOS_PER_BATCH = -3, 12
    with pytest.raises(UserError) as error:
        check_unscaled(cfg)
    says(
        str(error.value),
        "SOLVER.WARMUP_ITERS is -3",
        "VIDEOS_PER_BATCH is 12",
        "8 processes (SOLVER.REFERENCE_GPUS)",
    )
