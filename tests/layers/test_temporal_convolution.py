"""Gradients of convolutions over time on the CPU are those of torch's own.

Axes: B clips, C channels, T frames, H and W rows and columns.
"""

from __future__ import annotations

import pytest
import torch
from torch.nn import functional as F

from alphaction.layers import conv3d, temporal_convolution


@pytest.mark.parametrize("frames", [1, 2, 4])
@pytest.mark.parametrize(("clips", "taps", "padding"), [(1, 3, 1), (2, 5, 2), (2, 3, 0), (1, 3, 2)])
def test_gradients_are_those_of_torch(frames, clips, taps, padding):
    if frames + 2 * padding < taps:
        pytest.skip("no frame is left")
    x = torch.randn(clips, 128, frames, 5, 7, dtype=torch.float64)
    weight = torch.randn(64, 128, taps, 1, 1, dtype=torch.float64)
    bias = torch.randn(64, dtype=torch.float64)
    found, expected = ([t.clone().requires_grad_() for t in (x, weight, bias)] for _ in range(2))
    y = conv3d(*found, padding=(padding, 0, 0))
    assert "ConvolveTime" in str(_functions(y)), "the path under test is not taken"
    reference = F.conv3d(*expected, padding=(padding, 0, 0))
    torch.testing.assert_close(y, reference)
    seed = torch.randn_like(reference)
    y.backward(seed)
    reference.backward(seed)
    for mine, theirs in zip(found, expected, strict=True):
        torch.testing.assert_close(mine.grad, theirs.grad)


def test_second_derivatives_without_channels_to_spare(monkeypatch):
    monkeypatch.setattr(temporal_convolution, "_MANY", 1)
    leaves = [
        torch.randn(*size, dtype=torch.float64, requires_grad=True) for size in [(2, 2, 4, 1, 3), (2, 2, 3, 1, 1), (2,)]
    ]
    assert "ConvolveTime" in str(_functions(conv3d(*leaves, padding=(2, 0, 0))))
    assert torch.autograd.gradgradcheck(lambda *them: conv3d(*them, padding=(2, 0, 0)), leaves)


def test_gradients_of_functions():
    x, weight = torch.randn(1, 128, 2, 3, 3), torch.randn(64, 128, 3, 1, 1)
    found = torch.func.grad(lambda kernel: conv3d(x, kernel, padding=(1, 0, 0)).square().sum())(weight)
    expected = torch.func.grad(lambda kernel: F.conv3d(x, kernel, padding=(1, 0, 0)).square().sum())(weight)
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-2)


def test_gradients_without_clips():
    x, weight = torch.randn(0, 128, 2, 3, 3, requires_grad=True), torch.randn(64, 128, 3, 1, 1, requires_grad=True)
    conv3d(x, weight, padding=(1, 0, 0)).sum().backward()
    assert x.grad.shape == x.shape
    assert not weight.grad.any()


def test_few_channels_stay_with_torch(monkeypatch):
    monkeypatch.setattr(temporal_convolution._ConvolveTime, "apply", None)
    weight = torch.randn(8, 16, 3, 1, 1, requires_grad=True)
    conv3d(torch.randn(1, 16, 4, 3, 3), weight, padding=(1, 0, 0)).sum().backward()
    assert weight.grad is not None


def test_under_autocast_the_weight_keeps_its_dtype():
    x, weight = torch.randn(1, 128, 4, 3, 3, requires_grad=True), torch.randn(64, 128, 3, 1, 1, requires_grad=True)
    with torch.autocast("cpu", torch.bfloat16):
        y = conv3d(x, weight, padding=(1, 0, 0))
    assert y.dtype == torch.bfloat16
    y.sum().backward()
    assert (x.grad.dtype, weight.grad.dtype) == (torch.float32, torch.float32)


def _functions(y: torch.Tensor) -> list[str]:
    """Return the names of the functions that a tensor comes from."""
    names, waiting = [], [y.grad_fn]
    while waiting:
        function = waiting.pop()
        if function is not None:
            names.append(function.name())
            waiting += [parent for parent, _ in function.next_functions]
    return names
