"""The camera: where points in space appear, and how the picture moves because the camera does.

World axes: X to the right, Y up, Z away from the camera; lengths in body heights of the first person.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

NEAREST = 0.25


@dataclass(frozen=True)
class View:
    """A camera that stands still at height ``above`` and looks down by ``tilt``.

    Attributes:
        width, height: of the frame in pixels.
        focal: in pixels.
        tilt: radians, down.
        above: height over the ground.
    """

    width: int
    height: int
    focal: float
    tilt: float
    above: float

    @property
    def horizon(self) -> float:
        """Row of the horizon."""
        return self.height / 2 - self.focal * np.tan(self.tilt)

    def project(self, points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return where points [..., 3] show, pixels [..., 2], and the pixels of one unit of length there [...]."""
        cos, sin = np.cos(self.tilt), np.sin(self.tilt)
        over = points[..., 1] - self.above
        depth = np.maximum(points[..., 2] * cos - over * sin, NEAREST)
        scale = self.focal / depth
        up = over * cos + points[..., 2] * sin
        shown = np.stack([self.width / 2 + scale * points[..., 0], self.height / 2 - scale * up], axis=-1)
        return shown, scale

    def ground(self, x: float, y: float) -> np.ndarray | None:
        """Return the place (X, Z) on the ground that shows at a pixel; None at or above the horizon."""
        down = np.sin(self.tilt) + (y - self.height / 2) / self.focal * np.cos(self.tilt)
        if down <= 1e-3:
            return None
        depth = self.above / down
        forward = np.cos(self.tilt) - (y - self.height / 2) / self.focal * np.sin(self.tilt)
        return depth * np.array([(x - self.width / 2) / self.focal, forward])


def view_of(width: int, height: int, person: float, foot: float, rng: np.random.Generator) -> View:
    """Return a camera that shows a standing person ``person`` pixels high, the feet in row ``foot``."""
    focal = height * rng.uniform(1.4, 2.8)
    share = person / height
    low, high = (-0.05, 0.25) if share > 0.75 else (0.0, 0.4) if share > 0.4 else (0.08, 0.6)
    for _ in range(20):
        tilt = rng.uniform(low, high)
        depth = focal * np.cos(tilt) / person
        above = depth * (np.sin(tilt) + (foot - height / 2) / focal * np.cos(tilt))
        if 0.3 <= above <= 8.0:
            return View(width, height, focal, tilt, above)
        low, high = min(low + 0.05, 0.6), min(high + 0.05, 0.7)
    return View(width, height, focal, 0.45, max(above, 0.4))


@dataclass(frozen=True)
class Sway:
    """Movement of the picture: for each frame a zoom and a shift in pixels.

    Attributes:
        zoom: [T].
        shift: [T, 2].
    """

    zoom: np.ndarray
    shift: np.ndarray

    @classmethod
    def none(cls, frames: int) -> Sway:
        """Return a camera that stands still."""
        return cls(np.ones(frames), np.zeros((frames, 2)))

    def apply(self, pixels: np.ndarray, size: tuple[int, int]) -> np.ndarray:
        """Return where pixels [T, ..., 2] of the still picture of ``size`` (width, height) are in the moving one."""
        extra = (1,) * (pixels.ndim - 2)
        middle = np.array(size) / 2
        zoom, shift = self.zoom.reshape(-1, *extra, 1), self.shift.reshape(-1, *extra, 2)
        return middle + zoom * (pixels - middle) + shift


def sway_of(times: np.ndarray, size: tuple[int, int], follow: np.ndarray | None, rng: np.random.Generator) -> Sway:
    """Return a camera's movement: none, by hand, a pan, a zoom, or one that follows somebody.

    Args:
        times: of the frames in seconds, [T].
        size: width and height of the frame.
        follow: where the person whom it may follow shows in the still picture, [T, 2].
        rng: source of all choices.
    """
    width, height = size
    seconds = times[-1] + 1e-6
    middle = times / seconds - 0.5
    still = Sway.none(len(times))
    zoom, shift = still.zoom, still.shift
    if rng.random() < 0.6:  # by hand
        strength = height * rng.choice([0.004, 0.012, 0.03], p=[0.5, 0.35, 0.15])
        for _ in range(3):
            rate, phase = rng.uniform(0.2, 3.0), rng.random(2)
            amount = strength * rng.uniform(0.3, 1.0, size=2) / (0.5 + rate)
            shift += amount * np.sin(2 * np.pi * (rate * times[:, None] + phase))
    if rng.random() < 0.25:
        shift += middle[:, None] * rng.uniform(-0.5, 0.5, size=2) * np.array([width, 0.3 * height])
    if rng.random() < 0.2:
        zoom *= np.exp(rng.uniform(-0.35, 0.35) * middle)
    if follow is not None:
        lag = rng.uniform(0.7, 1.0)
        at = follow - follow[len(times) // 2]
        shift -= lag * at * np.array([1.0, rng.uniform(0.0, 0.8)])
    return Sway(zoom, shift)
