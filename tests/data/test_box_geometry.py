"""The legacy pixel convention: golden boxes of the reference, and the arithmetic around them."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from alphaction.data.box_geometry import (
    clip_boxes,
    extend_boxes,
    flip_horizontal,
    jitter_boxes,
    resize_boxes,
    unit_to_pixel,
)


@pytest.fixture
def golden(test_data):
    with np.load(test_data / "reference" / "golden" / "clip_t3_eval_transform.npz") as arrays:
        prefix = "resnet50_4x16f_baseline/"
        return {name.removeprefix(prefix): torch.from_numpy(arrays[name]) for name in arrays if prefix in name}


@pytest.fixture
def golden_units():
    """Ground truth xywh (100,50,60,120) and (300.5,200.25,400,100), the second beyond the right side of 480x360."""
    corners = torch.tensor([[100, 50, 160, 170], [300.5, 200.25, 480, 300.25]], dtype=torch.float64)
    return corners / torch.tensor([480, 360, 480, 360])


def test_golden_boxes(golden, golden_units):
    boxes = resize_boxes(unit_to_pixel(golden_units, (480, 360)), (480, 360), (341, 256))
    torch.testing.assert_close(boxes.float(), golden["boxes_xyxy"], rtol=1e-6, atol=1e-4)


def test_golden_extension(golden):
    extended = extend_boxes(golden["boxes_xyxy"], (0.1, 0.05), (341, 256))
    torch.testing.assert_close(extended, golden["extended_boxes"], rtol=1e-6, atol=1e-4)


def test_golden_flip(golden):
    flipped = flip_horizontal(golden["boxes_xyxy"], 341)
    torch.testing.assert_close(flipped, golden["flipped_boxes"], rtol=1e-6, atol=1e-4)
    torch.testing.assert_close(flip_horizontal(flipped, 341), golden["boxes_xyxy"], rtol=1e-6, atol=1e-4)


def test_units_keep_their_digits(golden_units):
    pixels = unit_to_pixel(golden_units, (480, 360))
    torch.testing.assert_close(pixels[0], torch.tensor([100, 50, 159, 169], dtype=torch.float64))
    far = torch.tensor([0, 0, 1, 1])
    torch.testing.assert_close((pixels + far) / torch.tensor([480, 360] * 2), golden_units, rtol=0, atol=1e-12)


def test_box_narrower_than_a_pixel_keeps_one():
    pixels = unit_to_pixel(torch.tensor([[0.5, 0.5, 0.501, 0.502]]), (100, 100))
    assert pixels.tolist() == [[50.0, 50.0, 50.0, 50.0]]


def test_clip():
    boxes = torch.tensor([[-3.0, -1.0, 20.0, 9.5]])
    assert clip_boxes(boxes, (10, 8)).tolist() == [[0.0, 0.0, 9.0, 7.0]]
    assert boxes.tolist() == [[-3.0, -1.0, 20.0, 9.5]]


def test_no_boxes():
    none = torch.zeros(0, 4)
    rng = np.random.default_rng(0)
    for result in (
        unit_to_pixel(none, (9, 9)),
        flip_horizontal(none, 9),
        extend_boxes(none, (1, 1), (9, 9)),
        jitter_boxes(none, rng, (0.2, 0.1), (0.1, 0.05), (9, 9)),
    ):
        assert result.shape == (0, 4)


def test_jitter_stays_in_its_range_and_fills_it():
    box = torch.tensor([[400.0, 300.0, 499.0, 499.0]]).repeat(4000, 1)  # 100 wide, 200 high
    jittered = jitter_boxes(box, np.random.default_rng(1), (0.2, 0.1), (0.1, 0.05), (2000, 2000))
    outwards = torch.cat([box[:, :2] - jittered[:, :2], jittered[:, 2:] - box[:, 2:]], dim=1)
    for side, (outer, inner) in enumerate([(20, 10), (20, 10), (20, 10), (20, 10)]):
        assert -inner <= outwards[:, side].min() < -inner + 0.2
        assert outer >= outwards[:, side].max() > outer - 0.2
    correlation = np.corrcoef(outwards.T.numpy()) - np.eye(4)
    assert np.abs(correlation).max() < 0.06  # sides move independently


def test_jitter_is_clipped_and_repeats_with_its_generator():
    box = torch.tensor([[0.0, 0.0, 99.0, 99.0]]).repeat(50, 1)
    first, second = (jitter_boxes(box, np.random.default_rng(5), (0.2, 0.1), (0.1, 0.05), (100, 100)) for _ in range(2))
    assert torch.equal(first, second)
    assert first[:, :2].min() == 0
    assert first[:, 2:].max() == 99
    still = jitter_boxes(box, np.random.default_rng(5), (0, 0), (0, 0), (100, 100))
    assert torch.equal(still, box)
