"""Pairs of two sets of things that together fit best."""

from __future__ import annotations

import numpy as np


def best_pairs(worth: np.ndarray) -> list[tuple[int, int]]:
    """Return the pairs (row, column) with the largest sum, each row and column in at most one of them.

    Found by shortest augmenting paths (Jonker and Volgenant, "A shortest augmenting path algorithm for dense and sparse
    linear assignment problems", Computing 1987), in O(n^3) steps.

    Args:
        worth: float [rows, columns]; what is not above 0 is no pair.
    """
    if not worth.size:
        return []
    # Each row may also stay alone, in a column of its own.
    rows, columns = worth.shape
    cost = np.hstack([-np.maximum(worth, 0.0), np.zeros((rows, rows))])
    row_of = np.full(cost.shape[1], -1)
    of_rows, of_columns = np.zeros(rows), np.zeros(cost.shape[1])
    for row in range(rows):
        _augment(cost, row, row_of, of_rows, of_columns)
    pairs = ((int(row_of[column]), column) for column in range(columns) if row_of[column] >= 0)
    return sorted((row, column) for row, column in pairs if worth[row, column] > 0)


def _augment(cost: np.ndarray, row: int, row_of: np.ndarray, of_rows: np.ndarray, of_columns: np.ndarray) -> None:
    """Give a row a column, by the cheapest chain of exchanges; the prices of rows and columns are kept."""
    distance = np.full(cost.shape[1], np.inf)
    came_from = np.full(cost.shape[1], -1)
    done = np.zeros(cost.shape[1], dtype=bool)
    at, here, column = 0.0, row, -1
    while True:
        through = at + cost[here] - of_rows[here] - of_columns
        nearer = ~done & (through < distance)
        distance[nearer], came_from[nearer] = through[nearer], column
        column = int(np.where(done, np.inf, distance).argmin())
        at = distance[column]
        if row_of[column] < 0:
            break
        done[column] = True
        here = int(row_of[column])
    of_rows[row] += at
    for other in np.flatnonzero(done):
        of_rows[row_of[other]] += at - distance[other]
        of_columns[other] -= at - distance[other]
    while column >= 0:
        before = int(came_from[column])
        row_of[column] = row_of[before] if before >= 0 else row
        column = before
