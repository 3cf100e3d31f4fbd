"""Files in PyTorch's form against the checksums in them."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest
import torch

from alphaction.utils.checksums import damaged_record


@pytest.fixture
def path(tmp_path: Path) -> Path:
    torch.save({"a": torch.arange(1000.0), "b": torch.arange(10)}, tmp_path / "a.pth")
    return tmp_path / "a.pth"


def flip(path: Path, position: int, bit: int) -> None:
    content = bytearray(path.read_bytes())
    content[position] ^= 1 << bit
    path.write_bytes(content)


def test_a_file_as_it_was_written(path: Path) -> None:
    assert damaged_record(path) == ""


def test_every_byte_of_a_record_counts(path: Path) -> None:
    content = path.read_bytes()
    with zipfile.ZipFile(path) as archive:
        record = next(record for record in archive.infolist() if record.filename.endswith("data/1"))
    start = content.index(torch.arange(10).numpy().tobytes(), record.header_offset)
    for position in range(start, start + 80):
        flip(path, position, position % 8)
        assert '"1" is damaged' in damaged_record(path)
        path.write_bytes(content)


def test_a_record_that_is_marked_as_a_folder(path: Path) -> None:
    # PyTorch would not read it, and leave its values as the memory happens to be.
    with zipfile.ZipFile(path) as archive:
        directory = archive.start_dir
    name = path.read_bytes().index(b"data/0", directory)
    entry = path.read_bytes().rindex(b"PK\x01\x02", directory, name)
    flip(path, entry + 38, 4)
    assert "folder" in damaged_record(path)


@pytest.mark.parametrize("kept", [0, 10, 500, -1, -30])
def test_a_file_that_is_cut_off(path: Path, kept: int) -> None:
    path.write_bytes(path.read_bytes()[:kept])
    assert "damaged archive" in damaged_record(path)
