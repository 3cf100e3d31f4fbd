"""Several processes, and every way of starting them."""

from __future__ import annotations

import shutil
from collections.abc import Iterator

import pytest
import torch
from integration.harness import PLAIN, losses, read_metrics

pytestmark = pytest.mark.slow(weight=4)

TORCHRUN = ["-m", "torch.distributed.run", "--standalone", "--nproc_per_node=2"]
THREE = ["-m", "torch.distributed.run", "--standalone", "--nproc_per_node=3"]
LAUNCH = ["-m", "torch.distributed.launch", "--nproc_per_node=2", "--master_port=29611"]


@pytest.fixture
def one_thread() -> Iterator[None]:
    """Compute with one thread: their number decides on the last bits of a convolution."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def test_two_processes_give_the_losses_and_the_weights_of_one(runner, tmp_path):
    options = ("--skip-final-test", *PLAIN, *"SOLVER.MAX_ITER 6 SOLVER.CHECKPOINT_PERIOD 100".split())
    one = losses(runner.train(tmp_path / "one", *options))
    process = runner.command(TORCHRUN, "train_net.py", tmp_path / "two", *options)
    assert process.returncode == 0, process.stderr[-2000:]
    two = losses(read_metrics(tmp_path / "two"))
    assert sorted(two) == list(range(1, 7))
    assert list(two.values()) == pytest.approx(list(one.values()), rel=1e-4)
    pools = [
        torch.load(tmp_path / name / "memory_pool_0000006.pth", weights_only=True)["pool"] for name in ("one", "two")
    ]
    remembered = [dict(zip(zip(pool["video_index"].tolist(), pool["seconds"].tolist(), strict=True),
                           pool["counts"].tolist(), strict=True)) for pool in pools]  # fmt: skip
    assert remembered[0] == remembered[1]


def test_one_two_and_three_processes_write_the_same_results(runner, tmp_path, one_thread):
    runner.env["OMP_NUM_THREADS"] = "1"
    runner.train(tmp_path, "--skip-final-test", "SOLVER.MAX_ITER", "2")
    runner.test(tmp_path)
    folder = tmp_path / "inference" / "toy_val"
    alone = {path.name: path.read_bytes() for path in folder.iterdir()}
    assert alone["detections.csv"].count(b"\n") > 100
    for launcher, count in ((LAUNCH, 2), (THREE, 3)):
        shutil.rmtree(folder)
        process = runner.command(launcher, "test_net.py", tmp_path)
        assert process.returncode == 0, process.stderr[-2000:]
        assert {path.name: path.read_bytes() for path in folder.iterdir()} == alone
        assert f"{count} processes" in (tmp_path / "log.txt").read_text()


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
