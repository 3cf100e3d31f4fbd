"""The two forms of scored boxes."""

from __future__ import annotations

import numpy as np
import pytest

from alphaction.data.keyframes import Keyframe
from alphaction.evaluation import DetectionRows, Predictions
from alphaction.utils.errors import UserError

KEYFRAMES = [Keyframe("a", 1), Keyframe("a", 2), Keyframe("b", 1)]
BOXES = np.array([[0, 0, 1, 1], [0, 0, 0.5, 1], [0.5, 0, 1, 1]])


def predictions(scores=None):
    scores = np.arange(6, dtype=np.float32).reshape(3, 2) / 10 if scores is None else scores
    return Predictions(KEYFRAMES, np.array([0, 0, 2]), BOXES, scores, np.array([5, 9]))


def rows():
    return DetectionRows(
        KEYFRAMES,
        np.array([0, 0, 2]),
        BOXES,
        np.array([0, 0, 1, 2]),
        np.array([5, 9, 9, 5]),
        np.array([0.1, 0.2, 0.3, 0.4]),
    )


def test_from_clips_keeps_clips_without_boxes():
    clips = [np.zeros((0, 4)), BOXES[:2], BOXES[2:]]
    scores = [np.zeros((0, 2), np.float32), np.ones((2, 2), np.float32), np.zeros((1, 2), np.float32)]
    joined = Predictions.from_clips(KEYFRAMES, clips, scores, (5, 9))
    assert joined.keyframe_index.tolist() == [1, 1, 2]
    assert joined.scores[:, 0].tolist() == [1, 1, 0]
    assert joined.scores.dtype == np.float32
    np.testing.assert_array_equal(joined.boxes, BOXES)
    assert Predictions.from_clips([], [], [], (5, 9)).scores.shape == (0, 2)


def test_scores_of_a_class():
    boxes, scores = predictions().scores_of(9)
    assert boxes.tolist() == [0, 1, 2]
    np.testing.assert_allclose(scores, [0.1, 0.3, 0.5])
    boxes, scores = rows().scores_of(9)
    assert boxes.tolist() == [0, 1]
    assert scores.tolist() == [0.2, 0.3]
    assert len(predictions().scores_of(7)[0]) == len(rows().scores_of(7)[0]) == 0


def test_rows_per_class_and_range():
    assert predictions().rows_per_class() == {5: 3, 9: 3}
    assert rows().rows_per_class() == {5: 2, 9: 2}
    assert rows().score_range() == (0.1, 0.4)


def test_select():
    keep = np.array([True, False, True])
    picked = predictions().select(keep)
    assert picked.keyframe_index.tolist() == [0, 2]
    np.testing.assert_allclose(picked.scores[:, 0], [0, 0.4])
    picked = rows().select(keep)
    assert picked.box_index.tolist() == [0, 0, 1]
    assert picked.row_class_ids.tolist() == [5, 9, 5]
    assert picked.scores.tolist() == [0.1, 0.2, 0.4]
    np.testing.assert_array_equal(picked.boxes, BOXES[keep])


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_scores_that_are_no_numbers_stop(bad):
    scores = np.zeros((3, 2), np.float32)
    scores[2, 1] = bad
    with pytest.raises(UserError, match="1 of 3 .* b, second 1"):
        predictions(scores)


def test_boxes_that_are_no_numbers_stop():
    boxes = BOXES.copy()
    boxes[1, 2] = np.nan
    with pytest.raises(UserError, match=r"1 of 3 .*boxes .* a, second 1"):
        Predictions(KEYFRAMES, np.array([0, 0, 2]), boxes, np.zeros((3, 1)), np.array([5]))


def test_shapes_are_checked():
    with pytest.raises(ValueError, match=r"\(3, 1\).*\(3, 2\)"):
        predictions(np.zeros((3, 1)))
    with pytest.raises(ValueError, match="twice"):
        Predictions(KEYFRAMES, np.array([0, 0, 2]), BOXES, np.zeros((3, 2)), np.array([5, 5]))
    with pytest.raises(ValueError, match="2 .* 3 boxes"):
        Predictions(KEYFRAMES, np.array([0, 0]), BOXES, np.zeros((3, 2)), np.array([5, 9]))


def test_scores_below_a_threshold_leave_the_predictions():
    predictions = Predictions(
        [Keyframe("a", 1)], np.array([0, 0]), np.tile([0.0, 0.0, 1.0, 1.0], (2, 1)),
        np.array([[0.9, 0.1], [0.2, 0.05]]), np.array([3, 7]),
    )  # fmt: skip
    assert predictions.above(0.05) is predictions
    rows = predictions.above(0.1)
    assert list(zip(rows.box_index, rows.row_class_ids, rows.scores, strict=True)) == [
        (0, 3, 0.9),
        (0, 7, 0.1),
        (1, 3, 0.2),
    ]
    assert len(predictions.above(1.0).scores) == 0
