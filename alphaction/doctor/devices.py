"""What computes: the cores of the CPU, and GPUs with their driver."""

from __future__ import annotations

import os
import platform
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

from alphaction.doctor.finding import Finding, State
from alphaction.doctor.packages import imported
from alphaction.utils.cores import available_cores
from alphaction.utils.messages import counted

_GIB = 2**30
_CPU_INFO = Path("/proc/cpuinfo")
_CPU_MAX = Path("/sys/fs/cgroup/cpu.max")
# Those that make a difference to PyTorch, the newest first.
_FLAGS = ("amx_bf16", "avx512_bf16", "avx512f", "avx2", "asimd", "neon")
_BF16_SINCE = (8, 0)  # compute capability
# Share of a GPU's memory that is free where nobody uses it.
_IDLE = 0.9


class Card(NamedTuple):
    """One GPU as its driver sees it.

    Attributes:
        name: its model.
        free: bytes.
        total: bytes.
        capability: its compute capability.
    """

    name: str
    free: int
    total: int
    capability: tuple[int, int]


class Driver(NamedTuple):
    """NVIDIA's driver.

    Attributes:
        version: "550.54".
        cuda: newest CUDA that it runs, (12, 4).
        cards: all GPUs of the machine.
    """

    version: str
    cuda: tuple[int, int]
    cards: tuple[Card, ...]


def processor() -> Iterator[Finding]:
    """Yield the cores that this process may use, and the threads that PyTorch computes with."""
    model, flags = _cpu_info()
    cores, allowed = os.cpu_count() or 1, available_cores()
    limit = _quota()
    usable = min(allowed, limit) if limit else allowed
    torch, _ = imported("torch")
    threads = torch.get_num_threads() if torch else None
    known = [flag for flag in _FLAGS if flag in flags]
    text = f"{model}, {counted(round(usable, 1) if usable % 1 else int(usable), 'core')}"
    text += f" of {cores}" if usable < cores else ""
    text += f", {known[0].upper()}" if known else ""
    text += f"; PyTorch uses {counted(threads, 'thread')}" if threads else ""
    facts = {"model": model, "cores": cores, "usable_cores": usable, "threads": threads, "flags": known}
    facts["bf16"] = any("bf16" in flag for flag in known)
    yield Finding("CPU", text, facts=facts)
    if threads and threads > max(1, usable):
        fix = f"export OMP_NUM_THREADS={max(1, int(usable))}"
        text = f"PyTorch uses {threads} threads on {usable:g} usable cores, which is slow"
        yield Finding("threads", text, State.NOTE, fix)
    if flags and not known and platform.machine() in ("x86_64", "AMD64"):
        yield Finding("CPU", "has no AVX2: PyTorch will be slow", State.NOTE)


def gpus() -> Iterator[Finding]:
    """Yield each GPU that PyTorch can use, or why there is none."""
    torch, problem = imported("torch")
    if problem:
        return
    driver = read_driver()
    build = torch.version.cuda or getattr(torch.version, "hip", None)
    facts = {"torch_cuda": build, "driver": driver.version if driver else None}
    if not torch.cuda.is_available():
        yield _why_no_gpu(torch, driver, facts)
        return
    if driver is None:  # AMD
        names = [torch.cuda.get_device_name(index) for index in range(torch.cuda.device_count())]
        yield Finding("GPU", f"{counted(len(names), 'GPU')}: {', '.join(names)}", facts={**facts, "names": names})
        return
    cuda = ".".join(map(str, driver.cuda))
    text = f"driver {driver.version} (CUDA {cuda}), PyTorch for CUDA {build}"
    yield Finding("CUDA", text, facts=facts)
    seen = torch.cuda.device_count()
    if seen < len(driver.cards):
        chosen = os.environ.get("CUDA_VISIBLE_DEVICES")
        why = f"CUDA_VISIBLE_DEVICES is {chosen}" if chosen is not None else "PyTorch sees no more"
        yield Finding("GPU", f"{seen} of {len(driver.cards)} are used: {why}")
    for index, card in enumerate(driver.cards):
        yield _card(index, card, torch)


