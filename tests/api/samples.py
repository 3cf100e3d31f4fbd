"""Predictions that were never predicted, for tests of what is made of them."""

from __future__ import annotations

import numpy as np

from alphaction.api import Person, Prediction
from alphaction.api.results import ByClass, Classes
from alphaction.data.annotations import ActionClass, LabelMap

NAMES = ("walk/run", "挥手", 'say "hi"')
LABEL_MAP = LabelMap(tuple(ActionClass(i, name, "object") for i, name in enumerate(NAMES, start=1)))
CLASSES = Classes(LABEL_MAP, {NAMES[0]: 0.3, NAMES[1]: 0.6, NAMES[2]: 0.3})


def person(number: int, box: tuple[float, float, float, float], *scores: float) -> Person:
    """Return a person with these scores of :data:`NAMES`."""
    return Person(number, box, 0.9, ByClass(zip(NAMES, scores, strict=True)), CLASSES)


def prediction(*persons: Person, video: str = "street.mp4", second: int = 2) -> Prediction:
    """Return what is there at a second of a gray video of 200x100 pixels."""
    frame = np.full((100, 200, 3), 90, dtype=np.uint8)
    return Prediction(video, second, 25.0, (200, 100), persons, CLASSES, lambda: frame)


TWO = (person(1, (10, 20, 60, 90), 0.9, 0.7, 0.1), person(4, (100, 20, 150, 100), 0.2, 0.5, 0.1))
