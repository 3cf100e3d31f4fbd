"""process_ava_videos.py and csv2COCO.py as command lines: from movies and a csv to clips, keyframes and JSON."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time

import pytest
from interruption import interruptible

from alphaction.data.annotations import read_annotations, read_label_map
from alphaction.data.video.file import VideoFile
from alphaction.data.video.one_second_clips import OneSecondClipSource
from alphaction.workflows.prepare.movie_cutter import SOURCE_RECORD


@pytest.fixture
def tool(repo_root, quick_python, tmp_path):
    """Run a tool from another folder; give (exit status, stdout, stderr)."""

    def run(name: str, *flags: object) -> tuple[int, str, str]:
        command = [quick_python, repo_root / "tools" / name, *map(str, flags)]
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
        return done.returncode, done.stdout, done.stderr

    return run


def test_from_movies_to_json(tool, toy_folder, tmp_path):
    toy = toy_folder / "toy"
    roots = ("--movie_root", toy / "videos", "--clip_root", "clips", "--kframe_root", "keyframes")
    status, out, err = tool("process_ava_videos.py", *roots)
    assert status == 1
    assert "6 failed:" in out
    assert "before the first second to cut, 895. Whole videos are cut with --start 0 --end 0" in out

    whole = ("--start", 0, "--end", 0, "--short-side", 60, "--fps", 10, "--process-num", 2)
    status, out, err = tool("process_ava_videos.py", *roots, *whole)
    assert (status, err) == (0, "")
    assert out == "6 of 6 movies are cut: 42 seconds written, 0 were there already\n"
    info = VideoFile(OneSecondClipSource(tmp_path / "clips").path("train_000", 0)).info()
    assert (min(info.width, info.height), info.fps, info.frames) == (60, 10, 10)
    status, out, _ = tool("process_ava_videos.py", *roots, *whole)
    assert (status, out) == (0, "6 of 6 movies are cut: 0 seconds written, 42 were there already\n")

    csv, pbtxt = toy / "annotations" / "val.csv", toy / "annotations" / "toy_action_list.pbtxt"
    flags = ("--csv_path", csv, "--json_path", "val.json", "--min-json-path", "val_min.json", "--label-map", pbtxt)
    status, out, _ = tool("csv2COCO.py", *flags, "--movie_list", toy / "videos", "--img_root", "keyframes")
    assert status == 0
    assert "in the movie list without annotations: train_000, train_001, train_002, train_003" in out
    label_map = read_label_map(pbtxt)
    expected = read_annotations(csv, label_map)
    for name in ("val.json", "val_min.json"):
        found = read_annotations(tmp_path / name, label_map)
        assert list(found.keyframes) == list(expected.keyframes)
        assert found.label_ids.tolist() == expected.label_ids.tolist()
        assert abs(found.boxes - expected.boxes).max() < 1e-9
    assert json.loads((tmp_path / "val.json").read_text())["images"][0]["height"] == 60


def test_errors_end_in_one_message(tool, toy_folder, tmp_path):
    status, out, err = tool("process_ava_videos.py", "--movie_root", "none", "--clip_root", "clips")
    assert (status, out) == (2, "")
    assert err == "error: the folder of movies none does not exist. Correct the path (--movie_root).\n"
    csv = toy_folder / "toy" / "annotations" / "val.csv"
    status, out, err = tool("csv2COCO.py", "--csv_path", csv, "--json_path", "a.json", "--img_root", tmp_path)
    assert (status, out) == (2, "")
    assert "have no image in" in err
    assert "Traceback" not in err


def test_ctrl_c_stops_at_once_and_leaves_whole_files(repo_root, toy_folder, tmp_path):
    command = [sys.executable, repo_root / "tools" / "process_ava_videos.py", "--process_num", "2", "--start", "0"]
    roots = ["--movie_root", toy_folder / "toy" / "videos", "--clip_root", tmp_path / "clips"]
    slow = ["--end", "0", "--fps", "240"]
    with interruptible(
        [*map(str, command), *map(str, roots), *slow],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    ) as process:
        deadline = time.monotonic() + 60
        while not list(tmp_path.glob("clips/*/*.mp4")) and time.monotonic() < deadline:
            time.sleep(0.02)
        os.killpg(process.pid, signal.SIGINT)
        out, err = process.communicate(timeout=20)
    assert (process.returncode, out, err) == (130, "", "interrupted\n")
    clips = [path for path in tmp_path.glob("clips/*/*") if path.name != SOURCE_RECORD]
    assert 0 < len(clips) < 6 * 7
    assert {path.suffix for path in clips} == {".mp4"}
    assert all(path.stat().st_size for path in clips)
