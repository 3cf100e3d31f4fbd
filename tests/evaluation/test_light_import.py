"""Evaluation of files needs neither torch nor pandas, whose imports take longer than most files do."""

from __future__ import annotations

import subprocess
import sys

import pytest

# Not the quick python of the tests, which has imported torch.
AFTERWARDS = "import sys; print({'torch', 'pandas'} & set(sys.modules))"


@pytest.mark.parametrize(
    "code", ["import alphaction.evaluation.analysis", "import runpy; runpy.run_path('tools/evaluate_ava.py')"]
)
def test_torch_and_pandas_are_not_imported(repo_root, code):
    command = [sys.executable, "-c", f"{code}; {AFTERWARDS}"]
    done = subprocess.run(command, cwd=repo_root, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
