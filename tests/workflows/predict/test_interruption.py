"""Ctrl-C during the prediction of videos: the command that is printed must work."""

from __future__ import annotations

import shlex
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from alphaction.workflows.predict.interruption import how_to_go_on
from alphaction.workflows.predict.ledger import Ledger
from alphaction.workflows.predict.video_list import jobs_for
from alphaction.workflows.predict.video_options import VideoOptions

GIVEN = ["--video", "a.mp4", "b.mp4", "--output", "out", "MODEL.WEIGHT", "w.pth"]


@pytest.fixture
def template(tmp_path, monkeypatch) -> VideoOptions:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["tools/predict_video.py", *GIVEN])
    Path("out").mkdir()
    return VideoOptions(Path("a.mp4"), Path("out"))


def jobs_of(template: VideoOptions) -> list[VideoOptions]:
    return jobs_for(template, {Path("a.mp4"): "", Path("b.mp4"): ""}, one=False)


def arguments(text: str) -> list[str]:
    return shlex.split(text.splitlines()[-1].partition("predict_video.py")[2])


def test_the_same_command_goes_on_with_the_videos_that_are_left(template):
    for name in ("a.mp4", "b.mp4"):
        Path(name).write_text("")
    jobs = jobs_of(template)
    ledger = Ledger(jobs, {})
    assert how_to_go_on(jobs, ledger).startswith("The same command starts again:\n")
    job = next(ledger.claims())
    job.output.write_text("")
    ledger.done(job, 1.0)
    said = how_to_go_on(jobs, ledger)
    assert said.startswith("1 of 2 videos is done. The same command goes on with the others:\n")
    assert arguments(said) == GIVEN


def test_a_forced_run_goes_on_without_force(template, monkeypatch):
    monkeypatch.setattr(sys, "argv", [sys.argv[0], "--force", *GIVEN])
    Path("a.mp4").write_text("")
    jobs = [replace(job, force=True) for job in jobs_of(template)]
    ledger = Ledger(jobs, {})
    job = next(ledger.claims())
    job.output.write_text("")
    ledger.done(job, 1.0)
    said = how_to_go_on(jobs, ledger)
    assert said.startswith("1 of 2 videos is done. The command, without --force, goes on with the others:\n")
    assert arguments(said) == GIVEN


def test_a_single_video_is_made_again(template):
    jobs = jobs_for(replace(template, output=Path("a_out.mp4"), csv=Path("a.csv")), {Path("a.mp4"): ""}, one=True)
    assert arguments(how_to_go_on(jobs)) == GIVEN
    jobs[0].output.write_text("")
    assert arguments(how_to_go_on(jobs)) == ["--force", *GIVEN]
    assert arguments(how_to_go_on([replace(job, force=True) for job in jobs])) == GIVEN
