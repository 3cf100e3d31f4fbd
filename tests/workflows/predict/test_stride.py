"""Actions at other moments than whole seconds: what a video's results have between them, and that those stay."""

from __future__ import annotations

import logging
from pathlib import Path

import numpy as np
import pytest
import torch
from random_network import LABEL_MAP, random_network

from alphaction.evaluation import read_detections
from alphaction.utils.errors import UserError
from alphaction.workflows.detect import DetectedBoxes
from alphaction.workflows.predict.video import predict_video
from alphaction.workflows.predict.video_options import VideoOptions, VideoResult


class OnePerson:
    """Finds somebody in the middle of every frame."""

    def __init__(self) -> None:
        self.frames = 0

    def detect(self, frames):
        self.frames += len(frames)
        box = np.array([[0.25, 0.1, 0.75, 0.9]])
        return [DetectedBoxes(box, np.ones(1, dtype=np.float32), ["person"]) for _ in frames]


@pytest.fixture(scope="module")
def weights(tmp_path_factory) -> Path:
    """A checkpoint of a tiny network without memory, with random weights."""
    path = tmp_path_factory.mktemp("stride") / "model.pth"
    model = random_network("base", optimized=False).model
    torch.save({"model": model.state_dict(), "label_map": LABEL_MAP.to_dict()}, path)
    return path


def predicted(weights: Path, folder: Path, video: Path, stride: float, **options) -> tuple[VideoResult, dict]:
    """Return the result of a prediction, and its csv: second -> scores of each row."""
    cfg = random_network("base", "DATALOADER.NUM_WORKERS", 0).cfg.clone()
    cfg.defrost()
    cfg.TEST.STRIDE, cfg.TEST.ACTION_THRESH = stride, 0.0
    out = folder / f"{stride:g}.mp4"
    paths = {"output": out, "csv": out.with_suffix(".csv"), "tracks": out.with_suffix(".tracks.csv")}
    result = predict_video(cfg, weights, VideoOptions(video=video, **paths, **options), OnePerson())
    rows = read_detections(paths["csv"])
    seconds = [rows.keyframes[index].second for index in rows.keyframe_index[rows.box_index]]
    found: dict[float, list[float]] = {}
    for second, score in zip(seconds, rows.scores.tolist(), strict=True):
        found.setdefault(second, []).append(score)
    return result, found


@pytest.mark.slow
def test_half_seconds_come_between_whole_ones(weights, small_toy_folder, tmp_path):
    video = small_toy_folder / "toy" / "videos" / "val_000.mp4"
    detects = {"detector": "auto"}
    whole, seconds = predicted(weights, tmp_path, video, 1.0, **detects)
    halves, moments = predicted(weights, tmp_path, video, 0.5, **detects)
    assert list(seconds) == [0, 1, 2, 3]
    assert list(moments) == [0, 0.5, 1, 1.5, 2, 2.5, 3, 3.5]
    for second, scores in seconds.items():
        np.testing.assert_allclose(moments[second], scores, atol=1e-6)
    assert str(whole).endswith("1 person at 4 of 4 seconds")
    assert str(halves).endswith("1 person at 8 of 8 moments, one each 0.5 s")
    assert ",0000.500," in (tmp_path / "0.5.tracks.csv").read_text()
    rare, twos = predicted(weights, tmp_path, video, 2.0, **detects)
    assert list(twos) == [0, 2]
    assert rare.persons == 1  # one person, though two seconds lie between keyframes


@pytest.mark.slow
def test_boxes_of_a_file_are_needed_at_each_moment(weights, small_toy_folder, tmp_path, caplog):
    video = small_toy_folder / "toy" / "videos" / "val_000.mp4"
    boxes = tmp_path / "boxes.csv"
    boxes.write_text("".join(f"val_000,{second},0.2,0.2,0.6,0.9,1\n" for second in (0, 0.25, 1, 1.5, 2, 3)))
    with caplog.at_level(logging.INFO, logger="alphaction"):
        _, moments = predicted(weights, tmp_path, video, 0.5, detections=boxes)
    assert list(moments) == [0, 1, 1.5, 2, 3]
    assert "has boxes at 5 of the 8 moments of val_000.mp4 (0, 1, 1.5, 2, 3)" in caplog.text
    assert "Boxes are needed at each multiple of TEST.STRIDE 0.5 s" in caplog.text
    assert "1 boxes outside of seconds 0 to 3.5, one each 0.5 s (TEST.STRIDE)" in caplog.text


def test_a_wrong_stride_is_told_before_a_video_is_opened(weights, tmp_path):
    with pytest.raises(UserError, match="TEST.STRIDE is 0.0: it must be a number from 0.01 to 3600"):
        predicted(weights, tmp_path, tmp_path / "none.mp4", 0.0, detector="auto")
