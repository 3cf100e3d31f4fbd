"""Copies of tensors on a CUDA device that are made while the device computes."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor


class CopyStream:
    """Starts copies to a device on a stream of their own, so that they wait for no computation, nor it for them.

    Any thread may start copies, and nothing here makes the host wait for the device.

    Args:
        device: a CUDA device, with its number.
    """

    def __init__(self, device: torch.device) -> None:
        self.device = device
        self._stream = torch.cuda.Stream(device)

    def start(self, tensors: Mapping[str, Tensor]) -> tuple[dict[str, Tensor], DeviceCopy]:
        """Return tensors of the CPU in page-locked memory, and copies of them that are on their way to the device.

        The page-locked memory may be dropped at any time: torch keeps it until the copy has been made.
        """
        # A thread begins on device 0, where this process may have nothing.
        with torch.cuda.device(self.device), torch.cuda.stream(self._stream):
            pinned = {name: tensor.pin_memory() for name, tensor in tensors.items()}
            copies = {name: tensor.to(self.device, non_blocking=True) for name, tensor in pinned.items()}
            done = torch.cuda.Event()
            done.record(self._stream)
        return pinned, DeviceCopy(self.device, copies, done)


class DeviceCopy:
    """Copies that are on their way to a device.

    Args:
        device: where to.
        tensors: the copies, which may not be complete yet.
        done: an event of the stream that they are made on, after the last one.
    """

    def __init__(self, device: torch.device, tensors: dict[str, Tensor], done: torch.cuda.Event) -> None:
        self.device = device
        self._tensors: dict[str, Tensor] | None = tensors
        self._done = done

    def take(self, device: torch.device | str) -> dict[str, Tensor] | None:
        """Return the copies for use on the current stream, which waits for them; None if they are on another device.

        They are given away once, then this returns None: so their memory is free when who took them drops them.
        """
        device = torch.device(device)
        if self._tensors is None or device.type != self.device.type or device.index not in (None, self.device.index):
            return None
        tensors, self._tensors = self._tensors, None
        stream = torch.cuda.current_stream(self.device)
        stream.wait_event(self._done)
        for tensor in tensors.values():
            # Their memory is the other stream's, which must not write to it again before this one is done with it.
            tensor.record_stream(stream)
        return tensors
