"""Signals to a training, however it was started: the step is finished, a checkpoint is saved, and the run continues."""

from __future__ import annotations

import json
import os
import pty
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest
import torch
from interruption import interruptible

TORCHRUN = ["-m", "torch.distributed.run", "--standalone", "--nproc_per_node=2"]
# Starts argv[1:] as the launcher does.
LAUNCHER = (
    "import sys\n"
    "from alphaction.workflows.finetune.launch.execute import execute\n"
    "sys.exit(execute([sys.executable, *sys.argv[1:]], {}))"
)
RUN = ("--skip-final-test", "--skip-val-in-train", "SOLVER.CHECKPOINT_PERIOD", "100")
STEPS = 16
LONG = 100_000


def begun(output: Path, line: int = 2) -> Callable[[], bool]:
    """Return whether the run has logged so many steps."""
    metrics = output / "metrics.jsonl"
    return lambda: metrics.is_file() and metrics.read_bytes().count(b"\n") >= line


def wait_until(true: Callable[[], bool], seconds: float = 120) -> None:
    limit = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < limit
        time.sleep(0.01)


def weights(output: Path) -> dict[str, torch.Tensor]:
    return torch.load(output / "model_final.pth", weights_only=True)["model"]


def saved_iteration(output: Path) -> int:
    """Return the iteration of the last checkpoint, which has its memory beside it."""
    name = (output / "last_checkpoint").read_text().strip()
    iteration = int(name.removeprefix("model_").removesuffix(".pth"))
    assert (output / name).is_file()
    assert (output / f"memory_pool_{iteration:07}.pth").is_file()
    return iteration


