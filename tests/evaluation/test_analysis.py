"""An analysis against worlds that were worked out by hand, and against plain loops on made-up ones."""

from __future__ import annotations

import numpy as np
import pytest
from evaluation import slow_analysis as slow

from alphaction.data.annotations import ActionClass, AnnotationTable, BoxTable, LabelMap
from alphaction.data.keyframes import Keyframe
from alphaction.evaluation import AvaEvaluator, DetectionRows
from alphaction.evaluation.analysis import NOBODY, analyze
from alphaction.evaluation.curves import highest_recall

LEFT, MIDDLE, RIGHT = [0.0, 0.0, 0.3, 1.0], [0.35, 0.0, 0.65, 1.0], [0.7, 0.0, 1.0, 1.0]
LABEL_MAP = LabelMap(
    (
        ActionClass(1, "stand", "movement"),
        ActionClass(2, '走/跑 "fast"', "movement"),
        ActionClass(5, "hold", "object"),
        ActionClass(6, "read", "object"),
    )
)
STAND, RUN, HOLD, READ = LABEL_MAP.names


def table(*rows, persons=None):
    """Rows of (second, box, class id) in video v."""
    seconds, boxes, ids = zip(*rows, strict=True)
    return AnnotationTable.from_columns(["v"] * len(rows), seconds, np.array(boxes), ids, persons)


def detect(*rows):
    """Rows of (second, box, {class id: score})."""
    keyframes = [Keyframe("v", second) for second in dict.fromkeys(row[0] for row in rows)]
    index = [keyframes.index(Keyframe("v", row[0])) for row in rows]
    flat = [(place, class_id, score) for place, row in enumerate(rows) for class_id, score in row[2].items()]
    box, ids, scores = (np.array(column) for column in zip(*flat, strict=True))
    return DetectionRows(keyframes, np.array(index), np.array([row[1] for row in rows]), box, ids, scores)


TRUTH = table(
    (1, LEFT, 1), (1, LEFT, 5), (1, MIDDLE, 2), (1, RIGHT, 2), (2, LEFT, 1), (2, LEFT, 6), (2, RIGHT, 1)
)  # fmt: skip
FOUND = detect(
    (1, LEFT, {1: 0.9, 5: 0.8, 2: 0.1}),
    (1, LEFT, {1: 0.85}),  # a second box of the same person
    (1, MIDDLE, {1: 0.7, 2: 0.2}),  # taken for another class
    (2, LEFT, {1: 0.6, 5: 0.5, 6: 0.3}),
    (3, LEFT, {1: 0.65}),  # nobody is annotated
)
AT = {STAND: 0.5, RUN: 0.5, HOLD: 0.5, READ: 0.5}


def curve_of(analysis, name):
    return next(curve for curve in analysis.curves if curve.name == name)


def test_curve_by_hand():
    curve = curve_of(analyze(TRUTH, LABEL_MAP, FOUND), STAND)
    assert curve.thresholds.tolist() == [0.9, 0.85, 0.7, 0.65, 0.6]
    assert curve.precision.tolist() == [1, 1 / 2, 1 / 3, 1 / 4, 2 / 5]
    assert curve.recall.tolist() == [1 / 3, 1 / 3, 1 / 3, 1 / 3, 2 / 3]
    assert curve.f1.tolist() == pytest.approx([2 / 4, 2 / 5, 2 / 6, 2 / 7, 4 / 8])
    # 0.5 both at 0.9 and at 0.6: the higher threshold
    assert (curve.best.threshold, curve.best.f1) == (0.9, 0.5)
    assert (curve.num_labels, curve.num_detections, curve.group) == (3, 5, "movement")
    # Recall is the same at 0.85 as at 0.9, precision is not.
    assert [highest_recall(curve.precision, curve.recall, wanted) for wanted in (0.4, 0.5, 1.01)] == [4, 0, None]


def test_equal_scores_are_one_point():
    found = detect((1, LEFT, {1: 0.5}), (1, RIGHT, {1: 0.5}), (2, LEFT, {1: 0.5}), (2, RIGHT, {1: 0.4}))
    curve = curve_of(analyze(TRUTH, LABEL_MAP, found), STAND)
    assert curve.thresholds.tolist() == [0.5, 0.4]
    assert curve.precision.tolist() == [2 / 3, 3 / 4]


def test_confusion_by_hand():
    confusion = analyze(TRUTH, LABEL_MAP, FOUND, thresholds=AT).confusion
    assert confusion.names == (*LABEL_MAP.names, NOBODY)
    assert confusion.counts.tolist() == [
        [2, 0, 0, 0, 1],  # the person on the right of second 2 was not found
        [1, 0, 0, 0, 1],  # "stand" in place of it, and one not found
        [0, 0, 1, 0, 0],
        [0, 0, 1, 0, 0],
        [2, 0, 0, 0, 0],  # the second box, and the one where nobody is
    ]


