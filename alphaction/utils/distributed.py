"""Process groups: rank, number of processes, and the collectives of training; they also work without a group."""

from __future__ import annotations

from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor, nn


def get_world_size() -> int:
    """Return the number of processes (1 without a process group)."""
    return dist.get_world_size() if dist.is_available() and dist.is_initialized() else 1


def get_rank() -> int:
    """Return the rank of this process, counted from 0 (0 without a process group)."""
    return dist.get_rank() if dist.is_available() and dist.is_initialized() else 0


def reduce_mean(value: Tensor) -> Tensor:
    """Return the mean of ``value`` over all processes, on each of them, without synchronizing with the device."""
    world_size = get_world_size()
    if world_size == 1:
        return value
    total = value.clone()
    dist.all_reduce(total)
    return total / world_size


def share_buffers(model: nn.Module) -> None:
    """Copy the buffers of the first process to all others: their running statistics of batch norms differ."""
    if get_world_size() > 1:
        for buffer in model.buffers():
            dist.broadcast(buffer, 0)


def gather_rows(rows: Tensor) -> Tensor:
    """Concatenate tensors of equal shape from all processes along the first axis, in rank order, on every process.

    Args:
        rows: [R, ...]; every process must pass the same shape.

    Returns:
        [world_size * R, ...].
    """
    world_size = get_world_size()
    if world_size == 1:
        return rows
    parts = [torch.empty_like(rows) for _ in range(world_size)]
    dist.all_gather(parts, rows.contiguous())
    return torch.cat(parts)


def gather_objects(value: Any) -> list[Any]:
    """Return the small values that all processes pass, in rank order, on every process; they are pickled."""
    world_size = get_world_size()
    if world_size == 1:
        return [value]
    values: list[Any] = [None] * world_size
    dist.all_gather_object(values, value)
    return values


def gather_ragged(rows: Tensor) -> list[Tensor]:
    """Return the tensors of all processes in rank order; their first axes may differ in length.

    Args:
        rows: [R_rank, ...] on the device that the process group uses.

    Returns:
        ``world_size`` tensors [R_i, ...].
    """
    world_size = get_world_size()
    if world_size == 1:
        return [rows]
    lengths = gather_rows(torch.tensor([rows.shape[0]], device=rows.device)).tolist()
    padded = rows.new_zeros((max(lengths), *rows.shape[1:]))
    padded[: rows.shape[0]] = rows
    if padded.numel() == 0:
        return [padded[:0] for _ in lengths]
    return [part[:length] for part, length in zip(gather_rows(padded[None]), lengths, strict=True)]
