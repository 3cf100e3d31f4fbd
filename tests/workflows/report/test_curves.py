"""Which charts the lines of a metrics.jsonl give."""

from __future__ import annotations

import pytest

from alphaction.workflows.report.curves import MOST_POINTS, thin, training_charts


def test_charts_of_a_training():
    lines = [
        {"iteration": 1, "loss": 3, "loss_movement": 2.0, "accuracy_movement": 0.5, "lr": 0.1, "data_time": 0.1,
         "step_time": 0.5, "memory_mb": 3},
        {"iteration": 2, "loss": float("nan"), "loss_movement": None, "lr": 0.2, "step_time": 0.4, "data_time": 0.1},
        {"iteration": 2, "v/mAP": 0.5, "v/mAP/movement": 0.6, "v/AP/a/b": 0.5, "v/loss": 2.5, "ema/v/mAP": 0.6},
        {"iteration": 9, "v/mAP": 0.7, "v/mAP/movement": 0.8, "v/mAP/object": 0.1},
    ]  # fmt: skip
    charts = {chart.title: {line.name: line.points for line in chart.series} for chart in training_charts(lines, ["v"])}
    assert charts == {
        "Loss": {"total": [(1, 3)], "movement": [(1, 2)]},
        "Validation loss": {"weights": [(2, 2.5)]},
        "Accuracy on training clips": {"movement": [(1, 0.5)]},
        "Validation mAP": {"weights": [(2, 0.5), (9, 0.7)], "averaged weights": [(2, 0.6)]},
        "Validation mAP by group": {"movement": [(2, 0.6), (9, 0.8)], "object": [(9, 0.1)]},
        "Learning rate": {"lr": [(1, 0.1), (2, 0.2)]},
        "Seconds per step": {"step": [(1, 0.5), (2, 0.4)], "waiting for data": [(1, 0.1), (2, 0.1)]},
    }
    assert {chart.x_range for chart in training_charts(lines, ["v"])} == {(0.0, 9.0)}
    assert training_charts([], ["v"]) == []


def test_a_name_has_one_color_in_all_charts():
    lines = [{"iteration": 1, "loss": 1.0, "loss_a": 1.0, "loss_b": 1.0, "accuracy_b": 0.5, "accuracy_a": 0.5}]
    loss, accuracy = ({line.name: line.color for line in chart.series} for chart in training_charts(lines, []))
    assert loss == {"total": 1, "a": 2, "b": 3}
    assert accuracy == {"b": 3, "a": 2}


def test_a_group_has_its_own_name_and_one_color_in_all_charts():
    lines = [
        {"iteration": 1, "loss": 1.0, "loss_手": 0.5, "loss_with_others": 0.5, "accuracy_with_others": 0.5},
        {"iteration": 1, "v/mAP/手": 0.1, "v/mAP/with others": 0.2, "v/mAP/with / others": 0.3},
    ]
    charts = {chart.title: {line.name: line.color for line in chart.series} for chart in training_charts(lines, ["v"])}
    assert charts["Loss"] == {"total": 1, "手": 2, "with others": 3}
    assert list(charts["Accuracy on training clips"]) == ["with others"]
    assert charts["Validation mAP by group"] == {"手": 2, "with others": 3, "with / others": 4}


def test_several_datasets_are_told_apart():
    lines = [{"iteration": 1, "v/mAP": 0.5, "w/mAP": 0.6, "w/mAP/object": 0.2}]
    charts = training_charts(lines, ["v", "w"])
    assert [[line.name for line in chart.series] for chart in charts] == [["v, weights", "w, weights"], ["object"]]
    assert charts[1].title == "Validation mAP by group: w"


def test_long_lines_are_means_of_neighbors():
    points = [(float(x), float(x % 2)) for x in range(1000)]
    short = thin(points)
    assert len(short) == MOST_POINTS
    assert short[0] == (4.5, 0.5)
    assert short[-1] == (994.5, 0.5)
    assert thin(points[:100]) == points[:100]
    (chart,) = training_charts([{"iteration": int(x), "lr": y} for x, y in points], [])
    assert chart.note == "Each point is the mean of 10 log lines."
    assert chart.series[0].points[0] == pytest.approx((4.5, 0.5))
