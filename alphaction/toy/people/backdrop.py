"""Backgrounds: rooms, fields, streets and mere texture, painted at random and larger than the frame."""

from __future__ import annotations

import cv2
import numpy as np

from alphaction.toy.people.looks import cloth

MARGIN = 0.35
"""How much of the frame's size a background has on every side."""


def noise(width: int, height: int, cells: float, rng: np.random.Generator, channels: int = 1) -> np.ndarray:
    """Return smooth noise, float32 [height, width, channels], about -1 to 1, with ``cells`` waves over the height."""
    rows, columns = max(2, round(cells)), max(2, round(cells * width / height))
    small = rng.normal(0, 0.6, size=(rows, columns, channels)).astype(np.float32)
    return cv2.resize(small, (width, height), interpolation=cv2.INTER_CUBIC).reshape(height, width, channels)


def grain(width: int, height: int, rng: np.random.Generator) -> np.ndarray:
    """Return texture of several sizes, float32 [height, width, 3]: some of it gray, some of it colored."""
    total = np.zeros((height, width, 3), dtype=np.float32)
    for cells in (3, 8, 20, 55, 110):
        strength = rng.uniform(0, 14) * rng.choice([0.3, 1.0, 1.8])
        total += strength * noise(width, height, cells * rng.uniform(0.7, 1.4), rng, int(rng.choice([1, 3])))
    return total


def _foliage(picture: np.ndarray, top: int, bottom: int, rng: np.random.Generator) -> None:
    """Paint leaves, stones or a crowd between two rows: spots of strong contrast, thicker in some places."""
    height, width = picture.shape[:2]
    top, bottom = max(top, 0), min(bottom, height)
    if bottom - top < 4:
        return
    rows = bottom - top
    spots = noise(width, rows, rows / height * rng.uniform(25, 70), rng)
    places = noise(width, rows, 3, rng) + rng.uniform(-0.3, 0.5)
    share = np.clip((spots + 0.3) * 2, 0, 1) * np.clip(places * 3, 0, 1)
    color = np.array(cloth(rng), dtype=np.float32) * 0.5 + np.array([30, 45, 20], dtype=np.float32)
    picture[top:bottom] += share * (color - picture[top:bottom])


def _fill(picture: np.ndarray, color: np.ndarray, top: int, bottom: int, rng: np.random.Generator) -> None:
    """Paint rows with a color that changes from top to bottom."""
    top, bottom = max(top, 0), min(bottom, len(picture))
    if top < bottom:
        slope = np.linspace(-1, 1, bottom - top, dtype=np.float32)[:, None, None] * rng.uniform(-30, 30)
        picture[top:bottom] = color + slope


def _patches(picture: np.ndarray, count: int, rows: tuple[int, int], rng: np.random.Generator) -> None:
    """Paint doors, pictures, windows, bushes: rectangles, ellipses and corners of any color between two rows."""
    height, width = picture.shape[:2]
    for _ in range(count):
        x, y = rng.uniform(0, width), rng.uniform(*rows) if rows[0] < rows[1] else rows[0]
        w, h = height * rng.uniform(0.03, 0.3), height * rng.uniform(0.03, 0.4)
        color = [float(c) for c in cloth(rng)]
        kind = rng.integers(3)
        if kind == 0:
            cv2.rectangle(picture, (int(x), int(y)), (int(x + w), int(y + h)), color, cv2.FILLED)
        elif kind == 1:
            cv2.ellipse(picture, ((x, y), (w, h), rng.uniform(0, 180)), color, cv2.FILLED)
        else:
            corners = np.array([x, y]) + rng.uniform(-0.5, 0.5, size=(int(rng.integers(3, 6)), 2)) * [w, h]
            cv2.fillConvexPoly(picture, cv2.convexHull(corners.astype(np.float32)).astype(np.int32), color)


