"""tools/environment.sh with stub interpreters: nothing is installed, the calls are written to a file."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from programs import write_program

# A python that records its arguments; `-m venv` makes half an environment, FAILS lists the modules that do not work.
# The packages that are asked for with `-c` are in the environments that PACKAGES lists.
STUB = """#!/bin/bash
if [ "$1" = -c ]; then
  [[ "$2" == *version_info* ]] || [[ " $PACKAGES " == *" ${0%/bin/python} "* ]]
  exit
fi
echo "python $*" >> "$CALLS"
[ "$1 $2" = "-m venv" ] && mkdir -p "$3/bin" && cp "$0" "$3/bin/python"
[[ " $FAILS " != *" $2 "* ]]
"""
UV = '#!/bin/bash\necho "uv $*" >> "$CALLS"\n'


@pytest.fixture
def ensure(tmp_path, repo_root):
    """Run ensure_environment; give (exit status, stderr, recorded calls)."""
    programs = tmp_path / "programs"
    write_program(programs / "python3", STUB)
    # Only the basic programs are on PATH, so that a uv of the machine is not found.
    for name in ("bash", "cat", "cksum", "cp", "rm", "mkdir"):
        (programs / name).symlink_to(shutil.which(name))
    root = tmp_path / "clone"
    root.mkdir()
    for name in ("setup.py", "alphaction/utils/requirements.py"):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text("")
    calls = tmp_path / "calls"

    def run(
        fails: str = "", uv: bool = False, function: str = "ensure_environment", **variables: str
    ) -> tuple[int, str, str]:
        if uv:
            write_program(programs / "uv", UV)
        calls.write_text("")
        env = {"PATH": str(programs), "ROOT": str(root), "CALLS": str(calls), "FAILS": fails, **variables}
        script = f'set -euo pipefail; source "{repo_root}/tools/environment.sh"; {function}; echo "$PYTHON"'
        done = subprocess.run([programs / "bash", "-c", script], env=env, capture_output=True, text=True, check=False)
        return done.returncode, done.stdout + done.stderr, calls.read_text()

    return run


@pytest.fixture
def venv(tmp_path) -> Path:
    """An environment of the user."""
    write_program(tmp_path / "venv" / "bin" / "python", STUB)
    return tmp_path / "venv"


def test_the_first_start_makes_an_environment_and_installs_once(ensure, tmp_path):
    status, _, calls = ensure()
    assert status == 0
    made = tmp_path / "clone" / ".venv"
    assert [call.split(" --")[0] for call in calls.splitlines()] == [
        f"python -m venv {made}", "python -m pip", "python -m pip install"
    ]  # fmt: skip
    assert ensure() == (0, f"{made}/bin/python\n", "")
    # It is its own, and is brought up to date when it is active, too.
    (made / ".alphaction-installed").write_text("an older version")
    assert "python -m pip install" in ensure(VIRTUAL_ENV=str(made))[2]


def test_optional_packages_are_for_the_tests_only(ensure):
    with_all = "EXTRAS=$ALL_EXTRAS; ensure_environment"
    assert "[dev]" in ensure()[2]
    assert "[dev,optional,docs]" in ensure(function=with_all)[2]
    assert ensure()[2] == ensure(function=with_all)[2] == ""


def test_an_active_environment_with_the_packages_is_used_as_it_is(ensure, venv):
    assert ensure(VIRTUAL_ENV=str(venv), PACKAGES=str(venv)) == (0, f"{venv}/bin/python\n", "")
    assert ensure(CONDA_PREFIX=str(venv), CONDA_DEFAULT_ENV="mine", PACKAGES=str(venv))[1] == f"{venv}/bin/python\n"
    assert [path.name for path in venv.iterdir()] == ["bin"]


@pytest.mark.parametrize("kind", ["VIRTUAL_ENV", "CONDA_PREFIX"])
def test_an_active_environment_without_them_is_never_changed(ensure, venv, tmp_path, kind):
    status, message, calls = ensure(CONDA_DEFAULT_ENV="mine", **{kind: str(venv)})
    made = tmp_path / "clone" / ".venv"
    assert status == 0
    assert f"{venv} lacks packages" in message
    assert f"ALPHACTION_VENV={venv}" in message
    assert message.endswith(f"\n{made}/bin/python\n")
    assert calls.startswith(f"python -m venv {made}\n")
    assert [path.name for path in venv.iterdir()] == ["bin"]


def test_an_environment_is_installed_into_when_that_is_said(ensure, venv):
    assert "python -m pip install" in ensure(VIRTUAL_ENV="/elsewhere", ALPHACTION_VENV=str(venv))[2]
    assert ensure(ALPHACTION_VENV=str(venv), PACKAGES=str(venv))[2] == ""


def test_an_environment_in_the_clone_that_was_not_made_here(ensure, tmp_path):
    mine = tmp_path / "clone" / ".venv"
    write_program(mine / "bin" / "python", STUB)
    status, message, calls = ensure()
    assert (status, calls) == (1, "")
    assert f"{mine} lacks packages" in message
    assert f"ALPHACTION_VENV={mine}" in message
    active = ensure(VIRTUAL_ENV=str(mine))
    assert (active[0], active[2]) == (1, "")
    assert active[1].count("lacks packages") == 1
    assert ensure(PACKAGES=str(mine)) == (0, f"{mine}/bin/python\n", "")


def test_other_modules_may_be_needed_as_well(ensure, tmp_path, repo_root):
    """Asks the Python that runs this test, which has pytest."""
    write_program(tmp_path / "real" / "bin" / "python", f'#!/bin/bash\nexec "{sys.executable}" "$@"\n')
    asked = f'ROOT="{repo_root}"; has_packages "{tmp_path}/real" {{}}; PYTHON=yes'
    assert ensure(function=asked.format("pytest"))[0] == 0
    assert ensure(function=asked.format("no_such_module"))[0] == 1


def test_without_pip_ensurepip_is_tried_then_uv(ensure, venv):
    assert "uv is not on PATH" in ensure("pip ensurepip", ALPHACTION_VENV=str(venv))[1]
    status, _, calls = ensure("pip ensurepip", uv=True, ALPHACTION_VENV=str(venv))
    assert status == 0
    assert "python -m ensurepip" in calls
    assert f"uv pip install --quiet --python {venv}/bin/python --editable" in calls


@pytest.mark.parametrize(
    ("arguments", "status", "message"),
    [
        ("mine.yaml", 0, ""),
        ("mine.yaml --dry-run", 2, "--dry-run installs nothing"),
        ("mine.yaml -- --dry-run 1", 0, ""),
    ],
)
def test_a_dry_run_installs_nothing(ensure, tmp_path, arguments, status, message):
    done = ensure(function=f"ensure_environment_for_launch {arguments}")
    assert done[0] == status
    assert message in done[1]
    assert ("-m venv" in done[2]) == (status == 0)
    assert f"python -m alphaction.workflows.finetune.launch.launch_options {arguments}\n" in done[2]


def test_wrong_arguments_install_nothing(ensure, tmp_path):
    status, _, calls = ensure(
        "alphaction.workflows.finetune.launch.launch_options", function="ensure_environment_for_launch x"
    )
    assert status == 1
    assert calls == "python -m alphaction.workflows.finetune.launch.launch_options x\n"


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
