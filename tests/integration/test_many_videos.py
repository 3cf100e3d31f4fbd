"""Many videos at once, shared by processes, stopped and continued: the results are those of one after the other."""

from __future__ import annotations

import multiprocessing
import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from integration.harness import SMALL, load_script
from messages import refused, says

from alphaction.config import load_cfg
from alphaction.data.annotations import read_label_map
from alphaction.data.video.encoder import write_video
from alphaction.utils.errors import FullDiskError, UserError
from alphaction.workflows.detect import DetectedBoxes
from alphaction.workflows.detect.detector_weights import DEFAULT_MODEL
from alphaction.workflows.predict import pipeline, work
from alphaction.workflows.predict.ledger import Ledger
from alphaction.workflows.predict.video import predict_videos
from alphaction.workflows.predict.video_list import find_videos, jobs_for
from alphaction.workflows.predict.video_options import VideoFailure, VideoOptions
from benchmarks.speed.videos import save_random_weights

pytestmark = pytest.mark.slow

LENGTHS = (1, 3, 1, 1, 2, 1)


@pytest.fixture(scope="module")
def weights(repo_root, toy_folder, tmp_path_factory) -> Path:
    """Weights of a model with memory and objects."""
    cfg = load_cfg(repo_root / "config_files" / "tiny" / "toy.yaml", [*SMALL])
    label_map = read_label_map(toy_folder / "toy" / "annotations" / "toy_action_list.pbtxt")
    return save_random_weights(cfg, label_map, tmp_path_factory.mktemp("weights") / "w.pth")


def make_videos(folder: Path, lengths: Sequence[int]) -> Path:
    """Write videos of so many seconds, and boxes for all of them; return the file of the boxes."""
    folder.mkdir()
    ground = np.random.default_rng(0).integers(0, 255, (6, 8, 3), dtype=np.uint8).repeat(8, 0).repeat(8, 1)
    rows = []
    for number, seconds in enumerate(lengths):
        frames = (np.roll(ground, 2 * frame + number, axis=1) for frame in range(6 * seconds))
        write_video(folder / f"v{number:02d}.mp4", frames, 6.0)
        for second in range(seconds):
            rows += [
                f"v{number:02d},{second},0.{number % 3 + 1},0.1,0.5,0.9,0.95",
                f"v{number:02d},{second},0.5,0.2,0.9,0.9,0.9",
            ]
    boxes = folder.with_suffix(".csv")
    boxes.write_text("\n".join(rows) + "\n")
    return boxes


@pytest.fixture
def videos(tmp_path) -> Path:
    """The file of boxes of a folder with a few videos, of which one is broken."""
    boxes = make_videos(tmp_path / "videos", LENGTHS)
    (tmp_path / "videos" / "v015.mp4").write_bytes(b"no video")
    return boxes


class Stub:
    """Finds a person, the wider the brighter the frame, and something else beside."""

    def detect(self, frames):
        found = []
        for frame in frames:
            boxes = np.array([[0.2, 0.2, 0.5 + frame.mean() / 1000, 0.9], [0.6, 0.6, 0.7, 0.7]])
            found.append(DetectedBoxes(boxes, np.array([0.9, 0.8], dtype=np.float32), ["person", "cup"]))
        return found


def predict(root, weights, boxes, output, workers=0, stub=None, **changes):
    """Return a ledger and the iterator of results."""
    cfg = load_cfg(
        root / "config_files" / "tiny" / "toy.yaml",
        [*SMALL, "DATALOADER.NUM_WORKERS", str(workers), "DATALOADER.PREFETCH_FACTOR", "1"],
    )
    template = VideoOptions(
        boxes.with_suffix(""), output, boxes, csv=output.with_suffix(".csv"), tracks=output.with_suffix(".tracks.csv")
    )
    more = {"tubes": output.with_suffix(".tubes.json"), "events": output.with_suffix(".events.csv")}
    template = replace(template, scale=1, **more, **changes)
    jobs = jobs_for(template, find_videos([boxes.with_suffix("")]), one=False)
    ledger = Ledger(jobs, {"weights": weights.name})
    return ledger, predict_videos(cfg, weights, jobs, stub, ledger=ledger)


def results(output: Path) -> dict[str, bytes]:
    """Return all files that were written, but for the records."""
    tables = (".csv", ".tracks.csv", ".tubes.json", ".events.csv")
    files = [*output.glob("*.mp4"), *(output.with_suffix(suffix) for suffix in tables)]
    return {path.name.removeprefix(output.name): path.read_bytes() for path in files}