@pytest.fixture
def start(runner):
    """Function: words between Python and train_net.py, folder, overrides -> a training that minds signals."""

    def begin(launcher: list[str], output: Path, *extra: str, python: str = "", **options):
        script = str(runner.root / "train_net.py")
        command = [python or runner.python, *launcher, script, *runner.arguments(output, *RUN, *extra)]
        options = {"stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL, "stderr": subprocess.PIPE} | options
        return interruptible(command, env=runner.env, cwd=runner.data, **options)

    return begin


@pytest.fixture
def stopped(start):
    """Function: signal, launcher, folder, overrides -> exit status and message of a run that got the signal."""

    def stop(number: int, launcher: list[str], output: Path, *extra: str) -> tuple[int, str]:
        with start(launcher, output, *extra) as process:
            wait_until(begun(output))
            process.send_signal(number)
            _, message = process.communicate(timeout=120)
        return process.returncode, message

    return stop


def test_a_run_that_a_signal_ended_continues_to_the_same_weights(runner, stopped, tmp_path):
    schedule = ("SOLVER.MAX_ITER", str(STEPS))
    runner.train(tmp_path / "whole", *RUN, *schedule)
    status, message = stopped(signal.SIGTERM, [], tmp_path / "run", *schedule)
    done = saved_iteration(tmp_path / "run")
    assert status == 6
    assert message.startswith(f"ended by SIGTERM. The run continues from model_{done:07}.pth with:\n  ")
    assert "train_net.py --config-file" in message
    assert message.count("\n") == 2
    assert 2 <= done < STEPS
    runner.train(tmp_path / "run", *RUN, *schedule)
    torch.testing.assert_close(weights(tmp_path / "run"), weights(tmp_path / "whole"), rtol=0, atol=0)


@pytest.mark.parametrize(("number", "status"), [(signal.SIGUSR1, 6), (signal.SIGHUP, 6), (signal.SIGINT, 130)])
def test_the_status_tells_ctrl_c_from_other_signals(stopped, tmp_path, number, status):
    found, message = stopped(number, [], tmp_path, "SOLVER.MAX_ITER", str(LONG))
    assert found == status
    word = "interrupted" if status == 130 else f"ended by {signal.Signals(number).name}"
    assert message.startswith(f"{word}. The run continues from model_{saved_iteration(tmp_path):07}.pth with:\n")


@pytest.mark.slow(weight=4)
@pytest.mark.parametrize(("number", "status"), [(signal.SIGTERM, 6), (signal.SIGINT, 130)])
def test_the_launcher_hands_a_signal_on(stopped, tmp_path, number, status):
    launcher = ["-c", LAUNCHER, *TORCHRUN]
    found, message = stopped(number, launcher, tmp_path, "SOLVER.MAX_ITER", str(LONG))
    assert found == status, message
    saved_iteration(tmp_path)
    assert message.count("The run continues from") == 1
    assert "Traceback" not in message


@pytest.mark.slow(weight=4)
def test_a_signal_to_one_rank_ends_all_and_nothing_is_started_again(start, tmp_path):
    keys = ("SOLVER.MAX_ITER", str(LONG))
    with start([*TORCHRUN, "--max-restarts=3"], tmp_path, *keys, python=sys.executable) as process:
        wait_until(begun(tmp_path))
        psutil.Process(process.pid).children()[-1].send_signal(signal.SIGTERM)
        _, message = process.communicate(timeout=120)
    assert process.returncode == 1  # of torchrun, for anything that is not well
    assert f"ended by SIGTERM. The run continues from model_{saved_iteration(tmp_path):07}.pth" in message
    assert (tmp_path / "log.txt").read_text().count("saved ") == 1


@pytest.mark.slow(weight=4)
def test_ranks_end_with_torchrun(start, tmp_path):
    """torchrun is a real process here: the ranks are to see that it is gone."""
    with start(TORCHRUN, tmp_path, "SOLVER.MAX_ITER", str(LONG), python=sys.executable) as process:
        wait_until(begun(tmp_path, line=1))
        ranks = psutil.Process(process.pid).children(recursive=True)
        process.kill()
        _, alive = psutil.wait_procs(ranks, timeout=60)
        _, message = process.communicate(timeout=120)
    assert alive == []
    assert "ended, as its launcher is gone. The run continues from" in message
    assert saved_iteration(tmp_path) >= 1


@pytest.mark.slow(weight=4)
def test_torchrun_starts_a_killed_rank_again(start, tmp_path):
    keys = ("SOLVER.MAX_ITER", str(STEPS), "SOLVER.CHECKPOINT_PERIOD", "2")
    with start([*TORCHRUN, "--max-restarts=1"], tmp_path, *keys, python=sys.executable) as process:
        wait_until(begun(tmp_path, line=3))
        psutil.Process(process.pid).children()[-1].kill()
        _, message = process.communicate(timeout=120)
    assert process.returncode == 0, message
    log = (tmp_path / "log.txt").read_text()
    assert log.count("continuing from") == 1
    assert weights(tmp_path)


def test_ctrl_c_on_a_terminal_asks_whether_to_save(start, tmp_path):
    person, terminal = pty.openpty()
    try:
        keys = ("SOLVER.MAX_ITER", str(LONG))
        with start([], tmp_path, *keys, stdin=terminal, stdout=subprocess.DEVNULL, stderr=terminal) as process:
            wait_until(begun(tmp_path))
            process.send_signal(signal.SIGINT)
            shown = b""
            while b"[Y/n]" not in shown:
                shown += os.read(person, 4096)
            os.write(person, b"n\n")
            assert process.wait(60) == 130
    finally:
        os.close(terminal)
        os.close(person)
    assert not list(tmp_path.glob("model_*.pth"))


def test_the_clock_saves(runner, tmp_path):
    runner.train(tmp_path, *RUN, "SOLVER.MAX_ITER", "3", "SOLVER.CHECKPOINT_MINUTES", "0.00001")
    log = (tmp_path / "log.txt").read_text()
    for name in ("model_0000002.pth", "model_final.pth"):
        assert f"saved {tmp_path / name}" in log
    lines = [json.loads(line) for line in (tmp_path / "metrics.jsonl").read_text().splitlines()]
    assert [line["iteration"] for line in lines] == [1, 2, 3]
