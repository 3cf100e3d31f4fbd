"""Frames of the galleries."""

from __future__ import annotations

import base64

import cv2
import numpy as np
import pytest
from workflows.report.made_up import example

from alphaction.config import get_cfg
from alphaction.data.keyframes import Keyframe
from alphaction.utils.errors import DataError
from alphaction.workflows.report.pictures import Photographer, draw_box, draw_strip, resized, time_text

RED = (255, 0, 0)


class Frames:
    """A source of gray frames that grow brighter with time."""

    def __init__(self, broken: str = "") -> None:
        self.broken = broken

    def read(self, video, second, slots, fps, size=None):
        if video == self.broken:
            raise DataError(f"{video}: cannot be read")
        width, height = size((640, 480))
        return np.stack([np.full((height, width, 3), 100 + slot, np.uint8) for slot in slots])


def decoded(uri: str) -> np.ndarray:
    data = np.frombuffer(base64.b64decode(uri.partition(",")[2]), np.uint8)
    return cv2.cvtColor(cv2.imdecode(data, cv2.IMREAD_COLOR), cv2.COLOR_BGR2RGB).astype(int)


def test_the_keyframe_has_the_box_and_the_strip_the_frames_around_it():
    cfg = get_cfg()
    cfg.INPUT.FPS = 10
    made = Photographer(cfg, 60).pictures(Frames(), [example("a", Keyframe("v", 3))], RED)[0]
    frame, strip = decoded(made.frame), decoded(made.strip)
    assert frame.shape == (360, 480, 3)
    assert made.frame_size == (480, 360)
    assert frame[200, 100] == pytest.approx([100] * 3, abs=6)
    x1, x2 = round(0.3 * 479), round(0.6 * 479)
    assert frame[200, x1] == pytest.approx(RED, abs=90)
    assert frame[200, x2] == pytest.approx(RED, abs=90)
    assert strip.shape == (128, 5 * 128 + 4 * 2, 3)
    assert made.strip_size == (strip.shape[1], 128)
    brightness = [float(strip[5, 10 + 130 * i].mean()) for i in range(5)]
    assert brightness == pytest.approx([100 + 10 * offset for offset in made.offsets], abs=4)
    assert made.offsets[2] == 0
    assert list(made.offsets) == sorted(made.offsets)


def test_a_broken_video_costs_its_own_picture_only():
    examples = [example("a", Keyframe(video, 3)) for video in ("bad", "good")]
    bad, good = Photographer(get_cfg(), 60).pictures(Frames("bad"), examples, RED)
    assert (bad.frame, bad.problem) == ("", "bad: cannot be read")
    assert good.frame
    (none,) = Photographer(get_cfg(), 60).pictures(None, examples[:1], RED)
    assert none.problem == "the videos are not there"


def test_no_frame_is_read_when_the_time_is_up():
    photographer = Photographer(get_cfg(), 0)
    made = photographer.pictures(Frames(), [example("a", Keyframe("v", 3))] * 3, RED)
    assert [picture.frame for picture in made] == [""] * 3
    assert photographer.left_out == 3


@pytest.mark.parametrize("box", [(0, 0, 1, 1), (0.99, 0.99, 1.2, 1.3), (-1, -1, 2, 2), (0.5, 0.5, 0.5, 0.5)])
@pytest.mark.parametrize("shape", [(480, 640), (640, 48), (1, 1), (2, 900)])
def test_any_box_on_any_frame(box, shape):
    frames = np.zeros((5, *shape, 3), np.uint8)
    assert draw_strip(frames, box, 2, RED).shape == (128, 648, 3)
    assert draw_box(resized(frames[0], 480), box, RED).max() == 255


def test_times_beyond_the_video_are_named():
    assert time_text(0.0, 0, 9.0) == "keyframe"
    assert time_text(-0.7, 0.5, 9.0) == "start"
    assert time_text(-0.5, 0.5, None) == "\u22120.5 s"
    assert time_text(0.6, 8.5, 9.0) == "end"
    assert time_text(0.6, 8.5, None) == "+0.6 s"


def test_sizes():
    assert resized(np.zeros((1080, 1920, 3), np.uint8), 480).shape == (270, 480, 3)
    assert resized(np.zeros((120, 160, 3), np.uint8), 480).shape == (240, 320, 3)
    assert resized(np.zeros((300, 400, 3), np.uint8), 480).shape == (300, 400, 3)