def test_misses_by_hand():
    unused = BoxTable.from_columns(["v"] * 3, [1, 1, 2], np.array([LEFT, RIGHT, LEFT]), np.array([0.9, 0.4, 0.9]))
    misses = {entry.name: entry for entry in analyze(TRUTH, LABEL_MAP, FOUND, thresholds=AT, all_boxes=unused).misses}
    assert misses[STAND].found == 2
    assert misses[STAND].reasons == {"detector": 1, "threshold": 0, "class": 0}
    assert misses[RUN].reasons == {"detector": 0, "threshold": 1, "class": 1}
    assert misses[READ].reasons == {"detector": 0, "threshold": 0, "class": 1}


def test_false_positives_say_why():
    found = detect(
        (1, LEFT, {1: 0.9}),
        (1, [0.0, 0.0, 0.29, 1.0], {1: 0.8}),
        (1, MIDDLE, {1: 0.7}),
        (1, [0.85, 0.0, 1.15, 1.0], {1: 0.6}),
        (1, [0.0, 1.2, 0.1, 1.3], {1: 0.55}),
        (7, LEFT, {1: 0.95}),
    )
    truth = table((1, LEFT, 1), (1, MIDDLE, 2), (1, RIGHT, 5))
    examples = analyze(truth, LABEL_MAP, found, thresholds={STAND: 0.5}).false_positives
    assert [(example.score, example.reason) for example in examples] == [
        (0.95, "Nobody is annotated at this second."),
        (0.8, 'A second box of a person who was already found: another box scores 0.90 for "stand".'),
        (0.7, 'The person there is labeled "走/跑 "fast"", not "stand".'),
        (0.6, 'The box is too far off: it overlaps the nearest person, labeled "hold", by an IoU of 0.33, and 0.5 is '
              "needed."),
        (0.55, "Nobody is annotated there; at this second 3 persons are annotated elsewhere."),
    ]  # fmt: skip
    assert examples[2].labels == (RUN,)
    assert examples[2].predicted == ((STAND, 0.7),)
    assert examples[0].keyframe == Keyframe("v", 7)
    assert examples[1].box == (0.0, 0.0, 0.29, 1.0)


def test_false_negatives_say_why():
    unused = BoxTable.from_columns(["v"], [1], np.array([RIGHT]), np.array([0.4]))
    examples = analyze(TRUTH, LABEL_MAP, FOUND, thresholds=AT, all_boxes=unused).false_negatives
    said = {(e.keyframe.second, e.box[0], e.class_name): (e.score, e.reason) for e in examples}
    assert said == {
        (2, 0.7, STAND): (None, "No detected box overlaps the person."),
        (1, 0.7, RUN): (None, "The person detector's box there scores 0.40, below TEST.BOX_THRESH."),
        (1, 0.35, RUN): (
            0.2, "The person is found, but the score of 0.2 is below the class's threshold of 0.5; \"stand\" instead."
        ),
        (2, 0.0, READ): (
            0.3,
            # Not "stand", which the person does as well, and which is of another group.
            'The person is found, but the score of 0.3 is below the class\'s threshold of 0.5; "hold" instead.',
        ),
    }  # fmt: skip


@pytest.mark.parametrize(
    ("scores", "ending"),
    [
        ({1: 0.9, 5: 0.00002}, "the score of less than 0.001 is below the class's threshold of 0.5; no other class of "
                               "its group is predicted."),
        ({5: 0.25}, "the score of 0.25 is below the class's threshold of 0.5; nothing else is predicted either."),
        ({1: 0.9}, "has no score for the class (it was below TEST.ACTION_THRESH); no other class of its group is "
                   "predicted."),
    ],
)  # fmt: skip
def test_what_was_predicted_instead_is_of_the_same_group_and_wrong(scores, ending):
    truth = table((1, LEFT, 5), (2, LEFT, 1), (2, LEFT, 5))
    found = detect((1, LEFT, scores), (2, LEFT, {1: 0.9, 5: 0.9}))
    examples = analyze(truth, LABEL_MAP, found, thresholds=AT).false_negatives
    (reason,) = (each.reason for each in examples if (each.class_name, each.keyframe.second) == (HOLD, 1))
    assert reason.endswith(ending)


def test_calibration_by_hand():
    calibration = analyze(TRUTH, LABEL_MAP, FOUND).calibration
    # The second box of a person, 0.85, is right about the class, too.
    assert calibration.mean_score == pytest.approx([0.1, 0.2, 0.3, 0.5, 0.625, 0.7, 0.825, 0.9])
    assert calibration.share_right.tolist() == [0, 1, 1, 0, 0.5, 0, 1, 1]
    assert calibration.counts.tolist() == [1, 1, 1, 1, 2, 1, 2, 1]
    expected = np.abs(calibration.share_right - calibration.mean_score) @ calibration.counts / 10
    assert calibration.error == pytest.approx(expected)


