"""Values with large tensors from one process to another, through memory that belongs to no file system.

PyTorch hands tensors over in /dev/shm, which a container may limit to 64 MB; a process that finds no room there is
killed by a bus error, or waits forever. Here large tensors lie in files without a name: in anonymous memory where the
system has ``memfd_create``, else in the folder for temporary files. Too little room is an ``OSError`` of the writer.

Each large tensor has a file of its own, and small ones travel with the rest of the value: so frames take no memory any
more once they are dropped, though the boxes of their clips are kept.
"""

from __future__ import annotations

import errno
import io
import mmap
import os
import pickle
import socket
import struct
import tempfile
from typing import Any

import numpy as np
import torch
from torch import Tensor

# Bytes of the pickle, and number of the files that come with it.
_HEAD = struct.Struct("<QQ")
_LARGE = 1 << 14
"""Bytes from which a tensor lies in a file."""
_MOST_FILES = 250  # that the kernel sends at once


def send(channel: socket.socket, value: Any) -> None:
    """Send a value through a Unix socket; tensors in it are on the CPU.

    Raises:
        OSError: if there is no room for its tensors, or nobody listens.
    """
    views: list[memoryview] = []

    def goes_along(buffer: pickle.PickleBuffer) -> bool:
        view = buffer.raw()
        if view.nbytes < _LARGE or len(views) == _MOST_FILES:
            return True
        views.append(view)
        return False

    text = io.BytesIO()
    _Pickler(text, protocol=5, buffer_callback=goes_along).dump(value)
    data = text.getvalue()
    head = _HEAD.pack(len(data), len(views))
    files: list[int] = []
    try:
        for view in views:
            files.append(_written(view))
        sent = socket.send_fds(channel, [head], files) if files else 0
    finally:
        for file in files:
            os.close(file)
    channel.sendall(head[sent:] + data)


def receive(channel: socket.socket) -> Any:
    """Return the next value; its tensors lie in the memory that the sender has filled, and may be written to.

    Raises:
        EOFError: if the sender is gone.
        TimeoutError: if the channel has a timeout and nothing more comes.
    """
    head, files, _, _ = socket.recv_fds(channel, _HEAD.size, _MOST_FILES)
    try:
        length, count = _HEAD.unpack(head + _read(channel, _HEAD.size - len(head), gone=not head))
        data = _read(channel, length)
        if len(files) < count:
            raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))
        buffers = [memoryview(mmap.mmap(file, os.fstat(file).st_size)) for file in files]
    finally:
        for file in files:
            os.close(file)
    return pickle.loads(data, buffers=buffers)


class _Pickler(pickle.Pickler):
    """Leaves the numbers of tensors to the buffers, in the order that they have in memory."""

    def reducer_override(self, value: Any) -> Any:
        if isinstance(value, Tensor):
            axes = sorted(range(value.dim()), key=value.stride, reverse=True)
            array = np.ascontiguousarray(value.detach().permute(axes).numpy())
            return _tensor, (array.reshape([value.shape[axis] for axis in axes]), axes)
        return NotImplemented


def _tensor(array: np.ndarray, axes: list[int]) -> Tensor:
    """Return the tensor whose permutation by ``axes`` is ``array``."""
    return torch.from_numpy(array).permute([axes.index(axis) for axis in range(len(axes))])


def _written(view: memoryview) -> int:
    """Return the descriptor of a new file without a name that holds the buffer."""
    if hasattr(os, "memfd_create"):
        file = os.memfd_create("clips")
    else:
        with tempfile.TemporaryFile(buffering=0) as temporary:
            file = os.dup(temporary.fileno())
    try:
        done = 0
        while done < view.nbytes:
            done += os.write(file, view[done:])
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
