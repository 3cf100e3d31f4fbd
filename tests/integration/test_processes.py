"""Several processes, and every way of starting them."""

from __future__ import annotations

import json
import shutil
import sys

import pytest
import torch
from integration.harness import PLAIN, losses, read_metrics

pytestmark = pytest.mark.slow

TORCHRUN = ["-m", "torch.distributed.run", "--standalone", "--nproc_per_node=2"]
LAUNCH = ["-m", "torch.distributed.launch", "--nproc_per_node=2", "--master_port=29611"]


def test_two_processes_give_the_losses_and_the_weights_of_one(runner, tmp_path):
    options = ("--skip-final-test", *PLAIN, *"SOLVER.MAX_ITER 10 SOLVER.CHECKPOINT_PERIOD 100".split())
    one = losses(runner.train(tmp_path / "one", *options))
    runner.python = sys.executable
    process = runner.command(TORCHRUN, "train_net.py", tmp_path / "two", *options)
    assert process.returncode == 0, process.stderr[-2000:]
    two = losses(read_metrics(tmp_path / "two"))
    assert sorted(two) == list(range(1, 11))
    assert list(two.values()) == pytest.approx(list(one.values()), rel=1e-4)
    pools = [
        torch.load(tmp_path / name / "memory_pool_0000010.pth", weights_only=True)["pool"] for name in ("one", "two")
    ]
    remembered = [dict(zip(zip(pool["video_index"].tolist(), pool["seconds"].tolist(), strict=True),
                           pool["counts"].tolist(), strict=True)) for pool in pools]  # fmt: skip
    assert remembered[0] == remembered[1]


def test_the_launcher_of_older_pytorch_and_a_two_process_evaluation(runner, tmp_path):
    runner.train(tmp_path, "--skip-final-test", "SOLVER.MAX_ITER", "2")
    alone = runner.test(tmp_path)
    folder = tmp_path / "inference" / "toy_val"
    csv = (folder / "detections.csv").read_text().splitlines()
    shutil.rmtree(folder)
    process = runner.command(LAUNCH, "test_net.py", tmp_path)
    assert process.returncode == 0, process.stderr[-2000:]
    together = json.loads((folder / "result.json").read_text())
    assert together["mAP"] == pytest.approx(alone["mAP"], abs=1e-6)
    rows = [row.split(",") for row in (folder / "detections.csv").read_text().splitlines()]
    assert [row[:7] for row in rows] == [row.split(",")[:7] for row in csv]
    scores = [float(row.split(",")[7]) for row in csv]
    assert [float(row[7]) for row in rows] == pytest.approx(scores, abs=1e-5)
    assert "2 processes" in (tmp_path / "log.txt").read_text()


def test_all_processes_evaluate_the_model_that_is_saved(runner, tmp_path):
    """Batch norms are live here: each process gathers running statistics of its own."""
    options = "SOLVER.MAX_ITER 4 SOLVER.LOG_PERIOD 2 SOLVER.BASE_LR 0.01".split()
    process = runner.command([*TORCHRUN, "--local-ranks-filter=0"], "train_net.py", tmp_path, "--adjust-lr", *options)
    assert process.returncode == 0, process.stderr[-2000:]
    metrics = read_metrics(tmp_path)
    final = metrics[-1]["toy_val/mAP"]
    assert "scaled from 1 to 2" in (tmp_path / "log.txt").read_text()
    scaled = "SOLVER.VIDEOS_PER_BATCH 8 SOLVER.MAX_ITER 2".split()
    assert runner.test(tmp_path, *scaled)["mAP"] == pytest.approx(final, abs=1e-6)
