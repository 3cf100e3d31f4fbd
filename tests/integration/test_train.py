"""Training from the command line's flags: files, resuming, transfer, processes, structures, classes."""

from __future__ import annotations

import math
import shutil

import pytest
import torch
from integration.harness import PLAIN, losses, read_metrics
from messages import says

from alphaction.engine.trainer import Trainer
from alphaction.modeling.detector import DetectionModel
from alphaction.utils.errors import DivergenceError, ResourceError, UserError

pytestmark = pytest.mark.slow


def test_a_run_leaves_checkpoints_logs_and_an_evaluation(runner, tmp_path):
    metrics = runner.train(tmp_path, "--use-tfboard", "SOLVER.EVAL_PERIOD", "2")
    assert sorted(losses(metrics)) == [1, 2, 3, 4]
    assert all(math.isfinite(value) for value in losses(metrics).values())
    assert [line["iteration"] for line in metrics if "toy_val/mAP" in line] == [2, 4]
    assert not (tmp_path / "memory_pool_0000002.pth").exists()
    assert (tmp_path / "last_checkpoint").read_text().strip() == "model_final.pth"
    for name in ("model_0000002.pth", "memory_pool_0000004.pth", "config.yaml", "inference/toy_val/detections.csv"):
        assert (tmp_path / name).is_file(), name
    assert list((tmp_path / "tensorboard").glob("events*"))
    content = torch.load(tmp_path / "model_final.pth", weights_only=True)
    assert content["iteration"] == 4
    assert content["label_map"]["names"][0] == "stay still"
    assert len(content["label_map"]["ids"]) == 13
    log = (tmp_path / "log.txt").read_text()
    for expected in ("toy_train: ", "waiting ", "mAP at IoU 0.5", "MODEL.WEIGHT "):
        assert expected in log


BALANCED = ("DATALOADER.REPEAT_THRESHOLD", "0.9", "MODEL.ROI_ACTION_HEAD.CLASS_BALANCE_BETA", "0.99")


@pytest.mark.parametrize("balance", [(), BALANCED], ids=["plain", "balanced"])
def test_a_stopped_run_continues_as_if_it_had_not_been_stopped(runner, tmp_path, monkeypatch, balance):
    options = ("--skip-final-test", "SOLVER.MAX_ITER", "6", *balance)
    whole = losses(runner.train(tmp_path / "whole", *options))
    assert sorted(whole) == [1, 2, 3, 4, 5, 6]

    stopped = tmp_path / "stopped"
    step = Trainer.train_step

    def interrupted_step(trainer, micro_batches):
        if trainer.step.scheduler.last_epoch == 5:
            raise KeyboardInterrupt
        return step(trainer, micro_batches)

    with monkeypatch.context() as patch:
        patch.setattr(Trainer, "train_step", interrupted_step)
        with pytest.raises(KeyboardInterrupt):
            runner.train(stopped, *options)
    assert (stopped / "last_checkpoint").read_text().strip() == "model_0000004.pth"
    (stopped / "metrics.jsonl").unlink()
    resumed = losses(runner.train(stopped, *options))
    assert sorted(resumed) == [5, 6]
    assert [resumed[5], resumed[6]] == pytest.approx([whole[5], whole[6]], rel=1e-5)
    log = (stopped / "log.txt").read_text()
    says(log, "continuing from", "memory of")


def test_a_finished_run_has_nothing_to_train(runner, tmp_path):
    runner.train(tmp_path, "--skip-final-test", "SOLVER.MAX_ITER", "2", "SOLVER.WARMUP_ITERS", "1")
    runner.train(tmp_path, "--skip-final-test", "SOLVER.MAX_ITER", "2", "SOLVER.WARMUP_ITERS", "1")
    assert "SOLVER.MAX_ITER 2 is reached already: nothing is left to do" in (tmp_path / "log.txt").read_text()
    assert [line["iteration"] for line in read_metrics(tmp_path)] == [1, 2]


