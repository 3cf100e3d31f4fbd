"""What a run says of a head that it could not take from its weights."""

from __future__ import annotations

import pytest

from alphaction.checkpoint.load_report import LoadReport, ShapeMismatch
from alphaction.engine.prepared_run import CLASSIFIER, _head_warnings


@pytest.mark.parametrize(
    ("found", "says"),
    [
        ((80, 2048), "has a classifier of 2048 channels, which is not the width of the config's head"),
        ((7, 1024), "classifies 7 classes, the data has 80"),
    ],
)
def test_why_a_classifier_starts_at_random(found, says):
    other = ShapeMismatch(CLASSIFIER, CLASSIFIER, (80, 1024), found)
    report = LoadReport("zoo.pth", "exact names", loaded={}, missing=[], unused=[], mismatched=[other], skipped=[])
    assert _head_warnings(report, 80) == [f"zoo.pth {says}: the classifier starts at random."]
    report.loaded["roi_heads.action.feature_extractor.fc1.weight"] = "fc1.weight"
    (warning,) = _head_warnings(report, 80)
    assert warning.startswith(f"zoo.pth {says}: the classifier starts at random, the rest of the head is reused. ")
