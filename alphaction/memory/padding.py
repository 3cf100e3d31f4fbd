"""Rows of several clips <-> a fixed number of slots per clip, without loops and without waiting for the device.

Axes: N rows (persons or objects) of all clips, B clips, K slots of a clip, D channels.
"""

from __future__ import annotations

import torch
from torch import Tensor

from alphaction.utils.exporting import is_exporting


def rank_in_clip(clip_index: Tensor, num_clips: int, priority: Tensor | None = None) -> Tensor:
    """Return each row's place (0, 1, ...) among the rows of its clip.

    Args:
        clip_index: int64 [N], values 0 to num_clips - 1, in any order.
        num_clips: B.
        priority: [N], the highest comes first and equal ones keep their order; None: the order of the rows.

    Returns:
        int64 [N].
    """
    if is_exporting():
        return _rank_by_comparing(clip_index, priority)
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


def _rank_by_comparing(clip_index: Tensor, priority: Tensor | None) -> Tensor:
    """Return the same ranks, counted with one comparison for each pair of rows: any program has these operations."""
    places = torch.arange(clip_index.shape[0], device=clip_index.device)
    before = places < places[:, None]
    if priority is not None:
        before = (priority > priority[:, None]) | ((priority == priority[:, None]) & before)
    return (before & (clip_index == clip_index[:, None])).sum(dim=1)


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
    if is_exporting():
        return _pad_by_looking_up(values, clip_index, num_clips, slots, priority)
    # Rows over the limit land in a slot of their own that is cut off: a boolean mask would wait for the device.
    slot = rank_in_clip(clip_index, num_clips, priority).clamp(max=slots)
    padded = values.new_zeros((num_clips, slots + 1, values.shape[1])).index_put((clip_index, slot), values)
    # Not "= True" either: assigning a number at indices copies it to the device, and waits.
    is_row = torch.ones_like(clip_index, dtype=torch.bool)
    taken = is_row.new_zeros((num_clips, slots + 1)).index_put((clip_index, slot), is_row)
    return padded[:, :slots], taken[:, :slots]


def _pad_by_looking_up(
    values: Tensor, clip_index: Tensor, num_clips: int, slots: int, priority: Tensor | None
) -> tuple[Tensor, Tensor]:
    """Return the same slots; each looks up its row: any program has these operations, also where there is no row."""
    rank = rank_in_clip(clip_index, num_clips, priority)
    clips = torch.arange(num_clips, device=clip_index.device)[:, None, None]
    wanted = torch.arange(slots, device=clip_index.device)[:, None]
    found = (clip_index == clips) & (rank == wanted)  # [B, K, N]
    taken = found.any(dim=2)
    row = torch.cat([found, ~taken[..., None]], dim=2).to(torch.int64).argmax(dim=2)
    rows = torch.cat([values, values.new_zeros(1, values.shape[1])])  # the last one is that of empty slots
    return rows[row], taken


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