def test_transfer_starts_anew_from_the_weights(runner, tmp_path):
    runner.train(tmp_path / "first", "--skip-final-test")
    weights = str(tmp_path / "first" / "model_final.pth")
    metrics = runner.train(tmp_path / "second", "--transfer", "--skip-final-test", "MODEL.WEIGHT", weights)
    assert sorted(losses(metrics)) == [1, 2, 3, 4]
    assert "iteration 0" in (tmp_path / "second" / "log.txt").read_text()
    with pytest.raises(UserError, match="MODEL.WEIGHT"):
        runner.train(tmp_path / "third", "--transfer", "--skip-final-test")


def test_no_head_loads_the_backbone_only(runner, tmp_path):
    runner.train(tmp_path / "first", "--skip-final-test", "SOLVER.MAX_ITER", "2")
    weights = str(tmp_path / "first" / "model_final.pth")
    options = ("--transfer", "--skip-final-test", "SOLVER.MAX_ITER", "2", "SOLVER.BASE_LR", "1e-12")
    runner.train(tmp_path / "head", *options, "MODEL.WEIGHT", weights)
    # Another seed: with the same one the head would start from the numbers that the first run started from.
    runner.train(tmp_path / "no_head", "--no-head", "--seed=1", *options, "MODEL.WEIGHT", weights)
    source, head, no_head = (
        torch.load(tmp_path / name / "model_final.pth", weights_only=True)["model"]
        for name in ("first", "head", "no_head")
    )
    backbone, fc1 = "backbone.fast.conv1.weight", "roi_heads.action.feature_extractor.fc1.weight"
    for state in (head, no_head):
        assert torch.allclose(state[backbone], source[backbone], atol=1e-6)
    assert torch.allclose(head[fc1], source[fc1], atol=1e-6)
    assert not torch.allclose(no_head[fc1], source[fc1], atol=1e-3)


@pytest.mark.parametrize(
    ("structure", "blocks"),
    [("serial", "[P,O,M]"), ("dense", "[P,O,M,P,O,M]"), ("parallel", "[[P,O,M],[P,O,M]]")],
)
def test_every_structure_trains_and_evaluates(runner, tmp_path, structure, blocks):
    options = ("MODEL.IA_STRUCTURE.STRUCTURE", structure, "MODEL.IA_STRUCTURE.I_BLOCK_LIST", blocks)
    metrics = runner.train(tmp_path, "SOLVER.MAX_ITER", "2", *options)
    assert all(math.isfinite(value) for value in losses(metrics).values())
    result = runner.test(tmp_path, *options)
    assert 0.0 <= result["mAP"] <= 1.0


def test_accumulation_gives_the_step_of_one_batch(runner, tmp_path):
    options = ("--skip-final-test", *PLAIN, "SOLVER.CLIP_GRAD_NORM", "1.0")
    once = losses(runner.train(tmp_path / "once", *options))
    twice = losses(runner.train(tmp_path / "twice", *options, "SOLVER.ACCUMULATION_STEPS", "2"))
    # The memory that the second half of a step reads is the same: it is written after the step.
    assert list(twice.values()) == pytest.approx(list(once.values()), rel=1e-4)


def test_bf16_and_activation_checkpointing_train(runner, tmp_path):
    options = ("--skip-final-test", *PLAIN)
    plain = losses(runner.train(tmp_path / "plain", *options))
    recomputed = losses(runner.train(tmp_path / "ac", *options, "MODEL.ACTIVATION_CHECKPOINTING", "True"))
    assert list(recomputed.values()) == pytest.approx(list(plain.values()), rel=1e-5)
    bf16 = losses(runner.train(tmp_path / "bf16", *options, "SOLVER.AMP", "bf16"))
    assert list(bf16.values()) == pytest.approx(list(plain.values()), rel=0.05)
    assert list(bf16.values()) != pytest.approx(list(plain.values()), rel=1e-6)


def test_workers_do_not_change_the_losses(runner, tmp_path):
    without = losses(runner.train(tmp_path / "0", "--skip-final-test"))
    with_two = losses(runner.train(tmp_path / "2", "--skip-final-test", "DATALOADER.NUM_WORKERS", "2"))
    assert with_two == without