def _lines(picture: np.ndarray, first: int, last: int, rng: np.random.Generator) -> None:
    """Paint stripes or tiles between two rows: boards, bricks, a fence."""
    height, width = picture.shape[:2]
    step, thick = int(height * rng.uniform(0.04, 0.25)) + 2, int(rng.integers(1, 4))
    color = [float(c) for c in np.array(cloth(rng))]
    kind = rng.integers(3)
    if kind != 1:
        for x in range(int(rng.integers(step)), width, step):
            cv2.line(picture, (x, first), (x + int(rng.normal(0, 2)), last), color, thick)
    if kind != 0:
        for y in range(first, last, step):
            cv2.line(picture, (0, y), (width, y), color, thick)


def _furnish(picture: np.ndarray, line: int, kind: str, rng: np.random.Generator) -> None:
    """Paint what stands on the ground or hangs on the wall; they meet at the row ``line``."""
    height, width = picture.shape[:2]
    if rng.random() < (0.25 if kind == "field" else 0.5):
        _lines(picture, 0, line, rng)
    if rng.random() < 0.3:
        _lines(picture, line, height, rng)
    _patches(picture, int(rng.integers(0, 14)), (0, line), rng)
    if rng.random() < 0.3:
        _patches(picture, int(rng.integers(1, 5)), (line, height), rng)
    if kind == "field":
        for _ in range(int(rng.integers(0, 12))):  # trees and hills on the horizon
            x, size = rng.uniform(0, width), height * rng.uniform(0.05, 0.35)
            color = [float(c) for c in np.array([70, 100, 50]) * rng.uniform(0.4, 1.3) + rng.normal(0, 10, size=3)]
            cv2.ellipse(picture, ((x, line - 0.4 * size), (size, size), 0), color, cv2.FILLED)
    if rng.random() < 0.5:
        _foliage(picture, int(rng.uniform(0, line)), line + 1, rng)
    if rng.random() < 0.15:
        _foliage(picture, line, height, rng)


def backdrop(
    width: int, height: int, horizon: float, lowest: float, rng: np.random.Generator, *, plain: bool = False
) -> np.ndarray:
    """Return a background, uint8 [H, W, 3], with :data:`MARGIN` around the frame.

    Args:
        width, height: of the frame in pixels.
        horizon: row of the frame where the ground ends in the distance.
        lowest: row of the frame above all feet, where a wall may end.
        rng: source of all choices.
        plain: without things and patterns.
    """
    mx, my = round(MARGIN * width), round(MARGIN * height)
    full_w, full_h = width + 2 * mx, height + 2 * my
    picture = np.empty((full_h, full_w, 3), dtype=np.float32)
    kind = str(rng.choice(["room", "field", "street", "texture"], p=[0.35, 0.3, 0.15, 0.2]))
    at = {"room": rng.uniform(min(horizon, lowest), lowest), "texture": rng.uniform(0, height)}.get(kind, horizon)
    line = int(np.clip(at + my, 0, full_h - 1))
    upper, lower = np.array(cloth(rng)), np.array(cloth(rng))
    if kind in ("field", "street"):
        sky = rng.random() < 0.6
        upper = np.array([150, 185, 225]) * rng.uniform(0.6, 1.1) if sky else upper
        green = np.array([90, 130, 60]) * rng.uniform(0.5, 1.4)
        lower = green if kind == "field" and rng.random() < 0.7 else np.full(3, rng.uniform(60, 190))
        lower = lower + rng.normal(0, 12, size=3)
    elif rng.random() < 0.5:  # rooms are often pale
        upper = 0.5 * upper + 0.5 * np.full(3, rng.uniform(120, 240))
    _fill(picture, upper, 0, line, rng)
    _fill(picture, lower, line, full_h, rng)
    if not plain:
        _furnish(picture, line, kind, rng)
    picture += grain(full_w, full_h, rng) * (rng.uniform(0.0, 0.5) if plain else rng.uniform(0.3, 1.3))
    if rng.random() < 0.4:
        picture = cv2.GaussianBlur(picture, (0, 0), rng.uniform(0.5, 2.5))
    picture = 118 + (picture - 118) * rng.uniform(0.5, 1.2)
    return np.clip(picture, 0, 255).astype(np.uint8)
