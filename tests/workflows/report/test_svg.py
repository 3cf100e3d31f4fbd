"""Charts: ticks, lines, marks, and what is said of them."""

from __future__ import annotations

from xml.etree import ElementTree

import pytest

from alphaction.workflows.report.svg import SMALL, Chart, Mark, Series, draw, number, ticks


@pytest.mark.parametrize(
    ("value", "text"),
    [(0, "0"), (0.0123456, "0.0123"), (1200, "1200"), (1.5e-6, "1.5e-06"), (float("nan"), "-"), (2.5e9, "2.50e+09")],
)
def test_numbers(value, text):
    assert number(value) == text


def test_ticks_are_round_and_within():
    assert ticks(0, 1) == pytest.approx([0, 0.2, 0.4, 0.6, 0.8, 1.0])
    assert ticks(3, 812) == [200, 400, 600, 800]
    assert ticks(-0.4, 0.3) == pytest.approx([-0.4, -0.2, 0, 0.2])
    assert ticks(5, 5) == [5]
    assert ticks(0, float("inf")) == [0]


def elements(chart, kind):
    root = ElementTree.fromstring(str(draw(chart)))
    return [element for element in root.iter() if element.get("class", "").split()[:1] == [kind]]


def test_a_line_runs_from_corner_to_corner():
    chart = Chart("t", (Series("a", [(0, 0), (1, 1)], 3),), x_range=(0, 1), y_range=(0, 1), size=SMALL)
    (line,) = elements(chart, "line")
    assert line.get("d") == "M44 146L238 10"
    assert line.get("class") == "line c3"
    titles = [title.text for hit in elements(chart, "hit") for title in hit]
    assert titles == ["a 0 at iteration 0", "a 1 at iteration 1"]


def test_what_lies_outside_is_drawn_at_the_edge_and_a_single_point_as_a_dot():
    chart = Chart("t", (Series("a", [(5, 9)]),), x_range=(0, 1), y_range=(0, 1))
    assert elements(chart, "line") == []
    (dot,) = elements(chart, "dot")
    assert (dot.get("cx"), dot.get("cy")) == ("348", "10")


@pytest.mark.parametrize("values", [[0.0, 0.0], [3.0], [1e-9, 2e-9], [-5.0, 7.0], [1e30, 1e-30]])
def test_any_values_have_axes(values):
    chart = Chart("t", (Series("a", list(enumerate(values))),))
    svg = str(draw(chart))
    assert "nan" not in svg
    assert "inf" not in svg
    assert elements(chart, "tick")


def test_marks_and_texts_are_escaped():
    chart = Chart("<t>&\"'", (Series("<a>", [(0, 0), (1, 1)]),), marks=(Mark(1, 1, "<m>\u202e"),))
    assert [note.text for note in elements(chart, "note")] == ["<m>\\u202e"]
    label = ElementTree.fromstring(str(draw(chart))).get("aria-label")
    assert label == "<t>&\"': <a> from 0 to 1"


def test_an_axis_ends_at_a_round_number_and_has_a_name():
    chart = Chart("t", (Series("a", [(0, 0.61), (1, 0.2)]),), "recall", "<precision>")
    assert [tick.text for tick in elements(chart, "tick")][:5] == ["0", "0.2", "0.4", "0.6", "0.8"]
    assert [label.text for label in elements(chart, "label")] == ["recall", "<precision>"]
    tops = [float(path.get("d").split()[1].split("H")[0]) for path in elements(chart, "grid")[:5]]
    assert min(tops) == 24  # below the name


def test_nothing_to_draw():
    assert draw(Chart("t", (Series("a", []),))) == ""


def test_long_lines_say_values_of_some_points_only():
    chart = Chart("t", (Series("a", [(x, x) for x in range(1000)]),))
    assert 30 <= len(elements(chart, "hit")) <= 60