@pytest.mark.parametrize(("optimizer", "rate"), [("sgd", "10.0"), ("adamw", "1e6"), ("sgd", "1e30")])
def test_divergence_names_a_remedy_and_leaves_no_checkpoint(runner, tmp_path, optimizer, rate):
    """Some of these losses are finite to the end."""
    options = f"SOLVER.OPTIMIZER {optimizer} SOLVER.BASE_LR {rate} SOLVER.CLIP_GRAD_NORM 0.0 SOLVER.MAX_ITER 5".split()
    with pytest.raises(DivergenceError) as caught:
        runner.train(tmp_path, "--skip-final-test", *options, "SOLVER.LOG_PERIOD", "100")
    says(str(caught.value), "iteration", f"SOLVER.BASE_LR ({float(rate):g} now: try {float(rate) / 10:g})")
    says((tmp_path / "log.txt").read_text(), "stopped: the training diverged")
    assert list(tmp_path.glob("model_*.pth")) == []
    assert not (tmp_path / "last_checkpoint").exists()


def test_out_of_memory_names_the_keys_with_their_values(runner, tmp_path, monkeypatch):
    runner.train(tmp_path, "--skip-final-test", "SOLVER.MAX_ITER", "2")

    def full(*args: object) -> None:
        raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB. GPU 0 has ...")

    monkeypatch.setattr(DetectionModel, "extract_features", full)
    with pytest.raises(ResourceError) as caught:
        runner.train(tmp_path, "--skip-final-test")
    says(str(caught.value), "while training (2.00 GiB", "SOLVER.VIDEOS_PER_BATCH 2 (4 now", "ACCUMULATION_STEPS 2")
    with pytest.raises(ResourceError) as caught:
        runner.test(tmp_path)
    says(str(caught.value), "while evaluating on toy_val", "TEST.VIDEOS_PER_BATCH 2 (4 now)")
    assert "stopped: out of memory" in (tmp_path / "log.txt").read_text()


def test_a_resumed_run_takes_the_new_settings_and_lists_the_differences(runner, tmp_path):
    options = "SOLVER.SCHEDULER warmup_multi_step SOLVER.STEPS (1,)".split()
    runner.train(tmp_path, "--skip-final-test", "SOLVER.MAX_ITER", "2", *options)
    again = "SOLVER.MAX_ITER 4 SOLVER.BASE_LR 0.0001 DATALOADER.REPEAT_THRESHOLD 0.3".split()
    metrics = runner.train(tmp_path, "--skip-final-test", "--seed=7", *options, *again)
    assert metrics[-1]["lr"] == pytest.approx(0.0001 * 0.1)
    log = (tmp_path / "log.txt").read_text()
    says(log, "SOLVER.BASE_LR 0.003 -> 0.0001", "seed 0 -> 7",
         "DATALOADER.REPEAT_THRESHOLD 0.0 -> 0.3 (another stream of clips from here on)")  # fmt: skip


def test_two_training_sets_share_no_memory(runner, tmp_path, toy_folder):
    runner.data = tmp_path / "data"
    shutil.copytree(toy_folder, runner.data)
    shutil.copytree(toy_folder / "toy", runner.data / "second")
    spec = runner.data / "second" / "dataset.yaml"
    spec.write_text(spec.read_text().replace("name: toy", "name: second"))
    options = "DATASETS.TRAIN ['toy_train','second_train'] SOLVER.MAX_ITER 10 SOLVER.CHECKPOINT_PERIOD 10".split()
    runner.train(tmp_path / "out", "--skip-final-test", *options)
    pool = torch.load(tmp_path / "out" / "memory_pool_0000010.pth", weights_only=True)["pool"]
    assert {name.split("/")[0] for name in pool["videos"]} == {"toy_train", "second_train"}
    assert len(pool["seconds"]) == 40


def test_no_evaluation_where_none_is_wanted(runner, tmp_path):
    metrics = runner.train(tmp_path, "--skip-val-in-train", "--skip-final-test", "SOLVER.EVAL_PERIOD", "1")
    assert not any("toy_val/mAP" in line for line in metrics)
    assert not (tmp_path / "inference").exists()
