"""What goes to a device goes there in one piece."""

from __future__ import annotations

import gc

import numpy as np
import pytest
import torch
from simulated_cuda import simulated_cuda

from alphaction.data.keyframes import Keyframe
from alphaction.memory import MemoryPool
from alphaction.memory.buffers import Buffers
from alphaction.memory.packed import Packed


@pytest.mark.parametrize("dtype", ["float32", "float16"])
@pytest.mark.parametrize("options", [{}, {"seed": 3, "penalty": True}, {"penalty": True, "current_tag": 2.0}])
def test_a_read_copies_once_and_waits_for_nothing(dtype: str, options: dict) -> None:
    pool = MemoryPool(8, dtype=dtype)
    features = torch.full((3, 8), 1e6)  # beyond float16: with scales
    pool.write([Keyframe("a", second) for second in (1, 2, 3)], features, torch.arange(3), tag=1.0)
    with simulated_cuda() as device:
        memory = pool.read([Keyframe("a", 2)], device="cuda", **options)
    assert memory.features.device.type == memory.present.device.type == "cuda"
    assert (memory.features.shape, memory.features.dtype) == ((1, 61, 5, 8), torch.float32)
    assert [no_wait for _, no_wait in device.copied] == [True]
    assert device.events == []


def test_columns_and_rows_arrive() -> None:
    columns = {"a": np.arange(3), "b": np.array([1.5], dtype=np.float32), "none": np.zeros(0)}
    packed = Packed(columns, (2, 3), np.dtype(np.float16), torch.device("cpu"), Buffers())
    packed.host_rows[:] = 2
    sent, rows = packed.send()
    assert sent["a"].tolist() == [0, 1, 2]
    assert (sent["b"].tolist(), sent["b"].dtype) == ([1.5], torch.float32)
    assert len(sent["none"]) == 0
    assert (rows.tolist(), rows.dtype) == ([[2.0] * 3] * 2, torch.float16)


def test_memory_is_used_again_once_nothing_lies_in_it() -> None:
    buffers = Buffers()
    first = buffers.empty(10, 10)
    place = first.data_ptr()
    assert buffers.empty(10, 10).data_ptr() != place
    part = first.view(-1)[3:].numpy()
    del first
    assert buffers.empty(10, 10).data_ptr() != place
    del part
    gc.collect()
    places = {tensor.data_ptr() for tensor in [buffers.empty(5) for _ in range(4)]}
    assert place in places
