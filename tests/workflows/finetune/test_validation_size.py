"""The warning where validation is too small to tell recipes apart."""

from __future__ import annotations

import numpy as np
import pytest
from messages import says

from alphaction.data.annotations import NO_CLASS, AnnotationTable
from alphaction.workflows.finetune.validation_size import ValidationSize


def test_it_counts_videos_with_labels():
    boxes = np.array([[0.0, 0.0, 0.5, 1.0]] * 4)
    table = AnnotationTable.from_columns(["a", "a", "b", "c"], [1, 1, 1, 1], boxes, [1, 2, 1, NO_CLASS])
    assert ValidationSize.of(table) == ValidationSize(videos=2, boxes=3, labels=3)


@pytest.mark.parametrize(
    ("size", "measured"),
    # Halves of intervals: JHMDB with a label in each video, AVA's with 27.
    [((8, 8, 8), 0.212), ((20, 20, 20), 0.134), ((40, 40, 40), 0.089), ((8, 217, 217), 0.094), ((12, 322, 322), 0.071)],
)
def test_the_rule_is_near_what_was_measured(size, measured):
    assert ValidationSize(*size).half_width == pytest.approx(measured, rel=0.1)


def test_small_ones_are_warned_of():
    (note,) = ValidationSize(2, 166, 192).notes("pets_val", folds=True)
    says(note, "pets_val has 166 boxes in 2 videos", "16 points", "--folds 4", "compare_runs.py")
    (note,) = ValidationSize(2, 1660, 1920).notes("pets_val", folds=False)
    assert "--folds" not in note
    assert list(ValidationSize(30, 199, 300).notes("v", folds=True))
    assert not list(ValidationSize(5, 200, 200).notes("v", folds=True))
    assert ValidationSize(0, 0, 0).half_width == 1.0
