"""Clothes, skin and hair: drawn at random for each person, so that they tell nothing of what he does."""

from __future__ import annotations

import colorsys
from dataclasses import dataclass

import numpy as np

Color = tuple[float, float, float]
SKINS = ((255, 219, 186), (240, 194, 150), (224, 172, 125), (180, 125, 85), (130, 85, 58), (85, 55, 40))
HAIRS = ((28, 22, 20), (60, 40, 28), (120, 80, 45), (190, 150, 90), (150, 150, 150), (140, 60, 30))


def cloth(rng: np.random.Generator) -> Color:
    """Return the color of a piece of cloth: often dark or gray, at times loud."""
    hue, kind = rng.random(), rng.random()
    saturation = rng.uniform(0.0, 0.25) if kind < 0.4 else rng.uniform(0.3, 0.95)
    value = rng.uniform(0.08, 0.45) if rng.random() < 0.45 else rng.uniform(0.4, 1.0)
    red, green, blue = colorsys.hsv_to_rgb(hue, saturation, value)
    return 255 * red, 255 * green, 255 * blue


@dataclass(frozen=True)
class Look:
    """Colors (RGB, 0 to 255) of the parts of a body, and the pattern of the shirt.

    Attributes:
        colors: by part: shirt, upper arm, forearm, thigh, shin, shoe, skin, hair.
        pattern: "plain", "stripes", "band", "open" or "print".
        second: the pattern's color.
        count: number of its stripes.
        hair: size of the hair, as a share of the head.
        skirt: whether a wide piece of cloth covers the thighs.
        shading: how much darker the side away from the light is, 0 to 1.
    """

    colors: dict[str, Color]
    pattern: str
    second: Color
    count: int
    hair: float
    skirt: bool
    shading: float

    @classmethod
    def random(cls, rng: np.random.Generator) -> Look:
        """Return somebody's looks."""
        shade = rng.uniform(0.8, 1.05)
        skin = tuple(min(255.0, c * shade) for c in SKINS[int(rng.integers(len(SKINS)))])
        shirt, trousers = cloth(rng), cloth(rng)
        if rng.random() < 0.12:
            trousers = shirt
        sleeves, legs = rng.random(), rng.random()
        colors = {
            "shirt": shirt if rng.random() > 0.06 else skin,
            "upper arm": skin if sleeves < 0.2 else shirt,
            "forearm": skin if sleeves < 0.55 else shirt,
            "thigh": skin if legs < 0.06 else trousers,
            "shin": skin if legs < 0.3 else trousers,
            "shoe": cloth(rng),
            "skin": skin,
            "hair": HAIRS[int(rng.integers(len(HAIRS)))] if rng.random() < 0.8 else cloth(rng),
        }
        pattern = str(rng.choice(["plain", "stripes", "band", "open", "print"], p=[0.4, 0.2, 0.12, 0.13, 0.15]))
        return cls(
            colors,
            pattern,
            cloth(rng),
            int(rng.integers(2, 6)),
            float(rng.choice([0.0, 0.92, 1.08], p=[0.1, 0.6, 0.3])),
            bool(rng.random() < 0.1),
            float(rng.uniform(0.05, 0.4)),
        )
