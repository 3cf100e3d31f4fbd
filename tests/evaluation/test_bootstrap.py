"""The bootstrap over videos: each resample is what the evaluator gives for videos that stand there several times."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from alphaction.data.annotations import ActionClass, AnnotationTable, LabelMap
from alphaction.data.keyframes import Keyframe
from alphaction.evaluation import AvaEvaluator, DetectionRows, evaluate_files, format_report, result_to_dict
from alphaction.evaluation import video_scores as module
from alphaction.evaluation.bootstrap import (
    Figures,
    bootstrap_intervals,
    draw_videos,
    interval_around,
    with_intervals,
)
from alphaction.evaluation.video_scores import RankedVideos, VideoScores, all_videos

LABEL_MAP = LabelMap(
    (
        ActionClass(1, "stand", "movement"),
        ActionClass(2, "walk", "movement"),
        ActionClass(5, "hold", "object"),
        ActionClass(7, "talk to", "person"),
    )
)
IDS = np.array(LABEL_MAP.ids)


def world(seed, videos=5, extra=1, levels=6):
    """Labels and detections of ``videos`` annotated videos and ``extra`` others, with many equal scores."""
    rng = np.random.default_rng(seed)
    names, seconds, boxes, ids = [], [], [], []
    for video in range(videos):
        for _ in range(rng.integers(1, 5)):
            corner = rng.integers(0, 3, 2) * 0.3
            names.append(f"v{video}")
            seconds.append(int(rng.integers(0, 3)))
            boxes.append([*corner, *(corner + 0.3)])
            ids.append(int(rng.choice(IDS, p=[0.5, 0.3, 0.15, 0.05])))
    truth = AnnotationTable.from_columns(names, seconds, np.array(boxes), ids)
    keyframes = [Keyframe(f"v{v}", s) for v in range(videos + extra) for s in range(3)]
    count = int(rng.integers(10, 60))
    index, classes = rng.integers(0, len(keyframes), count), rng.choice(IDS, count)
    corner = rng.integers(0, 3, (count, 2)) * 0.3
    # Most are of a label: its keyframe and box, and often its class.
    for row in np.flatnonzero(rng.random(count) < 0.7).tolist():
        label = int(rng.integers(len(names)))
        index[row] = keyframes.index(Keyframe(names[label], seconds[label]))
        corner[row] = boxes[label][:2]
        classes[row] = ids[label] if rng.random() < 0.8 else classes[row]
    corner += rng.uniform(-0.04, 0.04, (count, 2))
    scores = rng.integers(0, levels, count) / levels
    boxes = np.concatenate([corner, corner + 0.3], axis=1)
    return truth, DetectionRows(keyframes, index, boxes, np.arange(count), classes, scores)


def repeated(truth, found, times):
    """The same with the rows of each video as often as ``times`` says, each time under a name of its own."""
    rows = [(k, copy) for k, keyframe in enumerate(truth.keyframes) for copy in range(times[keyframe.video])]
    columns = [
        (f"{truth.keyframes[k].video}#{copy}", truth.keyframes[k].second, truth.boxes[row], class_id)
        for k, copy in rows
        for row in range(*truth.rows(k).indices(len(truth)))
        for class_id in truth.labels(row)
    ]
    names, seconds, boxes, ids = zip(*columns, strict=True)
    again = AnnotationTable.from_columns(names, seconds, np.array(boxes), ids)
    places = [(k, copy) for k, keyframe in enumerate(found.keyframes) for copy in range(times[keyframe.video])]
    position = {place: number for number, place in enumerate(places)}
    keyframes = [Keyframe(f"{found.keyframes[k].video}#{copy}", found.keyframes[k].second) for k, copy in places]
    box, copies = zip(
        *((b, c) for b, k in enumerate(found.keyframe_index) for c in range(times[found.keyframes[k].video])),
        strict=True,
    )
    index = [position[found.keyframe_index[b], c] for b, c in zip(box, copies, strict=True)]
    chosen = np.array(box)
    return again, DetectionRows(
        keyframes, index, found.boxes[chosen], np.arange(len(chosen)), found.row_class_ids[chosen], found.scores[chosen]
    )


@given(seed=st.integers(0, 10_000), cells=st.sampled_from([1, 64, 1 << 17]))
@settings(max_examples=25, deadline=None)
def test_a_resample_is_the_evaluation_of_videos_that_stand_there_several_times(seed, cells):
    truth, found = world(seed)
    evaluator = AvaEvaluator(truth, LABEL_MAP)
    scores = VideoScores.of(evaluator, found)
    counts = np.random.default_rng(seed).integers(0, 4, (6, len(scores.videos)))
    counts[0], counts[1] = 1, 0
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "_CELLS", cells)  # parts of the true positives: one by one, some, all
        ap = scores.average_precisions(counts)
    figures = Figures.of(ap, scores.groups)
    for number, row in enumerate(counts):
        times = Counter(dict(zip(scores.videos, row.tolist(), strict=True)))
        labeled = {keyframe for keyframe in truth.keyframes if times[keyframe.video]}
        if not labeled:
            assert np.isnan([*ap[number], figures.mean[number, 0]]).all()
        elif not labeled & {found.keyframes[k] for k in found.keyframe_index}:
            assert figures.mean[number, 0] == 0  # the evaluator refuses detections of other keyframes alone
        else:
            again, rows = repeated(truth, found, times)
            result = AvaEvaluator(again, LABEL_MAP).evaluate(rows)
            np.testing.assert_allclose(ap[number], list(result.per_class.values()), rtol=0, atol=1e-12)
            np.testing.assert_allclose(figures.groups[number], list(result.per_group.values()), rtol=0, atol=1e-12)
            assert figures.mean[number, 0] == pytest.approx(result.mAP, abs=1e-12)


def test_the_intervals_are_percentiles_of_a_plain_loop():
    truth, found = world(3, videos=6)
    evaluator = AvaEvaluator(truth, LABEL_MAP)
    intervals = bootstrap_intervals(evaluator, found, resamples=200)
    assert intervals == bootstrap_intervals(evaluator, found, resamples=200)  # the draws are fixed
    videos = all_videos(evaluator, found)
    values = []
    for row in draw_videos(len(videos), 200):
        times = Counter(dict(zip(videos, row.tolist(), strict=True)))
        if any(times[keyframe.video] for keyframe in truth.keyframes):
            again, rows = repeated(truth, found, times)
            values.append(AvaEvaluator(again, LABEL_MAP).evaluate(rows).mAP)
    figure = evaluator.evaluate(found).mAP
    assert intervals.mAP == pytest.approx(figure + np.quantile(values, [0.025, 0.975]) - np.mean(values), abs=1e-12)
    assert (intervals.videos, intervals.resamples, intervals.reliable) == (6, 200, True)
    assert intervals.mAP[0] < figure < intervals.mAP[1]


def test_a_class_whose_labels_are_in_one_video_has_no_interval():
    boxes = np.array([[0.0, 0.0, 0.5, 1.0]] * 3)
    truth = AnnotationTable.from_columns(["a", "b", "b"], [1, 1, 2], boxes, [1, 1, 2])
    found = DetectionRows([Keyframe("a", 1), Keyframe("b", 1)], [0, 1], boxes[:2], [0, 1], [1, 1], [0.9, 0.8])
    intervals = bootstrap_intervals(AvaEvaluator(truth, LABEL_MAP), found, resamples=100)
    assert intervals.class_videos == {"stand": 2, "walk": 1, "hold": 0, "talk to": 0}
    assert intervals.per_class == {"stand": (1.0, 1.0), "walk": None, "hold": None, "talk to": None}
    assert intervals.per_group == {"movement": intervals.mAP, "object": None, "person": None}
    # Without b, "walk" is not there and the mean is 1; with it, 0.5: in 3 of 4 draws, so that the mean of all is 5/8.
    assert intervals.mAP == pytest.approx((0.5 - 0.125, 0.5 + 0.375), abs=0.05)
    assert not intervals.reliable


def test_the_text_and_the_json_have_the_interval(write, tmp_path):
    truth, found = world(3)
    evaluator = AvaEvaluator(truth, LABEL_MAP)
    bare = evaluator.evaluate(found)
    result = with_intervals(bare, evaluator, found, 50)
    low, high = result.intervals.mAP
    line = f"95% interval of the mAP  {low:.4f} to {high:.4f}  (bootstrap over {result.intervals.videos} videos)"
    before, after = format_report(bare).splitlines(), format_report(result).splitlines()
    assert line in after
    assert [each for each in after if each != line] == before
    few = replace(result, intervals=replace(result.intervals, videos=4))
    assert "(bootstrap over 4 videos: too few to rely on it)" in format_report(few)
    record = json.loads(json.dumps(result_to_dict(result)))
    assert record["intervals"]["mAP"] == [low, high]
    assert result_to_dict(bare) == {**result_to_dict(result), "intervals": None}


def test_one_video_has_no_interval_and_the_text_says_why(write):
    rows = "v,1,0,0,0.5,1,1\n"
    truth = write("truth.csv", rows)
    found = write("found.csv", "v,1,0,0,0.5,1,1,0.9\n")
    labels = write("labels.pbtxt", 'item {\n  name: "stand"\n  id: 1\n}\n')
    result = evaluate_files(truth, found, labels, resamples=10)
    assert (result.intervals.mAP, result.intervals.resamples) == (None, 0)
    assert "no interval of the mAP: all is in one video" in format_report(result)
    assert evaluate_files(truth, found, labels).intervals is None


def test_an_interval_is_around_the_figure_and_leaves_out_resamples_without_the_class():
    values = np.array([np.nan, *np.linspace(0.2, 1, 101)])
    assert interval_around(0.5, values, 0.9) == pytest.approx((0.5 - 0.36, 0.5 + 0.36))
    assert interval_around(0.5, values[:1]) is None


def test_an_interval_holds_the_figure_and_is_of_values_that_can_be():
    # 2% of the resamples lack the class with AP 0: their mean is above both percentiles.
    assert interval_around(0.5, np.array([0.5] * 98 + [1.0] * 2)) == pytest.approx((0.49, 0.5))
    assert interval_around(0.9, np.array([0.1, 0.9])) == (pytest.approx(0.52), 1.0)
    assert interval_around(-0.9, np.array([-0.9, -0.1]), within=(-1.0, 1.0)) == (-1.0, pytest.approx(-0.52))


def test_a_part_is_small_with_many_videos_too():
    videos, right = 3000, 2000
    rows = RankedVideos(np.ones(videos), np.arange(right, dtype=np.int32), np.arange(right))
    sizes = [detections.size for _, _, detections in rows._parts(videos, 1)]
    assert max(sizes) <= 1 << 20
    assert sum(sizes) == videos * right
    assert rows.average_precision(np.ones((videos, 1))) == pytest.approx([2 / 3])


def test_a_resample_has_as_many_videos_as_there_are():
    drawn = draw_videos(7, 20, seed=1)
    assert (drawn.shape, drawn.sum(axis=1).tolist()) == ((20, 7), [7] * 20)
    assert (drawn == draw_videos(7, 20, seed=1)).all()
    assert (drawn != draw_videos(7, 20, seed=2)).any()
