"""Names of files in locales that are not UTF-8, with scripts as a user starts them."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

SCRIPT = """
import sys
from alphaction.utils.requirements import require_packages
require_packages()
print(sys.getfilesystemencoding(), ascii(sys.argv[1:]))
"""


@pytest.mark.parametrize(
    "variables", [{"LC_ALL": "C", "PYTHONUTF8": "0"}, {"LC_ALL": "C"}, {"LC_ALL": "C.UTF-8"}, {"PYTHONUTF8": "1"}]
)
def test_files_can_be_named_in_every_locale(repo_root, tmp_path, variables):
    (tmp_path / "script.py").write_text(SCRIPT, encoding="utf-8")
    env = {"PATH": os.environ["PATH"], "PYTHONPATH": str(repo_root), **variables}
    command = [sys.executable, tmp_path / "script.py", "厨房.mp4".encode(), b"-x"]
    done = subprocess.run(command, env=env, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == "utf-8 ['\\u53a8\\u623f.mp4', '-x']\n"
