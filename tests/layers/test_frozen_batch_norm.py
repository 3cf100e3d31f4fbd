"""Frozen batch norm by hand, and folding it into a convolution.

Axes: B clips, C channels, T frames, H and W rows and columns.
"""

from __future__ import annotations

import copy

import pytest
import torch
from torch import nn

from alphaction.layers import FrozenBatchNorm3d, conv_norm


def randomize(norm):
    nn.init.normal_(norm.weight)
    nn.init.normal_(norm.bias)
    nn.init.normal_(norm.running_mean)
    nn.init.uniform_(norm.running_var, 0.5, 1.5)
    return norm


def test_by_hand():
    norm = FrozenBatchNorm3d(2, eps=1.0)
    norm.weight.copy_(torch.tensor([2.0, 1.0]))
    norm.bias.copy_(torch.tensor([0.5, 0.0]))
    norm.running_mean.copy_(torch.tensor([1.0, -1.0]))
    norm.running_var.copy_(torch.tensor([3.0, 0.0]))
    x = torch.tensor([5.0, 7.0]).view(1, 2, 1, 1, 1)
    # (5 - 1) / sqrt(3 + 1) * 2 + 0.5 and (7 + 1) / sqrt(0 + 1)
    torch.testing.assert_close(norm(x).flatten(), torch.tensor([4.5, 8.0]))


def test_equals_batch_norm_in_evaluation_mode():
    frozen = randomize(FrozenBatchNorm3d(4))
    norm = nn.BatchNorm3d(4).eval()
    norm.load_state_dict(frozen.state_dict(), strict=False)
    x = torch.randn(2, 4, 3, 5, 6)
    torch.testing.assert_close(frozen.train()(x), norm(x))


def test_nothing_is_learned_or_updated():
    frozen = randomize(FrozenBatchNorm3d(4)).train()
    before = {name: value.clone() for name, value in frozen.state_dict().items()}
    frozen(torch.randn(2, 4, 3, 5, 6))
    assert list(frozen.parameters()) == []
    assert list(before) == ["weight", "bias", "running_mean", "running_var"]
    assert all(torch.equal(before[name], value) for name, value in frozen.state_dict().items())


def test_loads_the_state_of_a_batch_norm():
    norm = randomize(nn.BatchNorm3d(4))
    frozen = FrozenBatchNorm3d(4)
    frozen.load_state_dict(norm.state_dict())  # strict, though the batch norm has num_batches_tracked
    assert torch.equal(frozen.running_var, norm.running_var)


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize(("kind", "training"), [("frozen", True), ("batch", False), ("batch", True)])
def test_folding_changes_neither_result_nor_gradients(kind, training, bias):
    norm = randomize(FrozenBatchNorm3d(6) if kind == "frozen" else nn.BatchNorm3d(6)).train(training)
    conv = nn.Conv3d(4, 6, (3, 3, 3), stride=(1, 2, 2), padding=(1, 2, 2), dilation=(1, 2, 2), bias=bias)
    plain_conv, plain_norm = copy.deepcopy(conv), copy.deepcopy(norm)
    x = torch.randn(2, 4, 3, 6, 7)
    found, expected = conv_norm(x, conv, norm), plain_norm(plain_conv(x))
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-5)
    weight = torch.randn_like(found)
    (found * weight).sum().backward()
    (expected * weight).sum().backward()
    found_parameters = [*conv.parameters(), *norm.parameters()]
    expected_parameters = [*plain_conv.parameters(), *plain_norm.parameters()]
    for mine, theirs in zip(found_parameters, expected_parameters, strict=True):
        torch.testing.assert_close(mine.grad, theirs.grad, rtol=1e-4, atol=1e-4)


def test_batch_norm_still_learns_its_statistics():
    conv, norm = nn.Conv3d(2, 3, 1), nn.BatchNorm3d(3)
    conv_norm(torch.randn(2, 2, 2, 4, 4), conv, norm)
    assert norm.num_batches_tracked == 1
    assert not torch.equal(norm.running_var, torch.ones(3))


def test_keeps_the_dtype():
    assert FrozenBatchNorm3d(2)(torch.randn(1, 2, 1, 2, 2, dtype=torch.bfloat16)).dtype == torch.bfloat16
