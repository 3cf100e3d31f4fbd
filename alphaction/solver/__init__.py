"""Optimizer and learning-rate schedule."""

from alphaction.solver.kept_schedule import SCHEDULE_KEYS, RecordedSchedule, keep_schedule, unused_values
from alphaction.solver.optimizer import build_optimizer, describe_rates
from alphaction.solver.scaling import check_scaled, check_unscaled, rate_ratio, scale_schedule, scaled_overrides
from alphaction.solver.schedule import base_rate, build_scheduler

__all__ = [
    "SCHEDULE_KEYS",
    "RecordedSchedule",
    "base_rate",
    "build_optimizer",
    "build_scheduler",
    "check_scaled",
    "check_unscaled",
    "describe_rates",
    "keep_schedule",
    "rate_ratio",
    "scale_schedule",
    "scaled_overrides",
    "unused_values",
]
