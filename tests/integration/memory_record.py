"""What the memory held and gave during a training. As a script: train_net.py that writes this down for every process.

Usage, also under torchrun: memory_record.py FOLDER FLAGS...; FLAGS are those of train_net.py. Each process leaves
FOLDER/rank0.pth and so on, which :func:`load_record` reads.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any
from unittest import mock

import torch
from torch import Tensor

from alphaction.engine.trainer import Trainer
from alphaction.memory import MemoryFeatures, MemoryPool
from alphaction.modeling.interaction.center import RunningCenter

Remembered = tuple[Tensor, Tensor]  # features [S, P, D] and present [S, P]


@dataclass
class MemoryRecord:
    """What one process saw.

    Attributes:
        pools: iteration -> state of the training's pool when the checkpoint of that iteration was written.
        training: (video, second) and what was read, for every clip of every step in turn.
        test: (video, second) -> what was read in the last evaluation.
        penalties: whether a read was scaled, for every read at test time.
        centers: the mean [D] of a structure with CENTER_FEATURES at every use at test time.
    """

    pools: dict[int, dict[str, Any]] = field(repr=False, default_factory=dict)
    training: list[tuple[tuple[str, int], Remembered]] = field(repr=False, default_factory=list)
    test: dict[tuple[str, int], Remembered] = field(repr=False, default_factory=dict)
    penalties: list[bool] = field(repr=False, default_factory=list)
    centers: list[Tensor] = field(repr=False, default_factory=list)


@contextmanager
def recording() -> Iterator[MemoryRecord]:
    """Record the trainings of this process while the context lasts."""
    record = MemoryRecord()
    read, save, center = MemoryPool.read, Trainer.save, RunningCenter.forward

    def recorded_read(pool: MemoryPool, keyframes: list, **options: Any) -> MemoryFeatures:
        memory = read(pool, keyframes, **options)
        found = [
            ((video, second), (memory.features[clip].clone(), memory.present[clip].clone()))
            for clip, (video, second) in enumerate(keyframes)
        ]
        if options.get("seed") is None:
            record.test.update(found)
            record.penalties.append(options.get("penalty", False))
        else:
            record.training.extend(found)
        return memory

    def recorded_save(trainer: Trainer, iteration: int, final: bool = False) -> None:
        save(trainer, iteration, final)
        record.pools[iteration] = trainer.step.pool.state_dict()

    def recorded_center(self: RunningCenter, *inputs: Tensor) -> Tensor:
        if not self.training:
            record.centers.append(self.mean.clone())
        return center(self, *inputs)

    with (
        mock.patch.object(MemoryPool, "read", recorded_read),
        mock.patch.object(Trainer, "save", recorded_save),
        mock.patch.object(RunningCenter, "forward", recorded_center),
    ):
        yield record


def entries(pool: dict[str, Any]) -> dict[tuple[str, int], tuple[Tensor, float]]:
    """Return (video, second) -> (features [persons, D], tag) of a pool's state."""
    parts = pool["features"].split(pool["counts"].tolist())
    names = [pool["videos"][video] for video in pool["video_index"].tolist()]
    keys = zip(names, pool["seconds"].tolist(), strict=True)
    return dict(zip(keys, zip(parts, pool["tags"].tolist(), strict=True), strict=True))


def load_record(folder: Path, rank: int) -> MemoryRecord:
    """Read what process ``rank`` left."""
    return MemoryRecord(**torch.load(folder / f"rank{rank}.pth", weights_only=True))


def _main(folder: Path, flags: list[str]) -> None:
    # Next to this file; on the path because it is run as a script.
    from harness import load_script, run_train

    script = load_script(Path(__file__).resolve().parents[2] / "train_net.py")
    with recording() as record:
        run_train(script.parse_arguments(flags))
    torch.save(asdict(record), folder / f"rank{os.environ.get('RANK', 0)}.pth")


if __name__ == "__main__":
    _main(Path(sys.argv[1]), sys.argv[2:])
