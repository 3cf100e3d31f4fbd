"""Which of several processes this one is, by torchrun, srun or a job array of Slurm."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import TypeVar

import torch

from alphaction.engine.setup import processes_from_environment

Item = TypeVar("Item")


def this_process() -> tuple[int, int]:
    """Return (number of this process, number of processes) over all tasks of an array and all processes in each."""
    index, count = processes_from_environment()
    if count == 1 and "SLURM_STEP_ID" in os.environ:  # srun, without torchrun in it
        index, count = _number("SLURM_PROCID", 0), max(_number("SLURM_NTASKS", 1), 1)
    tasks = max(_number("SLURM_ARRAY_TASK_COUNT", 1), 1)
    first, step = _number("SLURM_ARRAY_TASK_MIN", 0), max(_number("SLURM_ARRAY_TASK_STEP", 1), 1)
    # Indices with gaps ("1,5,7") have step 1: the remainder is a share as well, as nothing is left to one alone.
    task = (_number("SLURM_ARRAY_TASK_ID", first) - first) // step % tasks
    return task * count + index, tasks * count


def ends_together() -> bool:
    """Return whether the end of this process with an error would end the others, as it is with torchrun."""
    return processes_from_environment()[1] > 1


def launch_name() -> str:
    """Return a name that processes share which were started together and may run one after the other; "" if none do."""
    name = os.environ.get("SLURM_ARRAY_JOB_ID", "")
    return f"array {name}" if name else ""


def local_rank() -> int:
    """Return the number of the GPU that this process takes."""
    if "LOCAL_RANK" in os.environ or "SLURM_STEP_ID" not in os.environ:
        return _number("LOCAL_RANK", 0)
    # srun may show each task a GPU of its own, and no other.
    return _number("SLURM_LOCALID", 0) % max(torch.cuda.device_count(), 1)


def in_turn(items: Sequence[Item], index: int, count: int) -> list[Item]:
    """Return all items in the order in which one of several processes takes them.

    First every ``count``-th, which are its own, then what the others may have left, from their ends on.
    """
    own = list(items[index::count])
    others = [item for place, item in enumerate(items) if place % count != index]
    return own + others[::-1]


def _number(name: str, default: int) -> int:
    text = os.environ.get(name, "")
    return int(text) if text.isascii() and text.isdecimal() else default
