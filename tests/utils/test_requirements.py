"""What a Python without AlphAction's packages is told, by every script, and that the list of packages is complete."""

from __future__ import annotations

import ast
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from interruption import interruptible
from messages import says

from alphaction.utils import requirements
from alphaction.utils.requirements import OPTIONAL, REQUIREMENTS, find_problem

ROOT = Path(__file__).resolve().parents[2]
SCRIPTS = [ROOT / "train_net.py", ROOT / "test_net.py", *sorted((ROOT / "tools").glob("*.py"))]
REMEDY = ("source .venv/bin/activate", "pip install -e .", "docs/INSTALL.md")


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda script: script.name)
def test_scripts_without_packages_say_what_to_do(script):
    # -S leaves site-packages out, -E PYTHONPATH: a Python in which nothing was installed.
    command = [sys.executable, "-S", "-E", script, "--help"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("error: the packages torch, torchvision, yacs ")
    assert done.stderr.count("\n") == 1
    assert sys.executable in done.stderr
    assert all(part in done.stderr for part in REMEDY)


def test_a_single_package_is_named(monkeypatch):
    assert find_problem() is None
    # The name that pip knows, also where the package above it is missing.
    monkeypatch.setattr(requirements, "REQUIREMENTS", {"numpy": "numpy", "no_such.package": "some-package>=3"})
    says(find_problem(), "package some-package ", sys.executable)


def test_an_old_python_is_named(monkeypatch, capsys):
    monkeypatch.setattr(sys, "version_info", (3, 9, 18))
    with pytest.raises(SystemExit) as stop:
        requirements.require_packages()
    assert stop.value.code == 2
    message = capsys.readouterr().err
    says(message, "error: ", "Python 3.10", f"{sys.executable} is Python 3.9.18")
    assert all(part in message for part in REMEDY)


def test_what_stands_before_the_check_parses_on_python_3_7():
    names = ("requirements", "messages", "errors", "command_text", "verbs", "terminal", "config_files")
    utils = [ROOT / "alphaction/utils" / f"{name}.py" for name in names]
    for path in (*SCRIPTS, *utils):
        ast.parse(path.read_text(encoding="utf-8"), feature_version=(3, 7))


INTERRUPTED = """
import os, signal, time
from alphaction.utils.errors import run_command
from alphaction.utils.requirements import require_packages
{}
def stop():
    os.kill(os.getpid(), signal.SIGINT)
    time.sleep(20)
{}
"""


@pytest.mark.parametrize(
    ("before", "after", "status", "message"),
    [
        ("require_packages()", "stop()", 130, "interrupted before anything was done\n"),
        ("require_packages()", "run_command(stop)", 130, "interrupted. The same command starts again:\n  "),
        ("", "stop()", -signal.SIGINT, "Traceback"),
        ("__name__ = '__mp_main__'\nrequire_packages()", "stop()", -signal.SIGINT, "Traceback"),
    ],
)
def test_an_interrupt_during_the_imports_of_a_script(before, after, status, message):
    command = [sys.executable, "-c", INTERRUPTED.format(before, after)]
    with interruptible(command, stderr=subprocess.PIPE, cwd=ROOT) as process:
        shown = process.communicate(timeout=60)[1]
    assert process.returncode == status
    assert shown.startswith(message)


def test_every_imported_package_is_listed():
    found = set()
    for path in (ROOT / "alphaction").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                found |= {name.name.partition(".")[0] for name in node.names}
            elif isinstance(node, ast.ImportFrom):
                found.add(node.module.partition(".")[0])
    known = {name.partition(".")[0] for name in REQUIREMENTS}
    assert found - set(sys.stdlib_module_names) - {"alphaction"} <= known | set(OPTIONAL)
    assert not known & set(OPTIONAL)


def test_setup_reads_the_list():
    done = subprocess.run(
        [sys.executable, "-c", "import setuptools; setuptools.setup = lambda **given: print(given['install_requires'], "
         "given['version']); exec(compile(open('setup.py').read(), 'setup.py', 'exec'), {'__file__': 'setup.py'})"],
        cwd=ROOT, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert done.stdout.startswith(f"{list(REQUIREMENTS.values())} 1.")
