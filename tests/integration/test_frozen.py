"""Training with a frozen backbone: its features computed each time, or once."""

from __future__ import annotations

import csv
import math
from pathlib import Path

import pytest
import torch
from integration.harness import PLAIN, load_script, losses, read_metrics
from messages import says

from alphaction.data.video.clip_source import ClipSource
from alphaction.engine.train import plan_run
from alphaction.engine.trainer import Trainer
from alphaction.modeling.detector import DetectionModel

pytestmark = pytest.mark.slow(weight=2)

FROZEN = "MODEL.BACKBONE.FREEZE all INPUT.COLOR_JITTER False INPUT.SLOW_JITTER False".split()
TORCHRUN = ["-m", "torch.distributed.run", "--standalone", "--nproc_per_node=2"]
# float16 rounds the maps: losses and probabilities agree to about three digits.
ROUNDED = 2e-3


@pytest.fixture
def kept(tmp_path) -> tuple[str, ...]:
    """Overrides for a frozen backbone whose features are kept in the folder "kept"."""
    return (*FROZEN, "DATALOADER.FEATURE_CACHE", str(tmp_path / "kept"))


def entries(folder: Path) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in folder.rglob("*.npy")}


def scores(output: Path) -> dict[tuple[str, ...], float]:
    """Return detections.csv: what was detected -> how sure."""
    with (output / "inference" / "toy_val" / "detections.csv").open() as file:
        return {tuple(row[:7]): float(row[7]) for row in csv.reader(file)}


def backbone_of(output: Path) -> dict[str, torch.Tensor]:
    state = torch.load(output / "model_final.pth", weights_only=True)["model"]
    return {name: value for name, value in state.items() if name.startswith("backbone.")}


def test_features_that_are_kept_train_the_head_as_those_computed_each_time(runner, kept, tmp_path, monkeypatch):
    plain = losses(runner.train(tmp_path / "plain", *PLAIN, *FROZEN))
    cold = losses(runner.train(tmp_path / "cold", *PLAIN, *kept))
    assert list(cold.values()) == pytest.approx(list(plain.values()), rel=ROUNDED)
    computed, kept_scores = scores(tmp_path / "plain"), scores(tmp_path / "cold")
    assert kept_scores.keys() == computed.keys()
    assert list(kept_scores.values()) == pytest.approx(list(computed.values()), abs=ROUNDED)
    for name, value in backbone_of(tmp_path / "plain").items():
        assert torch.equal(value, backbone_of(tmp_path / "cold")[name]), name
    files = entries(tmp_path / "kept")
    assert len(files) == 20 + 10  # nothing is mirrored
    log = (tmp_path / "cold" / "log.txt").read_text()
    says(log, "toy_train: 0 feature maps in", "20 more to compute", "of them trained (MODEL.BACKBONE.FREEZE all)")

    # Another run, and a test of it, need neither frames nor the backbone.
    def forbidden(*_, **__):
        raise AssertionError("the features are there")

    monkeypatch.setattr(DetectionModel, "_run_backbone", forbidden)
    for source in ClipSource.__subclasses__():
        monkeypatch.setattr(source, "read", forbidden)
    warm = losses(runner.train(tmp_path / "warm", "--skip-final-test", *PLAIN, *kept))
    assert warm == cold
    says((tmp_path / "warm" / "log.txt").read_text(), "toy_train: 20 feature maps in", ", which are all")
    runner.test(tmp_path / "warm", *kept)
    assert scores(tmp_path / "warm") == kept_scores
    assert entries(tmp_path / "kept") == files


def test_a_stopped_run_continues_bit_by_bit_after_a_file_was_damaged(runner, kept, tmp_path, monkeypatch):
    options = (*kept, "--skip-final-test", "--skip-val-in-train", "INPUT.FLIP_PROB", "0.5")
    whole = losses(runner.train(tmp_path / "whole", *options))
    files = entries(tmp_path / "kept")
    assert len(files) == 2 * 20
    step = Trainer.train_step

    def interrupted_step(trainer, micro_batches):
        if trainer.step.scheduler.last_epoch == 3:
            raise KeyboardInterrupt
        return step(trainer, micro_batches)

    with monkeypatch.context() as patch:
        patch.setattr(Trainer, "train_step", interrupted_step)
        with pytest.raises(KeyboardInterrupt):
            runner.train(tmp_path / "stopped", *options)
    (tmp_path / "stopped" / "metrics.jsonl").unlink()
    damaged = min(files)
    damaged.write_bytes(files[damaged][:-1])
    resumed = losses(runner.train(tmp_path / "stopped", *options))
    assert resumed == {iteration: whole[iteration] for iteration in (3, 4)}
    says((tmp_path / "stopped" / "log.txt").read_text(), f"{damaged} is damaged; it is computed again")
    assert entries(tmp_path / "kept") == files


