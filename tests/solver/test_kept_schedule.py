"""What a run that is continued keeps of its schedule."""

from __future__ import annotations

import pytest

from alphaction.config import get_cfg
from alphaction.solver import RecordedSchedule, keep_schedule, unused_values


def recorded(**solver: object) -> RecordedSchedule:
    cfg = get_cfg()
    cfg.SOLVER.REFERENCE_GPUS, cfg.SOLVER.SCHEDULER = 1, "half_period_cosine"
    for key, value in solver.items():
        cfg.SOLVER[key] = value
    return RecordedSchedule(cfg, 1)


def test_the_lowest_rate_and_the_layers_rates_are_kept():
    before = recorded(BASE_LR=5e-4, MIN_LR=1e-6, LAYER_DECAY=0.75)
    cfg = get_cfg()
    cfg.SOLVER.MIN_LR, cfg.SOLVER.LAYER_DECAY, cfg.SOLVER.REFERENCE_GPUS = 1e-5, 0.8, 1
    edited = cfg.clone()
    keep_schedule(cfg, before, 1, given=["SOLVER.LAYER_DECAY"])
    assert (cfg.SOLVER.BASE_LR, cfg.SOLVER.MIN_LR, cfg.SOLVER.LAYER_DECAY) == (5e-4, 1e-6, 0.8)
    (line,) = unused_values(cfg, edited, given=["SOLVER.LAYER_DECAY"])
    assert "SOLVER.MIN_LR 1e-05 (the run: 1e-06)" in line
    assert "LAYER_DECAY" not in line


@pytest.mark.parametrize("scheduler", ["half_period_cosine", "warmup_multi_step"])
def test_only_the_cosine_has_a_lowest_rate(scheduler):
    before = recorded(MIN_LR=1e-6, SCHEDULER=scheduler)
    cfg = get_cfg()
    cfg.SOLVER.REFERENCE_GPUS, cfg.SOLVER.SCHEDULER = 1, scheduler
    edited = cfg.clone()
    keep_schedule(cfg, before, 1, given=[])
    assert bool(list(unused_values(cfg, edited, given=[]))) == (scheduler == "half_period_cosine")
