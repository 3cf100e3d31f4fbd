"""Class scores of a person that do not flicker from keyframe to keyframe."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from alphaction.workflows.predict.tracker import Track

# A person who was away for so many time constants starts anew, and is forgotten.
_FORGOTTEN = 5.0


class ExponentialSmoother:
    """A moving average of each person's scores in which the past fades exponentially with time, for streams.

    Args:
        seconds: time constant: what is that much older counts 1/e of what is new. 0: scores stay as they are.
    """

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self._last: dict[int, tuple[float, np.ndarray, float]] = {}

    def update(self, person: int, time: float, scores: np.ndarray) -> np.ndarray:
        """Return the smoothed scores of a person at a keyframe.

        Args:
            person: number of the person.
            time: seconds, not before those of any earlier call.
            scores: float [C].

        Returns:
            float [C]: the mean of the scores so far, each with the weight exp(-age / time constant).
        """
        if self.seconds == 0:
            return scores
        self._last = {one: entry for one, entry in self._last.items() if time - entry[0] <= _FORGOTTEN * self.seconds}
        total, weight = scores, 1.0
        if person in self._last:
            then, mean, before = self._last[person]
            before *= math.exp((then - time) / self.seconds)
            weight = before + 1.0
            total = mean + (scores - mean) / weight
        self._last[person] = (time, total, weight)
        return total


def smoothed_scores(tracks: Sequence[Track], scores: np.ndarray, seconds: float) -> np.ndarray:
    """Return scores smoothed along the tracks of a whole video, where the future is known, too.

    Args:
        tracks: the persons; their rows point into ``scores``.
        scores: float [N, C].
        seconds: time constant: what is so much earlier or later counts 1/e. 0: scores stay as they are.

    Returns:
        float [N, C]: for each row the mean over its track, with the weights exp(-distance in time / time constant).
    """
    if seconds == 0:
        return scores
    smooth = scores.copy()
    for track in tracks:
        times = np.array(track.seconds, dtype=np.float64)
        for row, time in zip(track.rows, times, strict=True):
            near = slice(*np.searchsorted(times, [time - _FORGOTTEN * seconds, time + _FORGOTTEN * seconds]))
            weights = np.exp(-np.abs(times[near] - time) / seconds)
            smooth[row] = weights @ scores[track.rows[near]] / weights.sum()
    return smooth
