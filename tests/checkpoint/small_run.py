"""A small model with everything that the state of a run consists of, and copies of it with one value changed."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
from torch import nn

from alphaction.checkpoint import Checkpointer

LABELS = {"ids": [1, 2], "names": ["sit", "run"], "groups": ["movement", "movement"]}
CONFIG = "SOLVER: {MAX_ITER: 5}\n"
SETTINGS = {"config": CONFIG, "seed": 0, "world_size": 1}
GONE = object()
"""Stands for an entry that is removed."""
WRONG = (
    None, True, -1, 2**70, 1.5, float("nan"), "x", "", b"x", [], [1, "a"], (1,), {}, {"a": 1}, {1: {2: {3: 4}}},
    torch.zeros(3), torch.zeros(2, 2, dtype=torch.int64), torch.tensor(float("nan")), torch.empty(0),
    torch.eye(4).to_sparse(), GONE,
)  # fmt: skip


class AnyIteration(Checkpointer):
    """Saves as if so many iterations had been trained."""

    def save(self, name: str | None, iteration: int, *args: Any, **options: Any) -> Path:
        self._parts["scheduler"].last_epoch = iteration
        return super().save(name, iteration, *args, **options)


class SmallRun:
    """One step of it has been trained."""

    def __init__(self, folder: Path, optimizer: str = "sgd", **options: Any) -> None:
        torch.manual_seed(0)
        self.model = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.Linear(4, 2))
        groups = [{"params": self.model[:2].parameters(), "lr": 0.1}, {"params": self.model[2].parameters()}]
        kinds = {"sgd": lambda: torch.optim.SGD(groups, 0.01, 0.9), "adamw": lambda: torch.optim.AdamW(groups, 0.01)}
        self.optimizer = kinds[optimizer]()
        self.scheduler = torch.optim.lr_scheduler.LambdaLR(self.optimizer, lambda iteration: 1.0)
        scaler = torch.amp.GradScaler("cpu", init_scale=8.0)
        options = {"label_map": LABELS, "config": CONFIG, **options}
        self.checkpointer = AnyIteration(folder, self.model, self.optimizer, self.scheduler, scaler, **options)
        self.step()

    def step(self) -> None:
        self.optimizer.zero_grad()
        self.model(torch.randn(4, 3)).square().sum().backward()
        self.optimizer.step()
        self.scheduler.step()

    def save(self, iteration: int, **options: Any) -> Path:
        return self.checkpointer.save(None, iteration, SETTINGS, **options)

    def state(self) -> str:
        return str((self.model.state_dict(), self.optimizer.state_dict(), self.scheduler.state_dict()))


def places(value: object, place: tuple = ()) -> Iterator[tuple]:
    """Yield the keys that lead to each entry of nested containers."""
    if place:
        yield place
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list | tuple) else ()
    for key, item in items:
        yield from places(item, (*place, key))


def changed(content: dict[str, Any], place: tuple, value: object) -> dict[str, Any]:
    """Return a copy with another value at a place."""
    content = copy.deepcopy(content)
    if len(place) == 1 and value is not GONE:
        return {**content, place[0]: value}
    node: Any = content
    for depth, key in enumerate(place[:-1]):
        if isinstance(node[key], tuple):
            node[key] = list(node[key])
        node = node[key]
        assert depth < 20
    if value is GONE:
        del node[place[-1]]
    else:
        node[place[-1]] = value
    return content


def flip(path: Path, position: int, bit: int = 0) -> None:
    """Change one bit of a file."""
    content = bytearray(path.read_bytes())
    content[position] ^= 1 << bit
    path.write_bytes(content)
