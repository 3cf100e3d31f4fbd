"""A textured square on a plain ground, at any place."""

from __future__ import annotations

import numpy as np

WIDTH, HEIGHT, SIDE = 160, 120, 40
_TEXTURE = np.kron(np.random.default_rng(0).integers(0, 255, (10, 10, 3)), np.ones((4, 4, 1))).astype(np.uint8)


def picture(*corners: tuple[int, int]) -> np.ndarray:
    """Return a frame, uint8 RGB, with a square at each upper left corner (x, y) in pixels."""
    image = np.full((HEIGHT, WIDTH, 3), 128, np.uint8)
    for x, y in corners:
        image[y : y + SIDE, x : x + SIDE] = _TEXTURE
    return image


def box(x: float, y: float) -> np.ndarray:
    """Return the box of the square with that corner, as fractions of the frame."""
    return np.array([x, y, x + SIDE, y + SIDE]) / [WIDTH, HEIGHT, WIDTH, HEIGHT]
