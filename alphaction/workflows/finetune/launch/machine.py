"""The hardware of this machine: GPUs with their free memory, cores, main memory; and warnings about it.

The memory that a training needs depends on clips, boxes and model and is not estimated; only cards with little free
memory, or in use by other processes, are reported.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import psutil
import pynvml
import torch

from alphaction.utils.cores import available_cores
from alphaction.utils.messages import listed

# Below this share of free memory hardly any training fits.
LOW_SHARE = 0.2
# A card that nothing uses has more than this share free, after the driver's part.
IDLE_SHARE = 0.9
_GIB = 2**30


@dataclass(frozen=True)
class Gpu:
    """One GPU that PyTorch sees.

    Attributes:
        name: its model.
        free: free memory in bytes; None if the driver does not say.
        total: memory in bytes; None likewise.
        problem: what the driver answered instead.
    """

    name: str
    free: int | None = None
    total: int | None = None
    problem: str = ""

    @property
    def is_idle(self) -> bool:
        """Whether nothing uses it."""
        return not self.problem and self.free / self.total >= IDLE_SHARE


@dataclass(frozen=True)
class Machine:
    """The hardware and environment that a launch is planned for.

    Attributes:
        gpus: the GPUs, by their number in PyTorch.
        cores: CPU cores that this process may use.
        ram_free: main memory in bytes that is available; None: unknown.
        ram_total: main memory in bytes; None: unknown.
        environ: environment variables.
        has_cuda_build: whether this PyTorch could use a GPU at all.
    """

    gpus: tuple[Gpu, ...] = ()
    cores: int = 1
    ram_free: int | None = None
    ram_total: int | None = None
    environ: Mapping[str, str] = field(default_factory=dict)
    has_cuda_build: bool = True


def look_around() -> Machine:
    """Return this machine."""
    memory = psutil.virtual_memory()
    return Machine(
        gpus=find_gpus(),
        cores=available_cores(),
        ram_free=memory.available,
        ram_total=memory.total,
        environ=dict(os.environ),
        has_cuda_build=torch.version.cuda is not None or torch.version.hip is not None,
    )


def find_gpus() -> tuple[Gpu, ...]:
    """Return the GPUs that PyTorch sees, in its order.

    The driver is asked for them: PyTorch would make a CUDA context on each card, which takes some hundred MiB of it
    until the training ends.
    """
    count = torch.cuda.device_count()
    if count == 0:
        return ()
    try:
        pynvml.nvmlInit()
    except pynvml.NVMLError as error:  # no NVIDIA driver: cards of AMD
        return (Gpu("GPU", problem=str(error)),) * count
    try:
        selectors = visible_devices(os.environ.get("CUDA_VISIBLE_DEVICES"), count)
        return tuple(map(_query_gpu, selectors))
    finally:
        pynvml.nvmlShutdown()


def visible_devices(variable: str | None, count: int) -> list[int | str]:
    """Return what CUDA_VISIBLE_DEVICES says of the ``count`` GPUs that PyTorch sees: a number or UUID for each."""
    if variable is None:
        return list(range(count))
    words = [word.strip() for word in variable.split(",")][:count]
    return [int(word) if word.isdecimal() else word for word in words]


def _query_gpu(selector: int | str) -> Gpu:
    name = "GPU"
    try:
        handle = _handle(selector)
        name = pynvml.nvmlDeviceGetName(handle)
        memory = pynvml.nvmlDeviceGetMemoryInfo(handle)
    except pynvml.NVMLError as error:
        return Gpu(name, problem=str(error))
    return Gpu(name, memory.free, memory.total)


def _handle(selector: int | str) -> object:
    if isinstance(selector, int):
        return pynvml.nvmlDeviceGetHandleByIndex(selector)
    # CUDA takes the beginning of a UUID where no other card's begins so.
    for index in range(pynvml.nvmlDeviceGetCount()):
        handle = pynvml.nvmlDeviceGetHandleByIndex(index)
        if pynvml.nvmlDeviceGetUUID(handle).startswith(selector):
            return handle
    return pynvml.nvmlDeviceGetHandleByUUID(selector)  # a part of a card (MIG)


def gpu_warnings(gpus: Sequence[Gpu], used: int) -> Iterator[str]:
    """Yield what is noteworthy about the first ``used`` of ``gpus``, and whether others would do better."""
    busy = [(index, gpu) for index, gpu in enumerate(gpus[:used]) if not gpu.is_idle]
    for index, gpu in busy:
        if gpu.problem:
            yield f"GPU {index} ({gpu.name}) does not report its memory: {gpu.problem}"
            continue
        state = f"GPU {index} ({gpu.name}): {gpu.free / _GIB:.1f} of {gpu.total / _GIB:.1f} GiB are free"
        if gpu.free < LOW_SHARE * gpu.total:
            yield f"{state}, less than {LOW_SHARE:.0%}: a training will hardly fit. nvidia-smi shows what uses it."
        else:
            yield f"{state}: another process uses this card. nvidia-smi shows which."
    idle = [index for index, gpu in enumerate(gpus) if index >= used and gpu.is_idle]
    if busy and idle:
        yield f"GPU {listed(idle)} would be free: CUDA_VISIBLE_DEVICES chooses cards."


def ram_warnings(machine: Machine) -> Iterator[str]:
    """Yield a warning if little main memory is available."""
    if machine.ram_free is None or not machine.ram_total:
        return
    if machine.ram_free < LOW_SHARE * machine.ram_total:
        yield (
            f"{machine.ram_free / _GIB:.1f} of {machine.ram_total / _GIB:.1f} GiB of main memory are available, less "
            f"than {LOW_SHARE:.0%}. Close other programs, or lower DATALOADER.NUM_WORKERS and SOLVER.VIDEOS_PER_BATCH."
        )
