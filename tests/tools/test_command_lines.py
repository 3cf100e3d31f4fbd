"""Flags of the command lines in tools/ that are checked before any work."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest


@pytest.fixture
def tool(repo_root, tmp_path):
    """Run a tool from another folder, without AlphAction on the path; give (exit status, stderr)."""
    env = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"} | {"OMP_NUM_THREADS": "1"}

    def run(name: str, *flags: object) -> tuple[int, str]:
        command = [sys.executable, repo_root / "tools" / name, *map(str, flags)]
        done = subprocess.run(command, env=env, cwd=tmp_path, capture_output=True, text=True, check=False)
        return done.returncode, done.stderr

    return run


def test_draw_predictions_checks_its_flags(tool, repo_root):
    base = ("--config-file", repo_root / "config_files/tiny/toy.yaml", "--output", "out.png")
    status, message = tool("draw_predictions.py", *base, "DATASETS.TEST", "()")
    assert (status, message) == (2, "error: DATASETS.TEST is empty: name a dataset there, or with --dataset-name\n")
    status, message = tool("draw_predictions.py", *base, "--num-keyframes", "0")
    assert status == 2
    assert "--num-keyframes: 0: expected a whole number, 1 or more" in message


def test_evaluate_ava_checks_where_it_writes_first(tool, tmp_path):
    base = ("--groundtruth", "missing.csv", "--detections", "missing.csv", "--label-map", "missing.pbtxt", "--json")
    (tmp_path / "file").write_text("")
    status, message = tool("evaluate_ava.py", *base, tmp_path)
    assert (status, "this is a folder" in message) == (2, True)
    status, message = tool("evaluate_ava.py", *base, tmp_path / "file" / "result.json")
    assert (status, "is a file, not a folder" in message) == (2, True)
    status, message = tool("evaluate_ava.py", *base, tmp_path / "new" / "result.json")
    assert (status, "missing." in message) == (2, True)
    assert not (tmp_path / "new").exists()
