"""Optimizer and learning-rate schedule."""

from alphaction.solver.optimizer import build_optimizer
from alphaction.solver.scaling import check_unscaled, rate_ratio, scale_schedule
from alphaction.solver.schedule import build_scheduler

__all__ = ["build_optimizer", "build_scheduler", "check_unscaled", "rate_ratio", "scale_schedule"]
