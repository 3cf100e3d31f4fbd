"""Frames in inputs, and boxes back on frames."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from alphaction.workflows.detect.onnx_model.model import parse_names
from alphaction.workflows.detect.onnx_model.prepare import InputSize, Preparation, place, to_values


@pytest.mark.parametrize("frame", [(48, 144), (100, 37), (64, 96), (1, 300), (431, 601)])
@pytest.mark.parametrize("fit", ["letterbox", "corner", "stretch", "smooth"])
def test_boxes_come_back_exactly(frame, fit):
    height, width = frame
    image, placement = place(np.zeros((*frame, 3), dtype=np.uint8), (64, 96), fit)
    assert image.shape == (64, 96, 3)
    boxes = torch.tensor([[0.1, 0.2, 0.3, 0.4], [0, 0, 1, 1]], dtype=torch.float64)
    inside = torch.tensor([placement.width, placement.height] * 2) * boxes
    inside += torch.tensor([placement.left, placement.top] * 2)
    torch.testing.assert_close(placement.fractions(inside), boxes)
    if fit in ("letterbox", "corner"):
        # Proportions are kept to the nearest pixel, and the frame touches two sides.
        ratio = min(64 / height, 96 / width)
        assert (placement.width, placement.height) == (max(round(width * ratio), 1), max(round(height * ratio), 1))
        assert placement.width == 96 or placement.height == 64
        black = (image == 0).all(axis=2)
        assert black.sum() == placement.width * placement.height
        assert (image[~black] == 114).all()
        rows, columns = np.nonzero(black)
        assert (rows.min(), columns.min()) == (placement.top, placement.left)


def test_free_sizes_are_multiples_of_the_stride():
    free = InputSize(None, None, 640, 32)
    assert free.of_frame(720, 1280, "letterbox") == (384, 640)
    assert free.of_frame(1280, 720, "letterbox") == (640, 384)
    assert free.of_frame(720, 1280, "stretch") == (640, 640)
    assert free.of_frame(720, 1280, "whole") == (720, 1280)
    assert InputSize(320, 416).of_frame(720, 1280, "whole") == (320, 416)


def test_values():
    image = np.array([[[255, 0, 51]]], dtype=np.uint8)
    np.testing.assert_allclose(to_values(image, Preparation(), np.dtype("float32")), [[[1, 0, 0.2]]])
    bgr = to_values(image, Preparation(pixels="0-255", bgr=True), np.dtype("float32"))
    np.testing.assert_array_equal(bgr, [[[51, 0, 255]]])
    normal = to_values(image, Preparation(pixels="imagenet"), np.dtype("float32"))
    expected = [(1 - 0.485) / 0.229, -0.456 / 0.224, (0.2 - 0.406) / 0.225]
    np.testing.assert_allclose(normal[0, 0], expected, rtol=1e-6)


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("{0: 'person', 1: \"d'og\"}", ("person", "d'og")),
        ('{"1": "dog", "0": "person"}', ("person", "dog")),
        ("['a', 'b']", ("a", "b")),
        ("", None),
        ("{0: 'a', 2: 'c'}", None),
        ("{'x': 'a'}", None),
        ("__import__('os').system('true')", None),
        ("(" * 100_000, None),
    ],
)
def test_names_in_the_file(text, names):
    assert parse_names(text) == names
