"""Recall of annotated boxes by detections, and the score threshold that it suggests."""

from __future__ import annotations

import numpy as np
import pytest

from alphaction.data.annotations import NO_CLASS, ActionClass, AnnotationTable, BoxTable, LabelMap
from alphaction.evaluation import AvaEvaluator, DetectionRows
from alphaction.evaluation.recall import Recall, best_scores

CLASSES = LabelMap(tuple(ActionClass(number, name, "movement") for number, name in enumerate("abc", start=1)))
BOX, ELSEWHERE = [0.1, 0.1, 0.3, 0.5], [0.6, 0.6, 0.9, 0.9]


def in_seconds(boxes, class_ids=None) -> AnnotationTable:
    """Return one box in each second of a video."""
    count = len(boxes)
    return AnnotationTable.from_columns(["v"] * count, np.arange(count), np.array(boxes),
                                        np.ones(count) if class_ids is None else class_ids)  # fmt: skip


def detected(boxes, scores, seconds=None) -> BoxTable:
    seconds = np.arange(len(boxes)) if seconds is None else seconds
    return BoxTable.from_columns(["v"] * len(boxes), seconds, np.array(boxes), scores)


def test_half_an_overlap_is_enough_and_other_keyframes_do_not_count():
    truth = [[0.0, 0.0, 0.5, 0.5], [0.5, 0.5, 1.0, 1.0], [0.0, 0.0, 0.5, 0.5]]
    annotations = AnnotationTable.from_columns(["a", "a", "b"], [1, 1, 2], np.array(truth), [1, 1, 1])
    # Of the first box a half is covered, of the second a quarter; video b has no detection.
    boxes = np.array([[0.0, 0.0, 0.5, 0.25], [0.5, 0.5, 0.75, 0.75], [0.0, 0.0, 0.5, 0.5]])
    recall = Recall.of(annotations, BoxTable.from_columns(["a", "a", "a"], [1, 1, 2], boxes, [0.9, 0.8, 0.7]))
    assert (recall.found(), recall.total, recall.at()) == (1, 3, pytest.approx(1 / 3))
    assert recall.best.tolist() == [pytest.approx(0.9), -1, -1]


def test_the_best_of_several_detections_counts_and_thresholds_are_compared_as_scores_are_kept():
    recall = Recall.of(in_seconds([BOX]), detected([BOX, BOX], [0.3, 0.7], [0, 0]))
    assert (recall.at(0.7), recall.at(0.71)) == (1.0, 0.0)


def test_shifted_and_replaced_boxes():
    annotations, detections = in_seconds([BOX, ELSEWHERE]), detected([BOX, ELSEWHERE], [0.5, 0.5], [1, 2])
    assert (best_scores(annotations, detections) >= 0).tolist() == [False, False]
    assert (best_scores(annotations, detections, shift=-1) >= 0).tolist() == [True, True]
    swapped = np.array([ELSEWHERE, BOX])
    assert (best_scores(annotations, detections, annotated=swapped) >= 0).tolist() == [False, True]
    assert (best_scores(annotations, detections, detected=swapped) >= 0).tolist() == [False, True]


def test_boxes_without_action_count_only_where_no_box_has_one():
    boxes = [BOX] * 3
    detections = detected([ELSEWHERE, BOX, BOX], [0.9, 0.9, 0.9])
    some = in_seconds(boxes, [1, 1, NO_CLASS])
    assert (Recall.of(some, detections).found(), Recall.of(some, detections).total) == (1, 2)
    nothing = in_seconds(boxes, [NO_CLASS] * 3)
    assert (Recall.of(nothing, detections).found(), Recall.of(nothing, detections).total) == (2, 3)


def test_it_is_the_evaluation_s_recall_of_boxes():
    rng = np.random.default_rng(0)
    corner = rng.uniform(0, 0.5, (300, 2))
    boxes = np.concatenate([corner, corner + rng.uniform(0.1, 0.4, (300, 2))], axis=1)
    annotations = AnnotationTable.from_columns(["v"] * 300, rng.integers(0, 60, 300), boxes,
                                               rng.choice([NO_CLASS, 1, 2], 300))  # fmt: skip
    detections = detected(boxes + rng.normal(0, 0.03, boxes.shape), rng.uniform(0, 1, 300), rng.integers(0, 60, 300))
    recall = Recall.of(annotations, detections)
    rows = DetectionRows(detections.keyframes, detections.keyframe_of_box(), detections.boxes,
                         np.arange(300), np.ones(300), detections.scores)  # fmt: skip
    counts = AvaEvaluator(annotations, CLASSES).evaluate(rows).counts
    assert 0 < recall.at() < 1
    assert (recall.at(), recall.total) == (counts.box_recall, counts.ground_truth_boxes)


def test_recall_of_each_class():
    annotations = in_seconds([BOX] * 4, [1, 1, 3, 3])
    recall = Recall.of(annotations, detected([ELSEWHERE, BOX, BOX, BOX], [0.9, 0.9, 0.2, 0.9]))
    np.testing.assert_equal(recall.per_class(CLASSES), [0.5, np.nan, 1.0])
    np.testing.assert_equal(recall.per_class(CLASSES, 0.5), [0.5, np.nan, 0.5])


def test_the_threshold_keeps_nearly_every_box_that_is_found():
    annotations, scores = in_seconds([BOX] * 200), np.full(200, 0.9)
    scores[:2] = 0.3  # 1% may be lost
    scores[2:10] = 0.72
    recall = Recall.of(annotations, detected([BOX] * 200, scores))
    assert (recall.threshold(), recall.at(0.7)) == (0.7, 0.99)
    scores[:3] = 0.3  # 1.5% may not
    assert Recall.of(annotations, detected([BOX] * 200, scores)).threshold() == 0.3
    # The share is of what is found, however little that is.
    assert Recall.of(annotations, detected([BOX] * 10, [0.12, *[0.92] * 9])).threshold() == 0.1
    assert Recall.of(annotations, detected([BOX], [0.01])).threshold() == 0.0
    assert Recall.of(annotations, detected([ELSEWHERE], [0.9])).threshold() == 0.0


def test_every_box_finds_itself_in_a_large_table():
    rng, count = np.random.default_rng(0), 100_000
    boxes, seconds = np.tile(BOX, (count, 1)) + rng.uniform(0, 0.4, (count, 1)), rng.integers(0, 30_000, count)
    annotations = AnnotationTable.from_columns(["v"] * count, seconds, boxes, np.ones(count))
    detections = detected(boxes, rng.uniform(0, 1, count), seconds)
    assert Recall.of(annotations, detections).at() == 1
