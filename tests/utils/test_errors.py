"""Messages and exit statuses for a user's mistakes."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys

import pytest

from alphaction.utils import errors
from alphaction.utils.command_text import runnable_here, this_command
from alphaction.utils.errors import UserError, run_command, saying_how_to_go_on
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


def test_links_in_a_circle_are_one_message(tmp_path, capsys):
    (tmp_path / "a.mp4").symlink_to("a.mp4")
    with pytest.raises(SystemExit) as stop:
        run_command(lambda: (tmp_path / "a.mp4").resolve().read_bytes())
    assert stop.value.code in (2, 3)
    assert "a.mp4" in capsys.readouterr().err


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


def test_a_mistake_of_one_process_alone_is_said_after_a_while(capsys, monkeypatch, tmp_path):
    waited = []
    monkeypatch.setattr(errors.time, "sleep", waited.append)
    monkeypatch.setenv("LOCAL_RANK", "3")
    monkeypatch.setenv("TORCHELASTIC_ERROR_FILE", str(tmp_path / "error.json"))

    def main():
        raise UserError("process 3 has no GPU")

    with pytest.raises(SystemExit):
        run_command(main)
    assert waited == [10.0]
    assert capsys.readouterr().err == "error: process 3 has no GPU\n"
    assert json.loads((tmp_path / "error.json").read_text())["message"] == "error: process 3 has no GPU"


def interrupt() -> None:
    raise KeyboardInterrupt


@pytest.mark.parametrize(("goes_on", "words"), [(False, "starts again"), (True, "goes on from there")])
def test_an_interrupted_command_says_how_to_go_on(capsys, monkeypatch, goes_on, words):
    monkeypatch.setattr(sys, "argv", ["tools/detect.py", "--output", "my boxes.csv", "it's"])
    with pytest.raises(SystemExit) as stop:
        run_command(interrupt, goes_on=goes_on)
    assert stop.value.code == 130
    first, command = capsys.readouterr().err.splitlines()
    assert first == f"interrupted. The same command {words}:"
    assert shlex.split(command)[1:] == sys.argv


def test_work_that_knows_more_says_it(capsys, monkeypatch):
    def main():
        with saying_how_to_go_on(lambda: "7 of 9 are done"):
            interrupt()

    with pytest.raises(SystemExit) as stop:
        run_command(main)
    assert (stop.value.code, capsys.readouterr().err) == (130, "interrupted. 7 of 9 are done\n")
    monkeypatch.setenv("LOCAL_RANK", "1")
    with pytest.raises(SystemExit) as stop:
        run_command(main)
    assert (stop.value.code, capsys.readouterr().err) == (130, "")


def test_the_command_has_the_launcher_that_it_was_started_with(monkeypatch):
    monkeypatch.setattr(sys, "argv", ["train_net.py", "--local-rank=1", "--seed", "1"])
    for name, value in {
        "WORLD_SIZE": "8", "LOCAL_WORLD_SIZE": "4", "GROUP_RANK": "1", "MASTER_ADDR": "a", "MASTER_PORT": "1234",
        "TORCHELASTIC_RUN_ID": "x",
    }.items():  # fmt: skip
        monkeypatch.setenv(name, value)
    assert this_command().split(" -m ")[1] == (
        "torch.distributed.run --nnodes=2 --node_rank=1 --nproc_per_node=4 --master_addr=a --master_port=1234 "
        "train_net.py --seed 1"
    )
    monkeypatch.setenv("WORLD_SIZE", "4")
    assert this_command(["--resume"]).endswith("run --standalone --nproc_per_node=4 train_net.py --resume")
    monkeypatch.setenv("WORLD_SIZE", "1")
    assert this_command().endswith(" train_net.py --seed 1")
    assert "torch" not in this_command().partition("train_net.py")[0].rpartition("/")[2]


def test_a_printed_command_has_python_only_where_that_is_this_one(monkeypatch, tmp_path, repo_root):
    folder = tmp_path / "my bin"
    folder.mkdir()
    for name in ("python", "python3"):
        (folder / name).symlink_to(sys.executable)
    monkeypatch.chdir(repo_root)
    monkeypatch.setattr(sys, "executable", str(folder / "python3"))
    monkeypatch.setenv("PATH", str(folder))
    assert runnable_here("python tools/x.py --a") == "python tools/x.py --a"
    monkeypatch.setenv("PATH", str(tmp_path))
    assert runnable_here("python tools/x.py --a") == f"'{folder / 'python3'}' tools/x.py --a"


NAMES = r"""
import sys
from alphaction.utils.errors import run_command
run_command(lambda: print("\u53a8\u623f", "caf\udce9", file=sys.stdout))
"""


@pytest.mark.parametrize(
    ("variables", "shown"),
    [
        ({"PYTHONIOENCODING": "ascii"}, b"\\u53a8\\u623f caf\\udce9\n"),
        ({"LC_ALL": "C", "PYTHONUTF8": "0"}, b"\\u53a8\\u623f caf\\udce9\n"),
        ({"LC_ALL": "C"}, "厨房 caf\\udce9\n".encode()),
        ({"LC_ALL": "C.UTF-8"}, "厨房 caf\\udce9\n".encode()),
    ],
)
def test_every_name_can_be_printed_in_every_locale(repo_root, variables, shown):
    env = {"PATH": os.environ["PATH"], "PYTHONPATH": str(repo_root), **variables}
    done = subprocess.run([sys.executable, "-c", NAMES], env=env, capture_output=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, shown, b"")


def test_a_name_that_is_no_text_is_named(capsys, tmp_path):
    with pytest.raises(SystemExit) as stop:
        run_command(lambda: (tmp_path / "a.csv").write_text("caf\udce9.mp4,1", encoding="utf-8"))
    assert stop.value.code == 2
    assert capsys.readouterr().err.startswith('error: "caf\\udce9.mp4,1" cannot be written as utf-8. ')


def test_a_message_cannot_move_the_cursor(capsys):
    def main():
        raise UserError("names begin with \x1b[2Jx")

    with pytest.raises(SystemExit):
        run_command(main)
    assert capsys.readouterr().err == "error: names begin with \\x1b[2Jx\n"
