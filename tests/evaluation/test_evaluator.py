"""The evaluator's bookkeeping: which boxes and classes count, what the result and its hints say."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
from messages import says

from alphaction.data.annotations import ActionClass, AnnotationTable, LabelMap
from alphaction.data.keyframes import Keyframe
from alphaction.evaluation import (
    AvaEvaluator,
    DetectionRows,
    Predictions,
    format_report,
    metric_names,
    result_to_dict,
    write_json,
)
from alphaction.evaluation.ava_csv import read_detections, write_detections
from alphaction.utils.errors import UserError

LEFT, RIGHT = [0.0, 0.0, 0.5, 1.0], [0.5, 0.0, 1.0, 1.0]
NEAR_LEFT = [0.0, 0.0, 0.45, 1.0]  # IoU 0.9 with LEFT
NEAR_RIGHT = [0.55, 0.0, 1.0, 1.0]
LABEL_MAP = LabelMap(
    (
        ActionClass(1, "stand", "movement"),
        ActionClass(2, "walk", "movement"),
        ActionClass(5, "hold", "object"),
        ActionClass(7, "talk to", "person"),
    )
)


def table(*rows):
    """Rows of (video, second, box, class id)."""
    videos, seconds, boxes, ids = zip(*rows, strict=True)
    return AnnotationTable.from_columns(videos, seconds, np.array(boxes), ids)


TRUTH = table(("v", 1, LEFT, 1), ("v", 1, LEFT, 7), ("v", 1, RIGHT, 2), ("v", 2, LEFT, 1))


def predict(*boxes, ids=LABEL_MAP.ids, keyframes=None):
    """Boxes of (second, box, scores) in video v."""
    keyframes = keyframes or [Keyframe("v", second) for second in dict.fromkeys(entry[0] for entry in boxes)]
    index = [[keyframe.second for keyframe in keyframes].index(entry[0]) for entry in boxes]
    scores = np.array([entry[2] for entry in boxes], np.float32).reshape(len(boxes), len(ids))
    return Predictions(
        keyframes, np.array(index, np.int64), np.array([entry[1] for entry in boxes]), scores, np.array(ids)
    )


PERFECT = predict(
    (1, NEAR_LEFT, [0.9, 0.1, 0.2, 0.9]), (1, NEAR_RIGHT, [0.1, 0.9, 0.2, 0.1]), (2, NEAR_LEFT, [0.8, 0.2, 0.2, 0.2])
)


def hints(result):
    return " ".join(result.hints)


def test_perfect_predictions():
    result = AvaEvaluator(TRUTH, LABEL_MAP).evaluate(PERFECT)
    assert result.mAP == 1
    assert result.per_class == {"stand": 1, "walk": 1, "hold": pytest.approx(math.nan, nan_ok=True), "talk to": 1}
    assert result.per_group == {"movement": 1, "object": pytest.approx(math.nan, nan_ok=True), "person": 1}
    assert result.ground_truth == {"stand": 2, "walk": 1, "hold": 0, "talk to": 1}
    assert result.classes_without_ground_truth == ("hold",)
    per_class = {"AP/stand": 1, "AP/walk": 1, "AP/talk to": 1}
    assert result.metrics() == {"mAP": 1, "mAP/movement": 1, "mAP/person": 1, **per_class}
    assert metric_names(TRUTH, LABEL_MAP) == list(result.metrics())
    assert not result.optimistic
    counts = result.counts
    assert (counts.keyframes, counts.ground_truth_boxes, counts.ground_truth_labels) == (2, 3, 4)
    assert (counts.detection_keyframes, counts.detection_boxes, counts.detections) == (2, 3, 12)
    assert counts.box_recall == 1


def test_group_mean_and_overall_mean_differ():
    swapped = predict(
        (1, NEAR_LEFT, [0.9, 0.9, 0, 0]), (1, NEAR_RIGHT, [0.1, 0.5, 0, 0.9]), (2, NEAR_LEFT, [0.8, 0, 0, 0.1])
    )
    result = AvaEvaluator(TRUTH, LABEL_MAP).evaluate(swapped)
    # walk: wrong, right -> 1/2; talk to: wrong (right box), wrong (second 2), right (score 0) -> 1/3.
    assert result.per_group["movement"] == pytest.approx(0.75)
    assert result.per_group["person"] == pytest.approx(1 / 3)
    assert result.mAP == pytest.approx((1 + 1 / 2 + 1 / 3) / 3)


def test_eval_label_map_chooses_the_classes_that_count():
    counted = LabelMap((ActionClass(1, "stand", "object"), ActionClass(7, "talk to", "object")))
    result = AvaEvaluator(TRUTH, LABEL_MAP, counted).evaluate(PERFECT)
    assert result.per_class == {"stand": 1, "talk to": 1}
    assert result.class_groups == {"stand": "movement", "talk to": "person"}  # as trained, not as listed
    assert result.counts.uncounted_labels == 1
    assert result.counts.uncounted_detections == 6
    assert result.counts.unknown_class_ids == ()


def test_eval_label_map_that_does_not_fit_warns(caplog):
    counted = LabelMap((ActionClass(1, "Stand up", "object"), ActionClass(8, "sing", "object")))
    AvaEvaluator(TRUTH, LABEL_MAP, counted)
    for name in ('"Stand up"', '"stand"', 'Class 8 ("sing")'):
        assert name in caplog.text


def test_unknown_classes_are_counted_and_left_out():
    rows = DetectionRows(
        [Keyframe("v", 1)], [0], [LEFT], np.array([0, 0, 0]), np.array([1, 33, 34]), np.array([0.5, 0.4, 0.3])
    )
    result = AvaEvaluator(TRUTH, LABEL_MAP).evaluate(rows)
    assert result.counts.unknown_class_ids == (33, 34)
    assert result.counts.uncounted_detections == 2
    assert "33, 34)" in hints(result)


def test_empty_boxes_are_left_out():
    first_wrong = (1, [0.5, 0.5, 0.5, 0.5], [1.0, 1.0, 1.0, 1.0])
    parts = zip(PERFECT.keyframe_index + 1, PERFECT.boxes, PERFECT.scores, strict=True)
    result = AvaEvaluator(TRUTH, LABEL_MAP).evaluate(predict(first_wrong, *parts))
    assert result.mAP == 1
    assert result.counts.empty_boxes == 1
    assert "without area (1)" in hints(result)


def test_excluded_keyframes_are_left_out_of_both_sides():
    wrong_at_2 = predict(
        (1, NEAR_LEFT, [0.9, 0, 0, 0.9]), (1, NEAR_RIGHT, [0.1, 0.9, 0, 0]), (2, RIGHT, [1.0, 1, 1, 1])
    )
    assert AvaEvaluator(TRUTH, LABEL_MAP).evaluate(wrong_at_2).mAP < 0.7
    result = AvaEvaluator(TRUTH, LABEL_MAP, exclusions={("v", 2)}).evaluate(wrong_at_2)
    assert result.mAP == 1
    assert result.counts.excluded_boxes == 1
    assert result.ground_truth["stand"] == 1


def test_detections_at_keyframes_without_ground_truth_are_false_positives():
    found = predict((9, LEFT, [0.95, 0.0, 0, 0]), (1, NEAR_LEFT, [0.9, 0, 0, 0]), (2, NEAR_LEFT, [0.8, 0, 0, 0]))
    result = AvaEvaluator(TRUTH, LABEL_MAP).evaluate(found)
    assert result.per_class["stand"] == pytest.approx(2 / 3)
    assert result.counts.first_without_ground_truth == Keyframe("v", 9)
    for part in ("1 of 3 keyframes with detections", "v, second 9"):
        assert part in hints(result)


def test_keyframes_without_detections_are_counted():
    found = predict((1, NEAR_LEFT, [0.9, 0, 0, 0]), keyframes=[Keyframe("v", 2), Keyframe("v", 1)])
    result = AvaEvaluator(TRUTH, LABEL_MAP).evaluate(found)
    assert result.counts.keyframes_without_detections == 1
    assert result.counts.first_without_detections == Keyframe("v", 2)
    assert result.counts.box_recall == pytest.approx(1 / 3)
    for part in (
        "1 of 2 ground-truth keyframes",
        "v, second 2",
        "1 of 3 ground-truth boxes (33.3%)",
        "TEST.BOX_THRESH",
    ):
        assert part in hints(result)


def test_dense_and_sparse_forms_agree():
    rng = np.random.default_rng(0)
    videos, seconds = ["v", "w"], range(20)
    labels = [(str(rng.choice(videos)), int(rng.choice(seconds)), int(rng.choice(LABEL_MAP.ids))) for _ in range(60)]
    boxes = np.sort(rng.random((60, 2, 2)), axis=1).reshape(60, 4)
    truth = table(
        *((video, second, box, class_id) for (video, second, class_id), box in zip(labels, boxes, strict=True))
    )
    keyframes = [Keyframe(video, second) for video in videos for second in seconds]
    index = np.array([keyframes.index(Keyframe(video, second)) for video, second, _ in labels])
    scores = rng.random((60, 4)).astype(np.float32)
    dense = Predictions(keyframes, index, boxes + 0.01, scores, np.array(LABEL_MAP.ids))
    shuffle = rng.permutation(240)
    sparse = DetectionRows(
        keyframes,
        index,
        boxes + 0.01,
        np.repeat(np.arange(60), 4)[shuffle],
        np.tile(LABEL_MAP.ids, 60)[shuffle],
        scores.reshape(-1)[shuffle],
    )
    evaluator = AvaEvaluator(truth, LABEL_MAP)
    assert evaluator.evaluate(dense) == evaluator.evaluate(sparse)
    assert 0 < evaluator.evaluate(dense).mAP < 1


@pytest.mark.parametrize("declared", [True, False])
def test_ground_truth_boxes_make_the_result_optimistic(declared):
    boxes = (NEAR_LEFT, NEAR_RIGHT) if declared else (LEFT, RIGHT)
    found = predict((1, boxes[0], [0.9, 0.1, 0.2, 0.9]), (1, boxes[1], [0.1, 0.9, 0.2, 0.1]))
    result = AvaEvaluator(TRUTH, LABEL_MAP).evaluate(found, ground_truth_boxes=declared)
    assert result.optimistic
    assert "OPTIMISTIC" in format_report(result)
    assert result_to_dict(result)["optimistic"] is True
    assert result.hints[0].startswith("Optimistic")


def test_keyframes_that_never_match_stop():
    evaluator = AvaEvaluator(TRUTH, LABEL_MAP)
    other_video = Predictions([Keyframe("v.mp4", 1)], [0], [LEFT], np.ones((1, 4)), np.array(LABEL_MAP.ids))
    with pytest.raises(UserError, match=r'"v\.mp4", second 1.* "v", second 1'):
        evaluator.evaluate(other_video)
    with pytest.raises(UserError, match='"v" is at seconds 1 to 2'):
        evaluator.evaluate(predict((1000, LEFT, [1, 1, 1, 1])))


def test_nothing_to_evaluate_against():
    with pytest.raises(UserError, match="4 labels in 2 keyframes"):
        AvaEvaluator(TRUTH, LabelMap((ActionClass(40, "sing", "person"),)))


def test_a_keyframe_twice_is_a_mistake_of_the_caller():
    twice = Predictions([Keyframe("v", 1)] * 2, [0, 1], [LEFT, LEFT], np.ones((2, 4)), np.array(LABEL_MAP.ids))
    with pytest.raises(ValueError, match=r"\('v', 1\)"):
        AvaEvaluator(TRUTH, LABEL_MAP).evaluate(twice)


def test_no_detections():
    result = AvaEvaluator(TRUTH, LABEL_MAP).evaluate(
        Predictions.from_clips([Keyframe("v", 1)], [np.zeros((0, 4))], [np.zeros((0, 4))], LABEL_MAP.ids)
    )
    assert result.mAP == 0
    assert not result.optimistic
    assert "no detections" in hints(result)
    json.dumps(result_to_dict(result), allow_nan=False)


@pytest.mark.parametrize(
    ("found", "hint"),
    [
        (predict((1, [0.9, 0.9, 1, 1], [1, 0.5, 1, 1])), "x1,y1,x2,y2"),
        (predict((1, [10, 10, 50, 60], [1, 0.5, 1, 1])), "coordinate is 60"),
        (predict((1, NEAR_LEFT, [0.5] * 4), (2, NEAR_LEFT, [0.5] * 4)), "score is 0.5"),
        (predict((1, NEAR_LEFT, [12, 12, 12, 13])), "up to 13"),
        (predict((1, NEAR_LEFT, [0.5, 0.4]), ids=(50, 51)), "of a class"),
    ],
)
def test_hints_name_the_reason(found, hint):
    assert hint in hints(AvaEvaluator(TRUTH, LABEL_MAP).evaluate(found))


def test_hint_for_right_boxes_with_wrong_classes():
    seconds = range(1, 101)
    truth = table(*(("v", second, LEFT, 1) for second in seconds))
    # The true class ranks last at every keyframe with a person; a crowd of strays fills the top.
    strays = [(second, NEAR_RIGHT, [0.9 + second / 1e4] + [0] * 3) for second in seconds for _ in range(30)]
    found = predict(*strays, *((second, NEAR_LEFT, [second / 1e4] + [0] * 3) for second in seconds))
    result = AvaEvaluator(truth, LABEL_MAP).evaluate(found)
    assert 0 < result.mAP < 0.05
    assert "100.0% of the persons" in hints(result)


def test_report_and_json(tmp_path):
    result = AvaEvaluator(TRUTH, LABEL_MAP).evaluate(PERFECT)
    text = format_report(result)
    says(
        text,
        "stand    movement        2  1.0000",
        "(1): hold",
        "12 detections (3 boxes, 2 keyframes)",
        "4 labels (3 boxes, 2 keyframes)",
        "mAP movement   1.0000  (mean of 2 classes)",
        "mAP object     no ground truth",
        "mAP at IoU 0.5  1.0000  (mean of 3 classes)",
    )
    write_json(tmp_path / "deep" / "result.json", result)
    data = json.loads((tmp_path / "deep" / "result.json").read_text())
    assert data["mAP"] == 1
    assert data["per_class"] == {"stand": 1, "walk": 1, "hold": None, "talk to": 1}
    assert data["per_group"] == {"movement": 1, "object": None, "person": 1}
    assert data["box_recall"] == 1
    assert data["counts"]["detections"] == 12


def test_label_map_without_types_has_no_groups():
    untyped = LabelMap(LABEL_MAP.classes, untyped=LABEL_MAP.ids)
    result = AvaEvaluator(TRUTH, untyped).evaluate(PERFECT)
    assert result.per_group == {"ungrouped": 1}
    assert list(result.metrics()) == metric_names(TRUTH, untyped) == ["mAP", "AP/stand", "AP/walk", "AP/talk to"]
    assert "mAP ungrouped" not in format_report(result)


def test_iou_threshold_is_checked():
    with pytest.raises(ValueError, match="iou_threshold is 50"):
        AvaEvaluator(TRUTH, LABEL_MAP, iou_threshold=50)


def test_keyframes_between_seconds_are_keyframes_of_their_own(tmp_path):
    """Worked by hand: at 1.5 s "stand" is right and first of three, "walk" is right behind a wrong one at 1 s."""
    truth = table(("v", 1, LEFT, 1), ("v", 1.5, LEFT, 1), ("v", 1.5, RIGHT, 2))
    found = predict(
        (1, NEAR_LEFT, [0.7, 0.9, 0, 0]), (1.5, NEAR_LEFT, [0.9, 0, 0, 0]), (1.5, NEAR_RIGHT, [0.8, 0.6, 0, 0])
    )
    write_detections(tmp_path / "results.csv", found)
    read = read_detections(tmp_path / "results.csv")
    assert read.keyframes == (("v", 1), ("v", 1.5))
    assert "\nv,0001.500,0.550000,0.000000,1.000000,1.000000,2," in (tmp_path / "results.csv").read_text()
    for detections in (found, read):
        result = AvaEvaluator(truth, LABEL_MAP).evaluate(detections)
        # stand: right, wrong, right, with precision 1 and 2/3 where recall grows by 1/2 each; walk: wrong, right.
        assert result.per_class["stand"] == pytest.approx((1 + 2 / 3) / 2)
        assert result.per_class["walk"] == pytest.approx(1 / 2)
        assert (result.counts.keyframes, result.counts.keyframes_without_detections) == (2, 0)
    without = AvaEvaluator(truth, LABEL_MAP, exclusions=[("v", 1.5)]).evaluate(found)
    assert without.counts.excluded_boxes == 2
    assert without.per_class["stand"] == 1
