"""Runs that end, fail, are interrupted and go on; the program behind them is a fake."""

from __future__ import annotations

import fcntl
import os
import pickle
import signal
import subprocess
import sys
import threading
import time
from dataclasses import replace
from unittest import mock

import pytest
from ablation.conftest import record_of, starts_of
from messages import says

from alphaction.utils.errors import UserError
from benchmarks.ablation.record import differences, is_finished, new_record, prepare_folders, read_run
from benchmarks.ablation.runner import run_all


def run(runs, on_end=lambda *_: None, jobs=2):
    run_all(runs, jobs, 3, on_end, poll=0.02)


def test_runs_end_with_a_record(study, fake):
    runs, ended = [fake(one) for one in study.runs], []
    run(runs, lambda one, record: ended.append((one.arm, one.seed, record.finished)))
    assert sorted(ended) == sorted((one.arm, one.seed, True) for one in runs)
    for one in runs:
        assert is_finished(one)
        assert starts_of(one.folder) == ["3"]
        assert (one.folder / "log").read_text() == "a line of ok\n"
        record = record_of(one.folder)
        assert (record["starts"], record["threads"]) == (1, 3)
        assert record["device"].startswith("CPU (")
        assert record["settings"] == dict(one.settings)
        assert record["seconds"] > 0


def test_no_more_than_so_many_at_a_time(study, fake):
    runs, seen = [fake(one) for one in study.runs], []
    run(runs, lambda one, _: seen.append((one.seed, sum(other.folder.exists() for other in runs))), jobs=1)
    assert seen == [(0, 1), (0, 2), (1, 3), (1, 4)]


def test_a_failed_run_stops_the_study(study, fake):
    runs = [fake(study.runs[0], "hang"), fake(study.runs[1], "fail"), fake(study.runs[2])]
    with pytest.raises(UserError) as error:
        run(runs)
    message = str(error.value)
    says(message, "M seed 0", "  a line of fail\n  it broke\n", f"fail {runs[1].folder} {runs[1].result}")
    assert not any(is_finished(one) for one in runs)
    assert 0 < read_run(runs[0]).seconds < 300
    assert not runs[2].folder.exists()


def test_a_run_without_a_result_has_failed(study, fake):
    with pytest.raises(UserError, match="result.json"):
        run([fake(study.runs[0], "silent")])


@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM"])
def test_an_interrupted_study_goes_on(study, fake, name):
    runs = [fake(study.runs[0]), fake(study.runs[1], "once")]
    started = runs[1].folder / "starts"

    def interrupt():
        while not (started.is_file() and is_finished(runs[0])):
            time.sleep(0.02)
        os.kill(os.getpid(), getattr(signal, name))

    before = signal.getsignal(signal.SIGINT)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    threading.Thread(target=interrupt, daemon=True).start()
    try:
        with pytest.raises(KeyboardInterrupt):
            run(runs)
    finally:
        signal.signal(signal.SIGINT, before)
    assert [is_finished(one) for one in runs] == [True, False]
    spent = read_run(runs[1]).seconds
    assert spent > 0
    run([one for one in runs if not is_finished(one)])
    record = read_run(runs[1])
    assert is_finished(runs[1])
    assert (len(starts_of(runs[0].folder)), len(starts_of(runs[1].folder)), record.starts) == (1, 2, 2)
    assert record.seconds > spent


def test_a_signal_that_is_ignored_stays_so(study, fake):
    """As nohup starts a program."""
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    one = fake(study.runs[0], "once")

    def hang_up():
        while not (one.folder / "starts").is_file():
            time.sleep(0.02)
        os.kill(os.getpid(), signal.SIGHUP)
        time.sleep(0.1)
        os.kill(read_pid(), signal.SIGTERM)

    def read_pid():
        return next(job.pid for job in started)

    started, popen = [], subprocess.Popen

    def remembered(*args, **options):
        started.append(popen(*args, **options))
        return started[-1]

    threading.Thread(target=hang_up, daemon=True).start()
    try:
        with mock.patch("subprocess.Popen", remembered), pytest.raises(UserError, match="-15"):
            run([one])
    finally:
        signal.signal(signal.SIGHUP, before)


def test_a_result_of_an_unfinished_run_does_not_count(study, fake):
    one = fake(study.runs[0])
    record = new_record(one)
    record.write(one)
    one.result.parent.mkdir(parents=True)
    one.result.write_text("{}")
    assert not is_finished(one)


def write_other(one):
    """Leave the record of a run with other settings."""
    record = new_record(one)
    record.settings = {**one.settings, "SOLVER.MAX_ITER": 2}
    record.write(one)


def test_other_settings_are_an_error_that_names_the_key(study, fake):
    one = fake(study.runs[0])
    write_other(one)
    (one.folder / "model_0000001.pth").touch()
    with pytest.raises(UserError) as error:
        prepare_folders([one], force=False)
    says(
        str(error.value), f"SOLVER.MAX_ITER: there 2, planned {one.settings['SOLVER.MAX_ITER']}", "--force", "--output"
    )
    prepare_folders([one], force=True)
    assert not one.folder.exists()


