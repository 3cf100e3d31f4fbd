"""The ``python`` of tests/warm_python.py does what a new process would."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from pathlib import Path

import pytest
from interruption import interruptible

SHOW = "import os, sys; print(os.getcwd(), os.environ['MARK'], sys.argv[1:], sys.stdin.read()); sys.exit(3)"
WAIT = "import os, pathlib, time; pathlib.Path('pid').write_text(str(os.getpid())); time.sleep(60)"


def test_it_has_the_folder_the_environment_the_files_and_the_status(quick_python, tmp_path):
    done = subprocess.run(
        [quick_python, "-c", SHOW, "a b", "--c"],
        cwd=tmp_path, env={**os.environ, "MARK": "x"}, input="text", capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (3, "")
    assert done.stdout == f"{tmp_path} x ['a b', '--c'] text\n"


def test_an_error_is_a_traceback(quick_python, tmp_path):
    (tmp_path / "script.py").write_text("import sys\nprint(sys.path[0], __name__)\nraise ValueError('why')\n")
    done = subprocess.run([quick_python, tmp_path / "script.py"], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (1, f"{tmp_path} __main__\n")
    assert done.stderr.endswith("ValueError: why\n")


@pytest.mark.parametrize(("number", "status"), [(signal.SIGTERM, 143), (signal.SIGINT, 130), (signal.SIGKILL, -9)])
def test_a_signal_ends_what_it_has_started(quick_python, tmp_path, number, status):
    command = [quick_python, "-c", WAIT]
    with interruptible(command, cwd=tmp_path, stderr=subprocess.DEVNULL) as process:
        wait_until(lambda: (tmp_path / "pid").is_file() and (tmp_path / "pid").read_text())
        process.send_signal(number)
        assert process.wait(timeout=30) == status
    wait_until(lambda: not Path("/proc", (tmp_path / "pid").read_text()).exists())


def wait_until(condition) -> None:
    limit = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < limit
        time.sleep(0.02)
