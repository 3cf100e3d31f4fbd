"""What is written on frames."""

from __future__ import annotations

import numpy as np
import pytest

from alphaction.data.annotations import ActionClass, LabelMap
from alphaction.prediction.rendering import FrameRenderer, automatic_scale, shown_classes
from alphaction.prediction.tracker import IouTracker
from alphaction.utils.drawing import PALETTE

NAMES = (("walk", "movement"), ("stand", "movement"), ("carry", "object"), ("talk", "person"))
CLASSES = LabelMap(tuple(ActionClass(i, name, group) for i, (name, group) in enumerate(NAMES, start=1)))
SCORES = np.array([0.5, 0.4, 0.9, 0.31], dtype=np.float32)


def shown(one_movement: bool = True, min_score: float = 0.3, max_classes: int = 3) -> list[str]:
    return [name for name, _ in shown_classes(SCORES, CLASSES, min_score, max_classes, one_movement)]


def test_shown_classes():
    assert shown() == ["carry", "walk", "talk"]
    assert shown(one_movement=False) == ["carry", "walk", "stand"]
    assert shown(max_classes=2) == ["carry", "walk"]
    assert shown(min_score=0.45) == ["carry", "walk"]
    assert shown(max_classes=0) == []


@pytest.mark.parametrize(("size", "factor"), [((160, 120), 3), ((768, 576), 1), ((320, 240), 2), ((200, 360), 2)])
def test_only_tiny_frames_are_enlarged(size, factor):
    assert automatic_scale(*size) == factor


def renderer(scale: int = 1, **options) -> FrameRenderer:
    tracker = IouTracker()
    tracker.update(2, np.array([[0.25, 0.5, 0.5, 1.0]]))
    options = {"min_score": 0.3, "max_classes": 3, "one_movement": True} | options
    return FrameRenderer(tracker.tracks, SCORES[None], CLASSES, scale=scale, **options)


def test_a_box_is_drawn_while_its_person_is_there():
    gray = np.full((240, 320, 3), 128, dtype=np.uint8)
    picture = renderer().draw(gray, 2.4)
    edge = np.argwhere(np.all(picture == PALETTE[0], axis=-1))
    assert abs(edge[:, 1].min() - 80) <= 1
    np.testing.assert_array_equal(picture[200, 120], (128, 128, 128))
    np.testing.assert_array_equal(renderer().draw(gray, 2.6), gray)
    without_classes = renderer(min_score=1.0).draw(gray, 2.0)
    assert np.any(without_classes != picture)


def test_pictures_are_enlarged_and_have_even_sides():
    frame = np.zeros((121, 161, 3), dtype=np.uint8)
    assert renderer().draw(frame, 2.0).shape == (122, 162, 3)
    assert renderer(scale=3).draw(frame, 2.0).shape == (364, 484, 3)
    assert renderer(scale=2).draw(frame, 2.0).shape == (242, 322, 3)
