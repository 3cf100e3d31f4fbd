"""Which boxes are predictions that nobody has confirmed."""

from __future__ import annotations

import pytest

from alphaction.data.formats.confirmation import unconfirmed_rule


@pytest.mark.parametrize(
    ("answers", "unconfirmed"),
    [
        ({"predicted_score": ["walk 0.81"], "confirmed": ["false"]}, True),
        ({"predicted_score": ["walk 0.81"], "confirmed": ["true"]}, False),
        ({"predicted_score": ["0.8"], "confirmed": ["yes"]}, False),
        ({"predicted_score": ["0.8"], "confirmed": []}, True),
        ({"Predicted score": ["0.8"]}, True),  # a tool that leaves out what is not ticked
        ({"predicted_score": [], "confirmed": ["false"]}, False),  # drawn by hand
        ({"predicted_score": [""]}, False),
        ({"action": ["walk"]}, False),
        ({"score": ["0.8"], "confirmed": ["false"]}, False),  # of another tool
    ],
)
def test_a_prediction_needs_the_mark(answers, unconfirmed):
    assert unconfirmed_rule(["action", "Confirmed", "predicted_score"])(answers) is unconfirmed


def test_without_the_mark_in_a_file_every_box_counts():
    assert not unconfirmed_rule(["action", "predicted_score"])({"predicted_score": ["0.8"]})
