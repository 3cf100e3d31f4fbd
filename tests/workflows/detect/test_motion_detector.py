"""Boxes of what moves before a fixed camera."""

from __future__ import annotations

import logging
import pickle
from collections import defaultdict
from pathlib import Path

import numpy as np
import pytest
import torch
from messages import refused
from torchvision.ops import box_iou

from alphaction.data.keyframes import Keyframe
from alphaction.data.video.frame_window import FrameWindow
from alphaction.data.video.whole_movies import MovieSource
from alphaction.utils.errors import DataError
from alphaction.workflows.detect.choose_detector import detector_kind, make_detector, recorded
from alphaction.workflows.detect.detect_dataset import detect_dataset
from alphaction.workflows.detect.detected_boxes import MOVING, Wanted, detect_at
from alphaction.workflows.detect.detector_flags import DETECT_PERSONS, PREDICT_VIDEO
from alphaction.workflows.detect.detector_options import DetectorOptions
from alphaction.workflows.detect.motion_detector import MotionDetector, _Past
from alphaction.workflows.detect.moving_regions import looked_at, moving_boxes

WIDTH, HEIGHT = 160, 120
rng = np.random.default_rng(0)
SCENE = rng.integers(60, 120, (HEIGHT, WIDTH, 3), np.uint8)


def scene(left: int | None, noise: int = 6) -> np.ndarray:
    """Return a noisy frame; a person of 12x30 pixels stands at ``left``, 40 pixels from the top."""
    frame = SCENE.copy()
    if left is not None:
        frame[40:70, left : left + 12] = (210, 190, 200)
    return np.clip(frame.astype(int) + rng.integers(-noise, noise + 1, frame.shape), 0, 255).astype(np.uint8)


def detector(score: float = 0.5) -> MotionDetector:
    return MotionDetector(Wanted(score))


def pixels(boxes: np.ndarray) -> list[list[int]]:
    return (boxes * (WIDTH, HEIGHT, WIDTH, HEIGHT)).round().astype(int).tolist()


def test_who_walks_is_found_from_the_past_alone():
    found = detector().detect([scene(4 * number) for number in range(36)])
    assert [len(boxes) for boxes in found[:7]] == [0] * 7  # no background yet
    assert pixels(found[30].boxes) == [[120, 40, 132, 70]]
    assert (found[30].labels, found[30].scores.tolist()) == ([MOVING], [1.0])


def test_who_stands_becomes_background():
    found = detector().detect([scene(80)] * 60)
    assert not any(len(boxes) for boxes in found)


def test_the_past_is_bounded_and_reaches_further_with_time():
    past = _Past()
    for number in range(2000):
        past.add(np.full((4, 4, 3), number % 200, np.uint8))
        assert len(past._frames) <= 48
    assert past._step == 16


class Video(MovieSource):
    """A video at 5 frames a second whose person walks from left to right and out in 20 seconds."""

    def __init__(self) -> None:
        self.read_frames = 0
        self.window = FrameWindow([scene(round(1.6 * number)) for number in range(90)], 5.0, "v")
        self._infos = {"v": self.window.probe("v").__class__(WIDTH, HEIGHT, 5.0, 18.0, 90)}

    def frames(self, video, second, slots, fps, size=None):
        self.read_frames += len(slots)
        return self.window.frames(video, second, slots, fps, size)


def test_frames_before_and_after_are_looked_at_where_there_are_any():
    video, motion = Video(), detector()
    found = detect_at(motion, video, "v", [0, 1, 10])
    assert [pixels(boxes.boxes) for boxes in found] == [[[0, 40, 12, 70]], [[8, 40, 20, 70]], [[80, 40, 92, 70]]]
    assert video.read_frames == 3 + 48  # one background for all of them
    assert motion.together([0, 1, 29.5, 30, 61]) == [[0, 1, 29.5], [30], [61]]
    assert pickle.loads(pickle.dumps(motion))._known is None


def test_a_moving_camera_is_told_once(caplog):
    motion = detector()
    frames = [scene(None)] * 20 + [np.roll(scene(None), 40 * shift, axis=1) for shift in range(1, 4)]
    frames[20:] = [255 - frame for frame in frames[20:]]
    with caplog.at_level(logging.WARNING):
        found = motion.detect(frames)
    assert not any(len(boxes) for boxes in found)
    assert caplog.text.count("--detector motion needs a fixed camera") == 1


def test_regions():
    moving = np.zeros((240, 320), dtype=bool)
    moving[100:130, 50:62] = True  # head and body
    moving[138:160, 50:62] = True  # legs: the waist does not differ
    moving[20:24, 200:230] = True  # too low
    moving[200:201, 10:11] = True  # noise
    boxes, scores = moving_boxes(moving)
    assert (boxes * (320, 240, 320, 240)).round().tolist() == [[50, 100, 62, 160]]
    assert scores.tolist() == pytest.approx([52 / 60])  # 8 of its 60 rows do not move
    assert [looked_at(size) for size in ((1920, 1080), (320, 240), (1080, 1920))] == [
        (640, 360),
        (320, 240),
        (360, 640),
    ]
    assert [part.shape for part in moving_boxes(np.zeros((20, 20), dtype=bool))] == [(0, 4), (0,)]


def test_recall_on_a_real_video(shared_dir):
    annotated: dict[int, set] = defaultdict(set)
    with (shared_dir / "pets/annotations/pets_val.csv").open() as file:
        for line in file:
            video, second, *box = line.split(",")[:6]
            if video == "pets_03" and int(second) % 3 == 1:
                annotated[int(second)].add(tuple(map(float, box)))
    found, total, proposed = 0, 0, 0
    source, motion = MovieSource(shared_dir / "pets/videos"), detector()
    for second, boxes in annotated.items():
        regions = motion.detect_at(source, "pets_03", second)
        overlaps = box_iou(torch.tensor(sorted(boxes)), torch.tensor(regions.boxes, dtype=torch.float32))
        found, total = found + int((overlaps.amax(1) >= 0.5).sum()), total + len(boxes)
        proposed += len(regions)
    assert found / total > 0.6
    assert found / proposed > 0.7


def test_the_keyframes_of_a_dataset(tmp_path):
    keyframes = [Keyframe("v", second) for second in (2, 9, 25)]
    output = tmp_path / "boxes.csv"
    options = DetectorOptions(detector="motion")
    with pytest.raises(DataError, match=r"(?s)1 of 3 keyframes could not be read.*second 25"):
        detect_dataset(detector, Video(), keyframes, output, options=recorded(options))
    table = detect_dataset(detector, Video(), keyframes[:2], output, options=recorded(options))
    assert pixels(table.boxes) == [[16, 40, 28, 70], [72, 40, 84, 70]]


@pytest.mark.parametrize("flags", [DETECT_PERSONS, PREDICT_VIDEO])
def test_it_is_called_what_it_is(caplog, flags):
    with caplog.at_level(logging.INFO):
        assert isinstance(make_detector(DetectorOptions(detector="motion"), flags), MotionDetector)
    assert "moving regions, not persons: a standing person is not found, and a car is" in caplog.text
    assert "--detector motion needs no weights" in flags.instead


def test_what_contradicts_it():
    for options, parts in (
        ({"onnx": Path("y.onnx")}, ("--detector motion", "--onnx y.onnx")),
        ({"every_class": True}, ("--detector motion", "--every-class")),
    ):
        refused(lambda options=options: detector_kind(DetectorOptions(detector="motion", **options)), *parts)
