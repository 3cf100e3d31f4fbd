"""AP against cases worked out by hand and against a slow implementation that follows the protocol word by word."""

from __future__ import annotations

import numpy as np
import pytest

from alphaction.data.keyframes import Keyframe
from alphaction.evaluation import average_precision as module
from alphaction.evaluation.average_precision import (
    GroundTruth,
    average_precision,
    box_iou,
    find_overlaps,
    ranked_average_precision,
    ranking,
)
from alphaction.evaluation.detections import DetectionRows

LEFT = [0.0, 0.0, 0.5, 1.0]
RIGHT = [0.5, 0.0, 1.0, 1.0]


def ground_truth(rows):
    """Rows of (keyframe, box, class), ascending by keyframe; every row is a box of its own."""
    return GroundTruth(
        np.array([row[0] for row in rows], np.int64),
        np.array([row[1] for row in rows], np.float64).reshape(-1, 4),
        np.arange(len(rows)),
        np.array([row[2] for row in rows], np.int64),
    )


def detections(rows, num_keyframes=3):
    """Rows of (keyframe, box, class, score)."""
    return DetectionRows(
        [Keyframe("video", second) for second in range(num_keyframes)],
        np.array([row[0] for row in rows], np.int64),
        np.array([row[1] for row in rows], np.float64).reshape(-1, 4),
        np.arange(len(rows)),
        np.array([row[2] for row in rows], np.int64),
        np.array([row[3] for row in rows], np.float64),
    )


def evaluate(truth, found, class_ids=(1,), threshold=0.5, num_keyframes=3):
    truth, found = ground_truth(truth), detections(found, num_keyframes)
    overlaps = find_overlaps(truth, found.keyframe_index, found.boxes, threshold)
    return average_precision(truth, found, overlaps, class_ids)


def ap(truth, found, **kwargs):
    return evaluate(truth, found, **kwargs).ap[0]


def test_perfect_detections_score_one():
    assert (
        ap([(0, LEFT, 1), (0, RIGHT, 1), (1, LEFT, 1)], [(0, LEFT, 1, 0.9), (0, RIGHT, 1, 0.1), (1, LEFT, 1, 0.5)]) == 1
    )


def test_false_positive_ahead_halves_precision():
    assert ap([(0, LEFT, 1)], [(0, RIGHT, 1, 0.9), (0, LEFT, 1, 0.8)]) == 0.5


def test_false_positive_behind_costs_nothing():
    assert ap([(0, LEFT, 1)], [(0, LEFT, 1, 0.8), (0, RIGHT, 1, 0.7)]) == 1


def test_precision_is_the_highest_at_any_greater_recall():
    # Ranks: wrong, right, right. Precision 1/2 at recall 1/3 is lifted to the 2/3 that follows; recall 1 is missed.
    truth = [(0, LEFT, 1), (1, LEFT, 1), (2, LEFT, 1)]
    found = [(0, RIGHT, 1, 0.9), (0, LEFT, 1, 0.8), (1, LEFT, 1, 0.7)]
    assert ap(truth, found) == pytest.approx(2 / 3 * 2 / 3, abs=1e-15)


def test_second_detection_of_a_box_is_a_false_positive():
    truth = [(0, LEFT, 1), (1, LEFT, 1)]
    found = [(0, LEFT, 1, 0.9), (0, LEFT, 1, 0.8), (1, LEFT, 1, 0.7)]
    assert ap(truth, found) == pytest.approx(0.5 * 1 + 0.5 * 2 / 3)


def test_a_taken_box_is_not_traded_for_a_free_one():
    # Both detections overlap A most; the second would also reach B with IoU 0.5 or more, which the protocol denies it.
    a, b, both = [0, 0, 0.6, 1], [0, 0, 0.9, 1], [0, 0, 0.65, 1]
    assert box_iou(np.array([both]), np.array([b]))[0] > 0.5
    assert ap([(0, a, 1), (0, b, 1)], [(0, a, 1, 0.9), (0, both, 1, 0.8)]) == 0.5


def test_iou_of_exactly_one_half_is_enough():
    whole = [0.0, 0.0, 1.0, 1.0]
    assert ap([(0, whole, 1)], [(0, LEFT, 1, 0.9)]) == 1
    assert ap([(0, whole, 1)], [(0, [0, 0, 0.4999, 1], 1, 0.9)]) == 0


def test_threshold_is_honored():
    assert ap([(0, [0, 0, 1, 1], 1)], [(0, LEFT, 1, 0.9)], threshold=0.6) == 0


def test_a_box_only_counts_in_its_keyframe_and_class():
    truth = [(0, LEFT, 1), (0, RIGHT, 2)]
    assert ap(truth, [(1, LEFT, 1, 0.9)]) == 0
    assert ap(truth, [(0, LEFT, 2, 0.9)]) == 0
    assert ap(truth, [(0, RIGHT, 1, 0.9), (0, LEFT, 1, 0.8)]) == 0.5


