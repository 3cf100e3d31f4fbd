"""tools/validate_dataset.py as a command, and what train_net.py says about its data."""

from __future__ import annotations

import json
import logging
import runpy
import shutil
import subprocess
import sys

import pytest
from messages import says

from alphaction.config import load_cfg
from alphaction.engine.datasets import open_test_datasets, open_train_dataset, report_findings
from alphaction.utils.errors import run_command


@pytest.fixture
def command(repo_root, quick_python, toy_folder, subprocess_env):
    """Run the command; return the finished process."""

    def run(*arguments: str, data=toy_folder) -> subprocess.CompletedProcess:
        line = [quick_python, str(repo_root / "tools" / "validate_dataset.py"), *arguments]
        return subprocess.run(
            [*line, "DATASETS.DATA_DIR", str(data)], env=subprocess_env, capture_output=True, text=True, timeout=120
        )

    return run


def test_sound_dataset(command, repo_root):
    config = str(repo_root / "config_files" / "tiny" / "toy.yaml")
    done = command("--all", "toy", "--config-file", config)
    assert (done.returncode, done.stderr) == (0, "")
    assert "toy_train" in done.stdout.splitlines()[0]
    assert "mAP" in done.stdout
    assert done.stdout.splitlines()[-1].startswith("toy: ready: ")
    assert max(map(len, done.stdout.splitlines())) <= 160


def test_error_as_json(command, toy_folder, tmp_path):
    shutil.copytree(toy_folder / "toy", tmp_path / "toy")
    file = tmp_path / "toy" / "annotations" / "val.csv"
    shutil.copyfile(tmp_path / "toy" / "annotations" / "train.csv", file)
    done = command("--dataset-name", "toy_val", "--json", "-", "--no-decode", data=tmp_path)
    assert done.returncode == 1
    report = json.loads(done.stdout)
    assert (report["dataset"], report["ok"]) == ("toy_val", False)
    assert list(report["facts"]) == ["toy_val"]
    leak = next(finding for finding in report["findings"] if finding["check"] == "leakage")
    assert leak["level"] == "error"
    assert f"{file}, line 1 (video train_000, second 0)" in leak["message"]


def test_unknown_dataset(repo_root, toy_folder, monkeypatch, capsys):
    command_line = ["validate_dataset.py", "--dataset-name", "toy_vall", "DATASETS.DATA_DIR", str(toy_folder)]
    monkeypatch.setattr(sys, "argv", command_line)
    with pytest.raises(SystemExit) as stopped:
        run_command(runpy.run_path(str(repo_root / "tools" / "validate_dataset.py"))["main"])
    assert stopped.value.code == 2
    says(capsys.readouterr().err, "error: ", '"toy_vall"', '"toy_val"')


def test_train_net_warns_and_goes_on(repo_root, toy_folder, caplog):
    cfg = load_cfg(
        repo_root / "config_files" / "tiny" / "toy.yaml",
        ["DATASETS.DATA_DIR", str(toy_folder), "DATASETS.TEST", "['toy_train']"],
    )
    train_set = open_train_dataset(cfg)
    with caplog.at_level(logging.WARNING):
        report_findings(cfg, train_set, open_test_datasets(cfg, train_set.label_map))
    keyframes = len(train_set.annotations.keyframes)
    says(
        caplog.text,
        "toy_train + toy_train (leakage): ",
        f"{keyframes} of {keyframes} keyframes of toy_train (100.0%)",
    )
