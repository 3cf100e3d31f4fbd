"""A saved memory that is not one: refused with a message, and the pool stays as it was."""

from __future__ import annotations

import math

import pytest
import torch
from checkpoint.small_run import WRONG, changed, places
from messages import says

from alphaction.data.sample import Keyframe
from alphaction.memory import MemoryPool
from alphaction.utils.errors import CheckpointError


def filled() -> MemoryPool:
    torch.manual_seed(0)
    pool = MemoryPool(4)
    keyframes = [Keyframe("a", 1), Keyframe("b", 2), Keyframe("a", 3)]
    pool.write(keyframes, torch.randn(7, 4), torch.tensor([0, 0, 1, 1, 1, 2, 2]), tag=1.5)
    return pool


def test_every_entry_with_every_wrong_value() -> None:
    state, pool = filled().state_dict(), filled()
    before = str(pool.state_dict())
    for place in places(state):
        for value in WRONG:
            try:
                pool.load_state_dict(changed(state, place, value))
            except CheckpointError:
                assert str(pool.state_dict()) == before, (place, value)
            else:
                assert torch.isfinite(pool.read([Keyframe("a", 2)], penalty=True, seed=1).features).all()
                pool.write([Keyframe("a", 1)], torch.randn(3, 4), torch.tensor([0, 0, 0]), tag=1.0)
                pool = filled()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("video_index", torch.tensor([0, 1, 2])),
        ("video_index", torch.tensor([0, -1, 0])),
        ("counts", torch.tensor([2, 3, 3])),
        ("counts", torch.tensor([2, 5, 0])),
        ("counts", torch.tensor([2**62, 2**62, 7])),
        ("seconds", torch.tensor([1.0, 2.0, math.inf], dtype=torch.float64)),
        ("seconds", torch.tensor([1, 2, 2**60])),
        ("tags", torch.tensor([1.0, math.inf, 1.0])),
        ("features", torch.full((7, 4), math.nan)),
        ("features", torch.zeros(7, 4, dtype=torch.float64)),
        ("features", torch.zeros(7, 5)),
        ("features", torch.zeros(6, 4)),
        ("videos", ["a", "a"]),
        ("latest_tag", math.inf),
    ],
)
def test_the_message_names_the_entry(name: str, value: object) -> None:
    with pytest.raises(CheckpointError) as caught:
        filled().load_state_dict({**filled().state_dict(), name: value})
    says(str(caught.value), "width 5" if getattr(value, "shape", ()) == (7, 5) else name)


def test_a_keyframe_that_is_there_twice() -> None:
    state = {**filled().state_dict(), "seconds": torch.tensor([1, 2, 1])}
    with pytest.raises(CheckpointError, match="twice"):
        filled().load_state_dict(state)


def test_an_empty_pool() -> None:
    pool = filled()
    pool.load_state_dict(MemoryPool(4).state_dict())
    assert len(pool) == 0