def test_a_finished_run_without_checkpoints_is_no_run_that_never_trained(study):
    """A person may remove checkpoints to save space; the result is as good as before."""
    one = study.runs[0]
    write_other(one)
    record = read_run(one)
    record.finished = True
    record.write(one)
    for remove in (True, False):
        with pytest.raises(UserError, match="SOLVER.MAX_ITER.* 2"):
            prepare_folders([one], force=False, remove=remove)
    assert read_run(one).finished


def test_a_run_of_other_settings_that_never_trained_is_in_nobodys_way(study):
    """As a mistake leaves it that train_net.py refuses."""
    write_other(study.runs[0])
    # A report leaves it: it may be a run of another study that has just begun.
    prepare_folders(study.runs, force=False, remove=False)
    assert study.runs[0].folder.exists()
    prepare_folders(study.runs, force=False)
    assert not study.runs[0].folder.exists()


def test_nothing_is_removed_unless_all_folders_can_be_used(study):
    first, last = study.runs[0], study.runs[-1]
    write_other(first)
    last.folder.mkdir(parents=True)
    (last.folder / "thesis.txt").touch()
    with pytest.raises(UserError, match="no run of this study"):
        prepare_folders(study.runs, force=True)
    assert read_run(first).settings["SOLVER.MAX_ITER"] == 2


def test_a_key_that_came_later_had_its_default(study):
    settings = study.runs[0].settings
    before = {key: value for key, value in settings.items() if key != "SOLVER.MAX_ITER"}
    assert list(differences({**settings, "GONE": 1}, settings)) == []
    # The config sets MAX_ITER to something else than the default.
    assert [line.split(":")[0] for line in differences(before, settings)] == ["SOLVER.MAX_ITER"]
    before = {key: value for key, value in settings.items() if key != "SOLVER.MOMENTUM"}
    assert list(differences(before, settings)) == []


def test_a_folder_of_something_else_is_left_alone(study):
    one = study.runs[0]
    one.folder.mkdir(parents=True)
    (one.folder / "thesis.txt").write_text("years of work")
    with pytest.raises(UserError, match="no run of this study"):
        prepare_folders([one], force=True)
    assert (one.folder / "thesis.txt").read_text() == "years of work"


def test_a_run_is_interrupted_once_when_its_file_is_there(study, fake):
    """The fake writes the file and hangs at its first start, and ends at its second."""
    one = fake(study.runs[0], "break")
    one = replace(one, restart_at=one.folder / "half")
    run([one])
    assert is_finished(one)
    assert len(starts_of(one.folder)) == record_of(one.folder)["starts"] == 2
    assert record_of(one.folder)["broken"]


def test_a_run_that_ends_before_its_break_is_an_error(study, fake):
    one = fake(study.runs[0])
    one = replace(one, restart_at=one.folder / "half")
    with pytest.raises(UserError, match="SOLVER.MAX_ITER"):
        run([one])
    assert one.result.is_file()
    assert not is_finished(one)
    # Nor does a second start, with the checkpoint of the end, make it one that was stopped half way.
    one.restart_at.write_text("model_final.pth")
    with pytest.raises(UserError, match="SOLVER.MAX_ITER"):
        run([one])
    assert not record_of(one.folder)["broken"]


def test_a_lock_lasts_as_long_as_the_runs(study, fake, tmp_path):
    """Of a study that is killed, its runs go on: another must not start the same ones."""
    one, lock = fake(study.runs[0], "hang"), tmp_path / "lock"
    program = (
        "import fcntl, pickle, sys\n"
        "from benchmarks.ablation.runner import run_all\n"
        "file = open(sys.argv[1], 'w')\n"
        "fcntl.flock(file, fcntl.LOCK_EX)\n"
        "run_all(pickle.load(sys.stdin.buffer), 1, 1, print, poll=0.02, inherited=(file.fileno(),))\n"
    )
    killed = subprocess.Popen([sys.executable, "-c", program, str(lock)], stdin=subprocess.PIPE)
    killed.stdin.write(pickle.dumps([one]))
    killed.stdin.close()
    while not (one.folder / "starts").is_file():
        assert killed.poll() is None
        time.sleep(0.02)
    orphan = int((one.folder / "pid").read_text())
    killed.kill()
    killed.wait()
    with lock.open("w") as file:
        with pytest.raises(BlockingIOError):
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        os.kill(orphan, signal.SIGKILL)
        fcntl.flock(file, fcntl.LOCK_EX)  # waits for the orphan's end


def test_processes_of_a_run_share_its_threads(study, fake):
    one = replace(fake(study.runs[0]), processes=2)
    run([one])
    assert starts_of(one.folder) == ["1"]
