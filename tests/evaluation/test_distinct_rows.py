"""Rows of numbers that occurred before are found again, in order of appearance."""

from __future__ import annotations

import numpy as np
import pytest

from alphaction.evaluation import distinct_rows
from alphaction.evaluation.distinct_rows import DistinctRows


def _expected(tables: list[np.ndarray]) -> tuple[list[list[int]], list[tuple[float, ...]]]:
    known: dict[tuple[float, ...], int] = {}
    numbers = [[known.setdefault(tuple(row), len(known)) for row in table.tolist()] for table in tables]
    return numbers, list(known)


@pytest.mark.parametrize("values", [2, 40])
@pytest.mark.parametrize("slots", [4, 1 << 16])
def test_numbers_are_those_of_a_dict(monkeypatch, slots, values):
    """Also where many rows want one slot, and where the table grows."""
    monkeypatch.setattr(distinct_rows, "_FEWEST_SLOTS", slots)
    rng = np.random.default_rng(values)
    tables = [rng.integers(-1, values, (size, 3)) / 2.0 for size in (1, 0, 7, 300, 1, 2000, 500)]
    distinct = DistinctRows(3)
    numbers, rows = _expected(tables)
    assert [distinct.add(table).tolist() for table in tables] == numbers
    assert distinct.rows.tolist() == [list(row) for row in rows]


def test_rows_that_differ_in_one_column_or_bit():
    row = np.array([0.1, 0.2, 0.3])
    others = [row + step * np.eye(3)[k] for k in range(3) for step in (1, 2**-50)]
    table = np.array([row, *others, row, row[::-1]])
    assert DistinctRows(3).add(table).tolist() == [0, 1, 2, 3, 4, 5, 6, 0, 7]


def test_minus_zero_is_zero():
    distinct = DistinctRows(2)
    assert distinct.add(np.array([[-0.0, 1.0], [0.0, 1.0], [0.0, -0.0], [np.nan, 0], [np.nan, 0]])).tolist() == [
        *(0, 0, 1, 2, 2)
    ]
