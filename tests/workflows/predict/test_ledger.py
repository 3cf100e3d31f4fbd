"""Which videos of a list are done, by whom the others are predicted, and the tables of all."""

from __future__ import annotations

import gzip
import json
import os
import time
from dataclasses import replace

import pytest
from messages import refused

from alphaction.engine.run_lock import RUN_LOCK, take_lock
from alphaction.workflows.predict.ledger import Ledger
from alphaction.workflows.predict.record import read_record
from alphaction.workflows.predict.tables import SCORES, TRACKS, TUBES
from alphaction.workflows.predict.video_options import VideoOptions

SETTINGS = {"weights": "a.pth", "MODEL.X": "1"}


@pytest.fixture
def jobs(tmp_path) -> list[VideoOptions]:
    """Three videos, with a table of all scores."""
    found = []
    for name in "abc":
        (tmp_path / f"{name}.avi").write_text(name * 10)
        output = tmp_path / "out" / f"{name}.mp4"
        found.append(VideoOptions(tmp_path / f"{name}.avi", output, csv=tmp_path / "all.csv"))
    return found


def finish(ledger: Ledger, job: VideoOptions) -> None:
    """Write what a prediction writes."""
    job.output.parent.mkdir(exist_ok=True)
    job.output.write_text("video")
    for name in (SCORES.part, TRACKS.part):
        (ledger.place(job) / name).write_text(f"{job.video.stem},{name}\n")
    ledger.done(job, 2.0)


def names(claims) -> list[str]:
    return [job.video.stem for job in claims if job is not None]


def test_a_second_start_does_what_is_missing(jobs, tmp_path):
    first = Ledger(jobs, SETTINGS)
    claims = first.claims()
    job = next(claims)
    assert job == replace(jobs[0], force=True)
    finish(first, job)
    first.failed(next(claims))
    assert (first.overview().done, first.overview().failed) == (1, 1)
    assert first.overview().seconds == 2.0
    assert (first.overview().bytes_done, first.overview().bytes_all) == (20, 30)
    next(claims)
    first.release()  # an interruption
    first.assemble()
    assert (tmp_path / "all.csv").read_text() == "a,scores.csv\n"

    second = Ledger(jobs, SETTINGS)
    for job in second.claims():
        finish(second, job)
    second.assemble()
    assert second.overview().done == 3
    assert (tmp_path / "all.csv").read_text() == "a,scores.csv\nb,scores.csv\nc,scores.csv\n"
    assert names(Ledger(jobs, SETTINGS).claims()) == []
    jobs[1].output.unlink()  # by the user
    assert names(Ledger(jobs, SETTINGS).claims()) == ["b"]


def test_two_at_once_share_the_videos(jobs):
    first, second = Ledger(jobs, SETTINGS), Ledger(jobs, SETTINGS)
    of_first, of_second = first.claims(), second.claims()
    assert [next(of_first).video.stem, next(of_second).video.stem, next(of_first).video.stem] == ["a", "b", "c"]
    # The others live: what they do is left to them.
    assert names(of_second) == names(of_first) == []
    finish(first, jobs[0])
    assert not (first.place(jobs[0]) / RUN_LOCK).exists()
    assert (first.place(jobs[2]) / RUN_LOCK).exists()


def test_processes_of_one_launch_wait_for_each_other(jobs, monkeypatch):
    monkeypatch.setenv("WORLD_SIZE", "2")
    first, second = Ledger(jobs[:1], SETTINGS), Ledger(jobs[:1], SETTINGS)
    job = next(first.claims())
    claims = second.claims()
    assert next(claims) is None
    first.failed(job)  # is not tried again by those that run now
    assert names(claims) == []
    third = Ledger(jobs[:1], SETTINGS)
    claims = third.claims()
    assert next(claims) is not None


def test_a_video_of_one_that_is_gone_is_taken_over(jobs):
    ledger = Ledger(jobs[:1], SETTINGS)
    place = ledger.place(jobs[0])
    lock = take_lock(place)
    facts = json.loads(lock.path.read_text())
    # Of another machine, which gives no sign of life for a while: perhaps it is gone.
    lock.path.write_text(json.dumps({**facts, "host": "elsewhere"}))
    aged = time.time() - 60
    os.utime(lock.path, (aged, aged))
    claims = ledger.claims()
    assert next(claims) is None
    aged -= 600
    os.utime(lock.path, (aged, aged))
    assert next(claims).video == jobs[0].video


@pytest.mark.parametrize("name", ["a", "[a]*", "a name of more than forty characters, which is cut off"])
def test_what_a_killed_one_was_writing_is_removed_and_nothing_of_others(jobs, tmp_path, name):
    own, other = (replace(jobs[0], output=tmp_path / "out" / f"{name}{end}.mp4") for end in ("1", "2"))
    killed = Ledger([own, other], SETTINGS)
    killed.place(own).mkdir()
    with killed.writing(own) as part:
        part.write_text("half")
        part.rename(left := part.with_name(f".video-{'0' * 12}.part"))
        part.write_text("whole")
    own.output.unlink()
    assert left.exists()

    ledger = Ledger([own, other], SETTINGS)
    claims = ledger.claims()
    next(claims)
    assert not left.exists()
    with ledger.writing(own) as part:
        part.write_text("whole")
        next(claims)  # of which the result has a similar name
    assert own.output.read_text() == "whole"
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [".predict_video", own.output.name]