@pytest.mark.parametrize("detected", [False, True])
def test_results_are_the_same_with_any_number_of_workers(repo_root, weights, videos, tmp_path, detected):
    changes = {"detections": None, "detector": DEFAULT_MODEL} if detected else {}
    outcomes = {}
    for workers in (0, 2):
        ledger, found = predict(repo_root, weights, videos, tmp_path / f"out{workers}", workers, Stub(), **changes)
        outcomes[workers] = [*found]
        assert ledger.overview().done == len(LENGTHS)
    serial, *others = (results(tmp_path / f"out{workers}") for workers in outcomes)
    assert len(serial) == len(LENGTHS) + 4
    assert serial[".csv"].count(b"\n") > 50
    assert all(other == serial for other in others)
    for found in outcomes.values():
        assert [type(outcome).__name__ for outcome in found] == [
            *["VideoResult"] * 2,
            "VideoFailure",
            *["VideoResult"] * 4,
        ]
        assert [round(outcome.length) for outcome in found if not isinstance(outcome, VideoFailure)] == [*LENGTHS]
        for stage in ("decode", "classify", "draw", "write", *["detect"] * detected):
            assert all(outcome.cpu[stage] > 0 for outcome in found if not isinstance(outcome, VideoFailure))
    assert not list(tmp_path.rglob(".*part"))
    assert multiprocessing.active_children() == []


def test_the_next_videos_are_read_and_those_before_written_while_one_is_classified(
    repo_root, weights, videos, tmp_path, monkeypatch
):
    classify, seen = pipeline.Pipeline._classify, []

    def others_go_on(self, video):
        def others():
            return [other for other in self._line if other is not video]

        wanted = {
            0: lambda: any(ticket.report for other in others() for ticket in other.batches),
            len(LENGTHS): lambda: all(other.outcome for other in others()),
        }
        if video.number in wanted:
            end = time.monotonic() + 30
            while not wanted[video.number]() and time.monotonic() < end:
                self._go_on(wait=False)
                time.sleep(0.01)
            seen.append(wanted[video.number]())
        classify(self, video)

    monkeypatch.setattr(pipeline.Pipeline, "_classify", others_go_on)
    _, found = predict(repo_root, weights, videos, tmp_path / "out", 2)
    assert len([*found]) == len(LENGTHS) + 1
    assert seen == [True, True]


def test_an_interrupted_run_leaves_nothing_half_done_and_is_continued(repo_root, weights, videos, tmp_path):
    _, found = predict(repo_root, weights, videos, tmp_path / "all")
    assert len([*found]) == len(LENGTHS) + 1
    ledger, found = predict(repo_root, weights, videos, tmp_path / "out", 2)
    next(found)
    found.close()  # what Ctrl-C ends in
    assert multiprocessing.active_children() == []
    done = ledger.overview().done
    assert 1 <= done < len(LENGTHS)
    assert len(list((tmp_path / "out").glob("*.mp4"))) == done
    assert not list((tmp_path / "out").rglob(".*part"))
    assert not list((tmp_path / "out").glob(".predict_video/*/run.lock"))
    _, found = predict(repo_root, weights, videos, tmp_path / "out", 2)
    assert len([*found]) == len(LENGTHS) + 1 - done
    assert results(tmp_path / "out") == results(tmp_path / "all")


def test_a_worker_that_dies_costs_its_video_only(repo_root, weights, videos, tmp_path, monkeypatch):
    opened = work.open_clip

    def deadly(options, stride):
        if options.video.name == "v02.mp4":
            os.kill(os.getpid(), signal.SIGKILL)
        return opened(options, stride)

    monkeypatch.setattr(work, "open_clip", deadly)
    ledger, found = predict(repo_root, weights, videos, tmp_path / "out", 2)
    failed = [outcome for outcome in found if isinstance(outcome, VideoFailure)]
    assert [failure.video.name for failure in failed] == ["v015.mp4", "v02.mp4"]
    says(str(failed[1]), "SIGKILL", "v02.mp4 (open)")
    assert (ledger.overview().done, ledger.overview().failed) == (5, 2)


