"""Device, processes and seed of a run."""

from __future__ import annotations

import os
import platform
import random
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

import cv2
import numpy as np
import torch
import torch.distributed as dist
import torchvision
from torch import nn
from torch.nn.parallel import DistributedDataParallel
from yacs.config import CfgNode

from alphaction.engine.attempt import name_of_attempt
from alphaction.engine.stop import Stop
from alphaction.engine.watch import Watch, late_message
from alphaction.utils.device import choose_device
from alphaction.utils.errors import StallError, UserError
from alphaction.utils.heap import keep_freed_memory
from alphaction.utils.logging import LOG_FILE
from alphaction.utils.messages import counted

# The watch ends what no longer goes on. Processes may wait for each other far longer, while one evaluates.
_GROUP_TIMEOUT = timedelta(days=1)

AMP_DTYPES = {"bf16": torch.bfloat16, "fp16": torch.float16}


@dataclass(frozen=True)
class Runtime:
    """Where this process runs.

    Attributes:
        device: the device of this process.
        rank: number of this process among all, from 0.
        world_size: number of processes over all nodes.
        seed: seed of the run.
        watch: watches over the processes; None where nothing runs.
        stop: whether the run is to end early.
    """

    device: torch.device
    rank: int
    world_size: int
    seed: int
    watch: Watch | None = None
    stop: Stop = field(default_factory=Stop, compare=False)

    def watched(self) -> AbstractContextManager:
        """Return a context in which the processes watch over each other: :meth:`Watch.watching`."""
        return nullcontext() if self.watch is None else self.watch.watching()

    @property
    def is_main(self) -> bool:
        """Whether this process writes files and logs."""
        return self.rank == 0


def processes_from_environment() -> tuple[int, int]:
    """Return (rank, world size) that torchrun or torch.distributed.launch announced, (0, 1) without them."""
    return int(os.environ.get("RANK", 0)), int(os.environ.get("WORLD_SIZE", 1))


def set_up_runtime(cfg: CfgNode, seed: int, local_rank: int | None = None, stop: Stop | None = None) -> Runtime:
    """Choose the device, join the process group and seed every random generator.

    Args:
        cfg: MODEL.DEVICE "auto" is CUDA where there is one, else the CPU.
        seed: seed of the run, the same on every process.
        local_rank: this process's number on its machine; LOCAL_RANK of the environment where it is None.
        stop: what listens to signals already, while the processes wait for each other; None: nothing does.

    Raises:
        UserError: if CUDA is asked for and absent, there are more processes than GPUs, or the device lacks SOLVER.AMP.
        StallError: if the other processes do not come.
    """
    rank, world_size = processes_from_environment()
    if local_rank is None:
        local_rank = int(os.environ.get("LOCAL_RANK", 0))
    device = _prepare_device(cfg, local_rank)
    watch = Watch(rank, world_size, cfg.SOLVER.TIMEOUT_SECONDS, Path(cfg.OUTPUT_DIR) / LOG_FILE)
    if world_size > 1 and not dist.is_initialized():
        _join(device, watch)
    stop = Stop() if stop is None else stop
    stop.join()
    _seed_everything(seed)
    return Runtime(device, rank, world_size, seed, watch, stop)


def set_up_alone(cfg: CfgNode, seed: int, local_rank: int, rank: int = 0) -> Runtime:
    """Choose the device and seed every random generator, for a process that never waits for others.

    Args:
        cfg: MODEL.DEVICE.
        seed: of the run.
        local_rank: the GPU that this process takes.
        rank: 0 for the one process that shows bars.

    Raises:
        UserError: as :func:`set_up_runtime`.
    """
    device = _prepare_device(cfg, local_rank)
    _seed_everything(seed)
    return Runtime(device, rank, 1, seed)


def set_up_quietly(cfg: CfgNode, device: torch.device) -> Runtime:
    """Return a runtime for a library: nothing is seeded, and no device is made the current one.

    Args:
        cfg: SOLVER.AMP.
        device: where it computes.

    Raises:
        UserError: the device lacks SOLVER.AMP.
    """
    check_precision(cfg, device)
    return Runtime(device, 0, 1, 0)


