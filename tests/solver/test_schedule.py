"""Learning-rate factors at hand-computed iterations."""

from __future__ import annotations

import math

import pytest
import torch

from alphaction.config import get_cfg
from alphaction.solver import build_scheduler
from alphaction.solver.schedule import half_cosine_factor, learning_rate_factor, multi_step_factor, warmup_factor


def solver(**keys):
    node = get_cfg().SOLVER
    node.MAX_ITER, node.STEPS, node.WARMUP_ITERS, node.WARMUP_FACTOR = 100, (50, 80), 10, 0.25
    for key, value in keys.items():
        node[key] = value
    return node


@pytest.mark.parametrize(("iteration", "expected"), [(0, 0.25), (4, 0.25 * 0.6 + 0.4), (10, 1.0), (99, 1.0)])
def test_linear_warmup(iteration, expected):
    assert warmup_factor(iteration, 10, 0.25, "linear") == pytest.approx(expected)


def test_constant_warmup_jumps_to_one():
    assert [warmup_factor(i, 10, 0.25, "constant") for i in (0, 9, 10)] == [0.25, 0.25, 1.0]


def test_no_warmup_iterations_divide_by_nothing():
    assert warmup_factor(0, 0, 0.25, "linear") == 1.0


@pytest.mark.parametrize(("iteration", "expected"), [(49, 1.0), (50, 0.1), (79, 0.1), (80, 0.01)])
def test_multi_step_drops_at_the_milestone(iteration, expected):
    assert multi_step_factor(iteration, solver()) == pytest.approx(expected)


def test_half_cosine_ends_and_middle():
    assert [half_cosine_factor(i, solver()) for i in (0, 50, 100)] == pytest.approx([1.0, 0.5, 0.0])


def test_half_cosine_ends_at_the_lowest_rate_and_keeps_its_numbers_without_one():
    node = solver(BASE_LR=0.1, MIN_LR=0.004)
    assert [half_cosine_factor(i, node) for i in (0, 50, 100)] == pytest.approx([1.0, 0.52, 0.04])
    plain = [0.5 * (math.cos(math.pi * i / 100) + 1) for i in range(101)]
    assert [half_cosine_factor(i, solver()) for i in range(101)] == plain


def test_each_group_ends_at_its_share_of_the_lowest_rate():
    cfg = get_cfg()
    cfg.SOLVER = solver(SCHEDULER="half_period_cosine", BASE_LR=0.1, MIN_LR=0.001, WARMUP_ON=False)
    groups = [{"params": [torch.nn.Parameter(torch.zeros(1))], "lr": 0.1 * share} for share in (1, 0.25)]
    optimizer = torch.optim.SGD(groups, lr=0.1)
    scheduler = build_scheduler(cfg, optimizer)
    for _ in range(cfg.SOLVER.MAX_ITER):
        optimizer.step()
        scheduler.step()
    assert scheduler.get_last_lr() == pytest.approx([0.001, 0.00025])


def test_schedules_share_the_warmup():
    for name in ("warmup_multi_step", "half_period_cosine"):
        assert learning_rate_factor(0, solver(SCHEDULER=name)) == pytest.approx(0.25)
    assert learning_rate_factor(0, solver(WARMUP_ON=False)) == 1.0


def test_scheduler_drives_every_group_and_resumes():
    cfg = get_cfg()
    cfg.SOLVER = solver()
    parameters = [torch.nn.Parameter(torch.zeros(1)) for _ in range(2)]
    groups = [{"params": [parameters[0]], "lr": 1.0}, {"params": [parameters[1]], "lr": 2.0}]
    optimizer = torch.optim.SGD(groups, lr=1.0)
    scheduler = build_scheduler(cfg, optimizer)
    assert scheduler.get_last_lr() == pytest.approx([0.25, 0.5])
    for _ in range(50):
        optimizer.step()
        scheduler.step()
    assert scheduler.get_last_lr() == pytest.approx([0.1, 0.2])
    again = build_scheduler(cfg, torch.optim.SGD(groups, lr=1.0))
    again.load_state_dict(scheduler.state_dict())
    assert again.last_epoch == 50
