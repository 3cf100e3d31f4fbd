"""Values with large tensors from one process to another, through memory that belongs to no file system.

PyTorch hands tensors over in /dev/shm, which a container may limit to 64 MB; a process that finds no room there is
killed by a bus error, or waits forever. Here the tensors lie in a file without a name: in anonymous memory where the
system has ``memfd_create``, else in the folder for temporary files. Too little room is an ``OSError`` of the writer.
"""

from __future__ import annotations

import io
import mmap
import os
import pickle
import socket
import struct
import tempfile
from itertools import accumulate
from typing import Any

import numpy as np
import torch
from torch import Tensor

# Bytes of the pickle, and of the buffers in the file that comes with it (0: no file).
_HEAD = struct.Struct("<QQ")
# Tensors begin at multiples of this, as fast copies like them.
_ALIGNMENT = 64


def send(channel: socket.socket, value: Any) -> None:
    """Send a value through a Unix socket; tensors in it are on the CPU.

    Raises:
        OSError: if there is no room for its tensors, or nobody listens.
    """
    buffers: list[pickle.PickleBuffer] = []
    text = io.BytesIO()
    _Pickler(text, protocol=5, buffer_callback=buffers.append).dump(value)
    views = [buffer.raw() for buffer in buffers]
    sizes = [view.nbytes for view in views]
    data = pickle.dumps((sizes, text.getvalue()))
    total = sum(map(_aligned, sizes))
    head = _HEAD.pack(len(data), total)
    if not total:
        channel.sendall(head + data)
        return
    file = _written(views)
    try:
        sent = socket.send_fds(channel, [head], [file])
    finally:
        os.close(file)
    channel.sendall(head[sent:] + data)


def receive(channel: socket.socket) -> Any:
    """Return the next value; its tensors lie in the memory that the sender has filled, and may be written to.

    Raises:
        EOFError: if the sender is gone.
        TimeoutError: if the channel has a timeout and nothing more comes.
    """
    head, files, _, _ = socket.recv_fds(channel, _HEAD.size, 1)
    try:
        length, total = _HEAD.unpack(head + _read(channel, _HEAD.size - len(head), gone=not head))
        sizes, text = pickle.loads(_read(channel, length))
        if not total:
            return pickle.loads(text, buffers=[bytearray() for _ in sizes])
        memory = memoryview(mmap.mmap(files[0], total))
    finally:
        for file in files:
            os.close(file)
    starts = accumulate(map(_aligned, sizes), initial=0)
    buffers = [memory[start : start + size] for start, size in zip(starts, sizes, strict=False)]
    return pickle.loads(text, buffers=buffers)


class _Pickler(pickle.Pickler):
    """Leaves the numbers of tensors to the buffers."""

    def reducer_override(self, value: Any) -> Any:
        if isinstance(value, Tensor):
            return torch.from_numpy, (np.ascontiguousarray(value.detach().numpy()).reshape(value.shape),)
        return NotImplemented


def _aligned(size: int) -> int:
    return -(-size // _ALIGNMENT) * _ALIGNMENT


def _written(views: list[memoryview]) -> int:
    """Return the descriptor of a new file without a name that holds the buffers."""
    if hasattr(os, "memfd_create"):
        file = os.memfd_create("clips")
    else:
        with tempfile.TemporaryFile(buffering=0) as temporary:
            file = os.dup(temporary.fileno())
    try:
        for view in views:
            padding = bytes(_aligned(view.nbytes) - view.nbytes)
            for part in (view, memoryview(padding)):
                done = 0
                while done < part.nbytes:
                    done += os.write(file, part[done:])
    except BaseException:
        os.close(file)
        raise
    return file


def _read(channel: socket.socket, length: int, gone: bool = False) -> bytes:
    data = bytearray()
    while len(data) < length and not gone:
        part = channel.recv(min(length - len(data), 1 << 20))
        gone = not part
        data += part
    if len(data) < length:
        raise EOFError
    return bytes(data)
