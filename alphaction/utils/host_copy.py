"""A copy of a tensor in host memory that is made while the device goes on."""

from __future__ import annotations

import torch
from torch import Tensor


class HostCopy:
    """Starts to copy a tensor to the host; nothing waits until :meth:`wait`.

    Args:
        tensor: on any device. One on the CPU is taken as it is.
    """

    def __init__(self, tensor: Tensor) -> None:
        self._copied: torch.cuda.Event | None = None
        self._host = tensor
        if tensor.is_cuda:
            # Page-locked: only then the copy runs by itself.
            self._host = torch.empty(tensor.shape, dtype=tensor.dtype, pin_memory=True)
            self._host.copy_(tensor, non_blocking=True)
            self._copied = torch.cuda.Event()
            self._copied.record()

    def wait(self) -> Tensor:
        """Return the copy, after waiting for what was queued before it and for nothing else."""
        if self._copied is not None:
            self._copied.synchronize()
        return self._host
