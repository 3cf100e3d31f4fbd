"""tools/calibrate.py on a toy run: whose detections it takes, what it stores, and who uses that."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
import torch
from integration.harness import Runner
from messages import refused, says

from alphaction.checkpoint import read_thresholds, stored_thresholds
from alphaction.commands import calibrate as command
from alphaction.data.annotations import read_label_map
from alphaction.evaluation import read_detections
from alphaction.workflows.calibrate.calibrate import calibrate, find_weights, remove_thresholds
from alphaction.workflows.calibrate.calibrate_options import CalibrateOptions
from alphaction.workflows.calibrate.threshold_text import calibration_lines, stored_lines
from alphaction.workflows.predict.shown_scores import ShownScores, shown_setting

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def trained(repo_root, toy_folder, tmp_path_factory):
    """A run of four iterations, which is evaluated at 2 and at the end."""
    folder = tmp_path_factory.mktemp("run")
    Runner(repo_root, toy_folder, {}).train(folder, "SOLVER.EVAL_PERIOD", "2")
    return folder


@pytest.fixture
def run(trained, tmp_path):
    return shutil.copytree(trained, tmp_path / "run")


def never(arguments):
    raise AssertionError("nothing is evaluated")


def test_thresholds_are_stored_and_say_where_from(run, toy_folder):
    untouched = (run / "model_0000002.pth").read_bytes()
    done = calibrate(CalibrateOptions(run=run, min_labels=3), [], never)
    assert done.weights == run / "model_final.pth"
    label_map = read_label_map(toy_folder / "toy/annotations/toy_action_list.pbtxt")
    held = read_thresholds(done.weights, label_map.to_dict())
    assert list(held) == list(label_map.names)
    assert held == dict(zip(label_map.names, done.choice.values, strict=True))
    assert (done.stored.how, done.stored.dataset, done.stored.iteration) == ("best F1", "toy_val", 4)
    assert (run / "model_0000002.pth").read_bytes() == untouched
    assert done.on_own[0].f1 >= done.on_own[1].f1
    text = "\n".join(calibration_lines(done))
    says(text, "They are of model_final.pth", f"calibrate.py --weights {run}/model_best.pth --evaluate")
    says(text, f"predict_video.py uses them with MODEL.WEIGHT {done.weights}, ")
    says(text, "toy_val", "which they were chosen on", "model_final.pth", "push (a person)", "--min-score")
    says("\n".join(stored_lines(done.weights, stored_thresholds(done.weights))), "best F1 on toy_val", "iteration 4")


def test_the_run_goes_on_without_them(run, repo_root, toy_folder):
    calibrate(CalibrateOptions(run=run), [], never)
    lines = Runner(repo_root, toy_folder, {}).train(run, "SOLVER.MAX_ITER", "5", "--skip-final-test")
    assert lines[-1]["iteration"] == 5
    assert stored_thresholds(run / "model_final.pth") is None


def test_the_average_of_the_weights_has_its_own_detections(repo_root, toy_folder, tmp_path):
    Runner(repo_root, toy_folder, {}).train(tmp_path, "SOLVER.EMA_DECAY", "0.5")
    average = tmp_path / "model_ema.pth"
    done = calibrate(CalibrateOptions(weights=average), [], never)
    found = read_detections(tmp_path / "inference_ema" / "toy_val" / "detections.csv")
    assert done.choice.values != calibrate(CalibrateOptions(run=tmp_path), [], never).choice.values
    held = stored_thresholds(average)
    assert held.values == tuple(done.choice.values)
    assert max(held.values) <= found.scores.max()


def test_detections_of_other_weights_are_refused(run):
    options = CalibrateOptions(weights=run / "model_0000002.pth")
    before = options.weights.read_bytes()
    refused(lambda: calibrate(options, [], never), "model_0000002.pth", "iteration 2", "--evaluate")
    assert options.weights.read_bytes() == before


def test_detections_that_nobody_can_tell_are_refused(run, tmp_path):
    (run / "metrics.jsonl").unlink()
    refused(lambda: calibrate(CalibrateOptions(run=run), [], never), "metrics.jsonl", "--evaluate")
    shutil.rmtree(run / "inference")
    refused(lambda: calibrate(CalibrateOptions(run=run), [], never), "detections.csv", "--evaluate")
    elsewhere = shutil.copy(run / "model_final.pth", tmp_path / "mine.pth")
    options = CalibrateOptions(run=run, weights=tmp_path / "mine.pth")
    refused(lambda: calibrate(options, [], never), elsewhere, "does not lie in", "--evaluate")


def test_it_evaluates_and_leaves_the_results_of_the_run(run, capsys, monkeypatch):
    results = {path: path.read_bytes() for path in (run / "inference").rglob("*") if path.is_file()}
    monkeypatch.setattr("sys.argv", ["calibrate.py", "--weights", str(run / "model_0000002.pth"), "--evaluate"])
    command.main()
    assert stored_thresholds(run / "model_0000002.pth").iteration == 2
    assert {path: path.read_bytes() for path in (run / "inference").rglob("*") if path.is_file()} == results
    said = capsys.readouterr().out
    says(said, "class", "threshold", "model_0000002.pth", "are removed again", f"{run / 'inference'} is as it was")


def test_shown_and_removed(run, capsys, monkeypatch):
    calibrate(CalibrateOptions(run=run), [], never)
    weights = find_weights(CalibrateOptions(run=run))
    for flag, words in (("--show", "best F1 on toy_val"), ("--remove", "thresholds removed"), ("--show", "has no")):
        monkeypatch.setattr("sys.argv", ["calibrate.py", "--run", str(run), flag])
        command.main()
        assert words in capsys.readouterr().out
    assert not remove_thresholds(weights)


def test_damaged_thresholds_can_be_removed(run):
    path = run / "model_final.pth"
    torch.save(torch.load(path, weights_only=True) | {"thresholds": "x"}, path)
    assert remove_thresholds(path)
    assert stored_thresholds(path) is None


def test_a_prediction_shows_by_them_unless_told_otherwise(run, toy_folder):
    label_map = read_label_map(toy_folder / "toy/annotations/toy_action_list.pbtxt")
    path = run / "model_final.pth"
    assert ShownScores.of(path, label_map, None).values.tolist() == [0.3] * 13
    assert shown_setting(path, None) == shown_setting(path, 0.3) == "0.3"
    done = calibrate(CalibrateOptions(run=run, precision=0.2), [], never)
    by_weights = ShownScores.of(path, label_map, None)
    assert by_weights.values.tolist() == done.choice.values
    says(by_weights.told, "model_final.pth", "precision 0.2 on toy_val")
    told = ShownScores.of(path, label_map, 0.5)
    assert told.values.tolist() == [0.5] * 13
    says(told.told, "0.5", "not by the thresholds")
    assert shown_setting(path, None) == "the thresholds in the weights"
    assert shown_setting(path, 0.5) == "0.5"


def test_training_data_and_rare_classes_are_told(run):
    done = calibrate(CalibrateOptions(run=run, min_labels=10**6), ["DATASETS.TRAIN", "('toy_val',)"], never)
    says("\n".join(done.notes), "DATASETS.TRAIN", "13 classes have the threshold of all classes together")
    assert len(set(done.stored.values)) == 1
    assert not any(done.stored.own)


def test_other_classes_are_refused(run):
    path = run / "model_final.pth"
    content = torch.load(path, weights_only=True)
    content["label_map"]["names"][0] = '站 "x"/y'
    torch.save(content, path)
    refused(lambda: calibrate(CalibrateOptions(run=run), [], never), "the action classes differ", "--dataset-name")


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({}, "--run OUTPUT_DIR"),
        ({"run": "here", "show": True, "remove": True}, "choose one"),
        ({"run": "here", "show": True, "precision": 0.5}, "--precision: not with --show"),
        ({"run": "nowhere"}, "--run nowhere: no such folder"),
        ({"run": "here", "precision": 1.5}, "--precision"),
        ({"run": "here", "min_labels": 0}, "--min-labels"),
    ],
)
def test_wrong_options_are_refused(tmp_path, monkeypatch, options, words):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "here").mkdir()
    given = {name: Path(value) if name == "run" else value for name, value in options.items()}
    refused(CalibrateOptions(**given).check, words)