def test_a_label_that_differs_for_one_keyframe():
    labels = [1, 1, 2, 1, 1, 1]
    truth = table(*((second, LEFT, label) for second, label in enumerate(labels)), persons=[7] * 6)
    (conflict,) = analyze(truth, LABEL_MAP, detect((0, LEFT, {1: 0.6}))).label_conflicts
    assert conflict.keyframe == Keyframe("v", 2)
    assert conflict.class_name == STAND
    assert conflict.labels == (RUN,)
    assert conflict.reason == (
        'Only this keyframe is labeled "走/跑 "fast"": the 2 before and the 3 after it are labeled "stand" (person 7).'
    )


def test_a_label_that_is_missing_names_its_group():
    rows = [(second, LEFT, label) for second in range(6) for label in (1, 5) if (second, label) != (3, 5)]
    (conflict,) = analyze(table(*rows, persons=[7] * len(rows)), LABEL_MAP, detect((0, LEFT, {1: 0.6}))).label_conflicts
    assert (conflict.keyframe.second, conflict.class_name) == (3, HOLD)
    assert conflict.reason == (
        'Only this keyframe has no label of the group "object": the 3 before and the 2 after it are labeled "hold" '
        "(person 7)."
    )


def test_a_change_that_the_detector_sees_as_well_is_no_conflict():
    truth = table(*((second, LEFT, label) for second, label in enumerate([1, 1, 2, 1, 1, 1])), persons=[7] * 6)
    found = [(0, LEFT, {1: 0.6, 2: 0.1}), (2, LEFT, {1: 0.1, 2: 0.6})]
    assert analyze(truth, LABEL_MAP, detect(*found)).label_conflicts == ()
    found[1] = (2, LEFT, {1: 0.6, 2: 0.1})
    assert len(analyze(truth, LABEL_MAP, detect(*found), thresholds=AT).label_conflicts) == 1


def test_a_change_that_stays_is_no_conflict():
    truth = table(*((second, LEFT, label) for second, label in enumerate([1, 1, 1, 2, 2, 2])))
    assert analyze(truth, LABEL_MAP, detect((0, LEFT, {1: 0.6}))).label_conflicts == ()


def test_tracks_by_overlap_end_where_nobody_is_annotated():
    # The gap between 2 and 5 is longer than usual, so that the label at 2 is no exception within a track.
    truth = table(
        *((second, LEFT, label) for second, label in zip([0, 1, 2, 5, 6, 7], [1, 1, 2, 1, 1, 1], strict=True))
    )
    assert analyze(truth, LABEL_MAP, detect((0, LEFT, {1: 0.6}))).label_conflicts == ()
    truth = table(
        *((second, LEFT, label) for second, label in zip([0, 1, 2, 3, 6, 7], [1, 1, 2, 1, 1, 1], strict=True))
    )
    (conflict,) = analyze(truth, LABEL_MAP, detect((0, LEFT, {1: 0.6}))).label_conflicts
    assert "by the overlap of the boxes" in conflict.reason


def test_coinciding_boxes_with_other_labels():
    truth = table((1, LEFT, 1), (1, [0.0, 0.0, 0.3, 0.99], 2), (2, RIGHT, 5), (2, [0.7, 0.0, 1.0, 0.99], 5))
    (conflict,) = analyze(truth, LABEL_MAP, detect((1, LEFT, {1: 0.6}))).label_conflicts
    assert conflict.reason == (
        'Two annotated boxes coincide (IoU 0.99): one is labeled "stand", the other labeled "走/跑 "fast"".'
    )


def test_a_label_that_the_model_contradicts():
    truth = table((1, LEFT, 1), (2, LEFT, 2))
    # At 0.02 the label itself counts as found, which does not matter.
    sure = analyze(truth, LABEL_MAP, detect((1, LEFT, {1: 0.02, 2: 0.97}), (2, LEFT, {2: 0.9}))).label_conflicts
    assert [(conflict.class_name, conflict.keyframe.second) for conflict in sure] == [(STAND, 1)]
    assert sure[0].reason == ('Labeled "stand", which the model gives 0.02, while it is sure of "走/跑 "fast"" (0.97).')
    unsure = analyze(truth, LABEL_MAP, detect((1, LEFT, {1: 0.3, 2: 0.97}), (2, LEFT, {2: 0.9}))).label_conflicts
    assert unsure == ()


