"""Values that can stand in a weight file in place of a tensor or a setting, and ways to write such files."""

from __future__ import annotations

import io
import json
import pickle
from random import Random
from typing import Any

import numpy as np
import torch
from fuzz.odd_values import odd_value
from torch import Tensor

_DTYPES = (
    *(torch.float64, torch.float16, torch.bfloat16, torch.int64, torch.int32, torch.int8, torch.uint8, torch.bool),
    *(torch.complex64, torch.complex128, torch.float8_e4m3fn, torch.uint16),
)


def odd_tensor(random: Random) -> Tensor:
    """Return a small tensor of an odd type, layout, shape or content."""
    kind = random.randrange(12)
    if kind < 3:
        return torch.zeros(random.choice(((), (0,), (1,), (2, 3), (80, 5), (3, 0, 2), (1,) * 9)))
    if kind < 6:
        return torch.ones(random.choice(((), (4,), (64, 3, 1, 7, 7))), dtype=torch.float32).to(random.choice(_DTYPES))
    if kind == 6:
        return torch.tensor([float("nan"), float("inf"), -float("inf")])
    if kind == 7:
        return torch.eye(3).to_sparse()
    if kind == 8:
        return torch.quantize_per_tensor(torch.ones(4), 0.1, 0, torch.qint8)
    if kind == 9:
        return torch.empty(3, 3, device="meta")
    if kind == 10:
        return torch.zeros(1).expand(random.choice(((64, 3, 1, 7, 7), (2**20, 2**10), (80, 2304))))
    return torch.nn.Parameter(torch.zeros(5, 4).t())


def odd_leaf(random: Random) -> Any:
    """Return a value of any type that a pickle can hold."""
    kind = random.randrange(6)
    if kind < 2:
        return odd_value(random)
    if kind < 4:
        return odd_tensor(random)
    return random.choice(
        (
            *(b"\xff\x00", (), (1, "a"), {1: 2}, {None: 1}, {(1, 2): 3}, {b"x": 1}, set(), frozenset({1}), 1j, 2**70),
            *(
                np.float32(1.5),
                np.ones(3),
                np.array(["a"]),
                np.array([None]),
                np.datetime64("2001-01-01"),
                torch.float32,
            ),
            *(
                torch.Size([1, 2]),
                torch.device("cpu"),
                bytearray(b"ab"),
                Ellipsis,
                range(3),
                slice(1),
                int,
                "²",
                "9" * 5000,
            ),
            *("a: b\n- c", "a: !!python/name:os.system", "&a [*a]", "model = dict(a=1", "x = " + "[" * 200, "{}", "[]"),
        )
    )


def torch_bytes(content: Any) -> bytes:
    """Return what torch.save writes."""
    file = io.BytesIO()
    try:
        torch.save(content, file)
    except (RuntimeError, NotImplementedError, TypeError, ValueError, AttributeError):  # what torch cannot write
        torch.save({"model": {}}, file)
    return file.getvalue()


def old_torch_bytes(content: Any) -> bytes:
    """Return what torch.save of PyTorch before 1.6 wrote."""
    file = io.BytesIO()
    try:
        torch.save(content, file, _use_new_zipfile_serialization=False)
    except (RuntimeError, NotImplementedError, TypeError, ValueError, AttributeError):
        torch.save({"model": {}}, file, _use_new_zipfile_serialization=False)
    return file.getvalue()


def pickle_bytes(content: Any) -> bytes:
    """Return a plain pickle, tensors as arrays of NumPy."""
    return pickle.dumps(_arrays(content), protocol=2)


def _arrays(value: Any) -> Any:
    if isinstance(value, Tensor):
        plain = value.layout == torch.strided and not value.is_quantized and value.device.type == "cpu"
        plain = plain and value.dtype not in (torch.bfloat16, torch.float8_e4m3fn)
        return value.detach().numpy() if plain and value.numel() < 10**6 else None
    if isinstance(value, dict):
        return {key: _arrays(item) for key, item in value.items()}
    return [_arrays(item) for item in value] if isinstance(value, list) else value


def safetensors_bytes(content: Any) -> bytes:
    """Return a safetensors file of a changed header: ``content`` is {"header": ..., "values": number of bytes}."""
    content = content if isinstance(content, dict) else {}
    try:
        header = json.dumps(content.get("header"), default=str).encode("utf-8", "surrogatepass")
    except (ValueError, TypeError):
        header = b'{"a": ' + b"9" * 5000 + b"}"
    size = content.get("values")
    size = size if type(size) is int and 0 <= size < 10**6 else 0
    return len(header).to_bytes(8, "little") + header + bytes(size)
