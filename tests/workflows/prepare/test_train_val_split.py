"""One set of annotations divided into training and validation."""

from __future__ import annotations

import numpy as np
import pytest

from alphaction.data.annotations import ActionClass, AnnotationTable, LabelMap
from alphaction.utils.errors import UserError
from alphaction.workflows.prepare.train_val_split import GAP_SECONDS, choose_videos, gap_notes, split_annotations

LABELS = LabelMap(tuple(ActionClass(i, f"c{i}", "object") for i in (1, 2, 3)))


def make_table(rows: list[tuple[str, int, int]]) -> AnnotationTable:
    """Return a table of rows (video, second, class id)."""
    boxes = np.tile([0.1, 0.1, 0.5, 0.5], (len(rows), 1))
    return AnnotationTable.from_columns([r[0] for r in rows], [r[1] for r in rows], boxes, [r[2] for r in rows])


def videos_in(table: AnnotationTable, use: np.ndarray) -> set[str]:
    return {table.keyframes[int(k)].video for k in np.flatnonzero(use)}


def test_every_class_that_two_videos_show_is_in_both_parts():
    # Class 3 is rare: only in v1 and v7. Balance of the frequent classes alone would not care.
    rows = [(f"v{v}", t, 1 + t % 2) for v in range(10) for t in range(10)]
    rows += [("v1", 3, 3), ("v7", 4, 3)]
    table = make_table(rows)
    plan = split_annotations(table, LABELS, 0.2)
    assert plan.way == "video"
    assert "split by video" in plan.text
    val, train = videos_in(table, plan.val), videos_in(table, plan.train)
    assert len(val) == 2
    assert not val & train
    assert val | train == {f"v{v}" for v in range(10)}
    assert len(val & {"v1", "v7"}) == 1
    assert (plan.train ^ plan.val).all()
    again = split_annotations(table, LABELS, 0.2)
    assert (again.val == plan.val).all()


def test_balance_follows_the_fraction():
    rng = np.random.default_rng(0)
    weights = rng.integers(1, 50, size=(40, 6))
    chosen = choose_videos(weights, 0.25)
    shares = weights[chosen].sum(axis=0) / weights.sum(axis=0)
    assert np.abs(shares - 0.25).max() < 0.03


def test_the_only_video_of_a_class_trains():
    weights = np.array([[9, 0, 5], [9, 4, 5], [9, 0, 5], [9, 0, 5]])  # the 2nd column: only the 2nd video
    chosen = choose_videos(weights, 0.25)
    assert chosen.sum() == 1
    assert not chosen[1]


def test_rare_classes_do_not_blow_up_the_validation():
    # Ten videos in pairs, each pair with a class of its own: all five in both parts would take half of the videos.
    weights = np.array([[*(int(v // 2 == c) for c in range(5)), 10] for v in range(10)])
    assert choose_videos(weights, 0.2).sum() == 4


def test_few_videos_are_divided_by_time_with_a_gap():
    table = make_table([(video, t, 1 + t % 3) for video in ("a", "b") for t in range(20)])
    plan = split_annotations(table, LABELS, 0.2)
    assert plan.way == "time"
    assert "only 2 videos" in plan.text
    for video in ("a", "b"):
        seconds = {
            part: [
                table.keyframes[int(k)].second for k in np.flatnonzero(use) if table.keyframes[int(k)].video == video
            ]
            for part, use in (("train", plan.train), ("val", plan.val))
        }
        assert seconds["val"] == [16, 17, 18, 19]
        assert seconds["train"] == list(range(16 - GAP_SECONDS + 1))
    assert "4 keyframes in between are used by neither" in plan.text


def test_a_class_of_one_video_makes_a_small_set_divide_by_time():
    rows = [(f"v{v}", t, 1) for v in range(6) for t in range(20)] + [("v2", t, 2) for t in range(20)]
    by_time = split_annotations(make_table(rows), LABELS, 0.2)
    assert by_time.way == "time"
    assert "would leave one part without: c2" in by_time.text
    assert split_annotations(make_table(rows), LABELS, 0.2, "video").way == "video"
    many = [(f"v{v:02d}", t, 1) for v in range(25) for t in range(20)] + [("v02", t, 2) for t in range(20)]
    assert split_annotations(make_table(many), LABELS, 0.2).way == "video"


def test_what_cannot_be_divided_is_an_error_with_a_remedy():
    short = make_table([("a", t, 1) for t in range(3)])
    with pytest.raises(UserError, match=r"3 seconds or more apart.* Give a --val file"):
        split_annotations(short, LABELS, 0.2)
    with pytest.raises(UserError, match="only one video is annotated"):
        split_annotations(short, LABELS, 0.2, "video")
    # Too short for time, but two videos: by video although they are few.
    plan = split_annotations(make_table([(v, t, 1) for v in "ab" for t in range(3)]), LABELS, 0.2)
    assert plan.way == "video"
    assert "too short to split by time" in plan.text


def test_slow_video_makes_clips_reach_across_the_gap():
    plan = split_annotations(make_table([("a", t, 1) for t in range(20)]), LABELS, 0.2)
    assert gap_notes(plan, [25.0]) == []
    (note,) = gap_notes(plan, [25.0, 7.0])
    assert "with INPUT.FPS 0 or 7 (the slowest video) a clip of 64 frames covers 9.1 s" in note
    assert "INPUT.FPS at 22 or more" in note
    assert gap_notes(None, [7.0]) == []
