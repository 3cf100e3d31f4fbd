"""Continuing a run: restore its state, apply the config's current values, and log what differs from before."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import torch
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LambdaLR
from yacs.config import CfgNode

from alphaction.checkpoint import Checkpointer, MemoryLoad
from alphaction.checkpoint.checkpointer import EMPTY_MEMORY, Resumed
from alphaction.checkpoint.run_folder import MEMORY_POOL
from alphaction.config import get_cfg
from alphaction.config.changes import ABSENT, changed_values
from alphaction.engine.setup import Runtime
from alphaction.memory import MemoryPool
from alphaction.utils.distributed import gather_rows, get_world_size
from alphaction.utils.errors import CheckpointError
from alphaction.utils.logging import get_logger
from alphaction.utils.messages import counted

_OTHER_CLIPS = "another stream of clips from here on"
_DECIDE_CLIPS = (
    "DATASETS.TRAIN",
    "DATALOADER.ASPECT_RATIO_GROUPING",
    "DATALOADER.REPEAT_THRESHOLD",
    "SOLVER.ACCUMULATION_STEPS",
    "SOLVER.VIDEOS_PER_BATCH",
)
"""Keys that decide, with the seed, which clips an iteration has."""


def run_settings(cfg: CfgNode, runtime: Runtime) -> dict[str, Any]:
    """Return what a checkpoint keeps, in plain types, to be compared when the run is continued."""
    return {"config": cfg.dump(), "seed": runtime.seed, "world_size": runtime.world_size}


def resume_run(
    checkpointer: Checkpointer,
    path: Path,
    cfg: CfgNode,
    runtime: Runtime,
    optimizer: Optimizer,
    scheduler: LambdaLR,
    pool: MemoryPool | None,
) -> Resumed:
    """Restore model, optimizer, schedule and memory from ``path``; return the iterations done and what else it holds.

    Learning rates, momentum and weight decays are the config's; momentum buffers and the place in the schedule are the
    checkpoint's. Every key that differs from the checkpoint's config is logged.

    Raises:
        CheckpointError: if the checkpoint does not fit, or processes find different ones.
    """
    logger = get_logger()
    configured = [{key: value for key, value in group.items() if key != "params"} for group in optimizer.param_groups]
    resumed = checkpointer.resume(path)
    logger.info(resumed.info)
    _apply_settings(optimizer, scheduler, configured)
    for line in differences(resumed.extra, run_settings(cfg, runtime)):
        logger.warning("differs from the run so far: %s", line)
    if pool is not None:
        memory = checkpointer.load_memory(resumed.iteration, path.parent)
        _restore_memory(pool, memory, path.parent / MEMORY_POOL.format(resumed.iteration))
    _require_one_iteration(resumed.iteration, runtime)
    return resumed


def _restore_memory(pool: MemoryPool, memory: MemoryLoad, path: Path) -> None:
    """Fill the pool, or leave it empty with a warning: what it lacks comes back within an epoch."""
    warning = memory.warning
    if memory.state is not None:
        try:
            pool.load_state_dict(memory.state)
        except CheckpointError as error:
            warning = f"{path}: {str(error).rstrip('.')}; {EMPTY_MEMORY}"
    if warning:
        get_logger().warning(warning)
    else:
        saved, own = (str(dtype).removeprefix("torch.") for dtype in (memory.state["features"].dtype, pool.dtype))
        converted = f" from {saved} to {own} (MODEL.IA_STRUCTURE.MEMORY_DTYPE)" if saved != own else ""
        get_logger().info("memory of %s restored%s", counted(len(pool), "keyframe"), converted)


def _apply_settings(optimizer: Optimizer, scheduler: LambdaLR, groups: list[dict[str, Any]]) -> None:
    """Replace the checkpoint's options of the parameter groups by ``groups``, at the schedule's current factor."""
    scheduler.base_lrs = [group["initial_lr"] for group in groups]
    rates = [
        base * factor(scheduler.last_epoch)
        for base, factor in zip(scheduler.base_lrs, scheduler.lr_lambdas, strict=True)
    ]
    for own, group, lr in zip(optimizer.param_groups, groups, rates, strict=True):
        own.update({**group, "lr": lr})
    scheduler._last_lr = rates


def differences(before: Mapping[str, Any], now: Mapping[str, Any]) -> Iterator[str]:
    """Yield what a run continues with otherwise than it began; ``before`` and ``now`` are its settings."""
    for name, what in (("seed", _OTHER_CLIPS), ("world_size", "processes")):
        if name in before and before[name] != now[name]:
            yield f"{name} {before[name]} -> {now[name]} ({what})"
    if "config" in before:
        defaults = {key: new for key, _, new in changed_values("", get_cfg().dump())}
        for key, old, new in changed_values(before["config"], now["config"]):
            # A run of before the key was there did what its default does.
            if old != ABSENT or new != defaults.get(key, ABSENT):
                yield f"{key} {old} -> {new}" + f" ({_OTHER_CLIPS})" * (key in _DECIDE_CLIPS)


def _require_one_iteration(iteration: int, runtime: Runtime) -> None:
    if get_world_size() == 1:
        return
    found = gather_rows(torch.tensor([iteration], device=runtime.device)).tolist()
    if len(set(found)) > 1:
        raise CheckpointError(
            f"the processes continue from different iterations: {found}. They must see one OUTPUT_DIR: put it on "
            "storage that all machines share."
        )
