"""Tracks shorter than a second, from an export of CVAT to the mAP: keyframes at times that are no whole seconds."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
import torch
from messages import says

from alphaction.evaluation import evaluate_files

pytestmark = pytest.mark.slow

# At 12 frames a second: a walk of 4 s, and a jump of a quarter of one between the half seconds, with its middle at
# frame 21, 1.75 s.
WALK, JUMP = (0, 47), (20, 22)
TIMES = ("0000", "0000.500", "0001", "0001.500", "0001.750", "0002", "0002.500", "0003", "0003.500")
VIDEOS = {"train": ("train_000", "train_001"), "val": ("val_000",)}


def cvat(video: str, size: tuple[int, int]) -> str:
    """Return the export of a task in which someone walks on the left and someone else jumps on the right."""

    def track(number: int, label: str, first: int, last: int) -> str:
        left = 0.5 * size[0] * number
        place = f'xtl="{left}" ytl="0" xbr="{left + size[0] / 2}" ybr="{size[1]}"'
        boxes = [f'<box frame="{f}" outside="{int(f > last)}" {place}/>' for f in (first, last, last + 1)]
        return f'<track id="{number}" label="{label}">{"".join(boxes)}</track>'

    shape = f"<original_size><width>{size[0]}</width><height>{size[1]}</height></original_size>"
    task = f"<task><id>1</id><name>{video}</name>{shape}<source>{video}.mp4</source></task>"
    tracks = track(0, "walk left", *WALK) + track(1, "walk right", *JUMP)
    return f"<annotations><meta>{task}</meta>{tracks}</annotations>"


@pytest.fixture
def command(repo_root: Path, quick_python: str, subprocess_env, tmp_path: Path):
    """Run a script of the clone, which has to succeed; return what it prints."""

    def run(script: str, *arguments: object) -> str:
        words = [quick_python, str(repo_root / script), *map(str, arguments)]
        done = subprocess.run(words, env=subprocess_env, capture_output=True, text=True, timeout=120, cwd=tmp_path)
        assert done.returncode == 0, done.stderr[-2000:]
        return done.stdout + done.stderr

    return run


def times_of(path: Path) -> list[str]:
    """Return the second column of a csv, each value once."""
    return list(dict.fromkeys(line.split(",")[1] for line in path.read_text().splitlines()))


def test_short_tracks_from_the_export_to_the_result(runner, command, toy_folder, tmp_path):
    exports = {split: [] for split in VIDEOS}
    for split, videos in VIDEOS.items():
        for video in videos:
            exports[split].append(tmp_path / f"{video}.xml")
            exports[split][-1].write_text(cvat(video, (128, 96)))
    common = ["--name", "own", "--videos", toy_folder / "toy" / "videos", "--keyframe-interval", "0.5"]
    common += ["--train", *exports["train"], "--val", *exports["val"]]
    text = command("tools/prepare_dataset.py", *common, "DATASETS.DATA_DIR", "data")
    says(
        text,
        "3 of 6 tracks are visible at no keyframe (walk right 3 of 3); --keyframes both or track would lose none, "
        "--keyframe-interval 0.25 would lose none, --keyframe-interval 0.1 would lose none",
    )
    text = command("tools/prepare_dataset.py", *common, "--keyframes", "both", "DATASETS.DATA_DIR", "data")
    assert "visible at no keyframe" not in text
    annotations = tmp_path / "data" / "own" / "annotations" / "own_val.csv"
    assert times_of(annotations) == list(TIMES)
    # The one who walks has a box at the moment of the jump, too.
    assert [line.split(",")[6] for line in annotations.read_text().splitlines() if ",0001.750," in line] == ["1", "2"]

    command("tools/validate_dataset.py", "--all", "own", "DATASETS.DATA_DIR", "data")
    pictures = ["--video", "val_000", "--second", "1.75", "--output-dir", "pictures"]
    command("tools/visualize_dataset.py", "--dataset-name", "own_val", *pictures, "DATASETS.DATA_DIR", "data")
    assert [path.name for path in (tmp_path / "pictures").glob("*.png")] == ["000_val_000_0001.750.png"]

    output = tmp_path / "run"
    keys = f"DATASETS.DATA_DIR {tmp_path}/data DATASETS.TRAIN [own_train] DATASETS.TEST [own_val] SOLVER.MAX_ITER 5"
    arguments = runner.arguments(output, *keys.split(), "DATALOADER.CLIP_CACHE", str(tmp_path / "cache"))
    command("train_net.py", *arguments)
    pool = torch.load(next(output.glob("memory_pool_*.pth")), weights_only=True)["pool"]
    assert {1.75, 2.0} < set(pool["seconds"].tolist())
    command("test_net.py", *arguments)
    found = output / "inference" / "own_val" / "detections.csv"
    assert times_of(found) == list(TIMES)
    result = evaluate_files(annotations, found, annotations.with_name("own_action_list.pbtxt"))
    assert result.counts.keyframes == len(TIMES)
    assert result.counts.box_recall == 1
