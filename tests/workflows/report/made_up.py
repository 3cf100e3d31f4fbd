"""Analyses without a detector behind them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from alphaction.data.keyframes import Keyframe
from alphaction.evaluation.analysis import (
    NOBODY,
    Analysis,
    Calibration,
    ClassCurve,
    Confusion,
    Example,
    Misses,
    OperatingPoint,
)


def curve(name: str, points: int = 500, class_id: int = 1, labels: int = 40) -> ClassCurve:
    """Return a curve whose precision falls while its recall rises, with the best F1 where the two are about equal."""
    if not points:
        empty = np.zeros(0)
        return ClassCurve(class_id, name, "movement", labels, 0, float("nan"), empty, empty, empty, empty, None)
    thresholds = np.linspace(0.99, 0.01, points)
    recall = np.linspace(1 / points, 0.95, points)
    precision = 1 - 0.7 * recall**2
    f1 = 2 * precision * recall / (precision + recall)
    at = int(np.argmax(f1))
    best = OperatingPoint(float(thresholds[at]), float(precision[at]), float(recall[at]), float(f1[at]))
    return ClassCurve(class_id, name, "movement", labels, points, 0.61, thresholds, precision, recall, f1, best)


def example(name: str, keyframe: Keyframe, number: int = 0, reason: str = "Nobody is annotated there.") -> Example:
    """Return an example in the middle of the frame."""
    score = 0.9 - 0.01 * number
    return Example(keyframe, (0.3, 0.2, 0.6, 0.9), name, score, reason, (name,), ((name, score),))


def made_up(
    names: Sequence[str], keyframes: Sequence[Keyframe], examples: int = 3, points: int = 500, bins: int = 10
) -> Analysis:
    """Return an analysis of these classes, with examples at these keyframes in turn."""
    number = len(names)
    counts = np.random.default_rng(0).integers(0, 5, (number + 1, number + 1))
    counts[np.arange(number), np.arange(number)] += 30
    counts[-1, -1] = 0
    shown = [
        example(names[i % number], keyframes[i % len(keyframes)], i) for i in range(examples if len(keyframes) else 0)
    ]
    scores = (np.arange(bins) + 0.5) / max(bins, 1)
    return Analysis(
        curves=tuple(curve(name, points, class_id) for class_id, name in enumerate(names, 1)),
        thresholds=dict.fromkeys(names, 0.4),
        confusion=Confusion((*names, NOBODY), counts),
        misses=tuple(Misses(name, 30, {"detector": 4, "threshold": 2, "class": 4}) for name in names),
        calibration=Calibration(scores, scores**1.3, np.full(bins, 25), 0.081),
        false_positives=tuple(shown),
        false_negatives=tuple(shown),
        label_conflicts=tuple(shown[:1]),
    )
