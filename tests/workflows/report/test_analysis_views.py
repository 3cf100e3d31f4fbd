"""What an analysis looks like on the page."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from workflows.report.made_up import curve, made_up

from alphaction.evaluation.analysis import Confusion, Misses
from alphaction.workflows.report.analysis_views import (
    CURVE_POINTS,
    calibration_chart,
    class_charts,
    matrix,
    miss_rows,
    pairs,
)


def test_curves_are_thinned_and_keep_their_ends_and_the_best_point():
    made = curve("walk", 20_000)
    (charts,) = class_charts([made, curve("nothing", 0)])
    (precision,) = charts.precision_recall.series
    assert CURVE_POINTS <= len(precision.points) <= CURVE_POINTS + 3
    assert precision.points[0] == (made.recall[0], made.precision[0])
    assert precision.points[-1] == (made.recall[-1], made.precision[-1])
    assert (made.best.recall, made.best.precision) in precision.points
    f1 = charts.f1.series[-1]
    xs = [x for x, _ in f1.points]
    assert xs == sorted(xs)
    assert (made.best.threshold, made.best.f1) in f1.points
    (mark,) = charts.f1.marks
    assert (mark.x, mark.y, mark.text) == (made.best.threshold, made.best.f1, f"{made.best.threshold:.2f}")


def test_the_matrix_shows_who_is_taken_for_whom():
    confusion = Confusion(("a", "b", "unused", "(none)"), np.array([[6, 2, 0, 2], [0, 5, 0, 0], [0] * 4, [1, 0, 0, 0]]))
    shown = matrix(confusion)
    assert shown.names == ("a", "b", "(none)")
    assert [[cell.count for cell in row] for row in shown.rows] == [[6, 2, 2], [0, 5, 0], [1, 0, 0]]
    assert [cell.share for cell in shown.rows[0]] == pytest.approx([0.6, 0.2, 0.2])
    assert [cell.right for cell in shown.rows[0]] == [True, False, False]
    titles = [shown.rows[i][j].title for i, j in ((0, 0), (0, 1), (0, 2), (2, 0))]
    assert titles == [
        "a: 6 labels found (60%)",
        "a taken for b: 2 (20%)",
        "a: nothing was predicted for 2 labels (20%)",
        "a: 1 detection that no label stands for",
    ]
    # Detections that no label stands for are compared with all of their class.
    assert shown.rows[2][0].share == pytest.approx(1 / 7)
    assert shown.left_out == 0
    assert [(pair.true, pair.predicted, pair.count, pair.share) for pair in pairs(confusion)] == [("a", "b", 2, 0.2)]
    assert matrix(Confusion(("a", "(none)"), np.zeros((2, 2), dtype=np.int64))) is None
    assert pairs(Confusion(("(none)",), np.zeros((1, 1), dtype=np.int64))) == []


def test_of_many_classes_the_most_confused_are_shown():
    counts = np.diag(np.full(41, 9))
    counts[7, 30] = 5
    shown = matrix(Confusion((*(f"c{i}" for i in range(40)), "(none)"), counts))
    assert {"c7", "c30", "(none)"} <= set(shown.names)
    assert (len(shown.names), shown.left_out) == (21, 20)


def test_misses_and_their_reasons():
    rows = miss_rows([Misses("a", 3, {"class": 2}), Misses("b", 0, {})])
    assert [(row.name, row.total, row.found) for row in rows] == [("a", 5, 3)]
    assert [(kind, count) for kind, _, count in rows[0].parts] == [
        ("found", 3), ("detector", 0), ("threshold", 0), ("class", 2),
    ]  # fmt: skip


def test_calibration():
    calibration = made_up(["a"], []).calibration
    chart = calibration_chart(calibration)
    assert chart.diagonal
    assert chart.series[0].points[0] == pytest.approx((0.05, 0.05**1.3))
    none = np.zeros(0)
    assert calibration_chart(replace(calibration, mean_score=none, share_right=none, counts=none)) is None
