"""Both splits are read together: their frames count alike, and each has a keyframe of its own."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from workflows.prepare.preparing import prepare


def frames(path: Path, *numbers: int) -> Path:
    rows = [f"train_000,{number},0.1,0.1,0.5,0.5,1" for number in numbers]
    path.write_text("\n".join(["video,frame,x1,y1,x2,y2,class_id", *rows]), encoding="utf-8")
    return path


def test_the_splits_count_frames_alike_and_compete_within_themselves(options, tmp_path):
    train = frames(tmp_path / "a.csv", 0, 10, 22), frames(tmp_path / "b.csv", 19)  # of 10 frames per second
    val = (frames(tmp_path / "c.csv", 21, 30),)
    chosen = replace(options, train=train, val=val, video_name="train_000", first_frame=None)
    catalog, text = prepare(chosen)
    written = {split: (catalog.parent / f"annotations/own_{split}.csv").read_text() for split in ("train", "val")}
    seconds = {split: [int(line.split(",")[1]) for line in rows.splitlines()] for split, rows in written.items()}
    assert seconds == {"train": [0, 1, 2], "val": [2, 3]}
    assert "frame 30 of 10 a second counted from 0 = second 3" in text
    assert text.count("boxes at no keyframe left out: others are nearer to it, or the video ends before it: 1") == 1
    assert text.count("no file needed this option: --video-name train_000") == 1
