"""What a figure was measured on."""

from __future__ import annotations

import platform
from pathlib import Path

import av
import torch

from alphaction.utils.cores import available_cores


def machine_facts() -> dict[str, str | int]:
    """Return the processor, the threads that torch uses, the device, and the versions of what decides on speed."""
    return {
        "processor": _processor(),
        "cores": available_cores(),
        "torch_threads": torch.get_num_threads(),
        "device": torch.cuda.get_device_name() if torch.cuda.is_available() else "cpu",
        "python": platform.python_version(),
        "torch": torch.__version__,
        "av": av.__version__,
    }


def machine_line() -> str:
    """Return :func:`machine_facts` as a line of text."""
    return ", ".join(f"{name.replace('_', ' ')} {value}" for name, value in machine_facts().items())


def _processor() -> str:
    listing = Path("/proc/cpuinfo")
    lines = listing.read_text(encoding="utf-8").splitlines() if listing.exists() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    instructions = ("avx512f", "avx512_bf16", "amx_bf16", "avx2")
    flags = next((line.split() for line in lines if line.startswith("flags")), [])
    best = [name for name in instructions if name in flags]
    return f"{names[0] if names else platform.processor() or platform.machine()} ({' '.join(best) or 'no AVX'})"
