"""Reading safetensors files, whole and damaged."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from alphaction.checkpoint.safetensors_file import read_safetensors
from alphaction.utils.errors import UserError
from alphaction.utils.limits import MOST_TENSORS


def write(path: Path, header: Mapping[str, Any] | str | bytes, values: bytes = b"", length: int | None = None) -> Path:
    text = header if isinstance(header, bytes) else header.encode() if isinstance(header, str) else None
    text = json.dumps(header).encode() if text is None else text
    path.write_bytes((len(text) if length is None else length).to_bytes(8, "little") + text + values)
    return path


def entry(dtype: str = "F32", shape: Any = (2,), offsets: Any = (0, 8)) -> dict[str, Any]:
    return {"dtype": dtype, "shape": list(shape), "data_offsets": list(offsets)}


def test_every_type(tmp_path):
    numbers = [0, 1, 2]
    types = {
        "F64": np.float64, "F32": np.float32, "F16": np.float16, "I64": np.int64, "I32": np.int32, "I16": np.int16,
        "I8": np.int8, "U8": np.uint8, "BOOL": np.uint8,
    }  # fmt: skip
    header, values = {"__metadata__": {"format": "pt"}}, b""
    for name, dtype in types.items():
        raw = np.array(numbers, dtype).astype(np.dtype(dtype).newbyteorder("<")).tobytes()
        header[name] = entry(name, (3, 1), (len(values), len(values) + len(raw)))
        values += raw
    header["BF16"] = entry("BF16", (), (len(values), len(values) + 2))
    values += b"\xc0\x3f"  # 1.5
    header["empty"] = entry("F16", (0, 7), (len(values), len(values)))
    path = write(tmp_path / "model.safetensors", header, values)

    tensors, metadata = read_safetensors(path)

    assert metadata == {"format": "pt"}
    assert list(tensors) == [*types, "BF16", "empty"]
    for name in types:
        assert tensors[name].shape == (3, 1)
        assert tensors[name].flatten().tolist() == ([False, True, True] if name == "BOOL" else numbers)
    assert {name: str(tensor.dtype) for name, tensor in tensors.items() if name in ("F64", "I16", "BOOL", "BF16")} == {
        "F64": "torch.float64", "I16": "torch.int16", "BOOL": "torch.bool", "BF16": "torch.bfloat16",
    }  # fmt: skip
    assert tensors["BF16"].item() == 1.5
    assert tensors["empty"].shape == (0, 7)


@pytest.mark.parametrize(
    ("header", "problem"),
    [
        ("[1]", "not a JSON object"),
        ("{" * 4, "not JSON"),
        ("[" * 100_000, "not JSON"),
        (b'{"\xff": 1}', "not JSON"),
        ('{"a": {}, "a": {}}', 'has "a" twice'),
        ({"__metadata__": {"a": 1}}, "something else than texts"),
        ({"a": 5}, '"a" is of the type None; known are F64, F32, F16, BF16, I64, I32, I16, I8, U8, BOOL'),
        ({"a": entry("F8_E4M3")}, "of the type F8_E4M3"),
        ({"a": entry(shape=(-1, 2))}, r"the shape of \"a\" is \[-1, 2\]"),
        ({"a": entry(shape=(True,))}, "the shape of"),
        ({"a": entry(shape=(0, 2**40, 2**40), offsets=(0, 0))}, "the shape of"),
        ({"a": entry(shape=[1] * 65)}, "the shape of"),
        ({"a": entry(offsets=(0,))}, r"the offsets of \"a\" are \[0\]"),
        ({"a": entry(offsets=(8, 0))}, "bytes 8 to 0 of 16"),
        ({"a": entry(offsets=(12, 20))}, "bytes 12 to 20 of 16"),
        ({"a": entry(shape=(3,))}, r"has 8 bytes, but its shape \[3\] needs 12"),
        ({"a": entry(), "b": entry(offsets=(4, 12))}, '"a" and "b" lie at the same bytes'),
        ({"a": entry(shape=(4,), offsets=(0, 16)), "b": entry(offsets=(4, 12))}, '"a" and "b" lie at the same bytes'),
    ],
)
def test_damaged(tmp_path, header, problem):
    path = write(tmp_path / "model.safetensors", header, bytes(16))
    with pytest.raises(UserError, match=problem) as error:
        read_safetensors(path)
    assert str(error.value).startswith(f"{path}: ")


@pytest.mark.parametrize("length", [17, 2**40, 2**64 - 1])
def test_length_of_the_header_is_bounded_by_the_file(tmp_path, length):
    path = write(tmp_path / "model.safetensors", b"{}", bytes(14), length)
    with pytest.raises(UserError, match=f"should have {length:,} bytes, more than there are"):
        read_safetensors(path)


def test_length_of_the_header_is_bounded(tmp_path):
    path = write(tmp_path / "model.safetensors", b"{}", length=100_000_001)
    with path.open("r+b") as file:
        file.truncate(100_000_100)  # holes: they take no room on the disk
    with pytest.raises(UserError, match="those of up to 8,388,608 are read"):
        read_safetensors(path)


def test_empty_and_missing_files(tmp_path):
    (tmp_path / "empty.safetensors").touch()
    with pytest.raises(UserError, match=r"empty\.safetensors: .*more than there are"):
        read_safetensors(tmp_path / "empty.safetensors")
    with pytest.raises(UserError, match="does not exist"):
        read_safetensors(tmp_path / "other.safetensors")


def test_tensors_can_be_saved_one_by_one(tmp_path):
    # A view of the whole file would be saved as the whole file.
    header = {"a": entry(), "b": entry("F32", (1000,), (8, 4008))}
    tensors, _ = read_safetensors(write(tmp_path / "model.safetensors", header, bytes(4008)))
    assert tensors["a"].untyped_storage().nbytes() == 8


def test_too_many_tensors_are_refused_before_they_are_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fields = {"dtype": "F32", "shape": [0], "data_offsets": [0, 0]}
    header = json.dumps({f"n{i}": fields for i in range(MOST_TENSORS + 2)}).encode()
    path = tmp_path / "a.safetensors"
    path.write_bytes(len(header).to_bytes(8, "little") + header)
    monkeypatch.setattr(torch, "empty", lambda *unused, **more: pytest.fail("a tensor was made"))
    with pytest.raises(UserError, match=r"a\.safetensors: it holds 20,002 tensors, more than the 20,000"):
        read_safetensors(path)
