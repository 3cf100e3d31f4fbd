"""What this machine has: GPUs with their free memory, cores, main memory; and what of it deserves a warning.

How much memory a training needs depends on clips, boxes and model, and is not estimated: only what is certain, that
little of a card is free or that something else uses it, is reported.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

import torch

from alphaction.utils.cores import available_cores

# Below this share of free memory hardly any training fits.
LOW_SHARE = 0.2
# A card that nothing uses has more than this share free, after the driver's part and that of the query itself.
IDLE_SHARE = 0.9
_GIB = 2**30
_QUERY_SECONDS = 120


@dataclass(frozen=True)
class Gpu:
    """One GPU that PyTorch sees.

    Attributes:
        name: its model.
        free: free memory in bytes; None if the card did not answer.
        total: memory in bytes; None likewise.
        problem: what it answered instead.
    """

    name: str
    free: int | None = None
    total: int | None = None
    problem: str = ""


@dataclass(frozen=True)
class Machine:
    """What a plan needs to know of the machine.

    Attributes:
        gpus: the GPUs, by their number in PyTorch.
        cores: CPU cores that this process may use.
        ram_free: main memory in bytes that is available; None where the system does not tell.
        ram_total: main memory in bytes; None likewise.
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
    free, total = main_memory()
    return Machine(
        gpus=find_gpus(),
        cores=available_cores(),
        ram_free=free,
        ram_total=total,
        environ=dict(os.environ),
        has_cuda_build=torch.version.cuda is not None or torch.version.hip is not None,
    )


def find_gpus() -> tuple[Gpu, ...]:
    """Return the GPUs that PyTorch sees.

    Another process asks for their memory: the question makes a CUDA context of some hundred MiB on each card, which
    ends with that process instead of staying until the training ends.
    """
    count = torch.cuda.device_count()
    if count == 0:
        return ()
    command = [sys.executable, "-m", "alphaction.workflows.finetune.launch.gpus"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=_QUERY_SECONDS, check=True)
        return tuple(Gpu(**values) for values in json.loads(done.stdout))
    except json.JSONDecodeError:
        problem = f"no answer but {done.stdout.strip()[:80]!r}"
    except subprocess.CalledProcessError as error:
        problem = (error.stderr.strip().splitlines() or ["no message"])[-1]
    except subprocess.TimeoutExpired:
        problem = f"no answer within {_QUERY_SECONDS} s"
    return tuple(Gpu("GPU", problem=problem) for _ in range(count))


def query_gpus() -> Iterator[Gpu]:
    """Yield each GPU with its memory; makes a CUDA context on each."""
    for index in range(torch.cuda.device_count()):
        name = torch.cuda.get_device_name(index)
        try:
            free, total = torch.cuda.mem_get_info(index)
        except RuntimeError as error:  # no memory left for a context, or a card in exclusive mode that is taken
            yield Gpu(name, problem=str(error).splitlines()[0])
        else:
            yield Gpu(name, free, total)


def main_memory(meminfo: Path = Path("/proc/meminfo")) -> tuple[int | None, int | None]:
    """Return (available, all) main memory in bytes; None for what the system does not tell (macOS: available)."""
    if meminfo.is_file():
        values = dict(line.split(":", 1) for line in meminfo.read_text().splitlines() if ":" in line)
        found = [values.get(key, "").split() for key in ("MemAvailable", "MemTotal")]
        free, total = (int(words[0]) * 1024 if words else None for words in found)
        return free, total
    if sys.platform == "win32":
        return None, None
    return None, os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")


def gpu_warnings(gpus: Sequence[Gpu], used: int) -> Iterator[str]:
    """Yield what is noteworthy about the first ``used`` of ``gpus``, and whether others would do better."""
    busy = False
    for index, gpu in enumerate(gpus[:used]):
        if gpu.problem:
            busy = True
            yield f"GPU {index} ({gpu.name}) does not tell its memory: {gpu.problem}"
            continue
        share = gpu.free / gpu.total
        if share >= IDLE_SHARE:
            continue
        busy = True
        state = f"GPU {index} ({gpu.name}): {gpu.free / _GIB:.1f} of {gpu.total / _GIB:.1f} GiB are free"
        if share < LOW_SHARE:
            yield f"{state}, less than {LOW_SHARE:.0%}: a training will hardly fit. nvidia-smi shows what uses it."
        else:
            yield f"{state}: another process uses this card. nvidia-smi shows which."
    idle = [
        str(index)
        for index, gpu in enumerate(gpus)
        if index >= used and not gpu.problem and gpu.free / gpu.total >= IDLE_SHARE
    ]
    if busy and idle:
        yield f"GPU {', '.join(idle)} would be free: CUDA_VISIBLE_DEVICES chooses cards."


def ram_warnings(machine: Machine) -> Iterator[str]:
    """Yield a warning if little main memory is available."""
    if machine.ram_free is None or not machine.ram_total:
        return
    if machine.ram_free < LOW_SHARE * machine.ram_total:
        yield (
            f"{machine.ram_free / _GIB:.1f} of {machine.ram_total / _GIB:.1f} GiB of main memory are available, less "
            f"than {LOW_SHARE:.0%}. Close other programs, or lower DATALOADER.NUM_WORKERS and SOLVER.VIDEOS_PER_BATCH."
        )


if __name__ == "__main__":
    print(json.dumps([asdict(gpu) for gpu in query_gpus()]))
