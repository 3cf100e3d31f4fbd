"""Event files, as TensorBoard reads them."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from alphaction.engine.event_file import EventFile
from alphaction.engine.plots import JpegPicture


def points(folder, tag: str) -> list[tuple[int, float]]:
    found = EventAccumulator(str(folder))
    found.Reload()
    return [(event.step, event.value) for event in found.Scalars(tag)]


def test_points_of_a_run_that_was_set_back_are_hidden(tmp_path):
    first = EventFile(tmp_path, 1)
    for step in (1, 2, 3, 4):
        first.scalars(step, {"loss": step / 4, "toy_val/mAP": 0.5})
    second = EventFile(tmp_path, 3)
    second.scalars(3, {"loss": 10.0})
    assert points(tmp_path, "loss") == [(1, 0.25), (2, 0.5), (3, 10.0)]
    assert points(tmp_path, "toy_val/mAP") == [(1, 0.5), (2, 0.5)]
    assert len(list(tmp_path.glob("events.out.tfevents.*"))) == 2


def test_a_value_that_is_not_finite_is_a_point_as_well(tmp_path):
    EventFile(tmp_path, 1).scalars(1, {"loss": float("inf")})
    assert points(tmp_path, "loss") == [(1, pytest.approx(float("inf")))]


def test_pictures_and_texts(tmp_path):
    image = np.zeros((20, 30, 3), dtype=np.uint8)
    image[:, :15] = (200, 20, 20)
    events = EventFile(tmp_path, 1)
    events.picture(4, "validation", JpegPicture.of(image))
    events.text(0, "data/labels", "| class |\n|---|\n| 走 \udcff |")
    events.close(failed=False)
    found = EventAccumulator(str(tmp_path)).Reload()
    [shown] = found.Images("validation")
    assert (shown.step, shown.width, shown.height) == (4, 30, 20)
    pixels = cv2.cvtColor(cv2.imdecode(np.frombuffer(shown.encoded_image_string, np.uint8), 1), cv2.COLOR_BGR2RGB)
    assert np.abs(pixels[:, :8].astype(int) - (200, 20, 20)).max() < 10  # red is red
    assert pixels[:, 24:].max() < 10
    assert found.Tags()["tensors"] == ["data/labels"]
    [text] = found.Tensors("data/labels")
    assert text.tensor_proto.string_val[0].decode() == "| class |\n|---|\n| 走 ? |"
    assert found.SummaryMetadata("data/labels").plugin_data.plugin_name == "text"
