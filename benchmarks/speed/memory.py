"""The long-term memory: reading, writing, its size, saving, loading, and the exchange between processes.

The reference is the former pool (a dictionary of entries), kept in ``memory_reference.py``. AVA's training set has 235
movies of 897 seconds with about 2.5 persons: ``--videos 235``, which needs 11 GB.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import torch

from alphaction.data.keyframes import Keyframe
from alphaction.memory import MemoryPool
from alphaction.utils.numbers import ABOVE_ZERO, POSITIVE
from alphaction.utils.options import option
from benchmarks.speed.measure import Case, Comparison, compare
from benchmarks.speed.memory_exchange import compare_exchange, compare_gloo
from benchmarks.speed.memory_reference import FormerPool
from benchmarks.speed.memory_stages import Size, compare_stages, fill

_READS = 50  # in one run of a case


@dataclass(frozen=True)
class Options:
    """What the memory holds."""

    videos: int = option(
        40, within=POSITIVE, metavar="N", help="videos (default: %(default)s; AVA's training set: 235)"
    )
    seconds: int = option(897, within=POSITIVE, metavar="N", help="keyframes of a video (default: %(default)s)")
    persons: float = option(2.5, within=ABOVE_ZERO, metavar="N", help="persons of a keyframe (default: %(default)s)")
    dim: int = option(2304, within=POSITIVE, metavar="N", help="channels of a feature (default: %(default)s)")
    ranks: tuple[int, ...] = option(
        (1, 2, 4), within=POSITIVE, metavar="N", help="processes that exchange features (default: 1 2 4)"
    )
    stages: bool = option(True, help="leave out what pools take while they are filled, saved and loaded")


def run(options: Options, repetitions: int) -> Iterator[Comparison]:
    """Yield the tables."""
    size = Size(options.videos, options.seconds, options.persons, options.dim)
    yield from _reading(size, repetitions)
    yield _writing(size, repetitions)
    if options.stages:
        yield from compare_stages(size)
    yield compare_exchange(options.dim, repetitions)
    yield compare_gloo(options.dim, options.ranks, repetitions)


def _reading(size: Size, repetitions: int) -> Iterator[Comparison]:
    half, whole = (MemoryPool(size.dim, dtype=dtype) for dtype in ("float16", "float32"))
    fill(half, size)
    fill(whole, size)
    former, state = FormerPool(size.dim), whole.state_dict()
    former.load_state_dict({**state, "features": state["features"][:0]})
    former.storage = state["features"]  # not once more
    pools = {"former": former, "float32": whole, "float16": half}
    draw = np.random.default_rng(0)
    for title, shift, arguments in (
        ("test", 0, {}),
        ("test, clips between seconds", 0.4, {}),
        ("training: drawn, scaled by loss", 0, {"seed": 7, "penalty": True, "current_tag": torch.tensor(2.0)}),
    ):
        clips = [[_keyframe(draw, size, shift) for _ in range(2)] for _ in range(200)]
        cases = [Case(name, _reads(pool, clips, arguments), _READS) for name, pool in pools.items()]
        yield compare(f"Reading for 2 clips of {size}, {title}", "read", cases, repetitions=repetitions, warm_up=3)


def _reads(pool: MemoryPool | FormerPool, clips: list[list[Keyframe]], arguments: dict) -> Callable[[], object]:
    turn = itertools.cycle(clips)

    def read() -> None:
        for _ in range(_READS):
            pool.read(next(turn), **arguments)

    return read


def _writing(size: Size, repetitions: int) -> Comparison:
    size = Size(2, size.seconds, size.persons, size.dim)
    pools = {
        "former": FormerPool(size.dim),
        "float32": MemoryPool(size.dim),
        "float16": MemoryPool(size.dim, dtype="float16"),
    }
    for pool in pools.values():
        fill(pool, size)
    draw = np.random.default_rng(0)
    clips = [[_keyframe(draw, size, 0, video) for video in range(2)] for _ in range(200)]
    features, clip_index = torch.rand(6, size.dim), torch.tensor([0, 0, 0, 1, 1, 1])
    scores, tag = torch.rand(6), torch.tensor(2.0)

    def writes(pool: MemoryPool | FormerPool) -> Callable[[], object]:
        turn = itertools.cycle(clips)

        def write() -> None:
            for _ in range(_READS):
                pool.write(next(turn), features, clip_index, tag=tag, scores=scores)

        return write

    cases = [Case(name, writes(pool), _READS) for name, pool in pools.items()]
    return compare("Writing 3 persons of 2 clips each", "write", cases, repetitions=repetitions, warm_up=3)


def _keyframe(draw: np.random.Generator, size: Size, shift: float, video: int | None = None) -> Keyframe:
    number = int(draw.integers(size.videos)) if video is None else video
    return Keyframe(size.name(number), int(draw.integers(size.seconds)) + size.first + shift)
