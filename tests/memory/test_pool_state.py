"""A saved memory that is not one: refused with a message, and the pool stays as it was."""

from __future__ import annotations

import math

import pytest
import torch
from checkpoint.small_run import WRONG, changed, places
from messages import says

from alphaction.data.keyframes import Keyframe
from alphaction.memory import MemoryPool
from alphaction.utils.errors import CheckpointError


def filled(dtype: str = "float32") -> MemoryPool:
    torch.manual_seed(0)
    pool = MemoryPool(4, dtype=dtype)
    keyframes = [Keyframe("a", 1), Keyframe("b", 2), Keyframe("a", 3)]
    features = torch.randn(7, 4) * (1e6 if dtype == "float16" else 1)  # beyond what float16 holds
    pool.write(keyframes, features, torch.tensor([0, 0, 1, 1, 1, 2, 2]), tag=1.5)
    return pool


@pytest.mark.parametrize("dtype", ["float32", "float16"])
def test_every_entry_with_every_wrong_value(dtype: str) -> None:
    state, pool = filled(dtype).state_dict(), filled(dtype)
    assert ("scales" in state) == (dtype == "float16")
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
                pool = filled(dtype)


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
        ("scales", torch.ones(6)),
        ("scales", [1.0] * 7),
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


def test_scales_that_lead_beyond_float32() -> None:
    state = filled("float16").state_dict()
    with pytest.raises(CheckpointError, match="features holds infinite"):
        filled("float16").load_state_dict({**state, "scales": torch.full((7,), 3e38)})
    filled().load_state_dict({**filled().state_dict(), "scales": None})


def test_times_that_are_one_to_the_thousandth() -> None:
    seconds = torch.tensor([1.0001, 2.0, 1.0002], dtype=torch.float64)
    with pytest.raises(CheckpointError, match="twice"):
        filled().load_state_dict({**filled().state_dict(), "seconds": seconds})


def test_an_empty_pool() -> None:
    pool = filled()
    pool.load_state_dict(MemoryPool(4).state_dict())
    assert len(pool) == 0