def test_examples_are_spread_over_classes():
    # A hundred confident mistakes of one class, one of another.
    many = [(second, LEFT, {1: 0.9, 2: 0.1}) for second in range(100)]
    found = detect(*many, (200, LEFT, {5: 0.2}))
    truth = table(*((second, LEFT, 2) for second in range(100)), (200, LEFT, 1), (201, LEFT, 5))
    thresholds = {STAND: 0.5, HOLD: 0.1}
    examples = analyze(truth, LABEL_MAP, found, thresholds=thresholds, examples=5).false_positives
    assert len(examples) == 5
    assert [example.class_name for example in examples].count(HOLD) == 1
    assert analyze(truth, LABEL_MAP, found, examples=0).false_positives == ()


def test_without_detections():
    none = DetectionRows([], *(np.zeros(shape) for shape in (0, (0, 4), 0, 0, 0)))
    analysis = analyze(TRUTH, LABEL_MAP, none)
    assert analysis.thresholds == {}
    assert curve_of(analysis, STAND).best is None
    assert curve_of(analysis, STAND).ap == 0
    assert analysis.confusion.counts[:, -1].tolist() == [3, 2, 1, 1, 0]
    assert [sum(entry.reasons.values()) for entry in analysis.misses] == [3, 2, 1, 1]
    assert np.isnan(analysis.calibration.error)
    assert len(analysis.false_negatives) == 5  # one for each person, whatever the number of labels
    assert analysis.false_positives == ()


def test_classes_without_labels_take_no_part():
    truth = table((1, LEFT, 1))
    analysis = analyze(truth, LABEL_MAP, detect((1, LEFT, {1: 0.9, 5: 0.99})))
    assert set(analysis.thresholds) == {STAND}
    assert [entry.name for entry in analysis.misses] == [STAND]
    assert len(curve_of(analysis, HOLD).thresholds) == 0
    assert np.isnan(curve_of(analysis, HOLD).ap)
    assert analysis.calibration.counts.sum() == 1


@pytest.mark.parametrize("seed", range(12))
def test_against_plain_loops(seed):
    world = slow.make_world(seed)
    annotations, detections, persons = world.annotations(), world.detections(), world.persons()
    analysis = analyze(annotations, world.label_map, detections, all_boxes=world.all_boxes())
    result = AvaEvaluator(annotations, world.label_map).evaluate(detections)
    limits = {}
    for channel, curve in enumerate(analysis.curves):
        assert curve.ap == pytest.approx(result.per_class[curve.name], abs=0, nan_ok=True)
        if not curve.num_labels:
            continue
        expected = slow.curve(world, persons, channel)
        points = np.stack([curve.thresholds, curve.precision, curve.recall, curve.f1], axis=1)
        assert points == pytest.approx(np.array(expected))
        best = max(expected, key=lambda point: (round(point[3], 9), point[0]))
        assert (curve.best.threshold, curve.best.f1) == pytest.approx((best[0], best[3]))
        limits[channel] = analysis.thresholds[curve.name]
        for wanted in (0.2, 0.5, 0.8):
            good = [point for point in expected if point[1] >= wanted and point[2] > 0]
            place = highest_recall(curve.precision, curve.recall, wanted)
            assert (0 if place is None else curve.recall[place]) == pytest.approx(max((p[2] for p in good), default=0))
    assert analysis.confusion.counts.tolist() == slow.confusion(world, persons, limits).tolist()
    labels = [sum(channel in person["labels"] for person in persons) for channel in range(len(analysis.curves))]
    assert analysis.confusion.counts[:-1].sum(axis=1).tolist() == labels
    misses = {entry.name: entry for entry in analysis.misses}
    for channel, limit in limits.items():
        found, reasons = slow.misses(world, persons, channel, limit)
        entry = misses[world.label_map.names[channel]]
        assert (entry.found, entry.reasons) == (found, reasons)
        curve = analysis.curves[channel]
        assert analysis.confusion.counts[channel, channel] == found
        # The diagonal over the sums of its row and column: recall and precision at the threshold.
        assert found / analysis.confusion.counts[channel].sum() == pytest.approx(curve.best.recall)
        assert found / analysis.confusion.counts[:, channel].sum() == pytest.approx(curve.best.precision)


def test_long_curves_keep_every_label_found():
    rng = np.random.default_rng(0)
    seconds = 12_000
    truth = table(*((second, LEFT, 1 if second % 7 == 0 else 2) for second in range(seconds)))
    scores = rng.random(seconds)
    found = DetectionRows(
        [Keyframe("v", second) for second in range(seconds)], np.arange(seconds), np.tile(LEFT, (seconds, 1)),
        np.arange(seconds), np.ones(seconds, int), scores,
    )  # fmt: skip
    curve = curve_of(analyze(truth, LABEL_MAP, found), STAND)
    assert len(curve.thresholds) < 8_000
    assert set(scores[::7].tolist()) <= set(curve.thresholds.tolist())
    assert curve.precision[-1] == pytest.approx(curve.num_labels / seconds)
