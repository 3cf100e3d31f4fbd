"""Streams without an end: from iterators and from what is live; and moments that are not whole seconds."""

from __future__ import annotations

import time
from collections.abc import Iterator
from types import SimpleNamespace

import cv2
import numpy as np
import pytest
from messages import says
from random_network import random_network

from alphaction import ActionDetector
from alphaction.api import Prediction, live_footage, stream
from alphaction.api.live_footage import LatestMoments
from alphaction.data.video.timed_frame import TimedFrame
from alphaction.utils.errors import UserError
from alphaction.utils.process_memory import resident_bytes
from alphaction.workflows.detect import DetectedBoxes
from alphaction.workflows.live.camera import CameraReader
from alphaction.workflows.live.source import LiveSource

SIDES = (32, 48)


def detector_of(experiment: str, *overrides: object) -> ActionDetector:
    network = random_network(experiment, *overrides)
    return ActionDetector(network.cfg, network)


def noise(count: int) -> Iterator[np.ndarray]:
    rng = np.random.default_rng(3)
    for _ in range(count):
        yield rng.integers(0, 255, (*SIDES, 3), dtype=np.uint8)


class OnePerson:
    """Finds somebody in the middle of every frame."""

    def detect(self, frames):
        box = np.array([[0.25, 0.1, 0.75, 0.9]])
        return [DetectedBoxes(box, np.ones(1, dtype=np.float32), ["person"]) for _ in frames]


@pytest.mark.slow
def test_a_long_stream_needs_no_more_and_more_memory(monkeypatch):
    streams = []
    monkeypatch.setattr(stream, "GrowingVideo", lambda *given: streams.append(made := GrowingVideo(*given)) or made)
    detector, fps, taken = detector_of("toy", "MODEL.IA_STRUCTURE.LENGTH", [20, 0]), 150.0, 0

    def frames() -> Iterator[np.ndarray]:
        nonlocal taken
        for taken, frame in enumerate(noise(30_000), start=1):  # noqa: B007
            yield frame

    resident, remembered, lags = [], [], []
    for result in detector.predict(frames(), detector=OnePerson(), fps=fps):
        assert [person.id for person in result.persons] == [1]
        resident.append(resident_bytes())
        remembered.append(streams[0].remembered)
        lags.append(taken - fps * result.second)
    assert taken == 30_000
    assert len(resident) == 200
    assert set(remembered[30:]) == {21}
    assert max(resident[60:]) - resident[60] < 4 << 20
    # The frames of a clip after its moment, and never more.
    assert max(lags[1:]) <= min(lags[1:]) + 1 < fps


GrowingVideo = stream.GrowingVideo


def test_half_seconds_add_results_between_those_of_whole_ones():
    detector = detector_of("base")
    frames = list(noise(30))
    boxes = {half / 2: [[5 + half, 5, 30, 30]] for half in range(6)}
    whole = detector.predict(frames, {second: boxes[second] for second in (0, 1, 2)}, False, fps=10)
    halves = detector.predict(iter(frames), boxes, False, fps=10, stride=0.5)
    assert [result.second for result in whole] == [0, 1, 2]
    assert [result.second for result in halves] == [0, 0.5, 1, 1.5, 2, 2.5]
    assert all(len(result.persons) == 1 for result in halves)
    for result, same in zip(whole, halves[::2], strict=True):
        np.testing.assert_allclose(result.scores(), same.scores(), atol=1e-6)
    by_key = ActionDetector(detector.cfg, detector._network.at_stride(0.5))
    assert [result.second for result in by_key.predict(frames, boxes, fps=10)] == [0, 0.5, 1, 1.5, 2, 2.5]
    assert [result.second for result in detector.predict(frames, {}, fps=10, stride=2)] == [0, 2]


def test_strides_that_do_not_go():
    detector = detector_of("toy", "MODEL.IA_STRUCTURE.MEMORY_RATE", 2)
    assert len(detector.predict(noise(12), {}, False, fps=10, stride=2 / 3)) == 2
    for stride, said in (
        (0.75, "Choose 1 or 0.667"),
        (3, "Choose 2 or 1"),
        (0, "from 0.01"),
        ("a", "expected a number"),
    ):
        with pytest.raises(UserError) as error:
            detector.predict(noise(3), {}, fps=10, stride=stride)
        says(str(error.value), "TEST.STRIDE", said)
    with pytest.raises(UserError) as error:
        detector.predict(noise(3), {0.5: [[1, 1, 30, 30]], 0.25: [[1, 1, 30, 30]]}, fps=10, stride=0.5)
    says(str(error.value), "the key 0.25", "multiples of the stride, 0.5 s")


