"""What is written on frames."""

from __future__ import annotations

from collections.abc import Collection

import numpy as np
import pytest

from alphaction.data.annotations import ActionClass, LabelMap
from alphaction.engine.pictures import shown_classes
from alphaction.utils.drawing import PALETTE
from alphaction.utils.errors import UserError
from alphaction.workflows.predict.rendering import FrameRenderer, automatic_scale, frame_scale
from alphaction.workflows.predict.tracker import IouTracker, Track

NAMES = (("walk", "movement"), ("stand", "movement"), ("carry", "object"), ("talk", "person"))
CLASSES = LabelMap(tuple(ActionClass(i, name, group) for i, (name, group) in enumerate(NAMES, start=1)))
SCORES = np.array([0.5, 0.4, 0.9, 0.31], dtype=np.float32)


def shown(
    exclusive: Collection[str] = ("movement",), min_score: float | np.ndarray = 0.3, max_classes: int = 3
) -> list[str]:
    return [name for name, _ in shown_classes(CLASSES.classes, SCORES, min_score, max_classes, exclusive)]


def test_of_each_exclusive_group_only_the_best_class_is_shown():
    names = (
        ("sit", "posture"),
        ("lie", "posture"),
        ("hum", "sound"),
        ("sing", "sound"),
        ("left", "gaze"),
        ("up", "gaze"),
    )
    actions = [ActionClass(i, name, group) for i, (name, group) in enumerate(names, start=1)]
    scores = np.array([0.5, 0.49, 0.7, 0.6, 0.4, 0.6])
    shown = shown_classes(actions, scores, 0.3, exclusive={"posture", "gaze"})
    assert [name for name, _ in shown] == ["hum", "sing", "up", "sit"]


def test_shown_classes():
    assert shown() == ["carry", "walk", "talk"]
    assert shown(exclusive=()) == ["carry", "walk", "stand"]
    assert shown(max_classes=2) == ["carry", "walk"]
    assert shown(min_score=0.45) == ["carry", "walk"]
    assert shown(max_classes=0) == []


def test_each_class_may_have_a_threshold_of_its_own():
    # One that does not reach its own leaves those with lower scores alone.
    assert shown(min_score=np.array([0.45, 0.3, 0.99, 0.32])) == ["walk"]
    assert shown(min_score=np.array([0.6, 0.3, 0.89, 0.3])) == ["carry", "stand", "talk"]


@pytest.mark.parametrize(
    ("size", "factor"), [((160, 120), 3), ((768, 576), 1), ((320, 240), 2), ((200, 360), 2), ((64, 600), 3)]
)
def test_only_tiny_frames_are_enlarged(size, factor):
    assert automatic_scale(*size) == factor


def test_a_scale_that_no_video_can_have_is_refused():
    assert [frame_scale(None, 160, 120), frame_scale(2, 4000, 3000), frame_scale(1, 9000, 9000)] == [3, 2, 1]
    with pytest.raises(UserError, match="--scale 100000: 160x120 .* 51 or less"):
        frame_scale(100000, 160, 120)
    with pytest.raises(UserError, match="--scale 2: .* 1.$"):
        frame_scale(2, 9000, 100)


def renderer(scale: int = 1, **options) -> FrameRenderer:
    tracker = IouTracker()
    tracker.update(2, np.array([[0.25, 0.5, 0.5, 1.0]]))
    options = {"min_score": 0.3, "max_classes": 3, "exclusive": {"movement"}} | options
    return FrameRenderer(tracker.tracks, SCORES[None], CLASSES, scale=scale, **options)


def test_a_box_is_drawn_while_its_person_is_there():
    gray = np.full((240, 320, 3), 128, dtype=np.uint8)
    picture = renderer().draw(gray, 2.4)
    edge = np.argwhere(np.all(picture == PALETTE[0], axis=-1))
    assert abs(edge[:, 1].min() - 80) <= 1
    np.testing.assert_array_equal(picture[200, 120], (128, 128, 128))
    np.testing.assert_array_equal(renderer().draw(gray, 2.6), gray)
    # Keyframes that are two seconds apart stand for one second before and after each.
    assert np.any(renderer(margin=1.0).draw(gray, 2.9) != gray)
    np.testing.assert_array_equal(renderer(margin=0.25).draw(gray, 2.4), gray)
    without_classes = renderer(min_score=1.0).draw(gray, 2.0)
    assert np.any(without_classes != picture)


def test_frames_may_be_drawn_in_any_order():
    tracks = [Track(2, [7], [0], [np.array([0.5, 0.5, 0.75, 1.0])]), Track(1, [2], [0], [np.array([0, 0.5, 0.25, 1])])]
    drawing = FrameRenderer(tracks, SCORES[None], CLASSES, min_score=1.0, max_classes=0, exclusive=())
    gray = np.full((240, 320, 3), 128, dtype=np.uint8)
    for time, owner in ((2.0, 0), (4.0, None), (6.6, 1), (7.5, 1), (7.6, None), (1.5, 0), (7.0, 1)):
        picture = drawing.draw(gray, time)
        drawn = [index for index in (0, 1) if np.any(np.all(picture == PALETTE[index], axis=-1))]
        assert drawn == ([] if owner is None else [owner]), time


def test_pictures_are_enlarged_and_have_even_sides():
    frame = np.zeros((121, 161, 3), dtype=np.uint8)
    assert renderer().draw(frame, 2.0).shape == (122, 162, 3)
    assert renderer(scale=3).draw(frame, 2.0).shape == (364, 484, 3)
    assert renderer(scale=2).draw(frame, 2.0).shape == (242, 322, 3)
