"""Several processes, and every way of starting them."""

from __future__ import annotations

import pytest
import torch
from integration.harness import PLAIN, losses, read_metrics

TORCHRUN = ["-m", "torch.distributed.run", "--standalone", "--nproc_per_node=2"]
LAUNCH = ["-m", "torch.distributed.launch", "--nproc_per_node=2", "--master_port=29611"]


def test_two_processes_give_the_losses_and_the_weights_of_one(runner, tmp_path):
    options = ("--skip-final-test", *PLAIN, *"SOLVER.MAX_ITER 10 SOLVER.CHECKPOINT_PERIOD 100".split())
    one = losses(runner.train(tmp_path / "one", *options))
    process = runner.command(TORCHRUN, "train_net.py", tmp_path / "two", *options)
    assert process.returncode == 0, process.stderr[-2000:]
    two = losses(read_metrics(tmp_path / "two"))
    assert sorted(two) == list(range(1, 11))
    assert list(two.values()) == pytest.approx(list(one.values()), rel=1e-4)
    pools = [torch.load(tmp_path / name / "memory_pool.pth", weights_only=True)["pool"] for name in ("one", "two")]
    remembered = [dict(zip(zip(pool["video_index"].tolist(), pool["seconds"].tolist(), strict=True),
                           pool["counts"].tolist(), strict=True)) for pool in pools]  # fmt: skip
    assert remembered[0] == remembered[1]


def test_the_launcher_of_older_pytorch_and_a_two_process_evaluation(runner, tmp_path):
    runner.train(tmp_path, "SOLVER.MAX_ITER", "2")
    alone = runner.test(tmp_path)
    process = runner.command(LAUNCH, "test_net.py", tmp_path)
    assert process.returncode == 0, process.stderr[-2000:]
    together = runner.test(tmp_path)
    assert together["mAP"] == pytest.approx(alone["mAP"], abs=1e-6)
    assert "2 process(es)" in (tmp_path / "log.txt").read_text()