class Camera:
    """OpenCV's reader of a camera of 50 frames a second, which is unplugged in the end."""

    def __init__(self, frames: int) -> None:
        self._left, self._next = frames, time.monotonic()

    def isOpened(self) -> bool:  # noqa: N802
        return True

    def get(self, what: int) -> float:
        return 50.0 if what == cv2.CAP_PROP_FPS else 0.0

    def read(self) -> tuple[bool, np.ndarray | None]:
        if not self._left:
            return False, None
        self._left -= 1
        self._next += 0.02
        time.sleep(max(0.0, self._next - time.monotonic()))
        return True, np.full((*SIDES, 3), self._left % 256, dtype=np.uint8)

    def release(self) -> None:
        self._left = 0


@pytest.fixture
def camera(monkeypatch) -> None:
    """A camera 0 that is unplugged after 60 frames."""

    def opened(video: int, *, keep: float, name: str, reconnect: float) -> LiveSource:
        return LiveSource(CameraReader(video, lambda number: Camera(60)), keep, reconnect)

    monkeypatch.setattr(live_footage, "open_live", opened)


def until_lost(results: Iterator[Prediction]) -> list[Prediction]:
    """Return the results that come before the camera is unplugged."""
    found = []
    with pytest.raises(UserError, match="camera 0: lost after 1"):
        found.extend(results)  # those before the error stay
    return found


@pytest.mark.usefixtures("camera")
def test_a_camera_is_predicted_until_it_is_lost():
    detector = detector_of("base", "TEST.STRIDE", 0.1)
    results = until_lost(detector.predict(0, detector=OnePerson(), reconnect=0))
    assert results
    assert all(len(result.persons) == 1 and result.frame.shape == (*SIDES, 3) for result in results)
    seconds = [result.second for result in results]
    assert seconds == sorted(set(seconds))


@pytest.mark.usefixtures("camera")
def test_seconds_to_come_are_empty_in_a_live_video(caplog):
    detector = detector_of("toy", "MODEL.IA_STRUCTURE.LENGTH", [2, 2], "TEST.STRIDE", 0.5)
    results = until_lost(detector.predict(0, detector=OnePerson(), reconnect=0))
    assert results  # at once, as it ends before two seconds are over
    assert caplog.text.count("have not happened yet") == 1


def test_of_a_live_video_the_latest_moment_is_predicted():
    def frames() -> Iterator[TimedFrame]:
        # Whoever takes them was busy from second 0.7 to 2.4, and nothing was seen around second 3.
        for number, moment in enumerate((0.0, 0.1, 0.2, 0.3, 0.6, 0.7, 2.4, 2.5, 2.8, 3.2, 3.9)):
            yield TimedFrame(number, moment, np.zeros((*SIDES, 3), dtype=np.uint8))

    seen = SimpleNamespace(covers=lambda second, before, after: second != 3)
    moments = LatestMoments(SimpleNamespace(title="camera 0", frames=frames, window=seen), 0.5, 0.4, 0.2)
    assert list(moments) == [0, 0.5, 2, 2.5, 3.5]
    assert moments.passed == 2


def test_live_videos_have_no_list_of_results_and_no_part():
    detector = detector_of("base")
    says(refusal(detector, 0, stream=False), "stream=False", "no end")
    says(refusal(detector, "rtsp://127.0.0.1:9/none", start=3), "start= and end= go with video files")
    says(refusal(detector, "0", fps=25), "fps= goes with frames")
    says(refusal(detector, "0", reconnect=-1), "reconnect=-1: expected seconds")
    says(refusal(detector, 93), "camera 93", "there is no such camera")
    says(refusal(detector, True), "neither a video nor frames")


def refusal(detector: ActionDetector, video: object, **how: object) -> str:
    with pytest.raises(UserError) as error:
        detector.predict(video, detector=OnePerson(), **how)
    return str(error.value)
