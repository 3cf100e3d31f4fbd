"""How well scores are probabilities. B bins of the score."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

_BINS = 10


@dataclass(frozen=True, eq=False)
class Calibration:
    """How well scores are probabilities, over all classes with labels: [B] bins of the score, empty ones left out.

    Every score of every box takes part, whether the box overlaps a person or not. A score is right where the person in
    the box has the label, also if another box of this person comes first. Scores that were left out of the results
    (below TEST.ACTION_THRESH) are not known and take no part: with such a threshold the lowest bins hold fewer. Most
    scores are low and right to be low, so look at the bins, not at ``error`` alone. Scores beyond 0 and 1 are in the
    outermost bins.

    Attributes:
        mean_score, share_right: float64 [B].
        counts: int64 [B].
        error: expected calibration error: mean of |share_right - mean_score|, weighted by ``counts``; NaN without
            scores.
    """

    mean_score: np.ndarray
    share_right: np.ndarray
    counts: np.ndarray
    error: float


class Bins:
    """Sums of scores, bin by bin."""

    def __init__(self) -> None:
        self._counts = np.zeros(_BINS, dtype=np.int64)
        self._scores = np.zeros(_BINS)
        self._right = np.zeros(_BINS, dtype=np.int64)

    def add(self, scores: np.ndarray, right: np.ndarray) -> None:
        """Add scores [n] and whether each is right, bool [n]."""
        scores = scores.astype(np.float64, copy=False)
        place = np.clip(np.floor(scores * _BINS), 0, _BINS - 1).astype(np.int64)
        self._counts += np.bincount(place, minlength=_BINS)
        self._scores += np.bincount(place, scores, minlength=_BINS)
        self._right += np.bincount(place[right], minlength=_BINS)

    def result(self) -> Calibration:
        """Return the shares of all that was added."""
        held = self._counts > 0
        counts = self._counts[held]
        mean_score, share_right = self._scores[held] / counts, self._right[held] / counts
        total = counts.sum()
        error = float((np.abs(share_right - mean_score) * counts).sum() / total) if total else float("nan")
        return Calibration(mean_score, share_right, counts, error)
