"""What exchanging person features costs a process in a step, by the number of processes."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from unittest import mock

import torch
import torch.distributed as dist
from torch import Tensor

from alphaction.data.keyframes import Keyframe
from alphaction.memory import FeatureExchange, MemoryPool, exchange
from alphaction.utils.messages import counted
from benchmarks.speed.measure import Case, Comparison, Timing, compare

_CLIPS, _PERSONS, _MOST = 2, 3, 20  # of a process in a step; _MOST: PROPOSAL_PER_CLIP times the clips
_STEPS = 10  # in one run of a case


def compare_exchange(dim: int, repetitions: int) -> Comparison:
    """Time packing, unpacking and writing for simulated processes: their rows come without a network."""
    cases = [Case(f"{ranks} simulated", _simulated(ranks, dim), _STEPS) for ranks in (1, 8, 64)]
    title = f"Exchange of {_CLIPS * _PERSONS} persons of each process: pack, unpack, write"
    return compare(title, "step", cases, repetitions=repetitions)


def compare_gloo(dim: int, numbers: Sequence[int], repetitions: int) -> Comparison:
    """Time the same between so many processes of this machine, the network included (gloo)."""
    timings = []
    for ranks in numbers:
        with tempfile.TemporaryDirectory(prefix="exchange-") as folder:
            torch.multiprocessing.spawn(_gloo, (ranks, folder, dim, repetitions), nprocs=ranks)
            found = json.loads((Path(folder) / "times.json").read_text(encoding="utf-8"))
        timings.append(Timing(counted(ranks, "process", "processes"), tuple(found["wall"]), tuple(found["cpu"]), {}))
    return Comparison("Exchange between processes on these cores (gloo)", "step", tuple(timings))


def _simulated(ranks: int, dim: int) -> Callable[[], object]:
    identities, _, *rest = _step_of(0, dim)
    own = FeatureExchange(_MOST)
    own.start(identities, _step_of(0, dim)[1], *rest)
    # Each process has clips of its own.
    parts = [own._packed.wait().clone() for _ in range(ranks)]
    for rank, part in enumerate(parts):
        numbers = part[:, 0].contiguous().view(torch.int32)
        part[:, 0] = torch.where(numbers >= 0, numbers + rank * _CLIPS, numbers).view(torch.float32)
    everything = torch.cat(parts)
    step = _steps(dim)

    def run() -> None:
        with mock.patch.object(exchange, "gather_rows", return_value=everything):
            step()

    return run


def _steps(dim: int, rank: int = 0) -> Callable[[], object]:
    sender, pool = FeatureExchange(_MOST), MemoryPool(dim)
    step = _step_of(rank, dim)

    def run() -> None:
        for _ in range(_STEPS):
            sender.start(*step)
            records = sender.finish().finite()
            clips, position = torch.unique(records.indices, return_inverse=True)
            keyframes = [Keyframe("video", index) for index in clips.tolist()]
            pool.write(keyframes, records.features, position, tag=records.tags[0], scores=records.scores)

    return run


def _step_of(rank: int, dim: int) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor]:
    clips = torch.arange(_CLIPS).repeat_interleave(_PERSONS)
    count = len(clips)
    return clips + rank * _CLIPS, clips, torch.rand(count, dim), torch.rand(count), torch.tensor(2.0)


def _gloo(rank: int, ranks: int, folder: str, dim: int, repetitions: int) -> None:
    torch.set_num_threads(1)
    dist.init_process_group("gloo", init_method=f"file://{folder}/meeting", rank=rank, world_size=ranks)
    comparison = compare("", "step", [Case("", _steps(dim, rank), _STEPS)], repetitions=repetitions)
    if rank == 0:
        timing = comparison.timings[0]
        content = json.dumps({"wall": timing.wall, "cpu": timing.cpu})
        (Path(folder) / "times.json").write_text(content, encoding="utf-8")
    dist.barrier()
    dist.destroy_process_group()
