"""Intervals in the report: the tables of means and classes, what is said of them, and where they stand on the page."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
from messages import says
from workflows.report.conftest import write_run
from workflows.report.reading import PageText

from alphaction.evaluation import Intervals
from alphaction.toy import ToyOptions
from alphaction.workflows.report.class_views import ShownMean, intervals_note, shown_class, shown_means
from alphaction.workflows.report.evaluations import ClassRow, Evaluation
from alphaction.workflows.report.findings import findings

SPREAD = Intervals(8, 1000, 0.95, (0.4, 0.5), {"a": (0.3, 0.6), "b": None}, {"run": (0.1, 0.3)}, {"run": 5, "sit": 1})
EVALUATION = Evaluation("d_val", mAP=0.45, groups={"a": 0.45, "b": 0.2}, intervals=SPREAD)
ONE = replace(SPREAD, videos=1, resamples=0, mAP=None)


def test_the_means_have_their_intervals():
    assert shown_means(EVALUATION) == [
        ShownMean("all classes", 0.45, (0.4, 0.5)),
        ShownMean("a", 0.45, (0.3, 0.6)),
        ShownMean("b", 0.2, None),
    ]
    assert shown_means(replace(EVALUATION, groups={"a": 0.45})) == [ShownMean("all classes", 0.45, (0.4, 0.5))]
    assert shown_means(replace(EVALUATION, intervals=None)) == []


def test_a_class_has_its_interval_or_the_number_of_its_videos():
    def row(name: str, spread: Intervals | None):
        shown = shown_class(ClassRow(name, "a", 0.2, None, 9), None, None, spread)
        return shown.interval, shown.videos, shown.in_few_videos

    assert row("run", SPREAD) == ((0.1, 0.3), 5, False)
    assert row("run", replace(SPREAD, class_videos={"run": 4})) == ((0.1, 0.3), 4, True)
    assert row("sit", SPREAD) == (None, 1, True)
    assert row("run", None) == (None, None, False)


def test_what_intervals_are_worth_is_said():
    says(intervals_note(SPREAD), "95% intervals", "8 videos", "1000 draws", "compare_runs.py")
    assert "too few" not in intervals_note(SPREAD)
    says(intervals_note(replace(SPREAD, videos=4)), "4 videos are too few", "--folds")
    assert "brackets" not in intervals_note(SPREAD)
    says(intervals_note(replace(SPREAD, class_videos={"run": 4})), "fewer than 5 videos", "in brackets")
    says(intervals_note(ONE), "one video", "--folds")
    assert intervals_note(None) == ""


def test_what_stands_out():
    def said(spread: Intervals | None) -> list[tuple[str, str]]:
        return [(each.text, each.place) for each in findings((), replace(EVALUATION, intervals=spread), ())]

    ((text, place),) = said(SPREAD)
    says(text, "8 validation videos", "0.400 to 0.500", "compare_runs.py")
    assert place == "means"
    assert said(replace(SPREAD, mAP=(0.43, 0.48))) == said(None) == []
    ((text, place),) = said(ONE)
    says(text, "in 1 video", "--folds")
    assert place == "classes"


@pytest.mark.parametrize("videos", [1, 2])
def test_the_page(made_toy, tmp_path, page, videos):
    options = {1: ToyOptions(num_train=2, num_val=1, seconds=4), 2: ToyOptions(num_train=4, num_val=2, seconds=6)}
    html = page(write_run(tmp_path / "run", made_toy(options[videos])), examples=0)
    text = " ".join(" ".join(PageText(html).texts).split())
    if videos == 1:
        says(text, "All labels are in one video", "no intervals")
        assert "95% interval" not in text
    else:
        says(text, "95% interval", "all classes", "2 videos are too few", "in one video")
        assert re.search(r"0\.\d\d to \d\.\d\d \( ?2 ?\)", text)
