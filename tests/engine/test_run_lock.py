"""One run per folder: who wins, which locks count as left behind, and what is said."""

from __future__ import annotations

import json
import multiprocessing
import os
import shutil
import signal
import time
from pathlib import Path

import pytest
from messages import refused, says

from alphaction.engine import run_lock
from alphaction.engine.run_lock import RUN_LOCK, STALE_SECONDS, locked_folder, read_lock, running_in, take_lock
from alphaction.utils.errors import UserError


def left_behind(folder: Path, age: float = 0.0, **changes: object) -> Path:
    """Write the lock of a run of this process, with some facts changed, ``age`` seconds ago."""
    with locked_folder(folder) as lock:
        facts = {**json.loads(lock.content), **changes}
    path = folder / RUN_LOCK
    path.write_text(json.dumps(facts))
    os.utime(path, (time.time() - age,) * 2)
    return path


def test_a_lock_is_readable_and_goes_with_its_run(tmp_path: Path) -> None:
    folder = tmp_path / "new" / "run"
    with locked_folder(folder):
        facts = json.loads((folder / RUN_LOCK).read_text())
        assert facts["pid"] == os.getpid()
        assert {"host", "since", "command"} <= facts.keys()
        message = refused(
            lambda: take_lock(folder), folder, f"process {os.getpid()} on {facts['host']}", facts["since"]
        )
        says(message, "OUTPUT_DIR", f"rm {folder / RUN_LOCK}")
        says(running_in(folder), os.getpid())
        assert os.listdir(folder) == [RUN_LOCK]
    assert os.listdir(folder) == []
    assert running_in(folder) == ""


def test_a_lock_goes_with_a_run_that_fails(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt), locked_folder(tmp_path):
        raise KeyboardInterrupt
    assert os.listdir(tmp_path) == []


def test_other_ranks_take_no_lock(tmp_path: Path) -> None:
    with locked_folder(tmp_path / "run", holds=False) as lock:
        assert lock is None
        assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("age", "changes"),
    [
        (0, {"pid": 2**22 + 1}),
        (0, {"process_start": "1"}),  # another process has its number now
        (0, {"boot": "another"}),
        (STALE_SECONDS + 5, {"host": "elsewhere"}),
        (STALE_SECONDS + 5, {"process_space": "pid:[1]"}),
        (0, {"host": "elsewhere", "attempts": {"SLURM_JOB_ID": ["7", 0]}}),
        (0, {"host": "elsewhere", "attempts": {"TORCHELASTIC_RUN_ID": ["abc", 0]}}),
    ],
)
def test_a_lock_that_was_left_behind_is_replaced(tmp_path, monkeypatch, age, changes) -> None:
    left_behind(tmp_path, age, **changes)
    for name, value in {"SLURM_JOB_ID": "7", "SLURM_RESTART_COUNT": "1", "TORCHELASTIC_RUN_ID": "abc",
                        "TORCHELASTIC_RESTART_COUNT": "1"}.items():  # fmt: skip
        monkeypatch.setenv(name, value)
    with locked_folder(tmp_path) as lock:
        says(lock.note, tmp_path / RUN_LOCK, "left behind")
        assert os.listdir(tmp_path) == [RUN_LOCK]
        assert read_lock(tmp_path).is_alive
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize(
    ("age", "changes"),
    [
        (0, {}),
        (STALE_SECONDS + 5, {}),  # a stopped process lives
        (STALE_SECONDS - 60, {"host": "elsewhere"}),
        (0, {"process_space": "pid:[1]", "pid": 2**22 + 1}),  # a container's processes have numbers of their own
        (0, {"host": "elsewhere", "attempts": {"SLURM_JOB_ID": ["7", 1]}}),  # a second run in one job
    ],
)
def test_a_lock_of_a_run_that_may_live_is_respected(tmp_path, monkeypatch, age, changes) -> None:
    path = left_behind(tmp_path, age, **changes)
    before = path.read_bytes()
    monkeypatch.setenv("SLURM_JOB_ID", "7")
    monkeypatch.setenv("SLURM_RESTART_COUNT", "1")
    refused(lambda: take_lock(tmp_path), path)
    assert path.read_bytes() == before
    assert os.listdir(tmp_path) == [RUN_LOCK]


def test_a_copy_of_a_folder_is_not_the_run(tmp_path: Path) -> None:
    run, copy = tmp_path / "run", tmp_path / "copy"
    with locked_folder(run):
        shutil.copytree(run, copy)
        assert running_in(copy) == ""
        with locked_folder(copy) as lock:
            says(lock.note, copy / RUN_LOCK, "left behind")
            (tmp_path / "link").symlink_to(run)
            for folder in (run, tmp_path / "link"):
                refused(lambda folder=folder: take_lock(folder), os.getpid())
        run.rename(tmp_path / "moved")
        refused(lambda: take_lock(tmp_path / "moved"), os.getpid())
        (tmp_path / "moved").rename(run)
    assert os.listdir(run) == os.listdir(copy) == []