def read_driver() -> Driver | None:
    """Return NVIDIA's driver with its cards; None where there is none. No card is started."""
    nvml, problem = imported("pynvml")
    if problem:
        return None
    try:
        nvml.nvmlInit()
    except nvml.NVMLError:
        return None
    try:
        cards = tuple(_read_card(nvml, index) for index in range(nvml.nvmlDeviceGetCount()))
        cuda = nvml.nvmlSystemGetCudaDriverVersion()
        version = nvml.nvmlSystemGetDriverVersion()
        return Driver(_text(version), (cuda // 1000, cuda % 1000 // 10), cards)
    except nvml.NVMLError:
        return None
    finally:
        with suppress(nvml.NVMLError):
            nvml.nvmlShutdown()


def _read_card(nvml: ModuleType, index: int) -> Card:
    handle = nvml.nvmlDeviceGetHandleByIndex(index)
    memory = nvml.nvmlDeviceGetMemoryInfo(handle)
    capability = tuple(nvml.nvmlDeviceGetCudaComputeCapability(handle))
    return Card(_text(nvml.nvmlDeviceGetName(handle)), memory.free, memory.total, capability)


def _text(value: Any) -> str:
    return value.decode() if isinstance(value, bytes) else str(value)


def _card(index: int, card: Card, torch: ModuleType) -> Finding:
    bf16 = card.capability >= _BF16_SINCE
    text = f"{card.name}, {card.free / _GIB:.1f} of {card.total / _GIB:.1f} GiB free"
    text += ", bfloat16" if bf16 else ", no bfloat16"
    facts = {**card._asdict(), "bf16": bf16}
    name = f"GPU {index}"
    if not _has_kernels(card.capability, torch.cuda.get_arch_list()):
        number = ".".join(map(str, card.capability))
        text = f"{card.name}: this PyTorch has no code for its compute capability {number}"
        fix = (
            "Install a PyTorch that has it (https://pytorch.org/get-started), or run without the GPU: MODEL.DEVICE cpu"
        )
        return Finding(name, text, State.PROBLEM, fix, facts)
    if card.free < _IDLE * card.total:
        fix = "nvidia-smi shows by whom; CUDA_VISIBLE_DEVICES chooses cards."
        return Finding(name, f"{text}: it is in use", State.NOTE, fix, facts)
    return Finding(name, text, facts=facts)


def _has_kernels(capability: tuple[int, int], architectures: list[str]) -> bool:
    """Return whether a PyTorch for these architectures ("sm_80", "compute_90") runs on a card."""
    if not architectures:
        return True
    for name in architectures:
        kind, _, digits = name.partition("_")
        digits = "".join(filter(str.isdigit, digits))
        if not digits:
            continue
        major, minor = int(digits[:-1] or 0), int(digits[-1])
        # Machine code runs on cards of the same generation, code for compute_* also on later ones.
        if (kind == "sm" and major == capability[0] and minor <= capability[1]) or (
            kind == "compute" and (major, minor) <= capability
        ):
            return True
    return False


def _why_no_gpu(torch: ModuleType, driver: Driver | None, facts: dict[str, Any]) -> Finding:
    """Return why PyTorch uses no GPU; a problem it is only for who expected one."""
    if driver is None or not driver.cards:
        text = "none: training and predicting run on the CPU"
        if sys.platform == "darwin":
            text += " (Apple's GPUs are not used)"
        elif torch.version.cuda and Path("/proc/driver/nvidia").exists():
            fix = "nvidia-smi tells more. After an update of the driver, restart the machine."
            return Finding("GPU", "NVIDIA's driver is here, but does not answer", State.NOTE, fix, facts)
        return Finding("GPU", text, facts=facts)
    cards, build = ", ".join(card.name for card in driver.cards), torch.version.cuda
    newest = ".".join(map(str, driver.cuda))
    if build is None:
        text = f"{cards}: not used, as this PyTorch is built without CUDA ({torch.__version__})"
        fix = "Install the build for CUDA: https://pytorch.org/get-started"
    elif os.environ.get("CUDA_VISIBLE_DEVICES") in ("", "-1"):
        text, fix = f"{cards}: not used, as CUDA_VISIBLE_DEVICES hides it", "unset CUDA_VISIBLE_DEVICES"
    elif tuple(map(int, build.split(".")[:2])) > driver.cuda:
        text = (
            f"{cards}: not used: PyTorch is for CUDA {torch.version.cuda}, driver {driver.version} for {newest} at most"
        )
        fix = f"Update the driver, or install a PyTorch for CUDA {newest} or older: https://pytorch.org/get-started"
    else:
        text = f"{cards}: not used, as PyTorch cannot start CUDA (driver {driver.version})"
        fix = f'{sys.executable} -c "import torch; torch.zeros(1).cuda()" shows why'
    return Finding("GPU", text, State.NOTE, fix, facts)


def _cpu_info() -> tuple[str, set[str]]:
    """Return the model of the CPU and what it can do, as Linux tells."""
    model, flags = platform.processor() or platform.machine(), set()
    with suppress(OSError):
        for line in _CPU_INFO.read_text(encoding="utf-8", errors="replace").splitlines():
            key, _, value = line.partition(":")
            if key.strip() == "model name":
                model = value.strip()
            elif key.strip() in ("flags", "Features"):
                return model, set(value.split())
    return model, flags


def _quota() -> float | None:
    """Return the cores that a container may use, where it is limited (docker run --cpus)."""
    with suppress(OSError, ValueError):
        quota, period = _CPU_MAX.read_text(encoding="ascii").split()
        return None if quota == "max" else int(quota) / int(period)
    return None
