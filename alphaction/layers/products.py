"""Matrix products that are fast on the CPU, too: as convolutions, with the same result.

torch computes matrix products with MKL, which takes about twice as long on processors that are not Intel's as oneDNN's
convolutions, which know the instructions of all. A product is a convolution whose kernel is one pixel.

Axes: B clips, L queries, S keys, E channels of a head.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

_FEW_ROWS = 32
_SMALL_PRODUCT = 2**25  # multiplications below which the convolution's own overhead counts
_QUERIES_AT_ONCE = 1024  # their scores stay in the cache


def linear(x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """Return ``F.linear`` of the same arguments.

    Args:
        x: [..., C_in].
        weight: [C_out, C_in].
        bias: [C_out].
    """
    rows = 1
    for size in x.shape[:-1]:
        rows *= size
    if not (_fits(x, weight) and rows >= _FEW_ROWS and rows * weight.numel() >= _SMALL_PRODUCT):
        return F.linear(x, weight, bias)
    return _product(x.reshape(rows, x.shape[-1]), weight, bias).reshape(*x.shape[:-1], len(weight))


class Linear(nn.Linear):
    """``nn.Linear`` by :func:`linear`."""

    def forward(self, x: Tensor) -> Tensor:
        """Return [..., C_out] for x [..., C_in]."""
        return linear(x, self.weight, self.bias)


def attention(query: Tensor, key: Tensor, value: Tensor, scale: float | None = None) -> Tensor:
    """Return ``F.scaled_dot_product_attention`` of the same arguments.

    Args:
        query: [B, heads, L, E].
        key: [B, heads, S, E].
        value: [B, heads, S, E].
        scale: of the products; None: 1 / sqrt(E).

    Returns:
        [B, heads, L, E].
    """
    needs_gradients = torch.is_grad_enabled() and any(x.requires_grad for x in (query, key, value))
    products = query.shape[2] * key.shape[2] * query.shape[3]
    if needs_gradients or not _fits(query, key) or query.shape[2] < _FEW_ROWS or products < _SMALL_PRODUCT:
        return F.scaled_dot_product_attention(query, key, value, scale=scale)
    scale = query.shape[-1] ** -0.5 if scale is None else scale
    result = torch.empty((*query.shape[:3], value.shape[3]), dtype=query.dtype)
    for clip in range(query.shape[0]):
        for head in range(query.shape[1]):
            keys, values = key[clip, head] * scale, value[clip, head].t().contiguous()
            for start in range(0, query.shape[2], _QUERIES_AT_ONCE):
                rows = slice(start, start + _QUERIES_AT_ONCE)
                weights = _product(query[clip, head, rows], keys).softmax(dim=1)
                result[clip, head, rows] = _product(weights, values)
    return result


def _product(x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """Return x [N, C_in] times the transpose of ``weight`` [C_out, C_in]."""
    pixels = x.reshape(1, len(x), 1, x.shape[1]).permute(0, 3, 1, 2)
    # A dilation means nothing to a kernel of one pixel, but one thread gets oneDNN's convolution only with it.
    y = F.conv2d(pixels, weight[:, :, None, None], bias, dilation=2)
    return y.permute(0, 2, 3, 1).reshape(len(x), len(weight))


def _fits(x: Tensor, weight: Tensor) -> bool:
    """Return whether convolutions are the faster way here. What is compiled, traced or exported keeps its products."""
    return (
        x.device.type == "cpu"
        and x.dtype == weight.dtype == torch.float32
        and not torch.compiler.is_compiling()
        and not torch.jit.is_tracing()
        and not torch.is_autocast_enabled("cpu")
        and torch.backends.mkldnn.is_available()
        and torch.backends.cpu.get_cpu_capability().startswith("AVX")
    )
