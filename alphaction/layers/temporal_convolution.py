"""Convolutions over time alone, on the CPU, whose gradient of the weight is fast where they have many channels.

oneDNN computes that gradient of a (t, 1) kernel over a picture of a few long rows at a quarter of the speed of the
convolution itself. It is the sum over pixels of products of channels, one for each tap of the kernel: the gradients of
t convolutions of a single pixel, over the frames that a tap sees.

Axes: B clips, C channels, T frames, P places of a frame.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

# Products of channels from which the taps are faster one by one, as measured: 256 x 64 twice, 64 x 16 the same.
_MANY = 8192


def convolve_time(
    places: Tensor, weight: Tensor, bias: Tensor | None, stride: int, padding: int, dilation: int, groups: int
) -> Tensor:
    """Return [B, C_out, T', P] for ``places`` [B, C_in, T, P], channels last in memory, and weight [C_out, C_in, t, 1].

    Args:
        bias: [C_out].
        stride, padding, dilation: of frames.
    """
    fast = stride == groups == dilation == 1 and weight.shape[0] * weight.shape[1] >= _MANY
    if fast and torch.is_grad_enabled() and weight.requires_grad:
        if torch.is_autocast_enabled("cpu"):
            # Autocast would cast within the function, whose gradients would then be of another dtype than its inputs.
            dtype = torch.get_autocast_dtype("cpu")
            places, weight, bias = (None if tensor is None else tensor.to(dtype) for tensor in (places, weight, bias))
        return _ConvolveTime.apply(places, weight, bias, padding)
    return F.conv2d(places, weight, bias, (stride, 1), (padding, 0), (dilation, 1), groups)


class _ConvolveTime(torch.autograd.Function):
    """Stride, dilation and groups of 1."""

    @staticmethod
    def forward(places: Tensor, weight: Tensor, bias: Tensor | None, padding: int) -> Tensor:
        return F.conv2d(places, weight, bias, padding=(padding, 0))

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Tensor, Tensor, Tensor | None, int], output: Tensor) -> None:
        places, weight, _, ctx.padding = inputs
        ctx.save_for_backward(places, weight)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, Tensor | None, Tensor | None, None]:
        places, weight = ctx.saved_tensors
        wants_places, wants_weight, wants_bias, _ = ctx.needs_input_grad
        grad = grad.contiguous(memory_format=torch.channels_last)
        of_places = _gradients(grad, places, weight, (ctx.padding, 0), (True, False))[0] if wants_places else None
        of_weight = _gradient_by_taps(grad, places, weight, ctx.padding) if wants_weight else None
        return of_places, of_weight, grad.sum((0, 2, 3)) if wants_bias else None, None


def _gradient_by_taps(grad: Tensor, places: Tensor, weight: Tensor, padding: int) -> Tensor:
    """Return the gradient of the weight [C_out, C_in, t, 1]."""
    result = torch.empty_like(weight)
    frames, frames_out = places.shape[2], grad.shape[2]
    for tap in range(weight.shape[2]):
        # The frame that the tap sees is the output's plus this.
        shift = tap - padding
        first, end = max(0, -shift), min(frames_out, frames - shift)
        if first >= end or not len(grad):
            result[:, :, tap] = 0
            continue
        of_tap = _gradients(
            _as_pixels(grad[:, :, first:end]),
            _as_pixels(places[:, :, first + shift : end + shift]),
            weight[:, :, tap : tap + 1],
            (0, 0),
            (False, True),
        )[1]
        result[:, :, tap] = of_tap[:, :, 0]
    return result


def _as_pixels(places: Tensor) -> Tensor:
    """Return [1, C, B * T, P]: for a kernel of one pixel all clips are one picture."""
    batch, channels, frames, count = places.shape
    return places.permute(0, 2, 3, 1).reshape(1, batch * frames, count, channels).permute(0, 3, 1, 2)


def _gradients(
    grad: Tensor, x: Tensor, weight: Tensor, padding: tuple[int, int], wanted: tuple[bool, bool]
) -> tuple[Tensor | None, Tensor | None]:
    """Return the gradients of a 2-D convolution's input and weight, as far as ``wanted``."""
    # As in the convolution of one pixel: a dilation that means nothing there brings oneDNN's with one thread, too.
    dilation = (1, 1) if weight.shape[2] > 1 else (2, 2)
    return torch.ops.aten.convolution_backward(
        grad, x, weight, None, (1, 1), padding, dilation, False, (0, 0), 1, (*wanted, False)
    )[:2]
