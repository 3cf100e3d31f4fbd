"""Convolutions and pooling of the CPU's own ways against torch's.

Axes: B clips, C channels, T frames, H and W rows and columns.
"""

from __future__ import annotations

import pytest
import torch
from torch.nn import functional as F

from alphaction.layers import conv3d, max_pool3d

# kernel, stride, padding, dilation, groups, channels in, channels out
WAYS = {
    "pointwise": ((1, 1, 1), (1, 1, 1), (0, 0, 0), (1, 1, 1), 1, 4, 6),
    "pointwise in groups": ((1, 1, 1), (1, 1, 1), (0, 0, 0), (1, 1, 1), 2, 4, 6),
    "pointwise with a stride": ((1, 1, 1), (1, 2, 2), (0, 0, 0), (1, 1, 1), 1, 4, 6),
    "spatial": ((1, 3, 3), (1, 1, 1), (0, 1, 1), (1, 1, 1), 1, 4, 6),
    "spatial, dilated": ((1, 3, 3), (1, 1, 1), (0, 2, 2), (1, 2, 2), 2, 4, 6),
    "slow stem": ((1, 7, 7), (1, 2, 2), (0, 3, 3), (1, 1, 1), 1, 3, 6),
    "temporal": ((3, 1, 1), (1, 1, 1), (1, 0, 0), (1, 1, 1), 1, 4, 6),
    "temporal, dilated": ((3, 1, 1), (1, 1, 1), (2, 0, 0), (2, 1, 1), 2, 4, 6),
    "lateral": ((5, 1, 1), (4, 1, 1), (2, 0, 0), (1, 1, 1), 1, 4, 6),
    "temporal, padded in space": ((3, 1, 1), (1, 1, 1), (1, 1, 1), (1, 1, 1), 1, 4, 6),
    "fast stem": ((5, 7, 7), (1, 2, 2), (2, 3, 3), (1, 1, 1), 1, 3, 8),
    "fast stem without padding": ((2, 3, 3), (1, 2, 1), (0, 0, 0), (1, 1, 1), 1, 3, 5),
    "fast stem, dilated in space": ((3, 3, 3), (1, 1, 1), (1, 2, 2), (1, 2, 2), 1, 3, 8),
    "wide stem": ((5, 7, 7), (2, 2, 2), (2, 3, 3), (1, 1, 1), 1, 3, 16),
    "all at once": ((3, 3, 3), (1, 1, 1), (1, 1, 1), (1, 1, 1), 4, 4, 4),
}
LEFT_TO_TORCH = {
    "temporal, padded in space",
    "fast stem without padding",  # 3 frames come out of 4
    "wide stem",
    "all at once",
}
# B, T, H, W
CLIPS = [(1, 4, 7, 9), (2, 5, 8, 7), (3, 1, 7, 7), (1, 2, 1, 7), (2, 4, 9, 1)]


