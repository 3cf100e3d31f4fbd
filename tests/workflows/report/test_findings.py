"""What stands out in a run, in sentences."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from workflows.report.made_up import made_up

from alphaction.data.keyframes import Keyframe
from alphaction.evaluation.analysis import Confusion, Misses
from alphaction.workflows.report.evaluations import ClassRow, Evaluation
from alphaction.workflows.report.findings import findings


def texts(points=(), evaluation=None, rows=()):
    return [finding.text for finding in findings(points, evaluation or Evaluation("val"), rows)]


@pytest.mark.parametrize(
    ("points", "said"),
    [
        ([(10, 0.5)], ""),
        ([(10, 0.5), (20, 0.505)], ""),
        ([(10, 0.5), (20, 0.6)], "mAP still rose at the end, from 0.500 at iteration 10 to 0.600: a longer training"),
        ([(10, 0.5), (20, 0.6), (30, 0.55)], "mAP was best at iteration 20 and fell from 0.600 to 0.550 since"),
        ([(10, 0.5), (20, 0.6), (30, 0.599)], ""),
    ],
)
def test_the_course_of_the_map(points, said):
    assert "".join(texts(points)).startswith(said)
    assert bool(texts(points)) is bool(said)


def test_strong_weak_and_rare_classes():
    aps = {"走/跑": 0.9, "wave": 0.2, "sit": 0.5, "never": None}
    rows = [ClassRow(name, "", ap, train, 9) for (name, ap), train in zip(aps.items(), [400, 12, 60, 0], strict=True)]
    assert texts(rows=rows) == [
        'Best by AP: "走/跑" 0.900. Weakest: "wave" 0.200.',
        '2 classes have fewer than 50 labels in training ("never" 0, "wave" 12): more labels help these most.',
    ]
    # Without the dataset of the training nothing is known of its labels, and one class is not compared.
    assert texts(rows=[ClassRow("a", "", 0.5, None, 9)]) == []


def test_an_analysis_in_sentences():
    analysis = made_up(["a", "b"], [Keyframe("v", 1)])
    counts = np.array([[6, 3, 1], [0, 9, 0], [5, 0, 0]])
    misses = (Misses("a", 6, {"class": 1, "detector": 3}), Misses("b", 9, {}))
    analysis = replace(analysis, confusion=Confusion(("a", "b", "(none)"), counts), misses=misses)
    found = findings([], Evaluation("val", analysis=analysis), [])
    assert [(finding.text, finding.place) for finding in found] == [
        ("15 of 19 labels are found at the thresholds of the best F1, 4 are not; for 3 of these no detected box is "
         "there: a person detector that finds more helps most.", "missed"),
        ('Most often confused: "a" is taken for "b", 3 of 10 labels.', "confusion"),
        ("1 label looks wrong: check these first.", "pictures"),
    ]  # fmt: skip
    perfect = replace(
        analysis, misses=misses[1:], label_conflicts=(), confusion=Confusion(("a", "(none)"), counts[1:, 1:])
    )
    assert texts(evaluation=Evaluation("val", analysis=perfect)) == []