@pytest.mark.parametrize("record", [False, True])
def test_a_full_disk_ends_the_prediction_and_is_no_fault_of_a_video(
    repo_root, weights, videos, tmp_path, monkeypatch, record
):
    full = FullDiskError("the disk is full")

    def fail(*arguments, **more):
        raise full

    # Where a video is written, or where it is noted that the broken one cannot be predicted.
    monkeypatch.setattr(*(Ledger, "failed", fail) if record else (work, "write_clip", fail))
    _, found = predict(repo_root, weights, videos, tmp_path / "out", 2)
    with pytest.raises(FullDiskError, match="^the disk is full$"):
        assert not any(isinstance(outcome, VideoFailure) and "full" in str(outcome) for outcome in found)
    monkeypatch.undo()
    assert not list((tmp_path / "out").glob(".predict_video/*/run.lock"))
    _, found = predict(repo_root, weights, videos, tmp_path / "out")
    outcomes = [outcome for outcome in found if isinstance(outcome, VideoFailure)]
    assert [outcome.video.name for outcome in outcomes] == ["v015.mp4"]


def test_a_result_that_appears_meanwhile_ends_the_prediction_and_is_no_fault_of_a_video(
    repo_root, weights, videos, tmp_path
):
    shared, found = predict(repo_root, weights, videos, tmp_path / "out", 1)
    (tmp_path / "out" / "v04.mp4").write_text("of the user")
    done = [next(found) for _ in range(5)]
    assert [outcome.video.name for outcome in done if isinstance(outcome, VideoFailure)] == ["v015.mp4"]
    with pytest.raises(UserError, match=r"v04\.mp4 exists, and no record says what made it"):
        next(found)
    assert shared.overview().done == 4


def test_a_fault_of_the_boxes_is_told_once(repo_root, weights, videos, tmp_path):
    videos.write_text("v00,0\n")
    _, found = predict(repo_root, weights, videos, tmp_path / "out")
    message = refused(lambda: list(found), "not one of 7 videos can be predicted", "v015.mp4", f"{videos}, line 1")
    assert message.count("line 1") == 1
    (videos.with_suffix("") / "v015.mp4").unlink()
    _, found = predict(repo_root, weights, videos, tmp_path / "out")
    assert "not one of" not in refused(lambda: list(found), f"{videos}, line 1")


def test_processes_share_a_list(repo_root, quick_python, subprocess_env, weights, tmp_path, monkeypatch, capsys):
    boxes = make_videos(tmp_path / "many", [1] * 16)
    (tmp_path / "many" / "broken.mp4").write_bytes(b"no video")
    _, found = predict(repo_root, weights, boxes, tmp_path / "serial")
    assert len([*found]) == 17
    config = repo_root / "config_files" / "tiny" / "toy.yaml"
    command = [quick_python, repo_root / "tools" / "predict_video.py", "--config-file", config, "--scale", 1]
    command += ["--video", tmp_path / "many", "--detections", boxes, "--output", tmp_path / "out"]
    command += ["--csv", tmp_path / "out.csv", "--tracks", tmp_path / "out.tracks.csv"]
    command += ["--tubes", tmp_path / "out.tubes.json", "--events", tmp_path / "out.events.csv"]
    keys = [*SMALL, "DATALOADER.NUM_WORKERS", "1", "MODEL.WEIGHT", weights]
    run = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True, "cwd": tmp_path}

    def start(rank: int, *more: str) -> subprocess.Popen:
        env = {**subprocess_env, "RANK": str(rank), "LOCAL_RANK": str(rank), "WORLD_SIZE": "2"}  # as torchrun has it
        return subprocess.Popen([*map(str, [*command, *more, *keys])], env=env, **run)

    both = [start(rank) for rank in range(2)]
    told = [process.communicate(timeout=120) for process in both]
    # Who has met the broken one ends when the other one is done, as torchrun would end that. The other one may have
    # found it free again, and tried it, too.
    assert sorted(process.returncode for process in both) in ([0, 1], [1, 1]), told
    shares = [out.count("6 frames") for out, _ in told]
    assert sum(shares) == 16
    assert min(shares) > 0
    assert results(tmp_path / "out") == results(tmp_path / "serial")
    assert "cost of an hour of video: " in told[0][0]
    says("".join(err for _, err in told), "error: 1 of 17 videos could not be predicted")

    main = load_script(command[1]).main
    monkeypatch.setattr(sys, "argv", [*map(str, [*command[1:], *keys])])
    capsys.readouterr()
    assert main() == 1
    told = capsys.readouterr()
    says(told.out, "16 of 17 videos are done already")
    says(told.err, "1 of 17 videos could not be predicted", "broken.mp4")
    monkeypatch.setattr(sys, "argv", [*sys.argv, "TEST.BOX_THRESH", "0.4"])
    refused(main, "TEST.BOX_THRESH: 0.5 before, 0.4 now", "--force")
