"""Contract: frame-mAP equals that of the ActivityNet challenge's code, in the package and through the command line."""

from __future__ import annotations

import json
import math
import runpy
import subprocess
import sys

import pytest
from messages import says

from alphaction.evaluation import evaluate_files

AP = "PascalBoxes_PerformanceByCategory/AP@0.5IOU/"
MEAN = "PascalBoxes_Precision/mAP@0.5IOU"


@pytest.fixture(scope="module")
def files(test_data):
    folder = test_data / "ava_eval"
    names = ("groundtruth.csv.gz", "detections.csv.gz", "action_list.pbtxt", "excluded_timestamps.csv")
    return [folder / name for name in names]


@pytest.fixture(scope="module")
def expected(test_data):
    return json.loads((test_data / "ava_eval" / "expected.json").read_text())


def test_every_class_and_the_mean(files, expected):
    result = evaluate_files(*files)
    per_class = {key.removeprefix(AP): value for key, value in expected.items() if key.startswith(AP)}
    assert len(per_class) == 60
    assert result.per_class.keys() == per_class.keys()
    for name, value in per_class.items():
        assert result.per_class[name] == pytest.approx(value, rel=0, abs=1e-9, nan_ok=True), name
    assert result.mAP == pytest.approx(expected[MEAN], rel=0, abs=1e-9)


def test_what_was_left_out_is_counted(files):
    counts = evaluate_files(*files).counts
    assert counts.unknown_class_ids == (2, 16, 18, 19, 21, 23, 25, 31, 32, 33, 35, 39, 40, 42, 44, 50, 53, 55, 71, 75)
    assert counts.detections + counts.uncounted_detections < 101691
    assert counts.empty_boxes > 0
    assert counts.excluded_boxes > 0
    assert counts.keyframes_without_ground_truth == 20


def test_exclusions_matter(files, expected):
    assert abs(evaluate_files(*files[:3]).mAP - expected[MEAN]) > 1e-6


def run_tool(repo_root, python, *arguments):
    command = [python, str(repo_root / "tools" / "evaluate_ava.py"), *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=120)


def test_command_line(files, expected, repo_root, quick_python, tmp_path):
    truth, detections, label_map, exclusions = files
    out = tmp_path / "result.json"
    arguments = ["--groundtruth", truth, "--detections", detections, "--label-map", label_map]
    done = run_tool(repo_root, quick_python, *arguments, "--exclusions", exclusions, "--json", out)
    assert done.returncode == 0, done.stderr
    assert f" {expected[MEAN]:.4f}" in done.stdout
    data = json.loads(out.read_text())
    assert data["mAP"] == pytest.approx(expected[MEAN], rel=0, abs=1e-9)
    assert data["per_class"]["stand"] == pytest.approx(expected[AP + "stand"], rel=0, abs=1e-9)
    nothing = {name for name, value in data["per_class"].items() if value is None}
    assert nothing == {key.removeprefix(AP) for key, value in expected.items() if math.isnan(value)}


def run_in_process(repo_root, monkeypatch, *arguments):
    """Starting Python takes seconds; once is enough."""
    monkeypatch.setattr(sys, "argv", ["evaluate_ava.py", *map(str, arguments)])
    with pytest.raises(SystemExit) as stopped:
        runpy.run_path(str(repo_root / "tools" / "evaluate_ava.py"), run_name="__main__")
    return stopped.value.code


def test_command_line_errors_are_one_sentence(files, repo_root, monkeypatch, capsys, tmp_path):
    truth, _, label_map, _ = files
    bad = tmp_path / "detections.csv"
    bad.write_text("unheard-of,0902,0.1,0.1,0.5,0.5,1,0.5\n")
    arguments = ["--groundtruth", truth, "--detections", bad, "--label-map", label_map]
    assert run_in_process(repo_root, monkeypatch, *arguments) == 3
    message = capsys.readouterr().err
    says(message.splitlines()[-1], "error: ", 'video "unheard-of", second 902')


def test_help_shows_an_example(repo_root, monkeypatch, capsys):
    assert run_in_process(repo_root, monkeypatch, "--help") == 0
    assert "python tools/evaluate_ava.py" in capsys.readouterr().out
