"""Ctrl-C during the prediction of videos: the command that is printed must work."""

from __future__ import annotations

import shlex
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from alphaction.workflows.predict.interruption import how_to_go_on
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
    jobs = jobs_of(template)
    assert how_to_go_on(jobs).startswith("The same command starts again:\n")
    jobs[0].output.write_text("")
    said = how_to_go_on(jobs)
    assert said.startswith("1 of 2 videos is written. The same command goes on with the others:\n")
    assert arguments(said) == GIVEN
    assert [job.video.name for job in jobs_of(template)] == ["b.mp4"]


@pytest.mark.parametrize("table", ["csv", "tracks"])
def test_a_table_of_all_videos_is_made_again(template, table):
    jobs = jobs_of(replace(template, **{table: Path("all.csv")}))
    assert arguments(how_to_go_on(jobs)) == GIVEN
    jobs[0].output.write_text("")
    Path("all.csv").write_text("")
    said = how_to_go_on(jobs)
    assert said.startswith("With --force it starts again from the first video, as all.csv would lack the rows")
    assert arguments(said) == ["--force", *GIVEN]
    assert arguments(how_to_go_on([replace(job, force=True) for job in jobs])) == GIVEN


def test_a_video_that_is_written_without_its_table(template):
    jobs = jobs_for(replace(template, output=Path("a_out.mp4"), csv=Path("a.csv")), {Path("a.mp4"): ""}, one=True)
    jobs[0].output.write_text("")
    assert arguments(how_to_go_on(jobs)) == ["--force", *GIVEN]
