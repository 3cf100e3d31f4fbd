"""Axes: N rows, D channels."""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from alphaction.memory.bank import RowBank, row_type


def filled(count: int, dim: int = 3, dtype: str = "float32") -> RowBank:
    """Return a bank whose row i holds i."""
    bank = RowBank(dim, dtype)
    bank.reserve(count)
    bank.put(np.arange(count), torch.arange(float(count))[:, None].expand(-1, dim), np.arange(count))
    return bank


def content(bank: RowBank, rows: list[int] | np.ndarray) -> list[float]:
    """Return the first value of some rows, as it was written."""
    scales = 1 if bank.scales is None else bank.scales[rows]
    return (bank.rows[rows, 0].astype(np.float32) * scales).tolist()


@pytest.mark.parametrize("dtype", ["float32", "float16"])
def test_growing_keeps_the_rows(dtype: str) -> None:
    bank = filled(200, dtype=dtype)
    for count in (300, 1000, 5000):
        bank.reserve(count)
        assert len(bank.rows) >= count
        assert content(bank, np.arange(200)) == list(range(200))
    assert not bank.rows[200:].any()


@pytest.mark.parametrize("hold", [lambda rows: rows, lambda rows: rows[3:5], lambda rows: rows.flatten().numpy()[2:]])
@pytest.mark.parametrize("change", ["put", "reserve", "arrange", "clear"])
def test_lent_rows_stay_as_they_were(hold, change: str) -> None:
    bank = filled(10)
    lent = bank.lend(10)
    assert lent.data_ptr() == bank.rows.ctypes.data
    held = hold(lent)
    expected = torch.as_tensor(held).clone()
    del lent
    if change == "put":
        bank.put(np.arange(10), torch.full((10, 3), 7.0), np.arange(10))
        assert content(bank, [0, 9]) == [7, 7]
    elif change == "reserve":
        bank.reserve(100_000)
        bank.put(np.arange(10), torch.full((10, 3), 7.0), np.arange(10))
        assert content(bank, [0, 9]) == [7, 7]
    elif change == "arrange":
        bank.arrange(np.arange(10)[::-1])
        assert content(bank, np.arange(10)) == list(range(9, -1, -1))
    else:
        bank.clear()
        assert len(bank.rows) == 0
    assert torch.equal(torch.as_tensor(held), expected)


def test_rows_that_nobody_holds_any_more_are_not_copied() -> None:
    bank = filled(10)
    before = bank.rows.ctypes.data
    bank.lend(10)
    bank.put(np.array([4]), torch.ones(1, 3), np.array([0]))
    assert bank.rows.ctypes.data == before


@pytest.mark.parametrize("dtype", ["float32", "float16"])
def test_any_order(monkeypatch, dtype: str) -> None:
    draw = np.random.default_rng(0)
    for count in (1, 2, 7, 50):
        for _ in range(20):
            bank = filled(count, dtype=dtype)
            bank._block = 4
            bank.put(np.array([0]), torch.full((1, 3), 1e6), np.array([0]))
            before = np.array(content(bank, np.arange(count)))
            source = draw.permutation(count) if draw.random() < 0.5 else np.roll(np.arange(count), draw.integers(count))
            bank.arrange(source)
            assert content(bank, np.arange(count)) == before[source].tolist()


def stored(values: list[float]) -> Tensor:
    """Return what a float16 bank gives back of a row."""
    bank = RowBank(len(values), "float16")
    bank.reserve(1)
    bank.put(np.array([0]), torch.tensor([values]), np.array([0]))
    scale = 1.0 if bank.scales is None else bank.scales[0]
    return torch.from_numpy(bank.rows[0].astype(np.float32) * np.float32(scale))


@pytest.mark.parametrize("largest", [1.0, 65504.0, 65519.0, 65520.0, 1e5, 1e20, 3.4028234e38, 1e-3, 1e-6, 1e-30])
def test_float16_keeps_eleven_bits_of_any_size(largest: float) -> None:
    values = [largest, -largest, largest * 0.7, 0.0]
    found = stored(values)
    assert found.isfinite().all()
    assert torch.allclose(found, torch.tensor(values), rtol=2**-11, atol=0)


def test_float16_of_what_it_holds_is_exact() -> None:
    values = [0.0, 1.0, -2.5, 2047.0, 65504.0, 0.333251953125]
    assert stored(values).tolist() == values


def test_infinite_values_and_nan_stay_and_spoil_no_others() -> None:
    found = stored([float("inf"), float("-inf"), float("nan"), 1e6, 3.0])
    assert found[:2].tolist() == [float("inf"), float("-inf")]
    assert found[2].isnan()
    assert torch.allclose(found[3:], torch.tensor([1e6, 3.0]), rtol=1e-3)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="cannot fork")
def test_forked_processes_do_not_get_the_rows() -> None:
    """Nor do they crash if they ask for them; a bank of their own works."""
    bank, empty = filled(300), RowBank(3)
    uses = [
        lambda: bank.take(np.arange(3), np.empty((3, 3), np.float32)),
        lambda: bank.put(np.arange(1), torch.ones(1, 3), np.arange(1)),
        lambda: bank.reserve(1000),
        lambda: bank.lend(3),
        lambda: bank.arrange(np.arange(300)[::-1]),
    ]
    process = os.fork()
    if process == 0:
        status = 1
        try:
            for use in uses:
                with pytest.raises(RuntimeError, match="forked"):
                    use()
            empty.reserve(3)
            empty.put(np.arange(3), torch.ones(3, 3), np.arange(3))
            bank.clear()
            bank.reserve(10)
            status = int(content(empty, [0, 1, 2]) != [1, 1, 1])
        finally:
            os._exit(status)
    assert os.waitstatus_to_exitcode(os.waitpid(process, 0)[1]) == 0
    assert content(bank, [0, 299]) == [0, 299]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="cannot fork")
def test_forked_processes_get_rows_that_are_lent() -> None:
    bank = filled(300)
    lent = bank.lend(300)
    process = os.fork()
    if process == 0:
        os._exit(int(lent[299, 0] != 299))
    assert os.waitstatus_to_exitcode(os.waitpid(process, 0)[1]) == 0


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_rows_are_in_memory_once_while_forked_processes_live() -> None:
    bank = filled(1000, dim=1000)
    assert len(bank.lend(10)) == 10  # let go of at once
    bank.reserve(20_000)  # moves
    bank.put(np.arange(20_000), torch.ones(1, 1000), np.zeros(20_000, dtype=np.int64))  # 80 MB
    read, write = os.pipe()
    process = os.fork()
    if process == 0:
        os.close(write)
        os.read(read, 1)  # until the other end is closed
        os._exit(0)
    try:
        status = Path(f"/proc/{process}/status").read_text(encoding="ascii")
        own = Path("/proc/self/status").read_text(encoding="ascii")
        forked, here = (int(re.search(r"RssAnon:\s*(\d+)", text)[1]) << 10 for text in (status, own))
        assert forked < here - 0.9 * bank.rows[:20_000].nbytes
    finally:
        os.close(read)
        os.close(write)
        os.waitpid(process, 0)


def test_types_are_names_or_those_of_torch() -> None:
    assert row_type("float16") is row_type(torch.float16) is torch.float16
    with pytest.raises(ValueError, match="cannot be stored in bfloat16. Choose one of float32, float16"):
        RowBank(4, torch.bfloat16)