def test_a_run_that_another_one_has_replaced_ends(tmp_path: Path) -> None:
    """As when it is suspended, on another machine, for minutes."""

    def run(ended) -> None:
        run_lock.BEAT_SECONDS = 0.02
        with locked_folder(tmp_path):
            started.set()
            ended.wait(60)

    context = multiprocessing.get_context("fork")
    started, ended = context.Event(), context.Event()
    process = context.Process(target=run, args=(ended,))
    process.start()
    assert started.wait(60)
    facts = json.loads((tmp_path / RUN_LOCK).read_text())
    other = tmp_path / "other"
    other.write_text(json.dumps({**facts, "host": "elsewhere", "id": "another"}))
    other.replace(tmp_path / RUN_LOCK)
    process.join(60)
    assert process.exitcode == UserError.status
    assert (tmp_path / RUN_LOCK).is_file()


@pytest.mark.parametrize(
    "content", [b"", b"garbage", b"[1]", b"{}", b"\xff" * 50, b'{"pid": "x", "host": 5}', b"[" * 9999]
)
def test_a_lock_of_garbage_is_respected_while_it_is_fresh(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / RUN_LOCK
    path.write_bytes(content)
    refused(lambda: take_lock(tmp_path), path)
    os.utime(path, (time.time() - STALE_SECONDS - 5,) * 2)
    take_lock(tmp_path).release()
    assert os.listdir(tmp_path) == []


def test_a_run_renews_its_lock(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(run_lock, "BEAT_SECONDS", 0.01)
    with locked_folder(tmp_path):
        path = tmp_path / RUN_LOCK
        os.utime(path, (1, 1))
        deadline = time.monotonic() + 20
        while path.stat().st_mtime < 100 and time.monotonic() < deadline:
            time.sleep(0.01)
        assert path.stat().st_mtime > 100


def test_a_run_leaves_the_lock_of_another_alone(tmp_path: Path) -> None:
    lock = take_lock(tmp_path)
    (tmp_path / RUN_LOCK).write_text("{}")
    lock.release()
    assert (tmp_path / RUN_LOCK).read_text() == "{}"


def _contend(folder: Path, go, answers, end) -> None:
    go.wait(60)
    try:
        take_lock(folder)
        answers.put("won")
    except UserError:
        answers.put("refused")
    end.wait(60)


@pytest.mark.parametrize("before", ["nothing", "a left lock", "a left claim"])
def test_of_runs_that_start_together_exactly_one_wins(tmp_path: Path, before: str) -> None:
    context = multiprocessing.get_context("fork")
    for attempt in range(4):
        folder = tmp_path / str(attempt)
        if before != "nothing":
            left_behind(folder, pid=2**22 + 1)
        if before == "a left claim":
            claim = folder / f".{RUN_LOCK}-{read_lock(folder).token}.claim"
            claim.write_text((folder / RUN_LOCK).read_text() + " ")
        go, end, answers = context.Event(), context.Event(), context.Queue()
        runs = [context.Process(target=_contend, args=(folder, go, answers, end)) for _ in range(3)]
        for run in runs:
            run.start()
        go.set()
        found = sorted(answers.get(timeout=60) for _ in runs)
        end.set()
        for run in runs:
            run.join(60)
        assert found == ["refused"] * 2 + ["won"]
        assert os.listdir(folder) == [RUN_LOCK]


def test_the_lock_of_a_killed_process_is_replaced(tmp_path: Path) -> None:
    context = multiprocessing.get_context("fork")
    go, end, answers = context.Event(), context.Event(), context.Queue()
    go.set()
    run = context.Process(target=_contend, args=(tmp_path, go, answers, end))
    run.start()
    assert answers.get(timeout=60) == "won"
    refused(lambda: take_lock(tmp_path), run.pid)
    os.kill(run.pid, signal.SIGKILL)
    os.waitid(os.P_PID, run.pid, os.WEXITED | os.WNOWAIT)  # It stays as a zombie.
    take_lock(tmp_path).release()
    run.join(60)


def test_a_file_system_without_hard_links(tmp_path, monkeypatch) -> None:
    def no_link(*_: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "link", no_link)
    with locked_folder(tmp_path):
        refused(lambda: take_lock(tmp_path), os.getpid())
    left_behind(tmp_path, pid=2**22 + 1)
    take_lock(tmp_path).release()
    assert os.listdir(tmp_path) == []
