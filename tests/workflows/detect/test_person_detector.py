from __future__ import annotations

import numpy as np
import pytest
from workflows.detect.stubs import NAMES, StubNetwork, frame

from alphaction.utils.errors import UserError
from alphaction.workflows.detect import PersonDetector

FOUND = [(1, 0.6), (2, 0.95), (1, 0.9), (3, 0.5), (1, 0.49)]


def detector(found=FOUND, **options) -> PersonDetector:
    return PersonDetector(StubNetwork(found), NAMES, **options)


def test_persons_only_best_first_as_fractions():
    (found,) = detector().detect([frame(20)])
    assert found.labels == ["person", "person"]
    assert found.scores.dtype == np.float32
    assert found.scores.tolist() == pytest.approx([0.9, 0.6])
    # x of 80, y of 50 pixels.
    assert found.boxes.dtype == np.float64
    assert found.boxes.tolist() == [[0.25, 0.4, 0.75, 0.6], [0.25, 0.0, 0.75, 0.2]]
    assert len(found) == 2


def test_every_class_with_and_without_persons():
    (everything,) = detector(every_class=True).detect([frame(20)])
    assert everything.labels == ["dog", "person", "person", "cup"]
    (things,) = detector(every_class=True, persons=False).detect([frame(20)])
    assert things.labels == ["dog", "cup"]


def test_a_score_at_the_threshold_is_kept():
    (found,) = detector(every_class=True, score=0.5).detect([frame(20)])
    assert found.scores.min() == 0.5


def test_at_most_max_per_frame():
    (found,) = detector(max_per_frame=1).detect([frame(20)])
    assert found.scores.tolist() == pytest.approx([0.9])


def test_boxes_are_clipped_and_those_outside_dropped():
    # Frames 40 pixels wide: the boxes reach to 60; those of the second frame begin at the right edge.
    inside, outside = detector([(1, 0.8)]).detect([frame(20, width=40), frame(40, width=40)])
    assert inside.boxes.tolist() == [[0.5, 0.0, 1.0, 0.2]]
    assert outside.boxes.shape == (0, 4)
    assert outside.scores.shape == (0,)
    assert outside.labels == []


def test_no_boxes_and_no_frames():
    (found,) = detector([]).detect([frame(20)])
    assert found.boxes.shape == (0, 4)
    assert detector().detect([]) == []


def test_one_batch_and_frames_of_several_sizes():
    maker = detector([(1, 0.8)])
    small, large = maker.detect([frame(8, width=80), frame(8, width=160)])
    assert maker.model.batches == [2]
    assert (small.boxes[0, 0], large.boxes[0, 0]) == (0.1, 0.05)


def test_float_frames_are_refused():
    with pytest.raises(ValueError, match="uint8"):
        detector().detect([frame(3).astype(np.float32)])


def test_nothing_to_detect_is_refused():
    with pytest.raises(UserError, match="nothing is left"):
        detector(persons=False)
    with pytest.raises(UserError, match='called "person": 0 __background__, 1 dog'):
        PersonDetector(StubNetwork([]), ["__background__", "dog"])
