"""Focal losses against hand-computed values."""

from __future__ import annotations

import math

import pytest
import torch
from torch.nn import functional as F

from alphaction.layers import sigmoid_focal_loss, softmax_focal_loss


def test_softmax_by_hand():
    # Probabilities 0.75 and 0.25 in both rows.
    logits = torch.tensor([[math.log(3.0), 0.0], [math.log(3.0), 0.0]])
    loss = softmax_focal_loss(logits, torch.tensor([0, 1]), gamma=2.0)
    expected = [0.25**2 * -math.log(0.75), 0.75**2 * -math.log(0.25)]
    torch.testing.assert_close(loss, torch.tensor(expected))


def test_sigmoid_by_hand():
    logits = torch.tensor([[math.log(3.0), math.log(3.0), 0.0]])
    loss = sigmoid_focal_loss(logits, torch.tensor([[1.0, 0.0, 1.0]]), gamma=2.0)
    expected = [[0.25**2 * -math.log(0.75), 0.75**2 * -math.log(0.25), 0.5**2 * -math.log(0.5)]]
    torch.testing.assert_close(loss, torch.tensor(expected))


def test_alpha_weighs_only_when_not_negative():
    logits, target = torch.tensor([[1.0, -2.0]]), torch.tensor([[1.0, 0.0]])
    plain = sigmoid_focal_loss(logits, target)
    torch.testing.assert_close(sigmoid_focal_loss(logits, target, alpha=0.25), plain * torch.tensor([[0.25, 0.75]]))
    row = softmax_focal_loss(logits, torch.tensor([0]))
    torch.testing.assert_close(softmax_focal_loss(logits, torch.tensor([0]), alpha=0.25), 0.25 * row)


def test_gamma_zero_is_cross_entropy():
    logits, index = torch.randn(6, 5), torch.randint(0, 5, (6,))
    targets = F.one_hot(index, 5).float()
    torch.testing.assert_close(
        softmax_focal_loss(logits, index, gamma=0.0), F.cross_entropy(logits, index, reduction="none")
    )
    torch.testing.assert_close(
        sigmoid_focal_loss(logits, targets, gamma=0.0),
        F.binary_cross_entropy_with_logits(logits, targets, reduction="none"),
    )


def test_gradients_are_those_of_finite_differences():
    logits = torch.randn(3, 4, dtype=torch.float64, requires_grad=True)
    index = torch.tensor([0, 3, 1])
    targets = F.one_hot(index, 4)
    assert torch.autograd.gradcheck(lambda x: softmax_focal_loss(x, index), logits)
    assert torch.autograd.gradcheck(lambda x: sigmoid_focal_loss(x, targets), logits)


@pytest.mark.parametrize("scale", [0.0, 1e4])
def test_sure_logits_keep_loss_and_gradient_finite(scale):
    logits = torch.tensor([[scale, -scale], [-scale, scale]], requires_grad=True)
    index = torch.tensor([0, 0])
    total = softmax_focal_loss(logits, index).sum() + sigmoid_focal_loss(logits, F.one_hot(index, 2)).sum()
    total.backward()
    assert torch.isfinite(total)
    assert torch.isfinite(logits.grad).all()


def test_float32_under_autocast():
    logits, index = torch.randn(5, 3), torch.tensor([0, 1, 2, 0, 1])
    exact = softmax_focal_loss(logits.bfloat16().float(), index)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        loss = softmax_focal_loss(logits.bfloat16(), index)
        assert sigmoid_focal_loss(logits.bfloat16(), F.one_hot(index, 3)).dtype == torch.float32
    assert loss.dtype == torch.float32
    torch.testing.assert_close(loss, exact)


def test_no_rows():
    assert softmax_focal_loss(torch.zeros(0, 3), torch.zeros(0, dtype=torch.int64)).shape == (0,)
    assert sigmoid_focal_loss(torch.zeros(0, 3), torch.zeros(0, 3)).shape == (0, 3)
