"""process_ava_videos.py and csv2COCO.py as command lines: from movies and a csv to clips, keyframes and JSON."""

from __future__ import annotations

import json
import os
import re
import shlex
import signal
import subprocess
import sys
import time

from interruption import interruptible
from messages import says

from alphaction.data.annotations import read_annotations, read_label_map
from alphaction.data.video.file import VideoFile
from alphaction.data.video.one_second_clips import OneSecondClipSource
from alphaction.workflows.prepare.movie_cutter import SOURCE_RECORD


def test_from_movies_to_json(tool, toy_folder, tmp_path):
    toy = toy_folder / "toy"
    roots = ("--movie_root", toy / "videos", "--clip_root", "clips", "--kframe_root", "keyframes")
    status, out, err = tool("process_ava_videos.py", *roots)
    assert status == 1
    says(out, "6 failed:", "895", "--start 0 --end 0")

    whole = ("--start", 0, "--end", 0, "--short-side", 60, "--fps", 10, "--process-num", 2)
    status, out, err = tool("process_ava_videos.py", *roots, *whole)
    assert (status, err) == (0, "")
    assert re.findall(r"\d+", out) == ["6", "6", "42", "0"]
    info = VideoFile(OneSecondClipSource(tmp_path / "clips").path("train_000", 0)).info()
    assert (min(info.width, info.height), info.fps, info.frames) == (60, 10, 10)
    status, out, _ = tool("process_ava_videos.py", *roots, *whole)
    assert (status, re.findall(r"\d+", out)) == (0, ["6", "6", "0", "42"])

    csv, pbtxt = toy / "annotations" / "val.csv", toy / "annotations" / "toy_action_list.pbtxt"
    flags = ("--csv_path", csv, "--json_path", "val.json", "--min-json-path", "val_min.json", "--label-map", pbtxt)
    status, out, _ = tool("csv2COCO.py", *flags, "--movie_list", toy / "videos", "--img_root", "keyframes")
    assert status == 0
    assert "train_000, train_001, train_002, train_003" in out
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
    assert (status, out) == (3, "")
    assert err.startswith("error: ")
    says(err, " none ", "--movie_root")
    csv = toy_folder / "toy" / "annotations" / "val.csv"
    status, out, err = tool("csv2COCO.py", "--csv_path", csv, "--json_path", "a.json", "--img_root", tmp_path)
    assert (status, out) == (3, "")
    says(err, "error: ", tmp_path)
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
    assert (process.returncode, out) == (130, "")
    said, again = err.splitlines()
    assert said == "interrupted. The same command goes on from there:"
    assert shlex.split(again)[1:] == [str(word) for word in (*command[1:], *roots, *slow)]
    clips = [path for path in tmp_path.glob("clips/*/*") if path.name != SOURCE_RECORD]
    assert 0 < len(clips) < 6 * 7
    assert {path.suffix for path in clips} == {".mp4"}
    assert all(path.stat().st_size for path in clips)
