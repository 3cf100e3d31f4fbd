"""Runs that stop at any iteration and are continued: metrics.jsonl, weights and memory of one that was left alone."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
import torch
from integration.harness import Runner, read_metrics
from messages import says

pytestmark = pytest.mark.slow(weight=4)

TIMES = {"data_time", "step_time", "data_share", "memory_mb", "eta_seconds"}
OPTIONS = (
    "SOLVER.MAX_ITER 6 SOLVER.LOG_PERIOD 3 SOLVER.CHECKPOINT_PERIOD 100 SOLVER.EVAL_PERIOD 4 SOLVER.EMA_DECAY 0.9 "
    "INPUT.MIN_SIZE_TRAIN 48 INPUT.MAX_SIZE_TRAIN 64 INPUT.MIN_SIZE_TEST 48 INPUT.MAX_SIZE_TEST 64"
).split()


def run(runner: Runner, output: Path, *, saved: int = 0, stopped: int = 0, bad: int = 0) -> str:
    script = Path(__file__).with_name("stopped_run.py")
    launcher = ["-m", "torch.distributed.run", "--standalone", "--nproc_per_node=2"]
    command = [runner.python, *launcher, str(script), *map(str, (saved, stopped, bad))]
    flags = runner.arguments(output, "--skip-final-test", *OPTIONS)
    process = subprocess.run([*command, *flags], env=runner.env, capture_output=True, text=True, timeout=300)
    assert process.returncode == 0, process.stderr[-2000:]
    return process.stderr


def lines(output: Path) -> list[dict]:
    return [{key: value for key, value in line.items() if key not in TIMES} for line in read_metrics(output)]


@pytest.fixture
def small_runner(runner, small_toy_folder) -> Runner:
    runner.data = small_toy_folder
    return runner


def test_the_metrics_of_two_processes_are_those_of_a_run_that_was_left_alone(small_runner, tmp_path):
    """For one process, and every iteration, see tests/engine/test_progress.py."""
    whole, stopped = tmp_path / "whole", tmp_path / "stopped"
    assert "is skipped" not in run(small_runner, whole, bad=2)  # the second process leaves that to the first one
    expected = lines(whole)
    assert [line["iteration"] for line in expected] == [1, 3, 4, 6]
    assert expected[1]["skipped_steps"] == 1
    says((whole / "log.txt").read_text(), "iteration 2 is skipped", "2 clips: toy_train/train_")

    run(small_runner, stopped, saved=3, stopped=5, bad=2)
    assert [line["iteration"] for line in lines(stopped)] == [1, 3, 4]
    with (stopped / "metrics.jsonl").open("a") as file:
        file.write('{"iteration": 5, "loss": 1.')
    run(small_runner, stopped)
    assert lines(stopped) == expected
    for name in ("model_final.pth", "memory_pool_0000006.pth"):
        one, other = (torch.load(folder / name, weights_only=True) for folder in (whole, stopped))
        for key in ("model", "optimizer", "ema", "pool"):
            if key in one:
                assert_same(other[key], one[key])


def assert_same(found: object, expected: object) -> None:
    """Compare what a checkpoint holds to the last bit."""
    if isinstance(expected, dict):
        assert found.keys() == expected.keys()
        for key, value in expected.items():
            assert_same(found[key], value)
    elif isinstance(expected, torch.Tensor):
        assert torch.equal(found, expected)
    else:
        assert found == expected or expected != expected
