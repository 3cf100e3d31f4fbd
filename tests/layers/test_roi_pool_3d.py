"""ROI pooling of clips equals torchvision's operators frame by frame.

Axes: B clips, C channels, T frames, H and W rows and columns of the features, N boxes.
"""

from __future__ import annotations

import pytest
import torch
import torchvision

from alphaction.layers import RoiAlign3d, RoiPool3d

BOXES = torch.tensor([[4.0, 6, 80, 58], [30.5, 2, 70, 60], [0, 0, 95, 63], [40, 40, 41, 41]])
CLIP_INDEX = torch.tensor([0, 1, 1, 1])


@pytest.mark.parametrize("aligned", [False, True])
def test_align_frame_by_frame(aligned):
    features = torch.randn(2, 5, 3, 4, 6)
    pooled = RoiAlign3d(7, spatial_scale=1 / 16, sampling_ratio=0, aligned=aligned)(features, BOXES, CLIP_INDEX)
    assert pooled.shape == (4, 5, 3, 7, 7)
    rois = torch.cat([CLIP_INDEX[:, None].float(), BOXES], dim=1)
    for t in range(3):
        expected = torchvision.ops.roi_align(features[:, :, t], rois, 7, 1 / 16, 0, aligned=aligned)
        torch.testing.assert_close(pooled[:, :, t], expected)


@pytest.mark.parametrize("aligned", [False, True])
def test_gradient_of_align_is_that_of_torchvision(aligned):
    # Boxes of clips in turns, as those of persons and then of objects; the last clip has none.
    boxes, index = BOXES.double().repeat(2, 1), torch.tensor([0, 1, 1, 1, 0, 0, 1, 0])
    features = torch.randn(3, 5, 1, 4, 6, dtype=torch.float64, requires_grad=True)
    pooled = RoiAlign3d(7, aligned=aligned)(features, boxes, index)
    seed = torch.randn_like(pooled)
    (found,) = torch.autograd.grad(pooled, features, seed)
    rois = torch.cat([index[:, None].double(), boxes], dim=1)
    expected = torchvision.ops.roi_align(features[:, :, 0], rois, 7, 1 / 16, 0, aligned=aligned)
    (expected,) = torch.autograd.grad(expected, features, seed[:, :, 0])
    torch.testing.assert_close(found, expected)


def test_gradient_of_align_without_boxes_is_zero():
    features = torch.randn(2, 5, 1, 4, 6, requires_grad=True)
    RoiAlign3d()(features, torch.zeros(0, 4), torch.zeros(0, dtype=torch.long)).sum().backward()
    assert torch.equal(features.grad, torch.zeros_like(features))


def test_gradient_of_align_on_a_large_map(monkeypatch):
    """A matrix of all its cells would be too large; torchvision's own gradient it is."""
    monkeypatch.setattr(torch, "eye", None)
    features = torch.randn(1, 2, 1, 64, 65, requires_grad=True)
    box = torch.tensor([[100.0, 200, 700, 800]])
    pooled = RoiAlign3d()(features, box, torch.tensor([0]))
    (found,) = torch.autograd.grad(pooled.sum(), features)
    expected = torchvision.ops.roi_align(features[:, :, 0], [box], 7, 1 / 16, 0, aligned=False)
    (expected,) = torch.autograd.grad(expected.sum(), features)
    torch.testing.assert_close(found, expected)


def test_pool_frame_by_frame():
    features = torch.randn(2, 5, 3, 4, 6)
    pooled = RoiPool3d()(features, BOXES, CLIP_INDEX)
    rois = torch.cat([CLIP_INDEX[:, None].float(), BOXES], dim=1)
    for t in range(3):
        expected = torchvision.ops.roi_pool(features[:, :, t].contiguous(), rois, 7, 1 / 16)
        torch.testing.assert_close(pooled[:, :, t], expected)


def test_align_by_hand():
    # A ramp along x: cell k holds k. The box spans cells 1 to 8, so the cells' centers are 1.5, 2.5, ...: no half pixel
    # is taken off, as aligned=True would.
    ramp = torch.arange(12.0).expand(1, 1, 2, 12, 12)
    pooled = RoiAlign3d()(ramp, torch.tensor([[16.0, 16, 128, 128]]), torch.tensor([0]))
    torch.testing.assert_close(pooled, (torch.arange(7) + 1.5).expand(1, 1, 2, 7, 7))
    shifted = RoiAlign3d(aligned=True)(ramp, torch.tensor([[16.0, 16, 128, 128]]), torch.tensor([0]))
    torch.testing.assert_close(shifted, (torch.arange(7) + 1.0).expand(1, 1, 2, 7, 7))


def test_sampling_ratio_matters():
    features, boxes = torch.randn(1, 1, 1, 20, 20), torch.tensor([[0.0, 0, 300, 300]])
    index = torch.tensor([0])
    one = RoiAlign3d(sampling_ratio=1)(features, boxes, index)
    adaptive = RoiAlign3d(sampling_ratio=0)(features, boxes, index)
    assert (one - adaptive).abs().max() > 0.1


@pytest.mark.parametrize("pooler", [RoiAlign3d(), RoiPool3d()], ids=["align", "pool"])
def test_no_boxes(pooler):
    features = torch.randn(2, 5, 3, 4, 6, requires_grad=True)
    pooled = pooler(features, torch.zeros(0, 4), torch.zeros(0, dtype=torch.int64))
    assert pooled.shape == (0, 5, 3, 7, 7)
    pooled.sum().backward()
    assert torch.equal(features.grad, torch.zeros_like(features))


@pytest.mark.parametrize("pooler", [RoiAlign3d(), RoiPool3d()], ids=["align", "pool"])
def test_gradient_reaches_only_the_box_and_its_clip(pooler):
    features = torch.randn(2, 1, 2, 4, 6, requires_grad=True)
    pooler(features, torch.tensor([[0.0, 0, 30, 30]]), torch.tensor([1])).sum().backward()
    assert features.grad[0].abs().sum() == 0
    assert features.grad[1, :, :, :2, :2].abs().sum() > 0
    assert features.grad[1, :, :, :, 4:].abs().sum() == 0


@pytest.mark.parametrize("pooler", [RoiAlign3d(), RoiPool3d()], ids=["align", "pool"])
def test_half_precision_features(pooler):
    features = torch.randn(2, 5, 3, 4, 6).bfloat16()
    pooled = pooler(features, BOXES, CLIP_INDEX)
    assert pooled.dtype == torch.bfloat16
    torch.testing.assert_close(pooled, pooler(features.float(), BOXES, CLIP_INDEX).bfloat16())
