"""Boxes of videos that are no dataset yet."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
from workflows.prepare.video_files import write_movie

from alphaction.data.annotations import Keyframe, read_boxes
from alphaction.data.video.whole_movies import MovieSource
from alphaction.workflows.detect import DetectedBoxes, PersonDetector
from alphaction.workflows.detect.detect_videos import VideoTarget, detect_in_videos, import_for_videos, whole_seconds
from alphaction.workflows.detect.detector_options import DetectorOptions
from alphaction.workflows.detect.import_boxes import ImportRules


@pytest.fixture(scope="module")
def videos(tmp_path_factory):
    folder = tmp_path_factory.mktemp("videos")
    write_movie(folder / "a.mp4", seconds=3.0, fps="10")
    write_movie(folder / "b.mp4", seconds=1.1, fps="10")
    return folder


@pytest.fixture
def options(tmp_path, monkeypatch):
    weights = tmp_path / "weights.pth"
    weights.write_bytes(b"never opened")
    found = DetectedBoxes(np.array([[0.1, 0.2, 0.3, 0.4]]), np.array([0.9], dtype=np.float32), ("person",))
    detector = SimpleNamespace(detect=lambda frames: [found] * len(frames))
    monkeypatch.setattr(PersonDetector, "from_torchvision", lambda **values: detector)
    return DetectorOptions(weights=weights)


def test_every_second_of_every_video(videos, options, tmp_path):
    output = tmp_path / "persons.csv"
    printed = detect_in_videos(VideoTarget(videos, output), options)
    table = read_boxes(output)
    assert list(table.keyframes) == [
        *(Keyframe("a", second) for second in range(3)),
        Keyframe("b", 0),
        Keyframe("b", 1),
    ]
    assert "of 5 seconds in 2 videos" in printed
    assert f"--segments spread --person-boxes {output}" in printed


def test_boxes_of_another_detector_at_every_second(videos, tmp_path):
    # MOT counts frames from 1: frames 1 and 21 are seconds 0 and 2 of a video of 10 frames a second.
    (tmp_path / "mot").mkdir()
    rows = [f"{frame},1,9.6,6.4,48,32,0.9,-1,-1,-1\n" for frame in (1, 2, 21)]
    (tmp_path / "mot" / "a.txt").write_text("".join(rows))
    output = tmp_path / "persons.csv"
    printed = import_for_videos(VideoTarget(videos, output), [tmp_path / "mot"], "mot", ImportRules(frames=True))
    table = read_boxes(output)
    assert list(table.keyframes) == [Keyframe("a", 0), Keyframe("a", 2)]
    np.testing.assert_allclose(table.boxes[0], [0.1, 0.1, 0.6, 0.6])
    assert "of 5 seconds in 2 videos" in printed
    assert "boxes at no whole second left out: 1; boxes kept: 2; seconds without a box: 3" in printed


def test_a_second_needs_a_frame(videos):
    assert whole_seconds(MovieSource(videos), "a") == [0, 1, 2]
    assert whole_seconds(MovieSource(videos), "b") == [0, 1]


def test_faults_say_what_to_do(videos, options, tmp_path, refused):
    refused(lambda: detect_in_videos(VideoTarget(videos, None), options), "--videos needs --output FILE")
    refused(
        lambda: detect_in_videos(VideoTarget(tmp_path / "nowhere", tmp_path / "p.csv"), options),
        "--videos",
        "does not exist",
    )
    (tmp_path / "empty").mkdir()
    refused(lambda: detect_in_videos(VideoTarget(tmp_path / "empty", tmp_path / "p.csv"), options), "holds no video")
    (tmp_path / "p.csv").write_text("mine")
    refused(lambda: detect_in_videos(VideoTarget(videos, tmp_path / "p.csv"), options), "--output", "--force")