def test_a_folder_that_cannot_be_one_is_named(jobs, tmp_path):
    (tmp_path / "file").write_text("")
    below = [replace(job, output=tmp_path / "file" / "out" / job.output.name) for job in jobs]
    refused(lambda: Ledger(below, SETTINGS), "--output", f"{tmp_path / 'file'} is a file, not a folder")


def test_the_folder_of_records_says_what_it_is(jobs):
    Ledger(jobs, SETTINGS)
    assert "tools/predict_video.py keeps here" in (jobs[0].output.parent / ".predict_video/README.txt").read_text()


def test_results_of_other_settings_are_no_results(jobs):
    ledger = Ledger(jobs, SETTINGS)
    finish(ledger, next(ledger.claims()))
    other = {**SETTINGS, "weights": "b.pth"}
    message = refused(lambda: Ledger(jobs, other), jobs[0].output, "weights: a.pth before, b.pth now", "--force")
    assert "MODEL.X" not in message
    # One that began when nothing was there yet finds it later.
    late = Ledger([replace(job, csv=None) for job in jobs[1:]], other)
    late.jobs.append(jobs[0])
    claims = late.claims()
    assert names([next(claims), next(claims)]) == ["b", "c"]
    refused(lambda: next(claims), "weights: a.pth before, b.pth now")
    late.release()
    forced = Ledger([replace(job, force=True) for job in jobs], other)
    assert names(forced.claims()) == [*"abc"]


def test_results_of_another_video_or_of_nobody_are_no_results(jobs):
    ledger = Ledger(jobs, SETTINGS)
    finish(ledger, next(ledger.claims()))
    jobs[0].video.write_text("another one")
    refused(lambda: Ledger(jobs, SETTINGS), jobs[0].output, "was made from another video (a.avi, 10 bytes")
    jobs[1].output.write_text("of the user")
    refused(lambda: Ledger(jobs[1:], SETTINGS), jobs[1].output, "no record")
    (ledger.place(jobs[1]) / "record.json").parent.mkdir(exist_ok=True)
    (ledger.place(jobs[1]) / "record.json").write_text('{"state": ')
    refused(lambda: Ledger(jobs[1:], SETTINGS), jobs[1].output, "no record")


def test_force_makes_all_anew_but_not_what_the_same_launch_made(jobs, monkeypatch):
    monkeypatch.setenv("SLURM_ARRAY_JOB_ID", "5")
    forced = [replace(job, force=True) for job in jobs]
    ledger = Ledger(forced, SETTINGS)
    claims = ledger.claims()
    finish(ledger, next(claims))
    later = Ledger(forced, SETTINGS)  # of a task that Slurm starts later
    later._began += 100
    assert names(later.claims()) == [*"bc"]
    later.release()
    monkeypatch.setenv("SLURM_ARRAY_JOB_ID", "6")
    later = Ledger(forced, SETTINGS)
    later._began += 100
    assert names(later.claims()) == [*"abc"]


def test_a_table_that_is_not_of_this_folder_is_not_replaced(jobs, tmp_path):
    (tmp_path / "all.csv").write_text("of the user")
    refused(lambda: Ledger(jobs, SETTINGS), "--csv", tmp_path / "all.csv", "--force")
    zipped = [replace(job, csv=tmp_path / "all.csv.gz", tracks=tmp_path / "tracks.csv") for job in jobs]
    ledger = Ledger(zipped, SETTINGS)
    for job in [*ledger.claims()][::-1]:
        finish(ledger, job)
    ledger.assemble()
    assert gzip.decompress((tmp_path / "all.csv.gz").read_bytes()) == b"a,scores.csv\nb,scores.csv\nc,scores.csv\n"
    assert (tmp_path / "tracks.csv").read_text() == "a,tracks.csv\nb,tracks.csv\nc,tracks.csv\n"
    Ledger(zipped, SETTINGS)  # may write them again


def test_records_that_cannot_be_read_are_none(tmp_path):
    assert read_record(tmp_path) is None
    for content in (b"", b"[]", b"{", b'{"state": 3}', b"\xff"):
        (tmp_path / "record.json").write_bytes(content)
        assert read_record(tmp_path) is None


def test_a_start_that_wants_another_table_makes_its_parts(jobs, tmp_path):
    first = Ledger(jobs, SETTINGS)
    for job in first.claims():
        finish(first, job)
    with_tubes = [replace(job, tubes=tmp_path / "all.json") for job in jobs]
    second = Ledger(with_tubes, SETTINGS)
    claims = second.claims()
    for job in (next(claims), next(claims), next(claims)):
        (second.place(job) / TUBES.part).write_text(f'"{job.video.stem}"')
        finish(second, job)
    second.assemble()
    assert json.loads((tmp_path / "all.json").read_text())["videos"] == ["a", "b", "c"]
    assert names(Ledger(with_tubes, SETTINGS).claims()) == []
