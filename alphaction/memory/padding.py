"""Rows of several clips <-> a fixed number of slots per clip, without loops and without waiting for the device.

Axes: N rows (persons or objects) of all clips, B clips, K slots of a clip, D channels.
"""

from __future__ import annotations

import torch
from torch import Tensor


def rank_in_clip(clip_index: Tensor, num_clips: int, priority: Tensor | None = None) -> Tensor:
    """Return each row's place (0, 1, ...) among the rows of its clip.

    Args:
        clip_index: int64 [N], values 0 to num_clips - 1, in any order.
        num_clips: B.
        priority: [N], the highest comes first and equal ones keep their order; None: the order of the rows.

    Returns:
        int64 [N].
    """
    if priority is None:
        order = torch.argsort(clip_index, stable=True)
    else:
        order = torch.argsort(priority, descending=True, stable=True)
        order = order[torch.argsort(clip_index[order], stable=True)]
    ordered_clips = clip_index[order]
    first = torch.searchsorted(ordered_clips, torch.arange(num_clips, device=clip_index.device))
    rank = torch.empty_like(clip_index)
    rank[order] = torch.arange(len(clip_index), device=clip_index.device) - first[ordered_clips]
    return rank


def pad_by_clip(
    values: Tensor, clip_index: Tensor, num_clips: int, slots: int, priority: Tensor | None = None
) -> tuple[Tensor, Tensor]:
    """Give every clip the same number of slots; absent rows are zeros, rows beyond the limit are left out.

    Args:
        values: [N, D].
        clip_index: int64 [N].
        num_clips: B.
        slots: K.
        priority: [N], which rows come first; None: the order of the rows.

    Returns:
        [B, K, D], through which gradients reach ``values``, and bool [B, K]: whether a slot is taken.
    """
    # Rows over the limit land in a slot of their own that is cut off: a boolean mask would wait for the device.
    slot = rank_in_clip(clip_index, num_clips, priority).clamp(max=slots)
    padded = values.new_zeros((num_clips, slots + 1, values.shape[1])).index_put((clip_index, slot), values)
    # Not "= True" either: assigning a number at indices copies it to the device, and waits.
    is_row = torch.ones_like(clip_index, dtype=torch.bool)
    taken = is_row.new_zeros((num_clips, slots + 1)).index_put((clip_index, slot), is_row)
    return padded[:, :slots], taken[:, :slots]


def counter_random(seeds: Tensor, counters: Tensor) -> Tensor:
    """Return a random number for every (seed, counter), the same wherever and in whatever order it is drawn.

    A counter-based generator: the finalizer of SplitMix64 (Steele, Lea and Flood, OOPSLA 2014).

    Args:
        seeds: int64 [N].
        counters: int64 [N], small numbers.

    Returns:
        int64 [N], uniform over [0, 2**63).
    """
    state = seeds + (counters + 1) * -7046029254386353131  # 0x9E3779B97F4A7C15
    for shift, factor in ((30, -4658895280553007687), (27, -7723592293110705685)):
        state = (state ^ _shift_right(state, shift)) * factor
    return (state ^ _shift_right(state, 31)) & (2**63 - 1)


def _shift_right(value: Tensor, bits: int) -> Tensor:
    """Shift without copying the sign bit, as for unsigned numbers."""
    return (value >> bits) & ((1 << (64 - bits)) - 1)