def random_case(way, clip, dtype=torch.float32):
    kernel, stride, padding, dilation, groups, channels, out = WAYS[way]
    batch, *size = clip
    for there, pad, wide, step in zip(size, padding, kernel, dilation, strict=True):
        if there + 2 * pad < step * (wide - 1) + 1:
            return None  # torch refuses it as well
    x = torch.randn(batch, channels, *size, dtype=dtype)
    weight = torch.randn(out, channels // groups, *kernel, dtype=dtype) / 4
    return x, weight, torch.randn(out, dtype=dtype), stride, padding, dilation, groups


def in_memory(x: torch.Tensor, layout: str) -> torch.Tensor:
    if layout == "cut out":
        return F.pad(x, (1, 2, 1, 0))[..., 1:, 1:-2]
    formats = {"channels first": torch.contiguous_format, "channels last": torch.channels_last_3d}
    return x.contiguous(memory_format=formats[layout])


@pytest.mark.parametrize("layout", ["channels first", "channels last", "cut out"])
@pytest.mark.parametrize("way", WAYS)
def test_results_and_gradients_are_those_of_torch(way, layout):
    for clip in CLIPS:
        case = random_case(way, clip)
        if case is None:
            continue
        tensors = [in_memory(case[0], layout), *case[1:3]]
        results = []
        for function in (conv3d, F.conv3d):
            leaves = [tensor.detach().requires_grad_() for tensor in tensors]
            y = function(*leaves, *case[3:])
            y.backward(torch.linspace(-1, 1, y.numel()).view(y.shape))
            results.append([y, *(leaf.grad for leaf in leaves)])
        for found, expected in zip(*results, strict=True):
            torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("way", WAYS)
def test_second_derivatives_and_double_precision(way):
    case = random_case(way, (2, 4, 3, 3), torch.float64)
    x, weight, bias = (tensor[:2].detach() if tensor is case[0] else tensor for tensor in case[:3])
    found, expected = (function(x, weight, bias, *case[3:]) for function in (conv3d, F.conv3d))
    torch.testing.assert_close(found, expected, rtol=1e-12, atol=1e-12)
    assert torch.autograd.gradcheck(
        lambda *leaves: conv3d(*leaves, *case[3:]),
        [tensor.requires_grad_() for tensor in (x, weight, bias)],
        fast_mode=True,
    )


@pytest.mark.parametrize("way", WAYS)
def test_without_bias_without_clips_in_bfloat16_and_without_values(way):
    x, weight, bias, *rest = random_case(way, (2, 4, 7, 7))
    torch.testing.assert_close(conv3d(x, weight, None, *rest), F.conv3d(x, weight, None, *rest), rtol=1e-4, atol=1e-4)
    expected = F.conv3d(x, weight, bias, *rest)
    assert conv3d(x[:0], weight, bias, *rest).shape == (0, *expected.shape[1:])
    with torch.autocast("cpu", dtype=torch.bfloat16):
        found = conv3d(x, weight, bias, *rest)
    assert found.dtype == torch.bfloat16
    torch.testing.assert_close(found.float(), expected, rtol=0.05, atol=0.1)
    without = (tensor.to("meta") for tensor in (x, weight, bias))
    assert conv3d(*without, *rest).shape == expected.shape


def test_a_dilation_without_meaning_and_a_padding():
    """oneDNN ends the process with some of these if channels are last in memory."""
    x, weight, bias = torch.randn(1, 8, 4, 1, 1), torch.randn(4, 2, 1, 1, 1), torch.randn(4)
    rest = (2, 1, 3), (3, 1, 2), (2, 1, 2), 4
    torch.testing.assert_close(conv3d(x, weight, bias, *rest), F.conv3d(x, weight, bias, *rest))


def test_results_have_channels_last_whatever_the_input_has():
    """Else the pooling after the stem takes many times as long."""
    for way in set(WAYS) - LEFT_TO_TORCH:
        for batch in (1, 2):
            case = random_case(way, (batch, 4, 8, 9))
            for x in (case[0], in_memory(case[0], "channels last")):
                assert conv3d(x, *case[1:]).is_contiguous(memory_format=torch.channels_last_3d), way


@pytest.mark.parametrize("way", ["pointwise", "spatial", "temporal", "lateral", "fast stem"])
def test_export_for_any_number_of_clips(way):
    case = random_case(way, (2, 4, 8, 9))

    class Network(torch.nn.Module):
        def forward(self, x):
            return conv3d(x, *case[1:])

    program = torch.export.export(Network(), (case[0],), dynamic_shapes=({0: torch.export.Dim("clips", max=64)},))
    x = torch.randn(5, *case[0].shape[1:])
    torch.testing.assert_close(program.module()(x), F.conv3d(x, *case[1:]), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("layout", ["channels first", "channels last", "cut out"])
@pytest.mark.parametrize("pooling", [((1, 3, 3), (1, 2, 2), (0, 1, 1)), ((1, 2, 2), (1, 2, 2)), ((2, 1, 1), (2, 1, 1))])
def test_max_pooling_is_that_of_torch(pooling, layout):
    for clip in [(2, 4, 7, 9), (1, 2, 3, 3)]:
        batch, *size = clip
        x = in_memory(torch.randn(batch, 5, *size), layout)
        assert torch.equal(max_pool3d(x, *pooling), F.max_pool3d(x, *pooling))
        assert max_pool3d(x[:0], *pooling).shape == (0, *F.max_pool3d(x, *pooling).shape[1:])
