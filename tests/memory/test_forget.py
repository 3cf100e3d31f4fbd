"""What the memory pool forgets makes room for what comes; what is kept is read as before."""

from __future__ import annotations

import numpy as np
import torch

from alphaction.data.keyframes import Keyframe
from alphaction.memory import MemoryPool


def remember(pool: MemoryPool, video: str, second: float, features: torch.Tensor) -> None:
    pool.write([Keyframe(video, second)], features, torch.zeros(len(features), dtype=torch.int64))


def persons_at(video: str, second: float) -> torch.Tensor:
    """Return features that tell the moment: some persons, of another number at each."""
    rng = np.random.default_rng((len(video), int(second * 1000)))
    return torch.from_numpy(rng.random((int(rng.integers(1, 7)), 4), dtype=np.float32))


def test_a_stream_reads_what_a_pool_reads_that_keeps_all():
    streamed, whole = (MemoryPool(dim=4, max_per_second=3, length=(4, 0), rate=2) for _ in range(2))
    most = 0
    for half in range(400):
        second = half / 2
        for pool in (streamed, whole):
            remember(pool, "lobby", second, persons_at("lobby", second))
            if half % 40 == 0:
                remember(pool, "street", second, persons_at("street", second))
        found, expected = (pool.read([Keyframe("lobby", second)]) for pool in (streamed, whole))
        assert torch.equal(found.features, expected.features), second
        streamed.forget("lobby", streamed.window.earliest(second))
        most = max(most, len(streamed))
    assert len(whole) == 410
    # 8 seconds and a half before the last one, each half second, and one more video.
    assert most == 18 + 10
    assert [keyframe.video for keyframe in streamed.keyframes()].count("street") == 10
    assert streamed.read([Keyframe("street", 61.5)]).present.any()


def test_forgotten_rows_are_used_again():
    pool = MemoryPool(dim=4, max_per_second=3, length=(2, 0))
    sizes = []
    for second in range(2_000):
        remember(pool, "lobby", second, torch.ones(1 + second % 5, 4))
        pool.forget("lobby", second - 3)
        if second % 100 == 99:
            table = pool._entries
            sizes.append((table.rows, len(table._rows.values), len(pool._bank.rows), len(table._time._room)))
    rows, numbers, room, columns = (max(column) for column in zip(*sizes, strict=True))
    assert rows <= 20  # the persons of four seconds
    assert numbers <= 2 * rows + 4096 + 5
    assert room <= 512
    assert columns <= 128


def test_a_pool_that_forgot_can_be_saved_and_goes_on():
    pool = MemoryPool(dim=4, max_per_second=6, length=(3, 0))
    for second in range(10):
        remember(pool, "lobby", second, persons_at("lobby", second))
    pool.forget("lobby", 7)
    pool.forget("nobody", 7)
    assert [keyframe.second for keyframe in pool.keyframes()] == [7, 8, 9]
    other = MemoryPool(dim=4, max_per_second=6, length=(3, 0))
    other.load_state_dict(pool.state_dict())
    for each in (pool, other):
        remember(each, "lobby", 10, persons_at("lobby", 10))
        memory = each.read([Keyframe("lobby", 11)])
        for slot, second in enumerate((8, 9, 10)):
            features = persons_at("lobby", second)
            assert torch.equal(memory.features[0, slot, : len(features)], features)
