"""Casts of the world "interactions" at the limits of what may be drawn."""

from __future__ import annotations

from dataclasses import replace
from itertools import product

import numpy as np

from alphaction.toy.interactions_world import FIGURE_HEIGHT, PLACE_SPREAD, SIDE_PLACE, Cast


def extreme_casts(aspect: float, height: float = FIGURE_HEIGHT[1]) -> list[Cast]:
    """Return casts of figures of one height, the tallest, whose places are as far to the left or right as they can be.

    Args:
        aspect: width / height of the frame.
        height: of both persons, in frame units.
    """
    cast = Cast.random(aspect, np.random.default_rng(0))
    return [
        replace(
            cast,
            heights=(height, height),
            places=(SIDE_PLACE + left, aspect - SIDE_PLACE + right),
            ball_place=aspect / 2 + ball,
        )
        for left, right, ball in product((-PLACE_SPREAD, PLACE_SPREAD), repeat=3)
    ]
