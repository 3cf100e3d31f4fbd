"""The checks on tables that were made for them."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
from messages import says

from alphaction.checks.check_boxes import check_box_sizes, check_boxes, looks_like_sizes, same_boxes
from alphaction.checks.check_classes import check_classes
from alphaction.checks.check_detections import check_detections
from alphaction.checks.check_labels import check_labels
from alphaction.checks.check_settings import CheckSettings
from alphaction.checks.check_splits import check_splits
from alphaction.checks.video_findings import frame_rate_findings
from alphaction.config import get_cfg
from alphaction.data.annotations import NO_CLASS, ActionClass, AnnotationTable, BoxTable, LabelMap
from alphaction.data.tables import DatasetTables
from alphaction.data.video.file import VideoInfo

CLASSES = LabelMap((ActionClass(1, "stand", "movement"), ActionClass(2, "walk", "movement"),
                    ActionClass(3, "sing", "object")))  # fmt: skip


def settings(**changes) -> CheckSettings:
    return replace(CheckSettings.from_config(get_cfg(), chosen=True), **changes)


def people(count: int = 200, seed: int = 0) -> np.ndarray:
    """Return boxes of persons all over the frame, float64 [count, 4]."""
    rng = np.random.default_rng(seed)
    size = rng.uniform([0.08, 0.2], [0.15, 0.4], (count, 2))
    corner = rng.uniform(0, 1, (count, 2)) * (1 - size)
    return np.concatenate([corner, corner + size], axis=1)


def split_of(boxes: np.ndarray, class_ids=None, detections=None, *, name="s_val", seconds=None, videos=None, **changes):
    """Return a split with one box per second of a video "v" (or at ``seconds``), and detections likewise."""
    seconds = np.arange(len(boxes)) if seconds is None else seconds
    class_ids = np.where(seconds % 2, 1, 2) if class_ids is None else class_ids
    table = AnnotationTable.from_columns(videos or ["v"] * len(boxes), seconds, boxes, class_ids, source=f"{name}.csv")
    if detections is not None:
        detections = BoxTable.from_columns(["v"] * len(boxes), seconds, detections, np.linspace(0.1, 1, len(boxes)),
                                           source="boxes.csv")  # fmt: skip
    split = DatasetTables(name, CLASSES, table, source=None, person_boxes=detections, training="train" in name)
    return replace(split, **changes)


def as_sizes(boxes: np.ndarray, center: bool = False) -> np.ndarray:
    size = boxes[:, 2:] - boxes[:, :2]
    return np.concatenate([boxes[:, :2] + (size / 2 if center else 0), size], axis=1)


def large_people(count: int = 100) -> np.ndarray:
    """Return boxes so far left and so large that x, y, width, height are valid as corners."""
    rng = np.random.default_rng(1)
    corner = rng.uniform(0.02, 0.3, (count, 2))
    return np.concatenate([corner, corner + rng.uniform(0.32, 0.6, (count, 2))], axis=1)


@pytest.mark.parametrize("center", [False, True])
def test_sizes_that_are_valid_corners_are_told_by_the_detections(center):
    truth = large_people() if not center else np.tile([0.1, 0.1, 0.6, 0.7], (60, 1)) + np.linspace(0, 0.1, 60)[:, None]
    wrong = as_sizes(truth, center)
    assert (wrong[:, 2:] > wrong[:, :2]).all()  # no reader can tell
    messages = [f for f in check_detections(split_of(wrong, detections=truth), settings()) if f.level == "error"]
    kind = "center x, center y, width, height" if center else "x, y, width, height; write corners"
    assert [f.check for f in messages] == ["coordinates"]
    assert "s_val.csv (video v, second 0): " in messages[0].message
    assert kind in messages[0].message
    other_way = [f for f in check_detections(split_of(truth, detections=wrong), settings()) if f.level == "error"]
    assert "boxes.csv (video v, second 0): " in other_way[0].message
    assert kind in other_way[0].message
    assert not list(check_detections(split_of(truth, detections=truth), settings(box_threshold=0.0)))


def test_sizes_that_are_valid_corners_are_suspected_without_detections():
    wrong = as_sizes(large_people())
    found = list(check_boxes(split_of(wrong)))
    assert [(f.level, f.check) for f in found] == [("warning", "coordinates")]
    assert "x, y, width, height" in found[0].message
    assert looks_like_sizes(as_sizes(people()))
    for seed in range(20):
        assert not looks_like_sizes(people(seed=seed))
    assert not looks_like_sizes(people() * 0.5)  # everybody in the upper left quarter
    assert not list(check_boxes(split_of(people())))


def test_swapped_columns_and_shifted_seconds():
    boxes = people()
    swapped = list(check_detections(split_of(boxes, detections=boxes[:, [1, 0, 3, 2]]), settings()))
    says(swapped[0].message, "y1, x1, y2, x2", "swap")
    late = split_of(boxes, detections=np.roll(boxes, 1, axis=0))
    message = next(iter(check_detections(late, settings()))).message
    says(message, " 1.0% ", "99.5% if 1 is subtracted")


def test_coordinates_divided_twice_and_placeholders():
    tiny = list(check_boxes(split_of(people() / 600)))
    assert (tiny[0].level, tiny[0].check) == ("error", "coordinates")
    assert "frame size twice" in tiny[0].message
    whole = list(check_boxes(split_of(np.tile([0.0, 0.0, 1.0, 1.0], (30, 1)))))
    assert "30 of 30" in whole[0].message


def test_a_threshold_that_costs_recall():
    boxes = people(100)
    detected = boxes.copy()
    detected[:25] = [0, 0, 0.01, 0.01]  # finds nothing
    split = split_of(boxes, np.r_[np.full(50, 1), np.full(50, 3)], detected)
    found = list(check_detections(split, settings(box_threshold=0.8)))
    assert [(f.level, f.check) for f in found] == [("warning", "recall")]
    says(found[0].message, "TEST.BOX_THRESH 0.8", "23.0%", "TEST.BOX_THRESH 0.3 finds 75.0%")


def test_low_and_useless_recall():
    boxes, nothing = people(100), np.tile([0.0, 0.0, 0.01, 0.01], (100, 1))
    half = np.where(np.arange(100)[:, None] % 2, boxes, nothing)
    assert "50.0% of 100" in next(iter(check_detections(split_of(boxes, detections=half), settings()))).message
    found = list(check_detections(split_of(boxes, detections=nothing), settings()))
    assert found[0].level == "error"
    assert "s_val.csv (video v, second 0)" in found[0].message


def test_movements():
    boxes, seconds = np.repeat(people(40), 2, axis=0), np.repeat(np.arange(40), 2)
    two = split_of(boxes, np.tile([1, 2], 40), seconds=seconds, name="s_train")
    found = [f for f in check_labels(two, settings()) if f.check == "movements"]
    assert [f.level for f in found] == ["error"]
    parts = ("s_train.csv (video v, second 0)", '"stand" and "walk"', "40 of 40", "EXCLUSIVE_MOVEMENT False")
    says(found[0].message, *parts)
    assert [f.level for f in check_labels(two, settings(chosen=False)) if f.check == "movements"] == ["warning"]
    assert not [f for f in check_labels(two, settings(exclusive={"movement": False})) if f.check == "movements"]
    without = split_of(people(40), np.where(np.arange(40) < 10, 3, 1), name="s_train")
    found = [f.message for f in check_labels(without, settings()) if f.check == "movements"]
    assert "10 of 40 boxes (25.0%)" in found[0]
    single = LabelMap((ActionClass(1, "stand", "movement"), ActionClass(3, "sing", "object")))
    only = split_of(people(40), np.ones(40), name="s_train", label_map=single)
    found = [f.message for f in check_labels(only, settings()) if f.check == "movements"]
    assert '"stand" is the only PERSON_MOVEMENT' in found[0]


def test_an_exclusive_group_of_the_label_map():
    names = (("sit", "posture"), ("lie", "posture"), ("hum", "sound"), ("sing", "sound"))
    label_map = LabelMap(
        tuple(ActionClass(i, name, group) for i, (name, group) in enumerate(names, start=1)), exclusive={"posture"}
    )
    boxes, seconds = np.repeat(people(40), 2, axis=0), np.repeat(np.arange(40), 2)
    two = split_of(boxes, np.tile([1, 2], 40), seconds=seconds, name="s_train", label_map=label_map)
    (found,) = [f for f in check_labels(two, settings()) if f.check == "groups"]
    assert found.level == "error"
    says(found.message, "second 0", '2 classes of the exclusive group "posture", "sit" and "lie"', "40 of 40 boxes")
    says(found.message, "exclusive: false")
    assert not [f for f in check_labels(two, settings(exclusive={"posture": False})) if f.check == "groups"]
    sounds = split_of(boxes, np.tile([3, 4], 40), seconds=seconds, name="s_train", label_map=label_map)
    assert not [f for f in check_labels(sounds, settings()) if f.check == "groups"]
    without = split_of(people(40), np.where(np.arange(40) < 10, 3, 1), name="s_train", label_map=label_map)
    (found,) = [f for f in check_labels(without, settings()) if f.check == "groups"]
    assert found.level == "warning"
    says(found.message, 'no class of the exclusive group "posture"', "10 of 40 boxes (25.0%)")


def test_classes_without_and_with_few_labels():
    train = split_of(people(40), np.r_[np.full(38, 1), 2, 2], name="s_train")
    val = split_of(people(40), np.full(40, 3), name="s_val")
    messages = [f.message for f in check_classes([train]) if f.level == "warning"]
    assert 'no labels for 1 class: 3 "sing"' in messages[0]
    assert 'fewer than 10 labels for 1 class: 2 "walk" (2)' in messages[1]
    assert [f.level for f in check_classes([val])] == ["note"]  # the mAP is the mean of the others
    between = [f for f in check_classes([val], [train]) if f.level == "warning"]
    assert len(between) == 1  # what else there is to say about s_train is for its own report
    says(between[0].message, "s_val.csv", "s_train.csv", "1 class ", '3 "sing" (40)')
    assert between[0].dataset == "s_train + s_val"


def test_splits_that_are_trained_on_together_share_their_classes():
    walking, singing = (split_of(people(40), np.full(40, number), name=name, seconds=np.arange(40) + 100 * number)
                        for number, name in ((2, "a_train"), (3, "b_train")))  # fmt: skip
    val = split_of(people(40), np.repeat([1, 3], 20))
    found = list(check_classes([walking, singing, val]))
    absent, few_of_val, never = (
        next(f for f in found if text in f.message) for text in ("csv: no label", "The mAP is", "never occurs")
    )
    assert len(found) == 3
    assert 'a_train.csv and b_train.csv: no labels for 1 class: 1 "stand"' in absent.message
    assert absent.dataset == "a_train + b_train"
    assert few_of_val.level == "note"
    says(never.message, "a_train.csv and b_train.csv", '1 "stand" (20)')
    assert never.dataset == "a_train + b_train + s_val"


def test_splits_of_other_classes_are_not_trained_on_together():
    other = LabelMap((ActionClass(1, "stand", "movement"),))
    pair = [split_of(people(40), np.full(40, 1), name=name, label_map=classes)
            for name, classes in (("a_train", CLASSES), ("b_train", other))]  # fmt: skip
    found = [(f.dataset, f.message.split(". ")[0]) for f in check_classes(pair)]
    assert found == [("a_train", 'a_train.csv: no labels for 2 classes: 2 "walk", 3 "sing"')]


def test_test_splits_may_overlap():
    one, other = (split_of(people(40), name=name) for name in ("s_val", "s_test"))
    found = list(check_splits([one, other]))
    assert [(f.level, f.check) for f in found] == [("note", "leakage")]
    says(found[0].message, "40 of 40 keyframes of s_test (100.0%)", "s_val")
    later = split_of(people(40), name="s_test", seconds=np.arange(40) + 100)
    assert not list(check_splits([one, later]))


def test_boxes_without_labels():
    found = list(check_labels(split_of(people(4), np.full(4, NO_CLASS)), settings()))
    says(found[0].message, "4 boxes", "7th column")


def test_mirrored_classes():
    sides = LabelMap((ActionClass(1, "walk left", "movement"), ActionClass(2, "walk right", "movement"),
                      ActionClass(3, "be left alone", "object")))  # fmt: skip
    split = split_of(people(40), name="s_train", label_map=sides)
    found = [f.message for f in check_labels(split, settings()) if f.check == "mirrored clips"]
    assert "INPUT.FLIP_CLASS_PAIRS \"[['walk left', 'walk right']]\"" in found[0]
    for fine in (settings(flips=False), settings(flip_pairs=(("walk right", "walk left"),)),
                 settings(flip_pairs=(("1", "2"),))):  # fmt: skip
        assert not [f for f in check_labels(split, fine) if f.check == "mirrored clips"]


def test_mirrored_classes_with_underscores():
    sides = LabelMap((ActionClass(1, "turn_left", "movement"), ActionClass(2, "turn_right", "movement")))
    split = split_of(people(40), name="s_train", label_map=sides)
    found = [f.message for f in check_labels(split, settings()) if f.check == "mirrored clips"]
    assert "INPUT.FLIP_CLASS_PAIRS \"[['turn_left', 'turn_right']]\"" in found[0]


def test_detections_for_boxes_without_labels():
    boxes = people(40)
    unlabeled = split_of(boxes, np.full(40, NO_CLASS), boxes)
    assert not list(check_detections(unlabeled, settings(box_threshold=0.0)))
    nothing = split_of(boxes, np.full(40, NO_CLASS), np.tile([0.0, 0.0, 0.01, 0.01], (40, 1)))
    assert "0.0% of 40" in next(iter(check_detections(nothing, settings()))).message


def test_detections_at_excluded_seconds_are_no_strays():
    boxes = people(40)
    split = split_of(boxes, detections=boxes)
    shorter = replace(split, annotations=split.annotations.without({("v", second) for second in range(10, 40)}))
    assert not list(check_detections(shorter, settings(box_threshold=0.0)))
    fewer = split_of(boxes[:10], detections=None)
    strays = next(iter(check_detections(replace(fewer, person_boxes=split.person_boxes), settings(box_threshold=0.0))))
    says(strays.message, "29 others", "40 keyframes")


def test_small_boxes():
    split = split_of(np.tile([0.5, 0.5, 0.51, 0.52], (50, 1)))
    found = list(check_box_sizes(split, settings(), {"v": (1920, 1080)}))
    parts = ("50 of 50 boxes (100.0%)", "16 pixels", "50 are smaller", "5 pixels", "INPUT.MIN_SIZE_TEST 928")
    says(found[0].message, *parts)
    assert not list(check_box_sizes(split_of(people()), settings(), {"v": (1920, 1080)}))
    assert not list(check_box_sizes(split, settings(), {}))  # its video could not be opened


def test_same_boxes_are_pairs_within_a_keyframe():
    boxes = np.array([[0.1, 0.1, 0.5, 0.5], [0.1, 0.1, 0.5, 0.5001], [0.1, 0.1, 0.5, 0.45], [0.1, 0.1, 0.5, 0.5]])
    split = split_of(boxes, np.ones(4), seconds=np.array([0, 0, 0, 1]))
    assert [pair.tolist() for pair in same_boxes(split)] == [[0], [1]]


def test_frame_rates_that_differ():
    def message(*rates: float) -> str:
        infos = [VideoInfo(64, 48, rate, 10.0, None) for rate in rates]
        [finding] = frame_rate_findings(SimpleNamespace(name="s_val"), settings(fps=25.0), infos)
        return finding.message

    assert "INPUT.FPS 7, or 0" in message(7, 7)
    says(message(12.5, 30), "1 of 2 videos", "12.5", "INPUT.FPS 25", "(30)")
