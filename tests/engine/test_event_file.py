"""Event files, as TensorBoard reads them."""

from __future__ import annotations

import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from alphaction.engine.event_file import EventFile


def points(folder, tag: str) -> list[tuple[int, float]]:
    found = EventAccumulator(str(folder))
    found.Reload()
    return [(event.step, event.value) for event in found.Scalars(tag)]


def test_points_of_a_run_that_was_set_back_are_hidden(tmp_path):
    first = EventFile(tmp_path, 1)
    for step in (1, 2, 3, 4):
        first.write(step, {"loss": step / 4, "toy_val/mAP": 0.5})
    second = EventFile(tmp_path, 3)
    second.write(3, {"loss": 10.0})
    assert points(tmp_path, "loss") == [(1, 0.25), (2, 0.5), (3, 10.0)]
    assert points(tmp_path, "toy_val/mAP") == [(1, 0.5), (2, 0.5)]
    assert len(list(tmp_path.glob("events.out.tfevents.*"))) == 2


def test_a_value_that_is_not_finite_is_a_point_as_well(tmp_path):
    EventFile(tmp_path, 1).write(1, {"loss": float("inf")})
    assert points(tmp_path, "loss") == [(1, pytest.approx(float("inf")))]
