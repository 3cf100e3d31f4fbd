"""Entries of a cache: one array in a ``.npy`` file, followed by a checksum.

The name of an entry has a hash of all that decides its content, so that it is never changed and never out of date.
Processes and runs may share the folder.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import re
import zlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from alphaction.utils.atomic import replacing

_CHECKSUM_BYTES = 4


class DamagedEntryError(Exception):
    """An entry that is there and cannot be used; the text names its file and says why."""


def hash_of(parts: list) -> str:
    """Return 32 hexadecimal digits for what JSON can hold."""
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:32]


def folder_of(videos: Path, video: str) -> str:
    """Return the sub-folder of a video: names of any length and alphabet, several folders with a "video_1" each."""
    return f"{re.sub(r'[^A-Za-z0-9._-]+', '_', video)[:40]}-{hash_of([os.path.realpath(videos), video])[:8]}"


def read_entry(path: Path, key: str, shape: tuple[int, ...], dtypes: Sequence[str]) -> np.ndarray | None:
    """Return the array of an entry, None if there is none.

    Args:
        path: its file.
        key: what it was written with.
        shape: of its array.
        dtypes: as NumPy writes them ("<f2"); its array has one of them.

    Raises:
        DamagedEntryError: if it cannot be read, or is not what was written.
    """
    # The only headers that this entry can have, all of one length: NumPy need not interpret what may be damaged.
    headers = {_header(shape, dtype): dtype for dtype in dtypes}
    try:
        with path.open("rb") as file:
            dtype = headers.get(file.read(len(next(iter(headers)))))
            if dtype is None:
                raise DamagedEntryError(f"{path} is damaged")
            array = np.empty(shape, dtype=dtype)
            whole = file.readinto(array) == array.nbytes
            checksum = file.read(_CHECKSUM_BYTES + 1)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise DamagedEntryError(f"{path} cannot be read ({error.strerror})") from error
    if not whole or checksum != _checksum(key, array):
        raise DamagedEntryError(f"{path} is damaged")
    return array


def write_entry(path: Path, key: str, array: np.ndarray) -> None:
    """Write an entry, whole or not at all.

    Raises:
        OSError: if the disk is full or the folder cannot be written.
    """
    array = np.ascontiguousarray(array)
    with replacing(path) as part, part.open("wb") as file:
        file.write(_header(array.shape, array.dtype.str))
        file.write(array.data)
        file.write(_checksum(key, array))


def _header(shape: tuple[int, ...], dtype: str) -> bytes:
    header = io.BytesIO()
    np.lib.format.write_array_header_1_0(header, {"descr": dtype, "fortran_order": False, "shape": shape})
    return header.getvalue()


def _checksum(key: str, array: np.ndarray) -> bytes:
    """Return a checksum that also differs between entries with equal arrays."""
    return zlib.crc32(array, zlib.crc32(key.encode())).to_bytes(_CHECKSUM_BYTES, "big")
