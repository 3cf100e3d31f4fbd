"""From which score on each class is shown: as the command line says, as the weights say, or 0.3."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from alphaction.checkpoint import read_thresholds, stored_thresholds
from alphaction.data.annotations import LabelMap
from alphaction.engine.pictures import MIN_SCORE
from alphaction.utils.logging import get_logger


@dataclass(frozen=True, eq=False)
class ShownScores:
    """The lowest score of each of C classes that is shown.

    Attributes:
        values: float64 [C].
        told: for the line of a result: which they are; "" where the weights have none.
    """

    values: np.ndarray
    told: str = ""

    @classmethod
    def of(cls, weights: Path, label_map: LabelMap, min_score: float | None) -> ShownScores:
        """Return those for the classes of a weight file; ``min_score``, if given, comes before its thresholds.

        Raises:
            CheckpointError: the thresholds in the file cannot be read.
        """
        classes = label_map.num_classes
        if min_score is not None:
            held = stored_thresholds(weights) is not None
            told = f"classes shown from {min_score:g} on, not by the thresholds in {weights.name}" if held else ""
            return cls(np.full(classes, min_score), told)
        found = read_thresholds(weights, label_map.to_dict())
        if found is None:
            return cls(np.full(classes, MIN_SCORE))
        values = np.array([found[name] for name in label_map.names])
        told = f"classes shown by the thresholds in {weights.name} ({stored_thresholds(weights)})"
        get_logger().info("%s, from %.3f to %.3f (--min-score S: one for all)", told, values.min(), values.max())
        return cls(values, told)


def shown_setting(weights: Path, min_score: float | None) -> str:
    """Return what a record says of the scores that are shown; the thresholds themselves are those of the weights."""
    if min_score is None and stored_thresholds(weights) is not None:
        return "the thresholds in the weights"
    return str(MIN_SCORE if min_score is None else min_score)
