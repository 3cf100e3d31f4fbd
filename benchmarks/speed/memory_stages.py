"""What the memory pool takes while it is filled, saved and loaded. Each pool is measured in a process of its own."""

from __future__ import annotations

import json
import math
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch

from alphaction.checkpoint import Checkpointer
from alphaction.data.keyframes import Keyframe
from alphaction.memory import MemoryPool
from alphaction.utils.process_memory import forget_peak, peak_bytes, resident_bytes
from benchmarks import CLONE
from benchmarks.speed.measure import Comparison, Timing
from benchmarks.speed.memory_reference import FormerPool

_STAGES = ("fill", "save", "load")
_KINDS = {"former": 4, "float32": 4, "float16": 2}
"""The pools, the reference first, and the bytes of a value."""


@dataclass(frozen=True)
class Size:
    """How much a pool holds."""

    videos: int
    seconds: int
    persons: float
    dim: int
    first: int = 902

    @property
    def rows(self) -> int:
        """Persons."""
        return self.videos * self.of_video().sum()

    def of_video(self) -> np.ndarray:
        """Return the persons of each second of a video, int64 [seconds]."""
        ends = np.floor(self.persons * np.arange(self.seconds + 1))
        return np.diff(ends).astype(np.int64)

    def name(self, video: int) -> str:
        """Return the name of a video."""
        return f"video{video:04d}"

    def __str__(self) -> str:
        return f"{self.rows:,} persons"


def fill(pool: MemoryPool | FormerPool, size: Size) -> None:
    """Write all keyframes, a video at a time."""
    seconds = np.arange(size.seconds)
    clip_index = torch.from_numpy(np.repeat(seconds, size.of_video()))
    features, scores = torch.rand(len(clip_index), size.dim), torch.rand(len(clip_index))
    for video in range(size.videos):
        keyframes = [Keyframe(size.name(video), size.first + second) for second in range(size.seconds)]
        pool.write(keyframes, features, clip_index, tag=1.0 + video, scores=scores)


def compare_stages(size: Size) -> Iterator[Comparison]:
    """Yield a table for each stage."""
    found = {kind: _run(kind, size) for kind in _KINDS}
    for stage in _STAGES:
        timings = []
        for kind, stages in found.items():
            bank = size.rows * size.dim * _KINDS[kind]
            wall, cpu, after, peak = (stages[stage][name] for name in ("wall", "cpu", "after", "peak"))
            facts = {
                "features": f"{bank / 1e9:.3f} GB",
                "resident": f"{after / 1e9:.3f} GB",
                "peak": f"{peak / 1e9:.3f} GB",
            }
            facts["peak / features"] = f"{peak / bank:.2f}"
            timings.append(Timing(kind, (wall,), (cpu,), facts))
        yield Comparison(f"Memory of a pool of {size}: {stage}", stage, tuple(timings))


def _run(kind: str, size: Size) -> dict[str, dict[str, float]]:
    with tempfile.TemporaryDirectory(prefix="memory-pool-") as folder:
        stages = {}
        for part in ("make", "load"):
            command = [
                sys.executable,
                "-m",
                "benchmarks.speed.memory_stages",
                part,
                kind,
                folder,
                json.dumps(asdict(size)),
            ]
            done = subprocess.run(command, cwd=CLONE, check=True, stdout=subprocess.PIPE, text=True)
            stages |= json.loads(done.stdout.splitlines()[-1])
        return stages


def _measured(stage: Callable[[], object], base: float) -> dict[str, float]:
    known = forget_peak()
    wall, cpu = time.perf_counter(), time.process_time()
    stage()
    times = {"wall": time.perf_counter() - wall, "cpu": time.process_time() - cpu}
    return {**times, "after": resident_bytes() - base, "peak": peak_bytes() - base if known else math.nan}


def _main(part: str, kind: str, folder: str, size: Size) -> None:
    torch.set_num_threads(1)
    former = kind == "former"
    pool = FormerPool(size.dim) if former else MemoryPool(size.dim, dtype=kind)
    checkpointer = Checkpointer(folder, torch.nn.Linear(1, 1))
    fill(FormerPool(8) if former else MemoryPool(8, dtype=kind), Size(1, 100, 2.5, 8))  # what is loaded at first use
    base = resident_bytes()

    def load() -> None:
        if former:
            path = Path(folder) / "memory_pool_0000001.pth"
            with path.open("rb") as file:
                pool.load_state_dict(torch.load(file, weights_only=True)["pool"])
        else:
            pool.load_state_dict(checkpointer.load_memory(1).state)

    stages = {"load": load}
    if part == "make":
        stages = {"fill": lambda: fill(pool, size), "save": lambda: checkpointer.save_memory(pool.state_dict(), 1)}
    print(json.dumps({name: _measured(stage, base) for name, stage in stages.items()}))


if __name__ == "__main__":
    _main(*sys.argv[1:4], Size(**json.loads(sys.argv[4])))
