"""Video-mAP: cases worked out by hand, and a second, slow implementation on random tubes."""

from __future__ import annotations

import numpy as np
import pytest
from evaluation.tubes.slow_tubes import slow_ap, slow_tube_iou
from hypothesis import given, settings
from hypothesis import strategies as st

from alphaction.evaluation.tubes.action_tube import ActionTube, Tube, tube_iou
from alphaction.evaluation.tubes.video_map import STRICT, THRESHOLDS, Fates, fates, video_average_precision

BOX = (0.0, 0.0, 0.5, 0.5)
RIGHT_HALF = (0.25, 0.0, 0.75, 0.5)  # overlaps BOX by a third


def tube(first: int, last: int, box=BOX) -> Tube:
    frames = np.arange(first, last + 1)
    return Tube(frames, np.tile(box, (len(frames), 1)))


def action(video: str, name: str, where: Tube, score: float = 1.0) -> ActionTube:
    return ActionTube(video, name, where, score)


@pytest.mark.parametrize(
    ("first", "second", "expected", "common"),
    [
        (tube(0, 9), tube(0, 9), 1.0, 1.0),
        (tube(0, 9), tube(5, 14), 5 / 15, 1.0),  # 5 common frames of 15
        (tube(0, 9), tube(0, 9, RIGHT_HALF), 1 / 3, 1 / 3),
        (tube(0, 9), tube(5, 14, RIGHT_HALF), 5 / 3 / 15, 1 / 3),
        (tube(0, 9), tube(10, 19), 0.0, 0.0),
        (tube(0, 9), tube(0, 9, (0.6, 0.6, 0.9, 0.9)), 0.0, 0.0),
        (Tube(np.array([0, 2, 4]), np.tile(BOX, (3, 1))), tube(0, 4), 3 / 5, 1.0),  # frames in between are missing
    ],
)
def test_iou_of_tubes_by_frames(first, second, expected, common):
    assert tube_iou(first, second) == pytest.approx((expected, common))
    assert tube_iou(second, first) == pytest.approx((expected, common))


def test_average_precision_worked_out_by_hand():
    # Three tubes of "run". Ranked: right, a second one of the same person, in a video without the action, right.
    truth = [action("a", "run", tube(0, 9)), action("b", "run", tube(0, 9)), action("c", "run", tube(0, 9))]
    found = [
        action("b", "run", tube(0, 8), 0.3),  # IoU 0.9
        action("a", "run", tube(0, 9), 0.9),
        action("a", "run", tube(0, 9), 0.8),
        action("d", "run", tube(0, 9), 0.7),
    ]
    ap = video_average_precision(truth, found, ["run"], (0.2, 0.5, 0.9, 0.95))
    # Precision 1 at recall 1/3, 2/4 at recall 2/3; the third tube is missed.
    assert ap[0, :3] == pytest.approx([(1 + 0.5) / 3] * 3)
    assert ap[0, 3] == pytest.approx(1 / 3)


def test_a_tube_takes_the_best_one_that_is_left():
    truth = [action("a", "run", tube(0, 9)), action("a", "run", tube(2, 9))]
    found = [action("a", "run", tube(0, 9), 0.9), action("a", "run", tube(0, 9), 0.8)]  # IoU 1 and 0.8 with the two
    ap = video_average_precision(truth, found, ["run"], (0.8, 0.85))
    assert ap[0] == pytest.approx([1.0, 0.5])


def test_classes_are_evaluated_by_themselves_and_those_without_ground_truth_have_no_value():
    truth = [action("a", "run", tube(0, 9)), action("a", "wave", tube(0, 9))]
    found = [action("a", "run", tube(0, 9), 0.1), action("a", "jump", tube(0, 9), 0.9)]
    ap = video_average_precision(truth, found, ["run", "wave", "jump"], (0.5,))
    assert ap[:2, 0].tolist() == [1.0, 0.0]
    assert np.isnan(ap[2, 0])


def test_the_thresholds():
    assert THRESHOLDS[0] == 0.2
    assert pytest.approx([0.5, 0.55, 0.6, 0.65, 0.7, 0.75, 0.8, 0.85, 0.9, 0.95]) == STRICT


def test_what_became_of_annotated_tubes():
    truth = [
        action("a", "run", tube(0, 9)),  # covered, by a tube of another class
        action("a", "run", tube(0, 99)),  # boxes fit, but it ends early
        action("a", "run", tube(0, 9, (0.7, 0.7, 0.9, 0.9))),  # elsewhere
        action("b", "run", tube(0, 9)),  # nobody is found in the video
    ]
    assert fates(truth, [action("a", "wave", tube(0, 9), 0.1)]) == Fates(covered=1, mistimed=1, missed=2)


boxes = st.tuples(*[st.integers(0, 8)] * 2, *[st.integers(1, 8)] * 2).map(
    lambda box: (box[0] / 16, box[1] / 16, (box[0] + box[2]) / 16, (box[1] + box[3]) / 16)
)
tubes = st.dictionaries(st.integers(0, 12), boxes, min_size=1, max_size=8)
videos = st.sampled_from("ab")
scores = st.integers(0, 5).map(lambda score: score / 5)


def as_tube(frames: dict) -> Tube:
    order = sorted(frames)
    return Tube(np.array(order), np.array([frames[frame] for frame in order]))


@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.tuples(videos, tubes), min_size=1, max_size=5),
    st.lists(st.tuples(videos, scores, tubes), max_size=7),
    st.booleans(),
)
def test_agrees_with_plain_loops(truth, found, copies):
    if copies:  # random tubes hardly ever overlap by much
        found = found + [(video, score / 5, frames) for score, (video, frames) in enumerate(truth[:3])]
    annotated = [action(video, "run", as_tube(frames)) for video, frames in truth]
    predicted = [action(video, "run", as_tube(frames), score) for video, score, frames in found]
    thresholds = (0.05, 0.2, 0.499, 0.95)
    for target, (_, frames) in zip(annotated, truth, strict=True):
        for tube_found, (_, _, others) in zip(predicted, found, strict=True):
            assert tube_iou(tube_found.tube, target.tube)[0] == pytest.approx(slow_tube_iou(others, frames), abs=1e-12)
    ap = video_average_precision(annotated, predicted, ["run"], thresholds)
    assert ap[0] == pytest.approx([slow_ap(truth, found, threshold) for threshold in thresholds], abs=1e-12)
