"""Learning-rate schedules as factors of the base rate; one call of ``step()`` is one iteration."""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Sequence
from functools import partial

from torch.optim import Optimizer
from torch.optim.lr_scheduler import LambdaLR
from yacs.config import CfgNode


def warmup_factor(iteration: int, warmup_iters: int, start: float, method: str) -> float:
    """Return the warm-up's factor: from ``start`` to 1 over ``warmup_iters`` (linear), or ``start`` (constant)."""
    if iteration >= warmup_iters:
        return 1.0
    if method == "constant":
        return start
    progress = iteration / warmup_iters
    return start * (1 - progress) + progress


def multi_step_factor(iteration: int, milestones: Sequence[int], gamma: float) -> float:
    """Return ``gamma`` to the power of the number of milestones that ``iteration`` has reached."""
    return gamma ** bisect_right(milestones, iteration)


def half_cosine_factor(iteration: int, max_iter: int) -> float:
    """Return half a period of a cosine: 1 at the start, 0 at ``max_iter``."""
    return 0.5 * (math.cos(math.pi * iteration / max_iter) + 1)


def learning_rate_factor(iteration: int, solver: CfgNode) -> float:
    """Return the factor of the learning rate at ``iteration`` for the ``SOLVER`` node ``solver``."""
    factor = 1.0
    if solver.WARMUP_ON:
        factor = warmup_factor(iteration, solver.WARMUP_ITERS, solver.WARMUP_FACTOR, solver.WARMUP_METHOD)
    if solver.SCHEDULER == "half_period_cosine":
        return factor * half_cosine_factor(iteration, solver.MAX_ITER)
    return factor * multi_step_factor(iteration, sorted(solver.STEPS), solver.GAMMA)


def build_scheduler(cfg: CfgNode, optimizer: Optimizer) -> LambdaLR:
    """Return the schedule named by SOLVER.SCHEDULER (``warmup_multi_step`` or ``half_period_cosine``)."""
    return LambdaLR(optimizer, partial(learning_rate_factor, solver=cfg.SOLVER))
