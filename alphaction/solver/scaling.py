"""Linear scaling of a schedule to another number of processes.

Source: Goyal et al., "Accurate, Large Minibatch SGD", arXiv 1706.02677.
"""

from __future__ import annotations

from yacs.config import CfgNode

from alphaction.utils.errors import UserError


def scale_schedule(cfg: CfgNode, num_processes: int) -> str:
    """Scale ``cfg.SOLVER`` in place from REFERENCE_GPUS to ``num_processes``; return what was done, for the log.

    The batch and the learning rate are multiplied by the ratio of the two, every iteration count is divided by it, so
    that the same number of clips is seen. REFERENCE_GPUS is set to ``num_processes`` afterwards: a config that is saved
    and read again is never scaled twice.

    Raises:
        UserError: if REFERENCE_GPUS is below 1.
    """
    solver = cfg.SOLVER
    reference = solver.REFERENCE_GPUS
    if reference < 1:
        raise UserError(
            f"SOLVER.REFERENCE_GPUS is {reference}: expected the number of processes that the schedule is written for, "
            "1 or more."
        )
    if num_processes == reference:
        return f"The schedule is written for {reference} process(es): nothing to scale."
    per_process = max(1, round(solver.VIDEOS_PER_BATCH / reference))
    batch = per_process * num_processes
    ratio = batch / solver.VIDEOS_PER_BATCH
    before = f"VIDEOS_PER_BATCH {solver.VIDEOS_PER_BATCH}, BASE_LR {solver.BASE_LR:g}, MAX_ITER {solver.MAX_ITER}"
    solver.BASE_LR = solver.BASE_LR * ratio
    for key in ("MAX_ITER", "WARMUP_ITERS", "CHECKPOINT_PERIOD", "EVAL_PERIOD"):
        # What is 0 (no warm-up) stays 0.
        solver[key] = max(1, round(solver[key] / ratio)) if solver[key] else 0
    solver.STEPS = type(solver.STEPS)(sorted({max(1, round(step / ratio)) for step in solver.STEPS}))
    solver.VIDEOS_PER_BATCH = batch
    cfg.TEST.VIDEOS_PER_BATCH = max(1, round(cfg.TEST.VIDEOS_PER_BATCH / reference)) * num_processes
    solver.REFERENCE_GPUS = num_processes
    after = f"VIDEOS_PER_BATCH {solver.VIDEOS_PER_BATCH}, BASE_LR {solver.BASE_LR:g}, MAX_ITER {solver.MAX_ITER}"
    return f"Schedule scaled from {reference} to {num_processes} process(es): {before} -> {after}."
