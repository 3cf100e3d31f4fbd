"""Scaling of a schedule to another number of processes, which changes the batch.

Sources: for SGD Goyal et al., "Accurate, Large Minibatch SGD", arXiv 1706.02677 (the rate follows the batch); for Adam
Malladi et al., "On the SDEs and Scaling Rules for Adaptive Gradient Algorithms", arXiv 2205.10287 (it follows the
batch's square root; their corrections of beta and epsilon are left out).
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator

from yacs.config import CfgNode

from alphaction.config import validate_cfg
from alphaction.config.tree import get_value
from alphaction.utils.errors import UserError
from alphaction.utils.messages import counted

SCALED_KEYS = (
    "SOLVER.VIDEOS_PER_BATCH",
    "SOLVER.BASE_LR",
    "SOLVER.MIN_LR",
    "SOLVER.MAX_ITER",
    "SOLVER.WARMUP_ITERS",
    "SOLVER.STEPS",
    "SOLVER.CHECKPOINT_PERIOD",
    "SOLVER.EVAL_PERIOD",
    "TEST.VIDEOS_PER_BATCH",
    "SOLVER.REFERENCE_GPUS",
)
"""What :func:`scale_schedule` changes."""


def rate_ratio(optimizer: str, batch_ratio: float) -> float:
    """Return what the learning rate is multiplied by where the batch is multiplied by ``batch_ratio``.

    Args:
        optimizer: SOLVER.OPTIMIZER. The step of ``adamw`` is normalized by the gradient's noise, so that its rate
            follows the square root of the batch; that of ``sgd`` follows the batch.
        batch_ratio: new batch / old batch.
    """
    return math.sqrt(batch_ratio) if optimizer == "adamw" else batch_ratio


def scale_schedule(cfg: CfgNode, num_processes: int) -> str:
    """Scale ``cfg.SOLVER`` in place from REFERENCE_GPUS to ``num_processes``; return what was done, for the log.

    Each process keeps its clips, so that the batch is multiplied by the ratio of the two numbers. BASE_LR and MIN_LR
    are multiplied by that ratio for ``sgd`` (linear scaling) and by its square root for ``adamw``; every iteration
    count is divided by the ratio, so that the same number of clips is seen. REFERENCE_GPUS is set to
    ``num_processes`` afterwards: a config that is saved and read again is never scaled twice.

    Raises:
        UserError: if REFERENCE_GPUS is below 1, or VIDEOS_PER_BATCH does not split over so many processes.
    """
    solver = cfg.SOLVER
    reference = solver.REFERENCE_GPUS
    if reference < 1:
        raise UserError(
            f"SOLVER.REFERENCE_GPUS is {reference}: expected the number of processes that the schedule is written for, "
            "1 or more."
        )
    if num_processes == reference:
        return f"The schedule is written for {processes(reference)}: nothing to scale."
    if solver.VIDEOS_PER_BATCH < 1 or solver.VIDEOS_PER_BATCH % reference:
        raise UserError(
            f"SOLVER.VIDEOS_PER_BATCH is {solver.VIDEOS_PER_BATCH}, which does not split evenly over the "
            f"SOLVER.REFERENCE_GPUS {reference} that it is written for. Set VIDEOS_PER_BATCH "
            f"{max(1, round(solver.VIDEOS_PER_BATCH / reference)) * reference}, or REFERENCE_GPUS {num_processes} to "
            "have nothing scaled."
        )
    ratio = num_processes / reference
    before = f"VIDEOS_PER_BATCH {solver.VIDEOS_PER_BATCH}, BASE_LR {solver.BASE_LR:g}, MAX_ITER {solver.MAX_ITER}"
    for key in ("BASE_LR", "MIN_LR"):
        solver[key] = solver[key] * rate_ratio(solver.OPTIMIZER, ratio)
    for key in ("MAX_ITER", "WARMUP_ITERS", "CHECKPOINT_PERIOD", "EVAL_PERIOD"):
        # What is 0 (no warm-up) stays 0.
        solver[key] = max(1, round(solver[key] / ratio)) if solver[key] else 0
    solver.STEPS = type(solver.STEPS)(sorted({max(1, round(step / ratio)) for step in solver.STEPS}))
    solver.VIDEOS_PER_BATCH = solver.VIDEOS_PER_BATCH // reference * num_processes
    cfg.TEST.VIDEOS_PER_BATCH = max(1, round(cfg.TEST.VIDEOS_PER_BATCH / reference)) * num_processes
    solver.REFERENCE_GPUS = num_processes
    after = f"VIDEOS_PER_BATCH {solver.VIDEOS_PER_BATCH}, BASE_LR {solver.BASE_LR:g}, MAX_ITER {solver.MAX_ITER}"
    return f"Schedule scaled from {reference} to {processes(num_processes)}: {before} -> {after}."


def scaled_overrides(before: CfgNode, cfg: CfgNode, given: Collection[str]) -> Iterator[str]:
    """Yield a line that names the values of the command line that were scaled: that may not be what was meant.

    Args:
        before, cfg: the config before and after scaling.
        given: keys that the command line sets.
    """
    scaled = [
        f"{key} {shown(get_value(before, key))} -> {shown(get_value(cfg, key))}"
        for key in SCALED_KEYS
        if key in given and key != "SOLVER.REFERENCE_GPUS" and get_value(before, key) != get_value(cfg, key)
    ]
    if scaled:
        yield (
            f"Values on the command line are scaled like those of the config: {', '.join(scaled)}. To have them as "
            f"they are, add SOLVER.REFERENCE_GPUS {cfg.SOLVER.REFERENCE_GPUS} (nothing is scaled then)."
        )


def check_scaled(cfg: CfgNode, num_processes: int, scaling: str, splits: Collection[str]) -> None:
    """Check a config after :func:`scale_schedule`, which returned ``scaling``; see ``validate_cfg``.

    Raises:
        UserError: if anything is wrong; where a scaled key is among it, the message says what it was scaled from.
    """
    try:
        validate_cfg(cfg, num_processes, splits=splits)
    except UserError as error:
        if not any(key in str(error) for key in SCALED_KEYS):
            raise
        # The remedies name values after scaling, which would be scaled again if they were given as they stand.
        raise UserError(
            f"{error}\nThese are values after scaling. {scaling} To give values that are not scaled, set "
            f"SOLVER.REFERENCE_GPUS {num_processes} and the others that depend on it."
        ) from error


def processes(count: int) -> str:
    """Return "1 process", "2 processes", ..."""
    return counted(count, "process", "processes")


def shown(value: object) -> str:
    """Return a value of the schedule as messages show it."""
    if isinstance(value, float):
        return f"{value:g}"
    return str(list(value)) if isinstance(value, list | tuple) else repr(value)


def check_unscaled(cfg: CfgNode) -> None:
    """Check a config before :func:`scale_schedule`, whose rounding makes good numbers of bad ones.

    Raises:
        UserError: if a value is wrong for the SOLVER.REFERENCE_GPUS processes that the schedule is written for.
    """
    reference = cfg.SOLVER.REFERENCE_GPUS
    try:
        # The batch of the evaluation may be anything: scaling gives each process a clip.
        validate_cfg(cfg, reference, splits=("TRAIN",))
    except UserError as error:
        if "SOLVER.VIDEOS_PER_BATCH" not in str(error):
            raise
        raise UserError(
            f"{error}\nThe schedule is written for {processes(reference)} (SOLVER.REFERENCE_GPUS), and checked for "
            "that number before it is scaled."
        ) from error