def test_missing_and_absent_classes():
    scores = evaluate([(0, LEFT, 1)], [(0, LEFT, 3, 0.9)], class_ids=(1, 2, 3))
    assert scores.ap[0] == 0
    assert np.isnan(scores.ap[1:]).all()
    assert scores.num_ground_truth.tolist() == [1, 0, 0]
    assert scores.num_detections.tolist() == [0, 0, 1]


def test_no_detections_at_all():
    assert ap([(0, LEFT, 1)], []) == 0


def test_equal_scores_keep_their_order():
    truth = [(0, LEFT, 1)]
    assert ap(truth, [(0, LEFT, 1, 0.5), (0, RIGHT, 1, 0.5)]) == 1
    assert ap(truth, [(0, RIGHT, 1, 0.5), (0, LEFT, 1, 0.5)]) == 0.5


def test_empty_boxes_overlap_nothing():
    point, inside_out = [0.5, 0.5, 0.5, 0.5], [0.9, 0.9, 0.1, 0.1]
    pairs = np.array([point, inside_out, inside_out, point]), np.array([point, inside_out, [0, 0, 1, 1], [0, 0, 1, 1]])
    assert box_iou(*pairs).tolist() == [0, 0, 0, 0]


def test_ranked_average_precision_by_hand():
    # Ranks: hit a, miss, hit a again, hit b; four boxes to find. Precision 1 and 2/4.
    scores, target = np.array([0.2, 0.9, 0.4, 0.6]), np.array([7, 3, 3, -1])
    assert ranked_average_precision(scores, target, 4) == pytest.approx((1 + 0.5) / 4)


def brute_force(truth, found, class_id):
    """The protocol as a loop over detections."""
    truth = [row for row in truth if row[2] == class_id]
    if not truth:
        return np.nan
    matched, right = set(), []
    for keyframe, box, _, _ in sorted((row for row in found if row[2] == class_id), key=lambda row: -row[3]):
        best, best_iou = None, 0.0
        for index, (other_keyframe, other, _) in enumerate(truth):
            if keyframe == other_keyframe:
                width = max(0.0, min(box[2], other[2]) - max(box[0], other[0]))
                height = max(0.0, min(box[3], other[3]) - max(box[1], other[1]))
                areas = [(b[2] - b[0]) * (b[3] - b[1]) for b in (box, other)]
                iou = width * height / (sum(areas) - width * height)
                if iou > best_iou:
                    best, best_iou = index, iou
        hit = best_iou >= 0.5 and best not in matched
        if hit:
            matched.add(best)
        right.append(hit)
    area = 0.0
    for rank, hit in enumerate(right):
        if hit:
            precisions = [sum(right[: end + 1]) / (end + 1) for end in range(rank, len(right))]
            area += max(precisions) / len(truth)
    return area


@pytest.mark.parametrize("seed", range(8))
def test_agrees_with_brute_force_on_random_data(seed, monkeypatch):
    monkeypatch.setattr(module, "_PAIRS_AT_ONCE", 7)  # many chunks
    rng = np.random.default_rng(seed)

    def random_box():
        # A coarse grid makes equal IoUs, exact halves and duplicates common.
        x1, y1 = rng.integers(0, 4, 2)
        return [x1 / 8, y1 / 8, (x1 + rng.integers(1, 5)) / 8, (y1 + rng.integers(1, 5)) / 8]

    truth = sorted((int(rng.integers(3)), random_box(), int(rng.integers(1, 4))) for _ in range(40))
    scores = rng.permutation(150) / 150
    found = [(int(rng.integers(4)), random_box(), int(rng.integers(1, 5)), float(score)) for score in scores]
    result = evaluate(truth, found, class_ids=(1, 2, 3, 4), num_keyframes=4)
    expected = [brute_force(truth, found, class_id) for class_id in (1, 2, 3, 4)]
    np.testing.assert_allclose(result.ap, expected, atol=1e-12)
    assert (result.ap[:3] > 0).any()


def test_boxes_with_several_labels_belong_to_each():
    truth = GroundTruth(np.array([0, 0]), np.array([LEFT, RIGHT]), np.array([0, 0, 1]), np.array([1, 2, 2]))
    found = detections([(0, LEFT, 1, 0.9), (0, LEFT, 2, 0.8), (0, RIGHT, 2, 0.7), (0, RIGHT, 1, 0.95)])
    overlaps = find_overlaps(truth, found.keyframe_index, found.boxes)
    assert average_precision(truth, found, overlaps, (1, 2)).ap.tolist() == [0.5, 1.0]
    assert overlaps.detection.tolist() == [0, 1, 2, 3]
    assert overlaps.ground_truth.tolist() == [0, 0, 1, 1]


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("decimals", [1, 3, 9])
@pytest.mark.parametrize("count", [0, 1, 2, 17, 5000])
def test_ranks_are_those_of_a_stable_sort(count, decimals, dtype):
    scores = np.round(np.random.default_rng(count).random(count) - 0.5, decimals).astype(dtype)  # 0 and -0 are equal
    np.testing.assert_array_equal(ranking(scores), np.argsort(-scores, kind="stable"))
