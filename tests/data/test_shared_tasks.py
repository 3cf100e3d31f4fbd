"""Tasks that several workers share."""

from __future__ import annotations

import gc
import os
import signal
import time
from contextlib import closing

import pytest
import torch

from alphaction.data.sample import SampleRequest
from alphaction.data.shared_tasks import SharedTasks
from alphaction.data.worker_pool import WorkerPool
from alphaction.utils.errors import DataError, StallError


def results_of(load, workers: int, tasks: int):
    pool = WorkerPool(load, workers, timeout=20, name_clip=lambda request: f"clip {request.index}")
    with closing(pool):
        shared = SharedTasks(pool)
        for index in range(tasks):
            shared.submit([SampleRequest(index, 0)])
        for _ in range(tasks):
            yield shared.result()


def test_results_come_in_the_order_of_the_tasks():
    def load(task, tell):
        time.sleep(0.02 * (task[0].index % 3))
        return torch.tensor(task[0].index)

    assert [int(result) for result in results_of(load, 3, 12)] == list(range(12))


def test_a_slow_task_holds_up_only_its_worker(tmp_path):
    """The other worker does what would otherwise wait behind it."""

    def load(task, tell):
        index = task[0].index
        while index == 0 and not (tmp_path / "5").exists():
            time.sleep(0.01)
        (tmp_path / str(index)).touch()
        return index

    assert list(results_of(load, 2, 6)) == list(range(6))


def test_a_mistake_of_the_user_arrives_in_its_place():
    def load(task, tell):
        if task[0].index == 2:
            raise DataError("this clip is broken")
        time.sleep(0.05)
        return task[0].index

    results = results_of(load, 3, 6)
    assert [next(results), next(results)] == [0, 1]
    with pytest.raises(DataError, match="^this clip is broken$"):
        next(results)


def test_a_worker_that_is_lost_is_named():
    def load(task, tell):
        tell(0)
        if task[0].index == 1:
            os.kill(os.getpid(), signal.SIGKILL)
        return task[0].index

    with pytest.raises(StallError, match="worker 2 of 2 .*SIGKILL while it was to load clip 1"):
        list(results_of(load, 2, 4))


def test_no_descriptor_is_left_of_what_nobody_asked_for():
    before = len(os.listdir("/proc/self/fd"))
    results = results_of(lambda task, tell: torch.ones(100_000), 2, 4)
    assert next(results).sum() == 100_000
    results.close()
    gc.collect()
    assert len(os.listdir("/proc/self/fd")) <= before
