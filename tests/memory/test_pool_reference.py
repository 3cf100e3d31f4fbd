"""The pool beside a plain one, a dictionary of entries: equal to the bit, whatever is written and read.

Axes: B clips, N persons, D channels.
"""

from __future__ import annotations

import copy
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from alphaction.data.keyframes import Keyframe
from alphaction.memory import MemoryFeatures, MemoryPool
from benchmarks.speed.memory_reference import FormerPool

DIM = 3
SECONDS = (*range(8), 2.5, 3.499, 3.5, 3.501, 4.25, -1, -0.5)
KEYFRAMES = st.builds(Keyframe, st.sampled_from("ab"), st.sampled_from(SECONDS))
TAGS = st.sampled_from([None, 0.0, 0.5, 3.0])
WRITES = st.tuples(
    st.just("write"), st.lists(KEYFRAMES, min_size=1, max_size=4, unique=True), st.lists(st.integers(0, 3), max_size=9),
    TAGS, st.booleans(), st.integers(0, 2**16),
)  # fmt: skip
READS = st.tuples(
    st.just("read"), st.lists(KEYFRAMES, max_size=3), st.booleans(), st.sampled_from([None, 0.0, 2.0, float("nan")]),
    st.sampled_from([None, 0, 12345]),
)  # fmt: skip
SAVES = st.tuples(st.sampled_from(["save", "load", "copy"]))
WINDOWS = st.sampled_from([(2, (3, 2), 1), (1, (2, 0), 2), (5, (0, 2), 1)])


def same(found: MemoryFeatures, expected: MemoryFeatures) -> None:
    for name in ("features", "present", "seeds", "weight"):
        mine, theirs = getattr(found, name), getattr(expected, name)
        assert (mine is None) == (theirs is None), name
        assert mine is None or (mine.dtype == theirs.dtype and torch.equal(mine, theirs)), name
    assert found.current_slot == expected.current_slot


def same_state(found: dict[str, Any], expected: dict[str, Any]) -> None:
    assert found.keys() == expected.keys()
    assert found["videos"] == expected["videos"]
    assert str(found["latest_tag"]) == str(expected["latest_tag"])
    for name in ("video_index", "seconds", "counts", "tags", "features"):
        assert found[name].dtype == expected[name].dtype, name
        assert torch.equal(found[name].nan_to_num(-1.0), expected[name].nan_to_num(-1.0)), name


def write(pool: MemoryPool | FormerPool, keyframes: list, clips: list, tag: float | None, scored: bool, seed: int):
    random = torch.Generator().manual_seed(seed)
    clip_index = torch.tensor([clip for clip in clips if clip < len(keyframes)], dtype=torch.int64)
    features = torch.randn(len(clip_index), DIM, generator=random).half().float()
    scores = torch.randint(0, 3, (len(clip_index),), generator=random).float() if scored else None
    pool.write(keyframes, features, clip_index, tag=tag, scores=scores)


@settings(max_examples=60, deadline=None, derandomize=True, database=None)
@given(WINDOWS, st.sampled_from(["float32", "float16"]), st.lists(st.one_of(WRITES, WRITES, READS, SAVES), max_size=25))
def test_random_sequences(window: tuple, dtype: str, steps: list[tuple]) -> None:
    """Features are such that float16 holds them, so that a pool in it has to agree as well."""
    pool, plain = MemoryPool(DIM, *window, dtype=dtype), FormerPool(DIM, *window)
    states = []
    for kind, *arguments in steps:
        if kind == "write":
            write(pool, *arguments)
            write(plain, *arguments)
        elif kind == "read":
            keyframes, penalty, current, seed = arguments
            options = {"penalty": penalty, "current_tag": current, "seed": seed}
            same(pool.read(keyframes, **options), plain.read(keyframes, **options))
        elif kind == "save":
            states.append((pool.state_dict(), plain.state_dict()))
        elif kind == "load":
            state, pool = pool.state_dict(), MemoryPool(DIM, *window, dtype=dtype)
            pool.load_state_dict(state)
        else:
            pool = copy.deepcopy(pool)
        assert len(pool) == len(plain.entries)
        assert list(pool.keyframes()) == list(plain.entries)
    states.append((pool.state_dict(), plain.state_dict()))
    for found, expected in states:  # also those that the pool was written to since
        same_state({**found, "features": found["features"].float()}, expected)


@pytest.mark.parametrize("persons", [(3, 1, 4, 2), (1, 2, 3, 4)])
def test_rewriting_with_other_numbers_of_persons_loses_no_row(persons: tuple[int, ...]) -> None:
    pool, most = MemoryPool(DIM), 0
    for turn in range(12):
        now = 0
        for second in range(20):
            count = persons[(second + turn) % len(persons)]
            pool.write(
                [Keyframe("a", second)], torch.full((count, DIM), float(turn)), torch.zeros(count, dtype=torch.int64)
            )
            now += count
        most = max(most, now)
    assert pool._entries.rows <= most + max(persons)
    assert torch.equal(pool.state_dict()["features"], torch.full((now, DIM), 11.0))


def test_a_keyframe_twice_in_one_write_is_the_last_of_them() -> None:
    pool, plain = MemoryPool(DIM, 5, (1, 1)), FormerPool(DIM, 5, (1, 1))
    for each in (pool, plain):
        write(each, [Keyframe("a", 1), Keyframe("b", 1), Keyframe("a", 1)], [0, 0, 0, 1, 2, 2], 2.0, True, 3)
    same_state(pool.state_dict(), plain.state_dict())


def test_states_go_from_one_type_to_the_other() -> None:
    wide, narrow = MemoryPool(DIM), MemoryPool(DIM, dtype="float16")
    features = torch.tensor([[1.0, -2.0, 3.0], [1e6, 0.1, 0.0], [1e-5, 1e-5, 0.0]])
    wide.write([Keyframe("a", 1), Keyframe("a", 2), Keyframe("a", 3)], features, torch.arange(3), tag=1.0)
    narrow.load_state_dict(wide.state_dict())
    state = narrow.state_dict()
    assert state["features"].dtype == torch.float16
    found = narrow.read([Keyframe("a", 4)]).features[0, 27:30, 0]
    assert found.dtype == torch.float32
    assert torch.allclose(found, features, rtol=2**-11, atol=1e6 * 2**-24)
    again = MemoryPool(DIM, dtype="float16")
    again.load_state_dict(state)
    wide.load_state_dict(state)
    for pool in (again, wide):
        assert torch.equal(pool.read([Keyframe("a", 4)]).features[0, 27:30, 0], found)
    same_state({**again.state_dict()}, state) if "scales" not in state else None
    assert torch.equal(again.state_dict()["scales"], state["scales"])


def test_results_stay_when_the_pool_is_read_and_written_again() -> None:
    """Memory of a result is used again, but not before the result is gone."""
    pool = MemoryPool(DIM, 2, (1, 1))
    pool.write([Keyframe("a", 1)], torch.ones(1, DIM), torch.tensor([0]), tag=1.0)
    kept = [pool.read([Keyframe("a", 2)], seed=1, penalty=True) for _ in range(8)]
    parts = [pool.read([Keyframe("a", 2)]).features[0, 0] for _ in range(8)]
    pool.write([Keyframe("a", 1)], torch.full((1, DIM), 5.0), torch.tensor([0]), tag=2.0)
    for _ in range(8):
        assert pool.read([Keyframe("a", 2)]).features.sum() == 5 * DIM
        assert not pool.read([Keyframe("b", 2)]).features.any()
    assert all(memory.features.sum() == DIM for memory in kept)
    assert all(part.sum() == DIM for part in parts)
