"""test_net.py: which weights it takes, and what it writes."""

from __future__ import annotations

import shutil

import pytest
import torch

from alphaction.data.annotations import read_label_map
from alphaction.evaluation import evaluate_files
from alphaction.utils.errors import UserError

pytestmark = pytest.mark.slow


def test_it_repeats_the_final_evaluation_and_the_csv_agrees(runner, tmp_path, toy_folder):
    metrics = runner.train(tmp_path)
    final = runner.test(tmp_path)
    assert metrics[-1]["iteration"] == 4
    assert metrics[-1]["toy_val/mAP"] == pytest.approx(final["mAP"], abs=1e-9)
    assert "toy_val" in (tmp_path / "inference" / "toy_val" / "report.txt").read_text() or final["mAP"] >= 0
    from_csv = evaluate_files(
        toy_folder / "toy" / "annotations" / "val.csv",
        tmp_path / "inference" / "toy_val" / "detections.csv",
        toy_folder / "toy" / "annotations" / "toy_action_list.pbtxt",
    )
    assert from_csv.mAP == pytest.approx(final["mAP"], abs=1e-6)
    assert set(final["per_class"]) == {
        c.name for c in read_label_map(toy_folder / "toy/annotations/toy_action_list.pbtxt").classes
    }


def test_a_weight_on_the_command_line_wins_over_the_last_checkpoint(runner, tmp_path):
    runner.train(tmp_path, "--skip-final-test")
    last = runner.test(tmp_path)
    other = tmp_path / "other.pth"
    content = torch.load(tmp_path / "model_final.pth", weights_only=True)
    content["model"]["roi_heads.action.predictor.cls_score.bias"] += torch.linspace(-9, 9, 13)
    torch.save(content, other)
    changed = runner.test(tmp_path, "MODEL.WEIGHT", str(other))
    assert changed["mAP"] != pytest.approx(last["mAP"], abs=1e-9)
    assert "other.pth" in (tmp_path / "log.txt").read_text()


def test_nothing_to_test_says_what_to_set(runner, tmp_path):
    with pytest.raises(UserError, match="MODEL.WEIGHT"):
        runner.test(tmp_path)


def test_ground_truth_boxes_are_called_optimistic(runner, tmp_path, toy_folder, monkeypatch):
    runner.train(tmp_path, "--skip-final-test", "SOLVER.MAX_ITER", "2")
    copy = tmp_path / "data"
    shutil.copytree(toy_folder, copy)
    spec = copy / "toy" / "dataset.yaml"
    spec.write_text("\n".join(line for line in spec.read_text().splitlines() if "person_boxes" not in line))
    monkeypatch.setattr(runner, "data", copy)
    result = runner.test(tmp_path)
    assert result["optimistic"] is True
    assert "OPTIMISTIC" in (tmp_path / "inference" / "toy_val" / "report.txt").read_text()


def test_weights_that_fill_only_a_part_of_the_model_are_refused(runner, tmp_path):
    runner.train(tmp_path, "--skip-final-test", "SOLVER.MAX_ITER", "2")
    with pytest.raises(UserError, match="shape"):
        runner.test(tmp_path, "MODEL.ROI_ACTION_HEAD.MLP_HEAD_DIM", "64")
    assert "roi_heads.action.feature_extractor.fc2.bias" in (tmp_path / "log.txt").read_text()


def test_a_threshold_that_drops_everything_is_named(runner, tmp_path):
    runner.train(tmp_path, "--skip-final-test", "SOLVER.MAX_ITER", "2")
    result = runner.test(tmp_path, "TEST.ACTION_THRESH", "1.0")
    assert result["mAP"] == 0.0
    assert "TEST.ACTION_THRESH 1 " in (tmp_path / "log.txt").read_text()
