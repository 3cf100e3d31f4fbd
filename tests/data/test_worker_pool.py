"""Workers that die, are stopped, are stuck, or find no room."""

from __future__ import annotations

import faulthandler
import os
import resource
import signal
import subprocess
import sys
import time

import pytest
import torch
from messages import says

from alphaction.data.sample import SampleRequest
from alphaction.data.worker_pool import WorkerPool
from alphaction.utils.errors import DataError, ResourceError, StallError
from alphaction.utils.processes import is_gone

TASK = [SampleRequest(4, 0), SampleRequest(7, 0)]


def refuse(requests, tell):
    raise DataError("this clip is broken")


def fail(requests, tell):
    raise KeyError("nothing of the kind")


def hang(requests, tell):
    tell(1)
    signal.pause()


def end_by(number):
    def load(requests, tell):
        tell(1)
        faulthandler.disable()
        os.kill(os.getpid(), number)

    return load


def find_no_room(requests, tell):
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, resource.getrlimit(resource.RLIMIT_FSIZE)[1]))
    return torch.zeros(10_000)


def find_no_memory(requests, tell):
    raise MemoryError


def result_of(load, timeout=60.0):
    pool = WorkerPool(load, 1, timeout=timeout, name_clip=lambda request: f"clip {request.index}", advice="use fewer")
    try:
        pool.submit(0, TASK)
        return pool.result(0)
    finally:
        pool.close()


def test_results_come_in_the_order_of_the_tasks():
    pool = WorkerPool(lambda task, tell: torch.tensor([r.index for r in task]), 2, timeout=60, name_clip=str)
    for index in range(6):
        pool.submit(index % 2, [SampleRequest(index, 0)])
    assert [pool.result(index % 2).tolist() for index in range(6)] == [[index] for index in range(6)]
    pool.close()


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="no /dev/full")
def test_workers_start_where_nothing_can_be_printed(monkeypatch):
    with open("/dev/full", "w", encoding="utf-8") as full:
        full.write("a line that waits")
        monkeypatch.setattr(sys, "stdout", full)
        assert result_of(lambda requests, tell: len(requests)) == 2
        assert os.readlink(f"/proc/self/fd/{full.fileno()}") == "/dev/full"
        full.flush()  # Nothing waits any more.


def test_a_mistake_of_the_user_arrives_as_itself():
    with pytest.raises(DataError, match="^this clip is broken$"):
        result_of(refuse)


def test_an_error_of_the_program_comes_with_its_traceback():
    with pytest.raises(KeyError) as caught:
        result_of(fail)
    says(str(caught.value.__cause__), "in a worker", "in fail")


@pytest.mark.parametrize(
    ("number", "kind", "words"),
    [
        (signal.SIGKILL, StallError, ("SIGKILL", "memory", "use fewer")),
        (signal.SIGBUS, ResourceError, ("SIGBUS", "use fewer")),
        (signal.SIGSEGV, StallError, ("SIGSEGV", "damaged")),
    ],
)
def test_a_worker_that_is_killed(number, kind, words):
    with pytest.raises(kind) as caught:
        result_of(end_by(number))
    says(str(caught.value), "worker 1 of 1", "pid", "clip 7", *words)


@pytest.mark.parametrize("load", [hang, end_by(signal.SIGSTOP)], ids=["stuck", "stopped"])
def test_a_worker_that_does_not_go_on_is_named_and_does_not_keep_the_run(load):
    began = time.monotonic()
    with pytest.raises(StallError) as caught:
        result_of(load, timeout=1)
    says(str(caught.value), "worker 1 of 1", "1 s (SOLVER.TIMEOUT_SECONDS)", "clip 7")
    assert time.monotonic() - began < 60


@pytest.mark.parametrize("load", [find_no_room, find_no_memory])
def test_a_worker_without_room_or_memory(load):
    with pytest.raises(ResourceError) as caught:
        result_of(load)
    says(str(caught.value), "worker 1 of 1", "clip 4", "use fewer")


def test_signals_that_end_a_training_do_not_end_its_workers():
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGUSR1):
        load = end_by(number)
        assert result_of(lambda task, tell, load=load: load(task, tell) or "done") == "done"


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere a worker asks for its parent every few seconds")
def test_no_worker_outlives_its_parent(quick_python, subprocess_env):
    code = (
        "import os, signal; from alphaction.data.worker_pool import WorkerPool\n"
        "def load(task, tell): print(os.getpid(), flush=True); signal.pause()\n"
        "pool = WorkerPool(load, 1, timeout=60, name_clip=str); pool.submit(0, [])\n"
        "import time; time.sleep(1); os.kill(os.getpid(), signal.SIGKILL)"
    )
    done = subprocess.run([quick_python, "-c", code], capture_output=True, text=True, env=subprocess_env, check=False)
    deadline = time.monotonic() + 60
    while not is_gone(int(done.stdout)) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert is_gone(int(done.stdout))
