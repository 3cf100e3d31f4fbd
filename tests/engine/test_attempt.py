"""Which start of a run's processes this is, where torchrun starts them again."""

from __future__ import annotations

import os
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import torch.distributed as dist
from checkpoint.small_run import SmallRun

from alphaction.engine.attempt import begun_before, name_of_attempt


def together(store: dist.Store, count: int, late: int | None = None) -> list[str]:
    """Return the names that processes agree on; ``late``: one that comes later than the others."""

    def join(rank: int) -> str:
        if rank == late:
            time.sleep(0.3)
        return name_of_attempt(store, rank, count, 20)

    with ThreadPoolExecutor(count) as pool:
        return list(pool.map(join, range(count)))


@pytest.mark.parametrize("late", [None, 0, 2])
def test_starts_in_one_store_have_names_of_their_own(late):
    store = dist.HashStore()
    names = [together(store, 3, late) for _ in range(3)]
    assert [len(set(each)) for each in names] == [1, 1, 1]
    assert len({each[0] for each in names}) == 3


def test_a_start_that_not_all_came_to_does_not_matter():
    store = dist.HashStore()
    for rank in (0, 1):
        with pytest.raises(RuntimeError):
            name_of_attempt(store, rank, 3, 0.1)
    assert len(set(together(store, 3, late=1))) == 1


def test_only_a_restart_continues_what_its_launch_has_begun(tmp_path: Path, monkeypatch):
    path = SmallRun(tmp_path).save(4)
    assert not begun_before(tmp_path)
    monkeypatch.setenv("TORCHELASTIC_RESTART_COUNT", "1")
    assert begun_before(tmp_path)
    os.utime(path, (1, 1))
    for other in tmp_path.glob("*.pth"):
        os.utime(other, (1, 1))
    assert not begun_before(tmp_path)
