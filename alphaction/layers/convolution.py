"""Convolutions and pooling over video that are fast on the CPU, too: as two-dimensional ones, with the same result.

torch runs most three-dimensional convolutions of a batch of one on the CPU without oneDNN, several times slower than
the two-dimensional ones, which oneDNN computes. Kernels of video networks rarely reach over space and time at once:

* 1xkxk works on each frame alone: frames become clips of a two-dimensional convolution;
* kx1x1 works on each place alone: time becomes the rows, and all places of a frame the columns;
* 1x1x1 works on each pixel alone: the frames of a clip become one tall picture.

With channels last in memory (``torch.channels_last_3d``) all three are views, nothing is copied. Other devices get the
convolution as it is.

A convolution over space and time with few output channels, as the stem of a fast pathway, fills half of the CPU's
vectors. It is computed for two frames at once, with twice the channels.

Axes: B clips, C channels, T frames, H and W rows and columns.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from alphaction.layers.temporal_convolution import convolve_time
from alphaction.utils.exporting import is_exporting

Triple = tuple[int, int, int]

_FEW_CHANNELS = 8  # half of the 16 that an AVX-512 vector holds


def conv3d(
    x: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    stride: Triple = (1, 1, 1),
    padding: Triple = (0, 0, 0),
    dilation: Triple = (1, 1, 1),
    groups: int = 1,
) -> Tensor:
    """Return ``F.conv3d`` of the same arguments; on the CPU with channels last in memory.

    Args:
        x: [B, C_in, T, H, W].
        weight: [C_out, C_in / groups, t, h, w]; with channels last in memory it need not be rearranged at each call.
        bias: [C_out].
        stride, padding, dilation: of frames, rows and columns; the padding is zeros.
    """
    if x.device.type != "cpu" or is_exporting():
        return F.conv3d(x, weight, bias, stride, padding, dilation, groups)
    # A dilation means nothing along an axis of one tap, where oneDNN crashes at some of those with a padding.
    dilation = tuple(1 if size == 1 else step for size, step in zip(weight.shape[2:], dilation, strict=True))
    time, *space = weight.shape[2:]
    if _kernel_wider_than_map(x, weight, padding, dilation):
        return F.conv3d(x.contiguous(), weight.contiguous(), bias, stride, padding, dilation, groups)
    along_time = (stride[0], padding[0]) == (1, 0)
    along_space = (tuple(stride[1:]), tuple(padding[1:])) == ((1, 1), (0, 0))
    if time == 1 and space == [1, 1] and along_time and along_space:
        return _pointwise(x, weight, bias, groups)
    if time == 1 and along_time:
        return _spatial(x, weight, bias, stride, padding, dilation, groups)
    if space == [1, 1] and along_space:
        return _temporal(x, weight, bias, stride[0], padding[0], dilation[0], groups)
    if groups == 1 and stride[0] == dilation[0] == 1 and len(weight) <= _FEW_CHANNELS:
        frames = x.shape[2] + 2 * padding[0] - time + 1
        if frames > 0 and frames % 2 == 0:
            return _two_frames_at_once(x, weight, bias, stride, padding, dilation)
    x = x.contiguous(memory_format=torch.channels_last_3d)
    return F.conv3d(x, weight, bias, stride, padding, dilation, groups)


def _kernel_wider_than_map(x: Tensor, weight: Tensor, padding: Triple, dilation: Triple) -> bool:
    """Return whether a kernel in the padding on one side reaches that on the other; rows and columns.

    With channels last, oneDNN reads beyond the map there with some strides: results are wrong, or the process ends.
    """
    return any(
        step * (taps - 1) + 1 > size + pad
        for size, taps, pad, step in zip(x.shape[3:], weight.shape[3:], padding[1:], dilation[1:], strict=True)
        if pad
    )


def max_pool3d(x: Tensor, kernel: Triple, stride: Triple, padding: Triple = (0, 0, 0)) -> Tensor:
    """Return ``F.max_pool3d`` of x [B, C, T, H, W]; on the CPU with channels last in memory."""
    if x.device.type != "cpu" or is_exporting() or (kernel[0], stride[0], padding[0]) != (1, 1, 0):
        return F.max_pool3d(x, kernel, stride, padding)
    return _from_frames(F.max_pool2d(_frames(x), kernel[1:], stride[1:], padding[1:]), x)


def _pointwise(x: Tensor, weight: Tensor, bias: Tensor | None, groups: int) -> Tensor:
    batch, channels, frames, height, width = x.shape
    pixels = _channels_last(x).reshape(batch, frames * height, width, channels).permute(0, 3, 1, 2)
    # A dilation means nothing to a kernel of one pixel, but one thread gets oneDNN's convolution only with it.
    y = F.conv2d(pixels, weight[:, :, 0], bias, dilation=2, groups=groups)
    return y.permute(0, 2, 3, 1).reshape(batch, frames, height, width, len(weight)).permute(0, 4, 1, 2, 3)


def _spatial(
    x: Tensor, weight: Tensor, bias: Tensor | None, stride: Triple, padding: Triple, dilation: Triple, groups: int
) -> Tensor:
    y = F.conv2d(_frames(x), weight[:, :, 0], bias, stride[1:], padding[1:], dilation[1:], groups)
    return _from_frames(y, x)


def _temporal(
    x: Tensor, weight: Tensor, bias: Tensor | None, stride: int, padding: int, dilation: int, groups: int
) -> Tensor:
    batch, channels, frames, height, width = x.shape
    places = _channels_last(x).reshape(batch, frames, height * width, channels).permute(0, 3, 1, 2)
    y = convolve_time(places, weight[..., 0], bias, stride, padding, dilation, groups)
    return y.permute(0, 2, 3, 1).reshape(batch, y.shape[2], height, width, len(weight)).permute(0, 4, 1, 2, 3)


def _two_frames_at_once(
    x: Tensor, weight: Tensor, bias: Tensor | None, stride: Triple, padding: Triple, dilation: Triple
) -> Tensor:
    # The kernel of the first frame of a pair, and one frame later that of the second.
    pair = torch.cat([F.pad(weight, (0, 0, 0, 0, 0, 1)), F.pad(weight, (0, 0, 0, 0, 1, 0))])
    bias = None if bias is None else bias.repeat(2)
    y = F.conv3d(x, pair, bias, (2, *stride[1:]), padding, dilation).permute(0, 2, 3, 4, 1)
    batch, pairs, height, width, _ = y.shape
    frames = y.unflatten(4, (2, len(weight))).permute(0, 1, 4, 2, 3, 5)
    return frames.reshape(batch, 2 * pairs, height, width, len(weight)).permute(0, 4, 1, 2, 3)


def _channels_last(x: Tensor) -> Tensor:
    """Return [B, T, H, W, C], contiguous, for x [B, C, T, H, W]; a view if x has channels last in memory."""
    # Views of other layouts would give results with channels first, which all that follows is slow with.
    return x.permute(0, 2, 3, 4, 1).contiguous()


def _frames(x: Tensor) -> Tensor:
    """Return [B * T, C, H, W], channels last in memory, for x [B, C, T, H, W]."""
    batch, channels, frames, height, width = x.shape
    return _channels_last(x).reshape(batch * frames, height, width, channels).permute(0, 3, 1, 2)


def _from_frames(y: Tensor, x: Tensor) -> Tensor:
    """Return [B, C, T, H, W] for y [B * T, C, H, W], made of x [B, ?, T, ...]."""
    _, channels, height, width = y.shape
    clips = y.permute(0, 2, 3, 1).reshape(x.shape[0], x.shape[2], height, width, channels)
    return clips.permute(0, 4, 1, 2, 3)
