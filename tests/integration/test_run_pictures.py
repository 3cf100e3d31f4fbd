"""What a training shows of itself, and that it is the same training without."""

from __future__ import annotations

import json
import shutil

import cv2
import pytest
import torch
from integration.harness import PLAIN, losses
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from alphaction.engine.run_pictures import RunPictures

pytestmark = pytest.mark.slow


def weights(folder):
    return torch.load(folder / "model_final.pth", weights_only=True)["model"]


def test_a_training_is_the_same_with_and_without_pictures(runner, tmp_path, monkeypatch):
    options = ("SOLVER.EVAL_PERIOD", "2", "INPUT.COLOR_JITTER", "True")
    shown = runner.train(tmp_path / "shown", "--use-tfboard", *options)
    sheets = ["train_clips.png", "validation_0000002.png", "validation_0000004.png"]
    assert sorted(path.name for path in (tmp_path / "shown").glob("*.png")) == sheets
    tags = EventAccumulator(str(tmp_path / "shown" / "tensorboard")).Reload().Tags()
    assert {"train/loss", "train/lr", "val/mAP", "val/AP/jump", "val/loss", "speed/step_time"} <= set(tags["scalars"])
    assert (tags["images"], tags["tensors"]) == (["data/labels", "train_clips", "validation"], ["data/label_counts"])
    monkeypatch.setattr(RunPictures, "watching", lambda self, loader, dataset: loader)
    monkeypatch.setattr(RunPictures, "show_keyframes", lambda self, evaluated: None)
    plain = runner.train(tmp_path / "plain", *options)
    assert not list((tmp_path / "plain").glob("*.png"))
    assert losses(plain) == losses(shown)
    first, second = weights(tmp_path / "shown"), weights(tmp_path / "plain")
    assert all(torch.equal(first[name], second[name]) for name in first)
    terms = [shown[-1][f"toy_val/loss_{group}"] for group in ("movement", "object", "person")]
    assert shown[-1]["toy_val/loss"] == pytest.approx(sum(terms))

    monkeypatch.undo()  # The last evaluation is cut short, as by a kill, and made good by the next start.
    (tmp_path / "shown" / "validation_0000004.png").unlink()
    shutil.rmtree(tmp_path / "shown" / "tensorboard")
    metrics = tmp_path / "shown" / "metrics.jsonl"
    metrics.write_text("".join(f"{json.dumps(line)}\n" for line in shown[:-1]))
    assert runner.train(tmp_path / "shown", "--use-tfboard", *options)[-1] == shown[-1]
    assert (tmp_path / "shown" / "validation_0000004.png").is_file()
    tags = EventAccumulator(str(tmp_path / "shown" / "tensorboard")).Reload().Tags()
    assert "val/mAP" in tags["scalars"]
    assert "validation" in tags["images"]


def test_a_kept_feature_map_is_shown_as_it_is_annotated(runner, tmp_path):
    options = [
        *PLAIN,
        *"MODEL.BACKBONE.FREEZE all SOLVER.MAX_ITER 2 DATALOADER.FEATURE_CACHE".split(),
        str(tmp_path / "maps"),
    ]
    runner.train(tmp_path / "run", "--skip-final-test", "--skip-val-in-train", *options)
    assert cv2.imread(str(tmp_path / "run" / "train_clips.png")).shape[1] <= 1204
    assert "is not drawn" not in (tmp_path / "run" / "log.txt").read_text()
