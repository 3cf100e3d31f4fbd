"""Thresholds chosen on detections: best F1, a wanted precision, rare classes, and videos that did not choose."""

from __future__ import annotations

import numpy as np
import pytest

from alphaction.data.annotations import ActionClass, AnnotationTable, LabelMap
from alphaction.data.keyframes import Keyframe
from alphaction.evaluation import AvaEvaluator, DetectionRows
from alphaction.evaluation.analysis import analyze
from alphaction.evaluation.thresholds import Measured, ScoredDetections, choose_thresholds, measure_on_others
from alphaction.utils.errors import DataError

BOX = [0.1, 0.1, 0.5, 0.9]
LABEL_MAP = LabelMap((ActionClass(1, "sit", "movement"), ActionClass(2, "run", "object")))


def world(truth, scores, videos=("v",)):
    """Per class id: whether the person at each second does it, and the score; repeated in each video."""
    rows = [
        (video, second, class_id if does else -1)
        for video in videos
        for class_id, labels in truth.items()
        for second, does in enumerate(labels)
    ]
    names, seconds, ids = zip(*rows, strict=True)
    annotations = AnnotationTable.from_columns(names, seconds, np.tile(BOX, (len(rows), 1)), ids)
    length = len(next(iter(scores.values())))
    keyframes = [Keyframe(video, second) for video in videos for second in range(length)]
    flat = [
        (place * length + second, class_id, score)
        for place, _ in enumerate(videos)
        for class_id, column in scores.items()
        for second, score in enumerate(column)
    ]
    box, class_ids, values = (np.array(column) for column in zip(*flat, strict=True))
    boxes = np.tile(BOX, (len(keyframes), 1))
    return annotations, DetectionRows(keyframes, np.arange(len(keyframes)), boxes, box, class_ids, values)


def scored(annotations, detections):
    return ScoredDetections.of(AvaEvaluator(annotations, LABEL_MAP), detections)


SIT = [1, 1, 0, 1, 0, 0]
SIT_SCORES = [0.9, 0.8, 0.7, 0.5, 0.2, 0.1]


def test_best_f1_lies_between_two_scores():
    found = scored(*world({1: SIT, 2: [1] * 6}, {1: SIT_SCORES, 2: [0.6] * 6}))
    sit, run = choose_thresholds(found, min_labels=1).classes
    # From 0.5 on: 3 of 4 right, all 3 found.
    assert sit.point.threshold == pytest.approx(0.35)
    assert (sit.point.precision, sit.point.recall) == (0.75, 1.0)
    assert sit.point.f1 == pytest.approx(6 / 7)
    # No lower score: a hair below, as a file may round it.
    assert 0.59999 < run.point.threshold < 0.6
    assert run.point.f1 == 1.0


def test_a_wanted_precision_at_the_highest_recall():
    annotations, detections = world({1: SIT, 2: [1] * 6}, {1: SIT_SCORES, 2: [0.6] * 6})
    choice = choose_thresholds(scored(annotations, detections), precision=0.9, min_labels=1)
    assert choice.classes[0].point.threshold == pytest.approx(0.75)
    assert (choice.classes[0].point.precision, choice.classes[0].point.recall) == (1.0, 2 / 3)
    assert choice.classes[0].reached


def test_a_precision_out_of_reach_gives_the_highest_one():
    annotations, detections = world({1: [0, 1, 1, 0], 2: [1] * 4}, {1: [0.9, 0.8, 0.7, 0.6], 2: [0.6] * 4})
    sit = choose_thresholds(scored(annotations, detections), precision=0.9, min_labels=1).classes[0]
    assert not sit.reached
    assert sit.point.threshold == pytest.approx(0.65)
    assert sit.point.precision == pytest.approx(2 / 3)


