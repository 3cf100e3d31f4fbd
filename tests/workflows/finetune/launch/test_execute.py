"""Starting a command: the exit status and Ctrl-C, for one process and for several."""

from __future__ import annotations

import signal
import subprocess
import sys
import time

import pytest
from interruption import interruptible

from alphaction.workflows.finetune.launch import execute as module
from alphaction.workflows.finetune.launch.execute import TORCHRUN, execute

# Starts argv[1:] as the launcher does.
STARTER = (
    "import sys\n"
    "from alphaction.workflows.finetune.launch.execute import execute\n"
    "sys.exit(execute(sys.argv[1:], {'MARK': 'x'}))"
)
TWO = [*TORCHRUN, "--standalone", "--nproc_per_node=2"]


@pytest.fixture
def script(tmp_path, quick_python):
    """Write a script; give a command that starts two processes of it."""

    def write(text: str, python: str = quick_python) -> list[str]:
        (tmp_path / "script.py").write_text(text)
        return [python, "-c", STARTER, python, *TWO, str(tmp_path / "script.py")]

    return write


def test_one_process_takes_the_place_of_this_one(monkeypatch):
    calls = []

    def execve(*call):
        calls.append(call)
        raise SystemExit

    monkeypatch.setattr(module.os, "execve", execve)
    with pytest.raises(SystemExit):
        execute(("python", "train_net.py", "--seed", "1"), {"MARK": "x"})
    ((program, command, env),) = calls
    assert (program, command) == ("python", ["python", "train_net.py", "--seed", "1"])
    assert env["MARK"] == "x"
    assert "PATH" in env


def test_the_status_of_a_failed_process_arrives_without_a_traceback(script, subprocess_env):
    command = script("import os, sys; print('error: ' + os.environ['MARK'], file=sys.stderr); sys.exit(2)")
    done = subprocess.run(command, env=subprocess_env, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 2
    assert "error: x\n" in done.stderr
    assert "Traceback" not in done.stderr
    assert done.stderr.rstrip().splitlines()[-1].count("status 2")


MISTAKE = """
from alphaction.utils.errors import UserError, run_command

def main():
    raise UserError("SOLVER.BASE_LR is -1 (\u53a8\u623f)")

run_command(main)
"""


def test_a_users_mistake_in_all_processes_is_one_message(script, subprocess_env):
    done = subprocess.run(script(MISTAKE), env=subprocess_env, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "error: SOLVER.BASE_LR is -1 (\u53a8\u623f)\n"


def test_torchrun_itself_names_a_users_mistake(script, subprocess_env):
    """Its own traceback cannot be avoided; the summary at its end says what was wrong."""
    python, *_, file = script(MISTAKE)
    command = [python, *TWO, file]
    done = subprocess.run(command, env=subprocess_env, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 1
    assert done.stderr.count("\nerror: SOLVER.BASE_LR is -1") + done.stderr.startswith("error: ") == 1
    assert "traceback : error: SOLVER.BASE_LR is -1" in done.stderr.partition("Root Cause")[2]


def test_an_interrupt_ends_all_processes(script, subprocess_env, tmp_path):
    command = script(
        "import os, pathlib, time\n"
        f"(pathlib.Path({str(tmp_path)!r}) / os.environ['RANK']).write_text(str(os.getpid()))\n"
        "try:\n    time.sleep(60)\nexcept KeyboardInterrupt:\n    raise SystemExit(130)\n",
        sys.executable,
    )
    with interruptible(command, env=subprocess_env, stderr=subprocess.PIPE) as process:
        limit = time.monotonic() + 60
        while not ((tmp_path / "0").is_file() and (tmp_path / "1").is_file()) and time.monotonic() < limit:
            time.sleep(0.05)
        process.send_signal(signal.SIGINT)
        _, message = process.communicate(timeout=60)
    assert process.returncode == 130
    assert message == "process 0 of the training ended with status 130; see its message above\n"
    alive = [rank for rank in "01" if subprocess.run(["ps", "-p", (tmp_path / rank).read_text()], capture_output=True,
             check=False).returncode == 0]  # fmt: skip
    assert alive == []
