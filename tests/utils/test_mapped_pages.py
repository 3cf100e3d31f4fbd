from __future__ import annotations

import sys
from pathlib import Path

import pytest
import torch

from alphaction.utils import mapped_pages
from alphaction.utils.mapped_pages import row_blocks
from alphaction.utils.process_memory import resident_bytes

needs_proc = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")


@pytest.mark.parametrize("shape", [(0, 3), (1, 3), (1000, 300), (5, 0)])
def test_blocks_are_the_rows_in_order(monkeypatch, shape: tuple[int, int]) -> None:
    monkeypatch.setattr(mapped_pages, "BLOCK_BYTES", 40_000)
    rows = torch.arange(float(shape[0] * shape[1])).view(shape)
    blocks = list(row_blocks(rows))
    assert torch.equal(torch.cat([rows[:0], *blocks]), rows)
    assert all(block.nbytes <= 40_000 for block in blocks)


@needs_proc
def test_a_mapped_file_takes_a_block_of_memory_only(tmp_path: Path) -> None:
    rows = torch.ones(8192, 1024)  # 32 MB
    torch.save(rows, tmp_path / "rows.pth")
    mapped = torch.load(tmp_path / "rows.pth", mmap=True)
    before, most = resident_bytes(), 0
    for block in row_blocks(mapped):
        assert block.sum() == block.numel()
        most = max(most, resident_bytes())
    assert most - before < 8 << 20
    # It can be gone through again, and used in any other way.
    assert sum(block.sum().item() for block in row_blocks(mapped)) == rows.numel()
    assert torch.equal(mapped, rows)


@needs_proc
def test_other_memory_keeps_its_values() -> None:
    rows = torch.ones(4096, 1024)
    shared = torch.ones(4096, 1024).share_memory_()
    for tensor in (rows, shared, rows[1:], rows.T):
        list(row_blocks(tensor))
        assert tensor.sum() == tensor.numel()
