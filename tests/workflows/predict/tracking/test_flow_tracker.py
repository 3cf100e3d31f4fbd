"""Persons of a stream on every frame."""

from __future__ import annotations

import numpy as np
from workflows.predict.tracking.moving import HEIGHT, WIDTH, box, picture

from alphaction.data.video.timed_frame import TimedFrame
from alphaction.workflows.predict.tracking.flow_tracker import FlowTracker

FPS = 10


class Stream:
    """Gives a tracker one frame after the other."""

    def __init__(self, stride: float = 1.0, fps: float = FPS) -> None:
        self.tracker = FlowTracker(WIDTH / HEIGHT, stride)
        self.fps = fps
        self.number = 0

    def frame(self, image: np.ndarray) -> TimedFrame:
        self.number += 1
        return TimedFrame(self.number - 1, (self.number - 1) / self.fps, image)

    def detect(self, image: np.ndarray, *boxes: np.ndarray, score: float = 0.9) -> dict[int, np.ndarray]:
        found = self.tracker.detected(self.frame(image), np.array(boxes).reshape(-1, 4), np.full(len(boxes), score))
        return {person.id: person.box for person in found}

    def move(self, image: np.ndarray) -> dict[int, np.ndarray]:
        return {person.id: person.box for person in self.tracker.moved(self.frame(image))}


def test_between_detections_a_person_is_where_the_frames_show_them():
    stream = Stream()
    np.testing.assert_array_equal(stream.detect(picture((10, 30)), box(10, 30))[1], box(10, 30))
    for x in (14, 20, 28, 24):
        np.testing.assert_allclose(stream.move(picture((x, 30)))[1], box(x, 30), atol=0.004)
    # The detector's box counts as it is.
    np.testing.assert_array_equal(stream.detect(picture((26, 30)), box(25, 31))[1], box(25, 31))


def test_the_flow_tells_who_is_who_after_they_turned_around():
    stream = Stream()
    stream.detect(picture((10, 30), (110, 30)), box(10, 30), box(110, 30))
    for step in range(1, 8):
        stream.move(picture((10 + 5 * step, 30), (110 - 5 * step, 30)))
    for step in range(1, 8):
        found = stream.move(picture((45 - 5 * step, 30), (75 + 5 * step, 30)))
    np.testing.assert_allclose(found[1], box(10, 30), atol=0.02)
    found = stream.detect(picture((10, 30), (110, 30)), box(110, 30), box(10, 30))
    np.testing.assert_array_equal(found[1], box(10, 30))


def test_after_a_cut_boxes_are_soon_gone():
    stream = Stream()
    stream.detect(picture((10, 30)), box(10, 30))
    noise = np.random.default_rng(2)
    shown = [bool(stream.move(noise.integers(0, 255, (HEIGHT, WIDTH, 3), dtype=np.uint8))) for _ in range(6)]
    assert shown == [True, True, True, False, False, False]


def test_someone_whom_the_detector_misses_is_shown_for_half_a_second_and_keeps_the_id():
    stream = Stream()
    stream.detect(picture((10, 30)), box(10, 30))
    shown = [len(stream.detect(picture((10, 30)))) for _ in range(8)]
    assert shown == [1, 1, 1, 1, 1, 0, 0, 0]
    assert list(stream.detect(picture((10, 30)), box(10, 30))) == [1]
    for _ in range(30):
        stream.detect(picture((10, 30)))
    assert list(stream.detect(picture((10, 30)), box(10, 30))) == [2]


def test_a_frame_of_another_size_loses_nobody_whom_the_detector_finds():
    stream = Stream()
    stream.detect(picture((10, 30)), box(10, 30))
    assert list(stream.detect(picture((10, 30))[:100, :150], box(10, 30))) == [1]


def test_who_is_gone_is_forgotten():
    stream = Stream()
    plain = picture()
    for number in range(200):
        place = box(*((10, 10) if number % 2 else (110, 70)))
        stream.number += 30  # three seconds later: somebody else
        stream.detect(plain, place)
    tracker = stream.tracker
    assert len(tracker._persons) <= 2
    assert len(tracker._linker.tracks) <= 2
    assert max(len(track.boxes) for track in tracker._linker.tracks) <= 2
    assert max(tracker._persons) == 200


def test_who_is_detected_each_five_seconds_keeps_the_id():
    stream = Stream(stride=5.0, fps=1 / 5)
    assert [*stream.detect(picture((10, 30)), box(10, 30))] == [1]
    assert [*stream.detect(picture((11, 30)), box(11, 30))] == [1]
