"""Columns and rows on their way to a device, in one piece, so that there is one copy and nothing to wait for."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch
from torch import Tensor

from alphaction.memory.buffers import Buffers

_ALIGNMENT = 16  # bytes


class Packed:
    """A buffer that holds some columns and a table of rows, page-locked if they go to a GPU.

    Args:
        columns: numpy arrays by name, which are copied into it.
        rows: shape of the table, to be written to :attr:`host_rows`.
        dtype: of the table.
        device: where to.
        buffers: where host memory comes from, unless it goes to a GPU.

    Attributes:
        host_rows: the table in host memory.
    """

    def __init__(
        self,
        columns: Mapping[str, np.ndarray],
        rows: tuple[int, int],
        dtype: np.dtype,
        device: torch.device,
        buffers: Buffers,
    ) -> None:
        self._device = device
        self._spans: dict[str, tuple[slice, torch.dtype]] = {}
        starts, end = {}, 0
        for name, column in columns.items():
            starts[name] = end
            end += -(-column.nbytes // _ALIGNMENT) * _ALIGNMENT
        size = end + rows[0] * rows[1] * dtype.itemsize
        if device.type == "cuda":
            # The caching allocator of page-locked memory keeps the buffer until the copy from it is done.
            self._buffer = torch.empty(size, dtype=torch.uint8, pin_memory=True)
            host = self._buffer.numpy()
        else:
            host = buffers.array(size)
            self._buffer = torch.from_numpy(host)
        for name, column in columns.items():
            place = slice(starts[name], starts[name] + column.nbytes)
            host[place] = column.view(np.uint8)
            self._spans[name] = place, torch.from_numpy(column[:0]).dtype
        self.host_rows = host[end:].view(dtype).reshape(rows)
        self._rows = slice(end, size), torch.from_numpy(np.empty(0, dtype)).dtype, rows

    def send(self) -> tuple[dict[str, Tensor], Tensor]:
        """Return the columns and the rows on the device; on the CPU they are the buffer itself."""
        sent = self._buffer.to(self._device, non_blocking=True)
        place, dtype, shape = self._rows
        columns = {name: sent[span].view(kind) for name, (span, kind) in self._spans.items()}
        return columns, sent[place].view(dtype).view(shape)