def _prepare_device(cfg: CfgNode, local_rank: int) -> torch.device:
    device = _choose_device(cfg.MODEL.DEVICE, local_rank)
    check_precision(cfg, device)
    if device.type == "cpu":
        keep_freed_memory()
    return device


def _seed_everything(seed: int) -> None:
    random.seed(seed)
    np.random.seed(seed)
    torch.manual_seed(seed)


def _join(device: torch.device, watch: Watch) -> None:
    """Meet the other processes and join the group with them.

    Raises:
        StallError: if they do not come.
    """
    backend, device_id = ("nccl", device) if device.type == "cuda" else ("gloo", None)
    count, rank = watch.world_size, watch.rank
    try:
        store, _, _ = next(dist.rendezvous("env://", rank, count, timeout=timedelta(seconds=watch.timeout)))
    except RuntimeError as error:
        raise StallError(late_message(count, watch.timeout, error)) from error
    with watch.explaining():
        try:
            attempt = name_of_attempt(store, rank, count, watch.timeout)
        except RuntimeError as error:
            raise StallError(late_message(count, watch.timeout, error)) from error
        store = dist.PrefixStore(attempt, store)
        watch.start(attempt)
        dist.init_process_group(
            backend, store=store, rank=rank, world_size=count, device_id=device_id, timeout=_GROUP_TIMEOUT
        )


def check_precision(cfg: CfgNode, device: torch.device) -> None:
    """Raise a :class:`UserError` if ``device`` lacks SOLVER.AMP."""
    if cfg.SOLVER.AMP == "fp16" and device.type == "cpu":
        raise UserError("SOLVER.AMP fp16 needs CUDA, and this run is on the CPU. Set SOLVER.AMP to off (or bf16).")


def _choose_device(name: str, local_rank: int) -> torch.device:
    if choose_device(name, "MODEL.DEVICE").type == "cpu":
        return torch.device("cpu")
    if local_rank >= torch.cuda.device_count():
        raise UserError(
            f"process {local_rank} of this machine has no GPU of its own: PyTorch sees {torch.cuda.device_count()}. "
            f"Start at most that many processes (--nproc_per_node={torch.cuda.device_count()}), "
            "or set MODEL.DEVICE cpu."
        )
    device = torch.device("cuda", local_rank)
    torch.cuda.set_device(device)
    return device


def tear_down_runtime() -> None:
    """Leave the process group, so that the launcher sees a clean end."""
    if dist.is_available() and dist.is_initialized():
        dist.destroy_process_group()


def seed_step(seed: int, iteration: int, rank: int) -> None:
    """Seed PyTorch for one iteration, so that a resumed run draws the dropout that an uninterrupted one would have."""
    torch.manual_seed((seed * 1_000_003 + iteration) * 4099 + rank)


def autocast_for(amp: str, device: torch.device) -> torch.autocast:
    """Return the autocast context of SOLVER.AMP ("off", "bf16" or "fp16"); with "off" it does nothing."""
    return torch.autocast(device.type, AMP_DTYPES.get(amp, torch.bfloat16), enabled=amp != "off")


def wrap_for_processes(model: nn.Module, runtime: Runtime) -> nn.Module:
    """Return ``model`` in DistributedDataParallel if there is more than one process, else as it is."""
    if runtime.world_size == 1:
        return model
    device_ids = [runtime.device.index] if runtime.device.type == "cuda" else None
    return DistributedDataParallel(model, device_ids=device_ids, gradient_as_bucket_view=True)


def describe_environment(runtime: Runtime) -> str:
    """Return one line on versions and hardware, for the first lines of a log."""
    if runtime.device.type == "cuda":
        hardware = torch.cuda.get_device_name(runtime.device)
    else:
        hardware = f"CPU, {counted(torch.get_num_threads(), 'thread')} a process"
    count = counted(runtime.world_size, "process", "processes")
    return (
        f"Python {platform.python_version()}, torch {torch.__version__}, torchvision {torchvision.__version__}, "
        f"OpenCV {cv2.__version__}; {count}; {hardware}; seed {runtime.seed}"
    )