def test_a_class_with_few_labels_gets_that_of_all_together():
    annotations, detections = world(
        {1: SIT * 4, 2: [0] * 22 + [1, 1]}, {1: SIT_SCORES * 4, 2: [0.01] * 22 + [0.05] * 2}
    )
    choice = choose_thresholds(scored(annotations, detections), min_labels=3)
    sit, run = choice.classes
    assert (sit.own, run.own) == (True, False)
    assert run.point.threshold == choice.together == pytest.approx(0.35)
    assert run.labels == 2
    assert choose_thresholds(scored(annotations, detections), min_labels=2).classes[1].own


def test_a_class_without_a_right_detection_gets_that_of_all_together():
    annotations, detections = world({1: SIT, 2: [1] * 6}, {1: SIT_SCORES, 2: []})
    sit, run = choose_thresholds(scored(annotations, detections), min_labels=1).classes
    assert (sit.own, run.own) == (True, False)


def test_nothing_right_is_refused():
    annotations, detections = world({1: [1, 0], 2: [0, 0]}, {1: [0.5, 0.4]})
    moved = DetectionRows(
        detections.keyframes, detections.keyframe_index, detections.boxes + 0.5, detections.box_index,
        detections.row_class_ids, detections.scores,
    )  # fmt: skip
    with pytest.raises(DataError, match="not one detection is right"):
        choose_thresholds(scored(annotations, moved), min_labels=1)


def test_scores_that_are_no_probabilities_are_refused():
    with pytest.raises(DataError, match="no probabilities"):
        scored(*world({1: [1, 0], 2: [0, 0]}, {1: [5.0, 0.4]}))


def test_f1_at_the_thresholds_is_the_best_of_the_curves():
    rng = np.random.default_rng(0)
    truth = {1: rng.random(60) < 0.4, 2: rng.random(60) < 0.2}
    scores = {key: np.clip(rng.random(60) * 0.7 + 0.3 * does, 0, 1) for key, does in truth.items()}
    annotations, detections = world(truth, scores)
    found = scored(annotations, detections)
    choice = choose_thresholds(found, min_labels=1)
    curves = analyze(annotations, LABEL_MAP, detections).curves
    assert [each.point.f1 for each in choice.classes] == pytest.approx([curve.best.f1 for curve in curves])
    measured = Measured.of(found, choice.values)
    assert measured.f1 == pytest.approx(np.mean([curve.best.f1 for curve in curves]))
    # Stored thresholds judge an analysis, too.
    limits = {each.name: each.point.threshold for each in choice.classes}
    again = analyze(annotations, LABEL_MAP, detections, thresholds=limits)
    right = [again.confusion.counts[k, k] for k in range(2)]
    assert right == [round(each.point.recall * each.labels) for each in choice.classes]
    assert measured.recall == pytest.approx(sum(right) / sum(each.labels for each in choice.classes))
    assert measured.precision == pytest.approx(sum(right) / again.confusion.counts[:, :2].sum())


def test_measured_on_videos_that_did_not_choose():
    # Both videos alike: what is best on one is best on the other, and 0.95 for all finds nothing.
    annotations, detections = world({1: SIT, 2: [1] * 6}, {1: SIT_SCORES, 2: [0.6] * 6}, videos=("a", "b"))
    evaluator = AvaEvaluator(annotations, LABEL_MAP)
    own, fixed = measure_on_others(evaluator, detections, fixed=0.95, precision=None, min_labels=2)
    assert own.f1 == pytest.approx((6 / 7 + 1) / 2)
    assert (fixed.f1, fixed.precision, fixed.recall) == (0.0, 0.0, 0.0)
    assert own.classes == 2


def test_one_video_cannot_be_measured_on_another():
    annotations, detections = world({1: SIT, 2: [1] * 6}, {1: SIT_SCORES, 2: [0.6] * 6})
    evaluator = AvaEvaluator(annotations, LABEL_MAP)
    assert measure_on_others(evaluator, detections, fixed=0.3, precision=None, min_labels=1) is None
