"""The table of sines and cosines that tells a transformer where a token lies."""

from __future__ import annotations

import torch
from torch import Tensor


def sinusoid_table(positions: int, dim: int) -> Tensor:
    """Return a row for each position p, float32 [positions, dim] on the CPU (Vaswani et al., arXiv 1706.03762).

    Channel j is the sine (even j) or cosine (odd j) of p / 10000^(2 floor(j / 2) / dim), computed in float64.
    """
    exponents = 2 * torch.arange(dim, dtype=torch.float64, device="cpu").div(2, rounding_mode="floor") / dim
    angles = torch.arange(positions, dtype=torch.float64, device="cpu")[:, None] / 10000**exponents
    angles[:, 0::2] = angles[:, 0::2].sin()
    angles[:, 1::2] = angles[:, 1::2].cos()
    return angles.float()
