"""The command lines in tools/: each finds the package, and checks its flags before any work."""

from __future__ import annotations

import os
import subprocess
import sys

# Each script as if it were started alone, without AlphAction installed. In one process, since imports take seconds:
# the package itself is to be found anew, while its modules are kept.
ASK_FOR_HELP = """
import os, runpy, sys
root, *scripts = sys.argv[1:]
path = [folder for folder in sys.path if folder != root]
sys.meta_path[:] = [finder for finder in sys.meta_path if not finder.__module__.startswith("__editable__")]
for script in scripts:
    sys.path[:], sys.argv = [os.path.dirname(script), *path], [script, "--help"]
    for name in ("alphaction", "benchmarks"):
        sys.modules.pop(name, None)
    try:
        runpy.run_path(script, run_name="__main__")
    except SystemExit as end:
        assert not end.code, script
"""


def test_every_script_finds_the_package_from_any_folder(repo_root, tmp_path):
    scripts = sorted(map(str, [*repo_root.glob("*_net.py"), *repo_root.glob("tools/*.py")]))
    env = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    command = [sys.executable, "-c", ASK_FOR_HELP, str(repo_root), *scripts]
    done = subprocess.run(command, env=env, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("usage: ") == len(scripts) > 10


def test_draw_predictions_checks_its_flags(tool, repo_root, tmp_path):
    base = ("--config-file", repo_root / "config_files/tiny/toy.yaml", "--output", "out.png")
    status, _, message = tool("draw_predictions.py", *base, "DATASETS.TEST", "()")
    assert status == 2
    assert message.startswith("error: DATASETS.TEST ")
    assert "--dataset-name" in message
    status, _, message = tool("draw_predictions.py", *base, "--num-keyframes", "0")
    assert status == 2
    assert "--num-keyframes: 0: " in message
    (tmp_path / "out.png").write_text("mine")
    status, _, message = tool("draw_predictions.py", *base)
    assert status == 2
    assert message.startswith("error: --output out.png exists. ")
    assert "detections.csv does not exist" in tool("draw_predictions.py", *base, "--force")[2]
    assert (tmp_path / "out.png").read_text() == "mine"


def test_evaluate_ava_checks_where_it_writes_first(tool, tmp_path):
    base = ("--groundtruth", "missing.csv", "--detections", "missing.csv", "--label-map", "missing.pbtxt", "--json")
    (tmp_path / "file").write_text("")
    status, _, message = tool("evaluate_ava.py", *base, tmp_path)
    assert (status, f"--json {tmp_path}: " in message) == (2, True)
    status, _, message = tool("evaluate_ava.py", *base, tmp_path / "file" / "result.json")
    assert (status, f"{tmp_path / 'file'} is a file" in message) == (2, True)
    status, _, message = tool("evaluate_ava.py", *base, tmp_path / "new" / "result.json")
    assert (status, "missing." in message) == (3, True)
    assert not (tmp_path / "new").exists()
