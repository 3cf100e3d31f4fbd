"""Reader of safetensors files, which Hugging Face's weights come in.

Layout: 8 bytes, little endian: the length of a JSON header; the header, {name: {"dtype", "shape", "data_offsets":
[begin, end]}}, offsets in bytes from its end, and texts under "__metadata__"; then the raw values. No code runs.
"""

from __future__ import annotations

import json
import math
from collections import Counter
from itertools import pairwise
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

import torch
from torch import Tensor

from alphaction.utils.errors import CheckpointError
from alphaction.utils.files import missing_file
from alphaction.utils.limits import LARGEST_HEADER, MOST_TENSORS
from alphaction.utils.messages import listed

_DTYPES = {
    "F64": torch.float64,
    "F32": torch.float32,
    "F16": torch.float16,
    "BF16": torch.bfloat16,
    "I64": torch.int64,
    "I32": torch.int32,
    "I16": torch.int16,
    "I8": torch.int8,
    "U8": torch.uint8,
    "BOOL": torch.bool,
}
_LENGTH_BYTES = 8
_MAX_DIMENSIONS = 64
_METADATA = "__metadata__"


class _Entry(NamedTuple):
    """Where a tensor lies: bytes ``begin`` to ``end``, from the end of the header."""

    begin: int
    end: int
    name: str
    dtype: torch.dtype
    shape: tuple[int, ...]


class _DamagedError(ValueError):
    """What is wrong with the file, as the end of a sentence that begins with its name."""


def read_safetensors(path: str | Path) -> tuple[dict[str, Tensor], dict[str, str]]:
    """Read a safetensors file.

    Returns:
        the tensors, each with memory of its own, in the order of the header; the texts of its metadata.

    Raises:
        CheckpointError: if the file is missing, damaged, or holds numbers of another type than F64, F32, F16, BF16,
            I64, I32, I16, I8, U8, BOOL.
    """
    path = Path(path)
    if not path.is_file():
        raise CheckpointError(f"weight file {missing_file(path, ('.safetensors',))}")
    size = path.stat().st_size
    try:
        with path.open("rb") as file:
            header, start = _read_header(file, size)
            metadata = _metadata(header.pop(_METADATA, {}))
            entries = [_entry(name, fields, size - start) for name, fields in header.items()]
            _check_apart(entries)
            return {entry.name: _read_tensor(file, start, entry) for entry in entries}, metadata
    except _DamagedError as error:
        raise CheckpointError(
            f"{path}: {error}. It is damaged, only partly copied ({size:,} bytes) or no safetensors file; download or "
            "copy it again."
        ) from error


def _read_header(file: BinaryIO, size: int) -> tuple[dict[str, Any], int]:
    """Return the header, and where the values begin."""
    length = int.from_bytes(file.read(_LENGTH_BYTES), "little")
    if size < _LENGTH_BYTES or length > size - _LENGTH_BYTES:
        raise _DamagedError(f"its header should have {length:,} bytes, more than there are")
    if length > LARGEST_HEADER:
        raise _DamagedError(f"its header should have {length:,} bytes; those of up to {LARGEST_HEADER:,} are read")
    try:
        header = json.loads(file.read(length).decode("utf-8"), object_pairs_hook=_without_duplicates)
    except _DamagedError:
        raise
    except (ValueError, RecursionError) as error:
        raise _DamagedError("its header is not JSON") from error
    if not isinstance(header, dict):
        raise _DamagedError("its header is not a JSON object")
    if len(header) > MOST_TENSORS + 1:  # before anything is made for each
        raise _DamagedError(f"it holds {len(header):,} tensors, more than the {MOST_TENSORS:,} that are read")
    return header, _LENGTH_BYTES + length


def _without_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    fields = dict(pairs)
    if len(fields) < len(pairs):
        name = Counter(name for name, _ in pairs).most_common(1)[0][0]
        raise _DamagedError(f'its header has "{name[:80]}" twice')
    return fields


def _metadata(fields: Any) -> dict[str, str]:
    if not isinstance(fields, dict) or not all(isinstance(text, str) for text in fields.values()):
        raise _DamagedError(f"{_METADATA} of its header holds something else than texts")
    return fields


def _entry(name: str, fields: Any, available: int) -> _Entry:
    """Check what the header says of a tensor; ``available`` bytes of values follow the header."""
    fields = fields if isinstance(fields, dict) else {}
    dtype, shape, offsets = (fields.get(key) for key in ("dtype", "shape", "data_offsets"))
    if not isinstance(dtype, str) or dtype not in _DTYPES:
        raise _DamagedError(f'"{name}" is of the type {str(dtype)[:40]}; known are {listed(_DTYPES, len(_DTYPES))}')
    if not _are_sizes(shape) or len(shape) > _MAX_DIMENSIONS or math.prod(max(1, n) for n in shape) >= 2**48:
        raise _DamagedError(f'the shape of "{name}" is {str(shape)[:80]}')
    if not _are_sizes(offsets) or len(offsets) != 2:
        raise _DamagedError(f'the offsets of "{name}" are {str(offsets)[:80]}')
    begin, end = offsets
    needed = math.prod(shape) * _DTYPES[dtype].itemsize
    if not begin <= end <= available:
        raise _DamagedError(f'"{name}" should lie at bytes {begin:,} to {end:,} of {available:,}')
    if end - begin != needed:
        raise _DamagedError(f'"{name}" has {end - begin:,} bytes, but its shape {shape} needs {needed:,}')
    return _Entry(begin, end, name, _DTYPES[dtype], tuple(shape))


def _are_sizes(values: Any) -> bool:
    """Return whether ``values`` is a list of whole numbers that torch can count to."""
    return isinstance(values, list) and all(type(value) is int and 0 <= value < 2**48 for value in values)


def _check_apart(entries: list[_Entry]) -> None:
    for first, second in pairwise(sorted(entry for entry in entries if entry.begin < entry.end)):
        if second.begin < first.end:
            raise _DamagedError(f'"{first.name}" and "{second.name}" lie at the same bytes')


def _read_tensor(file: BinaryIO, start: int, entry: _Entry) -> Tensor:
    if entry.begin == entry.end:
        return torch.empty(entry.shape, dtype=entry.dtype)
    values = bytearray(entry.end - entry.begin)
    file.seek(start + entry.begin)
    if file.readinto(values) != len(values):
        raise _DamagedError(f'it ends within "{entry.name}"')
    if entry.dtype == torch.bool:  # any other byte than 0 is true
        return torch.frombuffer(values, dtype=torch.uint8).ne(0).reshape(entry.shape)
    return torch.frombuffer(values, dtype=entry.dtype).reshape(entry.shape)
