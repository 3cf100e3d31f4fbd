"""Learning-rate schedules as factors of the base rate; one call of ``step()`` is one iteration."""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Callable
from functools import partial

from torch.optim import Optimizer
from torch.optim.lr_scheduler import LambdaLR
from yacs.config import CfgNode

from alphaction.utils.registry import Registry

SCHEDULERS: Registry[Callable[[int, CfgNode], float]] = Registry("SOLVER.SCHEDULER")
"""Factors of the base rate, without the warm-up, that take (iteration, the SOLVER node)."""


def warmup_factor(iteration: int, warmup_iters: int, start: float, method: str) -> float:
    """Return the warm-up's factor: from ``start`` to 1 over ``warmup_iters`` (linear), or ``start`` (constant)."""
    if iteration >= warmup_iters:
        return 1.0
    if method == "constant":
        return start
    progress = iteration / warmup_iters
    return start * (1 - progress) + progress


@SCHEDULERS.register("warmup_multi_step")
def multi_step_factor(iteration: int, solver: CfgNode) -> float:
    """Return GAMMA to the power of the number of STEPS that ``iteration`` has reached."""
    return solver.GAMMA ** bisect_right(sorted(solver.STEPS), iteration)


@SCHEDULERS.register("half_period_cosine")
def half_cosine_factor(iteration: int, solver: CfgNode) -> float:
    """Return half a period of a cosine: 1 at the start, MIN_LR / BASE_LR at MAX_ITER.

    A factor, so that a group of parameters that learns at another rate than BASE_LR ends at its share of MIN_LR.
    """
    lowest = solver.MIN_LR / solver.BASE_LR
    return lowest + (1 - lowest) * 0.5 * (math.cos(math.pi * iteration / solver.MAX_ITER) + 1)


def learning_rate_factor(iteration: int, solver: CfgNode) -> float:
    """Return the factor of the learning rate at ``iteration`` for the ``SOLVER`` node ``solver``."""
    factor = 1.0
    if solver.WARMUP_ON:
        factor = warmup_factor(iteration, solver.WARMUP_ITERS, solver.WARMUP_FACTOR, solver.WARMUP_METHOD)
    return factor * SCHEDULERS.get(solver.SCHEDULER)(iteration, solver)


def base_rate(optimizer: Optimizer, scheduler: LambdaLR, iteration: int | None = None) -> float:
    """Return BASE_LR at the schedule's place: the rate of the parameters that have no rate of their own.

    Args:
        iteration: another place, in iterations that are done.
    """
    return optimizer.defaults["lr"] * scheduler.lr_lambdas[0](scheduler.last_epoch if iteration is None else iteration)


def build_scheduler(cfg: CfgNode, optimizer: Optimizer) -> LambdaLR:
    """Return the schedule that SOLVER.SCHEDULER names."""
    return LambdaLR(optimizer, partial(learning_rate_factor, solver=cfg.SOLVER))
