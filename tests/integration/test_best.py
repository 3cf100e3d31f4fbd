"""The best weights, their average and an early end, from the command line's flags."""

from __future__ import annotations

import json

import pytest
import torch
from integration.harness import load_script, read_metrics
from messages import says

from alphaction.engine.prepared_run import prepare_run
from alphaction.engine.run_config import configure_run
from alphaction.engine.setup import Runtime
from alphaction.engine.trainer import Trainer

pytestmark = pytest.mark.slow
AVERAGE = "SOLVER.EMA_DECAY 0.9 SOLVER.EVAL_PERIOD 2 SOLVER.CHECKPOINT_PERIOD 2 SOLVER.BASE_LR 0.01".split()


def load(path):
    return torch.load(path, weights_only=True)


def same(one, other) -> bool:
    return one.keys() == other.keys() and all(torch.equal(one[name], other[name]) for name in one)


def test_a_run_that_goes_on_has_the_average_and_the_best_of_one_that_was_not_stopped(runner, tmp_path, monkeypatch):
    options = (*AVERAGE, "SOLVER.MAX_ITER", "4", "SOLVER.KEEP_CHECKPOINTS", "1")
    runner.train(tmp_path / "whole", *options)
    step = Trainer.train_step

    def interrupted_step(trainer, micro_batches):
        if trainer.step.scheduler.last_epoch == 2:
            raise KeyboardInterrupt
        return step(trainer, micro_batches)

    stopped = tmp_path / "stopped"
    with monkeypatch.context() as patch:
        patch.setattr(Trainer, "train_step", interrupted_step)
        with pytest.raises(KeyboardInterrupt):
            runner.train(stopped, *options)
    # The checkpoint was written before the evaluation: metrics.jsonl knows of it, and the checkpoint has the weights.
    (stopped / "model_best.pth").unlink()
    runner.train(stopped, *options)
    says((stopped / "log.txt").read_text(), "model_best.pth: written anew from", "model_0000002.pth", "of iteration 2")

    whole, resumed = (load(tmp_path / name / "model_final.pth") for name in ("whole", "stopped"))
    assert whole["ema"]["updates"] == 4
    assert same(whole["model"], resumed["model"])
    assert same(whole["ema"]["model"], resumed["ema"]["model"])
    assert not same(whole["ema"]["model"], whole["model"])
    assert same(load(stopped / "model_ema.pth")["model"], whole["ema"]["model"])
    assert load(tmp_path / "whole" / "model_best.pth")["best"] == load(stopped / "model_best.pth")["best"]
    assert sorted(path.name for path in stopped.glob("*.pth")) == [
        "memory_pool_0000004.pth", "model_0000002.pth", "model_best.pth", "model_ema.pth", "model_final.pth"
    ]  # fmt: skip
    metrics = {line["iteration"]: line for line in read_metrics(stopped) if "toy_val/mAP" in line}
    assert metrics.keys() == {2, 4}
    assert all("ema/toy_val/mAP" in line and "toy_val/AP/walk left" in line for line in metrics.values())

    # Any command takes them; they give the mAP that was measured.
    assert (stopped / "inference_ema" / "toy_val" / "result.json").is_file()
    best = load(stopped / "model_best.pth")["best"]
    assert best["value"] == max(line[f"{p}toy_val/mAP"] for line in metrics.values() for p in ("", "ema/"))
    tested = runner.test(stopped, "MODEL.WEIGHT", str(stopped / "model_best.pth"), *options)
    assert tested["mAP"] == pytest.approx(best["value"])

    summary = json.loads((stopped / "summary.json").read_text())
    assert summary["best"] == best
    assert summary["results"]["ema/toy_val/mAP"]["last"] == {"iteration": 4, "value": metrics[4]["ema/toy_val/mAP"]}
    assert set(summary["files"]) == {"final", "best", "ema", "metrics", "results"}
    assert summary["seconds"]["total"] > summary["seconds"]["evaluation"] > 0

    # The average of a run that begins with weights begins with these.
    script = load_script(runner.root / "train_net.py")
    weight = ("MODEL.WEIGHT", str(stopped / "model_best.pth"))
    args = script.parse_arguments(runner.arguments(tmp_path / "new", "--transfer", *options, *weight))
    prepared = prepare_run(configure_run(args, 1), Runtime(torch.device("cpu"), rank=0, world_size=1, seed=0))
    assert same(prepared.average.model.state_dict(), load(stopped / "model_best.pth")["model"])
