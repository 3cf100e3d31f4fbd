"""Processes and workers that die or stop during a run, and a machine without shared memory."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import time
from pathlib import Path

import pytest
from messages import says

# Prints its process id first, as the quick python is not the process that it starts.
ANNOUNCED = (
    "import os, runpy, sys; print(os.getpid(), flush=True); sys.argv[:] = sys.argv[1:]; "
    "runpy.run_path(sys.argv[0], run_name='__main__')"
)
NO_MOUNT = 77
# Sees another /dev/shm than the other processes, mounted with the options that it is given first.
OWN_MOUNTS = (
    "import ctypes, runpy, subprocess, sys; del sys.argv[0]; options = sys.argv.pop(0); new_mounts = 0x20000\n"
    "lines = ['mount --make-rprivate /', f'mount -t tmpfs -o {options} tmpfs /dev/shm']\n"
    "if ctypes.CDLL(None).unshare(new_mounts) or any(subprocess.run(line.split()).returncode for line in lines):\n"
    f"    sys.exit({NO_MOUNT})\n"
    "runpy.run_path(sys.argv[0], run_name='__main__')"
)
LONG = "SOLVER.MAX_ITER 2000 SOLVER.CHECKPOINT_PERIOD 2000 DATALOADER.NUM_WORKERS 1 SOLVER.TIMEOUT_SECONDS 4".split()


class Process:
    """One process of a training, in the background."""

    def __init__(self, runner, output: Path, rank: int, world_size: int, port: int):
        arguments = runner.arguments(output, "--skip-final-test", *LONG)
        env = {
            **runner.env,
            "RANK": str(rank),
            "LOCAL_RANK": str(rank),
            "WORLD_SIZE": str(world_size),
            "MASTER_ADDR": "127.0.0.1",
            "MASTER_PORT": str(port),
        }
        self.process = subprocess.Popen(
            [runner.python, "-c", ANNOUNCED, str(runner.root / "train_net.py"), *arguments],
            env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
        self.pid = int(self.process.stdout.readline())

    def worker(self) -> int:
        """Return the process id of its loader's worker."""
        return int(Path(f"/proc/{self.pid}/task/{self.pid}/children").read_text().split()[0])

    def end(self) -> tuple[int, str]:
        """Return exit status and standard error."""
        _, text = self.process.communicate(timeout=120)
        return self.process.returncode, text


@pytest.fixture
def training(runner, tmp_path):
    """Function: number of processes -> those of a training that has done its third step."""
    started = []

    def start(world_size: int) -> list[Process]:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        started.extend(Process(runner, tmp_path / "run", rank, world_size, port) for rank in range(world_size))
        deadline = time.monotonic() + 120
        metrics = tmp_path / "run" / "metrics.jsonl"
        while not (metrics.exists() and metrics.read_text().count("\n") >= 3):
            assert time.monotonic() < deadline
            assert all(process.process.poll() is None for process in started)
            time.sleep(0.1)
        return started

    yield start
    for process in started:
        if process.process.poll() is None:
            os.kill(process.pid, signal.SIGKILL)


def test_a_killed_worker_is_one_message(training, tmp_path):
    [process] = training(1)
    os.kill(process.worker(), signal.SIGKILL)
    status, text = process.end()
    assert (status, text.count("error: "), text.count("\n")) == (8, 1, 3)
    says(text, "error: worker 1 of 1", "SIGKILL", "DATALOADER.NUM_WORKERS (now 1)", "the same command starts")
    says((tmp_path / "run" / "log.txt").read_text(), "stopped: worker 1 of 1")


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSTOP])
def test_a_dead_or_stopped_process_ends_the_others_with_one_message(training, tmp_path, number):
    first, second = training(2)
    time.sleep(1.5)  # Each process says every 0.7 s what it is doing.
    os.kill(second.pid, number)
    status, text = first.end()
    assert (status, text.count("\n")) == (8, 1)
    # One that has died has published its last work some seconds ago.
    says(
        text, "error: process 1 (", f"pid {second.pid}", "it was last ", *([" iteration "] * (number == signal.SIGSTOP))
    )
    says((tmp_path / "run" / "log.txt").read_text(), "stopped: process 1 (")
    assert second.end()[0] == 128 + signal.SIGKILL


def test_an_error_of_one_process_is_the_one_message_and_the_status_of_all(training):
    first, second = training(2)
    os.kill(second.worker(), signal.SIGKILL)
    ends = [process.end() for process in (first, second)]
    assert [status for status, _ in ends] == [8, 8]
    text = "".join(text for _, text in ends)
    assert (text.count("error: "), text.count("\n")) == (1, 3)
    says(text, "worker 1 of 1 of the data loader of process 1")


@pytest.mark.skipif(os.geteuid() != 0, reason="mounting needs root")
@pytest.mark.parametrize("options", ["size=1m", "size=1m,ro"])
def test_workers_need_no_shared_memory(runner, tmp_path, options):
    keys = "DATALOADER.NUM_WORKERS 2 SOLVER.MAX_ITER 2 INPUT.MIN_SIZE_TRAIN 160 INPUT.MAX_SIZE_TRAIN 240".split()
    arguments = runner.arguments(tmp_path, "--skip-final-test", *keys)
    done = subprocess.run(
        [runner.python, "-c", OWN_MOUNTS, options, str(runner.root / "train_net.py"), *arguments],
        env=runner.env, capture_output=True, text=True, timeout=200, check=False,
    )  # fmt: skip
    if done.returncode == NO_MOUNT:
        pytest.skip("no mount here")
    assert (done.returncode, done.stderr) == (0, "")
    assert (tmp_path / "model_final.pth").exists()