def test_two_processes_give_the_losses_of_one(runner, kept, tmp_path):
    options = ("--skip-final-test", *PLAIN, *kept)
    one = losses(runner.train(tmp_path / "one", *options))
    files = entries(tmp_path / "kept")
    for path in files:
        path.unlink()
    process = runner.command(TORCHRUN, "train_net.py", tmp_path / "two", *options)
    assert process.returncode == 0, process.stderr[-2000:]
    two = losses(read_metrics(tmp_path / "two"))
    assert list(two.values()) == pytest.approx(list(one.values()), rel=1e-4)
    assert entries(tmp_path / "kept") == files


def test_the_plan_says_what_is_computed_and_what_stays_random(runner, kept, tmp_path):
    arguments = runner.arguments(tmp_path / "run", *kept, "INPUT.FLIP_PROB", "0.5", "SOLVER.LAYER_DECAY", "0.5")
    plan = plan_run(load_script(runner.root / "train_net.py").parse_arguments(arguments))
    assert not (tmp_path / "kept").exists()
    assert plan.rows["features"].splitlines() == [
        # 512 channels of 4 x 6 cells, 2 bytes each, of 2 x 20 + 10 clips
        f"computed once, kept in {tmp_path / 'kept'} (1.2 MB, less what is there already)",
        "toy_train: 20 clips, plain and mirrored",
        "toy_val: 10 clips",
    ]
    [warning] = [line for line in plan.warnings if "FREEZE" in line]
    says(warning, "FREEZE is all, but MODEL.WEIGHT is empty", "Set MODEL.WEIGHT", "or FREEZE to none")
    assert plan.rows["learning rate"] == "0.003 (adamw, half_period_cosine)"


def test_weights_that_lack_what_is_frozen_are_warned_of(runner, tmp_path):
    runner.train(tmp_path / "first", "--skip-final-test", "SOLVER.MAX_ITER", "2")
    state = torch.load(tmp_path / "first" / "model_final.pth", weights_only=True)["model"]
    warned = {}
    for part, lost in (
        ("none", "slow.conv1"),
        ("stem", "slow.res_nl1"),
        ("stem", "slow.conv1"),
        ("all", "slow.res_nl4"),
    ):
        kept = {name: value for name, value in state.items() if not name.startswith(f"backbone.{lost}")}
        torch.save(kept, tmp_path / "part.pth")
        arguments = runner.arguments(
            tmp_path / "run", *("--transfer", "MODEL.WEIGHT", str(tmp_path / "part.pth"), "MODEL.BACKBONE.FREEZE", part)
        )
        plan = plan_run(load_script(runner.root / "train_net.py").parse_arguments(arguments))
        warned[part, lost] = any("lacks weights of that part" in line for line in plan.warnings)
    assert list(warned.values()) == [False, False, True, True]


def test_layers_of_a_backbone_learn_at_rates_of_their_own(runner, tmp_path):
    options = ("--skip-final-test", *"SOLVER.LAYER_DECAY 0.5 SOLVER.MIN_LR 0.0001".split())
    metrics = runner.train(tmp_path, *options)
    says((tmp_path / "log.txt").read_text(), "learning rate: 0.003 at the head, 0.0015 to 9.38e-05 from the last to")
    optimizer = torch.load(tmp_path / "model_final.pth", weights_only=True)["optimizer"]
    last = sorted({group["lr"] for group in optimizer["param_groups"]})
    assert last == pytest.approx([0.0001 * 0.5**power for power in (5, 4, 3, 2, 1, 0)])
    lowest = 0.0001 / 0.003
    assert metrics[-1]["lr"] == pytest.approx(0.003 * (lowest + (1 - lowest) * 0.5 * (1 + math.cos(math.pi * 3 / 4))))
