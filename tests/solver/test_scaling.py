"""Linear scaling to another number of processes."""

from __future__ import annotations

import pytest

from alphaction.config import get_cfg
from alphaction.solver import scale_schedule


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
