"""The report at the end of a command: the main process makes it, and no failure of it is one of the run."""

from __future__ import annotations

import argparse

import pytest

from alphaction.commands import test as test_command
from alphaction.commands import train as train_command
from alphaction.workflows.report import make_report as module
from alphaction.workflows.report.after_run import end_training, report_after_run

SUMMARY = {"commands": {"test": "the test's command", "report": "the report's command"}}


@pytest.fixture
def args(run):
    return argparse.Namespace(config_file=str(run / "config.yaml"), opts=["OUTPUT_DIR", str(run)])


def test_it_is_made_and_logged(args, run, capsys):
    report_after_run(args)
    assert (run / "report.html").is_file()
    line = f"report: {run / 'report.html'} ("
    assert line in (run / "log.txt").read_text()
    assert line in capsys.readouterr().out


@pytest.mark.parametrize("error", [RuntimeError("a bug"), MemoryError(), OSError(28, "No space left on device")])
def test_a_failure_is_a_warning(args, run, monkeypatch, error):
    def fail(*_):
        raise error

    monkeypatch.setattr(module, "collect", fail)
    report_after_run(args)
    text = (run / "log.txt").read_text()
    assert f"WARNING: no report was made ({type(error).__name__}: {error})" in text
    assert f"report.py --run {run}" in text


def test_a_file_of_the_user_stays(args, run):
    (run / "report.html").write_text("mine")
    report_after_run(args)
    assert (run / "report.html").read_text() == "mine"
    text = (run / "log.txt").read_text()
    assert "WARNING: no report was made: --output" in text
    assert "report.html exists" in text


def test_ctrl_c_says_that_the_run_is_complete(args, run, monkeypatch):
    def stop(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(module, "collect", stop)
    with pytest.raises(KeyboardInterrupt):
        report_after_run(args)
    assert "the report was interrupted; the run is complete." in (run / "log.txt").read_text()


def test_other_processes_make_none(args, run, monkeypatch):
    for name, value in {"RANK": "1", "LOCAL_RANK": "1", "WORLD_SIZE": "2"}.items():
        monkeypatch.setenv(name, value)
    report_after_run(args)
    assert not (run / "report.html").exists()


@pytest.mark.parametrize(
    ("command", "work", "flags", "made"),
    [
        (train_command, "train", [], True),
        (train_command, "train", ["--skip-report"], False),
        (train_command, "plan_run", ["--plan"], False),
        (test_command, "test", [], False),
        (test_command, "test", ["--report"], True),
    ],
)
def test_when_commands_make_it(args, run, monkeypatch, command, work, flags, made):
    monkeypatch.setattr(command, work, lambda *_: SUMMARY)
    monkeypatch.setattr("sys.argv", ["x", "--config-file", args.config_file, *flags, *args.opts])
    command.main()
    assert (run / "report.html").exists() is made
    if work == "train":
        lines = (run / "log.txt").read_text().splitlines()
        assert lines[-1] == "  the report's command" if not made else "  the test's command"
        assert sum("report.html" in line for line in lines) == int(made)


def test_an_interrupted_report_does_not_hide_what_is_where(args, run, monkeypatch):
    def stop(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(module, "collect", stop)
    with pytest.raises(KeyboardInterrupt):
        end_training(args, SUMMARY, report=True)
    assert "Next\n  the test's command\n  the report's command\n" in (run / "log.txt").read_text()
    end_training(args, None, report=True)  # not the main process
    assert not (run / "report.html").exists()
