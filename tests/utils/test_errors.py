"""Messages and exit statuses for a user's mistakes."""

from __future__ import annotations

import subprocess
import sys

import pytest

from alphaction.utils.errors import UserError, run_command
from alphaction.utils.registry import Registry, registered_names


def test_a_user_error_is_one_message_without_traceback(capsys):
    def main():
        raise UserError("file.csv, line 3: no number")

    with pytest.raises(SystemExit) as stop:
        run_command(main)
    assert stop.value.code == 2
    assert capsys.readouterr().err == "error: file.csv, line 3: no number\n"


def test_the_status_of_a_command_is_its_return_value():
    with pytest.raises(SystemExit) as stop:
        run_command(lambda: 1)
    assert stop.value.code == 1
    with pytest.raises(SystemExit) as stop:
        run_command(lambda: None)
    assert stop.value.code == 0


def test_registry_finds_and_suggests():
    registry = Registry("TEST.BACKBONE")
    registry.register("Slowfast-Tiny")(int)
    assert registry.get("Slowfast-Tiny") is int
    assert registry.names() == registered_names("TEST.BACKBONE") == ["Slowfast-Tiny"]
    assert registered_names("TEST.HEAD") == []
    with pytest.raises(UserError, match='TEST.BACKBONE: "Slowfast-Tny".*"Slowfast-Tiny"'):
        registry.get("Slowfast-Tny")
    with pytest.raises(ValueError, match="Slowfast-Tiny"):
        registry.register("Slowfast-Tiny")(float)
    with pytest.raises(ValueError, match=r"TEST\.BACKBONE"):
        Registry("TEST.BACKBONE")


def test_a_file_that_cannot_be_used_is_one_message_too(tmp_path, capsys):
    with pytest.raises(SystemExit) as stop:
        run_command(lambda: (tmp_path / "no" / "file").write_text(""))
    assert stop.value.code == 2
    assert capsys.readouterr().err == f"error: {tmp_path}/no/file: No such file or directory\n"


def test_other_errors_of_the_system_keep_their_traceback():
    def main():
        raise OSError("not about a file")

    with pytest.raises(OSError, match="not about a file"):
        run_command(main)


def test_a_reader_that_stops_early_ends_the_command_quietly(repo_root):
    program = "from alphaction.utils.errors import run_command; run_command(lambda: print('line\\n' * 100_000))"
    command = f'"{sys.executable}" -c "{program}" | head -1'
    done = subprocess.run(
        ["bash", "-c", f"set -o pipefail; {command}"], cwd=repo_root, capture_output=True, text=True, check=False
    )
    assert (done.stdout, done.stderr) == ("line\n", "")
    assert done.returncode == 141
