"""Dividing videos into folds so that every class is in all of them alike, as far as whole videos allow.

Axes: U units (a video, or videos that stay together), n things that are counted in each (labels of a class, keyframes),
K folds.
"""

from __future__ import annotations

import numpy as np

# A class that only one fold has is not in the training of that fold: worse than any unevenness.
_CONFINED = 10.0
_EMPTY = 1e6
_MOST_MOVES = 400
_MOST_SWAP_UNITS = 150
_LEAST_GAIN = 1e-12


def divide(weights: np.ndarray, folds: int) -> np.ndarray:
    """Return the fold of each unit, int64 [U] from 0; the same for the same weights.

    Greedy, large units first; then single units are moved, and pairs exchanged, as long as that helps.

    Args:
        weights: int [U, n], what each unit has; things that no unit has do not matter.
        folds: K, at most U. No fold stays empty.
    """
    weights = np.asarray(weights, dtype=np.float64)
    total = weights.sum(axis=0)
    weights = weights[:, total > 0]
    division = _Division(weights, folds)
    for unit in np.lexsort((np.arange(len(weights)), -(weights / division.total).sum(axis=1))).tolist():
        division.place(unit)
    for _ in range(_MOST_MOVES):
        if not division.improve():
            break
    return division.fold


def confined(weights: np.ndarray, fold: np.ndarray) -> np.ndarray:
    """Return which of n things are in one fold only although units have them, bool [n]."""
    sums = np.stack([weights[fold == number].sum(axis=0) for number in np.unique(fold)])
    return np.count_nonzero(sums, axis=0) == 1


class _Division:
    """Units and the folds that they are in, -1 for none so far."""

    def __init__(self, weights: np.ndarray, folds: int) -> None:
        self.weights = weights
        self.total = weights.sum(axis=0)
        self.fold = np.full(len(weights), -1, dtype=np.int64)
        self._sums = np.zeros((folds, weights.shape[1]))
        self._sizes = np.zeros(folds, dtype=np.int64)
        self._shared = np.count_nonzero(weights, axis=0) > 1

    def place(self, unit: int) -> None:
        """Put a unit that is in no fold into the one that has least of what it brings."""
        share = self.weights[unit] / self.total
        cost = (self._sums / self.total) @ share
        # The least full one among equals, then the first.
        chosen = int(np.lexsort((self._sizes, np.round(cost, 12)))[0])
        empty = np.flatnonzero(self._sizes == 0)
        if len(empty) and np.count_nonzero(self.fold < 0) <= len(empty):
            chosen = int(empty[0])
        self._move([unit], [chosen])

    def improve(self) -> bool:
        """Make the best move, or the best exchange where no move helps; return whether one was made."""
        best, step = self._cost(self._sums[None], self._sizes[None])[0] - _LEAST_GAIN, None
        units = np.arange(len(self.fold))
        for target in range(len(self._sums)):
            others = units[self.fold != target]
            costs = self._cost_of_moves(others, np.full(len(others), target))
            if len(costs) and costs.min() < best:
                best, step = costs.min(), ([int(others[np.argmin(costs)])], [target])
        if step is None and len(units) <= _MOST_SWAP_UNITS:
            for unit in units.tolist():
                others = units[(self.fold != self.fold[unit]) & (units > unit)]
                costs = self._cost_of_moves(others, self.fold[[unit] * len(others)], unit)
                if len(costs) and costs.min() < best:
                    other = int(others[np.argmin(costs)])
                    best, step = costs.min(), ([unit, other], [int(self.fold[other]), int(self.fold[unit])])
        if step is not None:
            self._move(*step)
        return step is not None

    def _cost_of_moves(self, units: np.ndarray, targets: np.ndarray, other: int | None = None) -> np.ndarray:
        """Return the cost of the division with each unit alone moved to its target, where ``other`` leaves for its."""
        if not len(units):
            return np.zeros(0)
        rows, sources = np.arange(len(units)), self.fold[units]
        change = self.weights[units] - (0 if other is None else self.weights[other])
        sums = np.repeat(self._sums[None], len(units), axis=0)
        sums[rows, sources] -= change
        sums[rows, targets] += change
        sizes = np.repeat(self._sizes[None], len(units), axis=0)
        if other is None:
            sizes[rows, sources] -= 1
            sizes[rows, targets] += 1
        return self._cost(sums, sizes)

    def _cost(self, sums: np.ndarray, sizes: np.ndarray) -> np.ndarray:
        """Return the cost of divisions whose folds have ``sums`` [m, K, n] and ``sizes`` [m, K] units."""
        uneven = np.abs(sums / self.total - 1 / sums.shape[1]).sum(axis=1).mean(axis=1)
        alone = (self._shared & (np.count_nonzero(sums > 0.5, axis=1) == 1)).sum(axis=1)
        return uneven + _CONFINED * alone + _EMPTY * (sizes == 0).sum(axis=1)

    def _move(self, units: list[int], targets: list[int]) -> None:
        for unit, target in zip(units, targets, strict=True):
            source = int(self.fold[unit])
            if source >= 0:
                self._sums[source] -= self.weights[unit]
                self._sizes[source] -= 1
            self._sums[target] += self.weights[unit]
            self._sizes[target] += 1
            self.fold[unit] = target
