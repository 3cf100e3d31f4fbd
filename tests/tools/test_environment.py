"""tools/environment.sh with stub interpreters: nothing is installed, the calls are written to a file."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest
from programs import write_program

# A python that records its arguments; `-m venv` makes half an environment, FAILS lists the modules that do not work.
STUB = """#!/bin/bash
echo "python $*" >> "$CALLS"
[ "$1 $2" = "-m venv" ] && mkdir -p "$3/bin"
[[ " $FAILS " != *" $2 "* ]]
"""
UV = '#!/bin/bash\necho "uv $*" >> "$CALLS"\n'


@pytest.fixture
def ensure(tmp_path, repo_root):
    """Run ensure_environment; give (exit status, stderr, recorded calls)."""
    programs = tmp_path / "programs"
    write_program(programs / "python3", STUB)
    # Only the basic programs are on PATH, so that a uv of the machine is not found.
    for name in ("bash", "cat", "cksum", "rm", "mkdir"):
        (programs / name).symlink_to(shutil.which(name))
    root = tmp_path / "clone"
    root.mkdir()
    for name in ("setup.py", "alphaction/utils/requirements.py"):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text("")
    calls = tmp_path / "calls"

    def run(fails: str = "", uv: bool = False, **variables: str) -> tuple[int, str, str]:
        if uv:
            write_program(programs / "uv", UV)
        calls.write_text("")
        env = {"PATH": str(programs), "ROOT": str(root), "CALLS": str(calls), "FAILS": fails, **variables}
        script = f'set -euo pipefail; source "{repo_root}/tools/environment.sh"; ensure_environment'
        done = subprocess.run([programs / "bash", "-c", script], env=env, capture_output=True, text=True, check=False)
        return done.returncode, done.stderr, calls.read_text()

    return run


@pytest.fixture
def venv(tmp_path) -> Path:
    write_program(tmp_path / "venv" / "bin" / "python", STUB)
    return tmp_path / "venv"


def test_pip_installs_once(ensure, venv):
    status, _, calls = ensure(VIRTUAL_ENV=str(venv))
    assert status == 0
    assert "python -m pip install" in calls
    assert "ensurepip" not in calls
    assert ensure(VIRTUAL_ENV=str(venv)) == (0, "", "")


def test_without_pip_ensurepip_is_tried_then_uv(ensure, venv):
    assert "uv is not on PATH" in ensure("pip ensurepip", VIRTUAL_ENV=str(venv))[1]
    status, _, calls = ensure("pip ensurepip", uv=True, VIRTUAL_ENV=str(venv))
    assert status == 0
    assert "python -m ensurepip" in calls
    assert f"uv pip install --quiet --python {venv}/bin/python --editable" in calls


def test_a_half_made_environment_is_removed(ensure, tmp_path):
    status, message, _ = ensure("venv")
    assert status == 1
    assert "python3-venv" in message
    assert not (tmp_path / "clone" / ".venv").exists()


def test_a_folder_that_was_there_stays(ensure, tmp_path):
    (tmp_path / "mine").mkdir()
    assert ensure("venv", ALPHACTION_VENV=str(tmp_path / "mine"))[0] == 1
    assert (tmp_path / "mine").is_dir()


def test_a_deleted_active_environment_is_named(ensure, tmp_path):
    status, message, _ = ensure(VIRTUAL_ENV=str(tmp_path / "gone"))
    assert status == 1
    assert f"{tmp_path}/gone " in message
