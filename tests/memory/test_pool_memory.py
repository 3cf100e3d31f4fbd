"""How much memory the pool takes while it is filled, saved and loaded, beside its features alone."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
import torch
from torch import nn

from alphaction.checkpoint import Checkpointer
from alphaction.data.keyframes import Keyframe
from alphaction.memory import MemoryPool
from alphaction.utils.process_memory import added_bytes

DIM, CLIPS, PERSONS = 2304, 250, 2
MB = 1 << 20
ELSE = 10 * MB  # what PyTorch takes at first use, and keeps of what was freed


@pytest.mark.skipif(sys.platform != "linux", reason="reads and resets the peak in /proc")
@pytest.mark.parametrize(("dtype", "videos", "size"), [("float16", 30, 2), ("float32", 15, 4)])
def test_peaks(tmp_path: Path, dtype: str, videos: int, size: int) -> None:
    pool, checkpointer = MemoryPool(DIM, dtype=dtype), Checkpointer(tmp_path, nn.Linear(1, 1))
    features = torch.rand(CLIPS * PERSONS, DIM)
    clip_index = torch.arange(CLIPS).repeat_interleave(PERSONS)
    content = videos * CLIPS * PERSONS * DIM * size
    assert content > 60 * MB

    def fill() -> None:
        for video in range(videos):
            pool.write([Keyframe(f"video{video}", second) for second in range(CLIPS)], features, clip_index)

    assert added_bytes(fill) < 1.1 * content + ELSE
    assert added_bytes(lambda: checkpointer.save_memory(pool.state_dict(), 1)) < ELSE
    assert added_bytes(fill) < ELSE  # what was saved is let go of, not copied
    loaded = MemoryPool(DIM, dtype=dtype)
    assert added_bytes(lambda: loaded.load_state_dict(checkpointer.load_memory(1).state)) < 1.1 * content + ELSE
    assert torch.equal(loaded.state_dict()["features"], pool.state_dict()["features"])
    # After a load it grows like any other.
    other = [Keyframe("other", second) for second in range(CLIPS)]
    assert added_bytes(lambda: loaded.write(other, features, clip_index)) < features.nbytes + ELSE
