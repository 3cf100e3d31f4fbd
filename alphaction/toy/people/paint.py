"""From joints in the picture to polygons: the outlines of all parts of a body in all frames at once.

Axes: T frames, n corners of a polygon, xy in pixels.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import cv2
import numpy as np

from alphaction.toy.people.body import JOINT, Build
from alphaction.toy.people.looks import Color, Look

BITS = 4
_HALF = np.linspace(np.pi / 2, 3 * np.pi / 2, 5)
_ROUND = np.linspace(0, 2 * np.pi, 6, endpoint=False)

# Part -> (first joint, last joint, radius at each, color), radii in body heights.
_LIMBS = {
    "neck": ("chest", "head", 0.032, 0.030, "skin"),
    **{
        f"{side}_{name}": (f"{side}_{first}", f"{side}_{last}", r1, r2, color)
        for side in "rl"
        for name, first, last, r1, r2, color in (
            ("upper", "shoulder", "elbow", 0.036, 0.029, "upper arm"),
            ("fore", "elbow", "hand", 0.028, 0.021, "forearm"),
            ("palm", "hand", "hand", 0.028, 0.026, "skin"),
            ("thigh", "hip", "knee", 0.055, 0.040, "thigh"),
            ("shin", "knee", "foot", 0.038, 0.026, "shin"),
            ("shoe", "foot", "toe", 0.027, 0.023, "shoe"),
        )
    },
}


@dataclass
class Layer:
    """A polygon of one color in every frame.

    Attributes:
        corners: [T, n, 2], pixels; their hull is filled where ``hull`` is set.
        color: RGB.
        hull: whether the corners come in any order.
    """

    corners: np.ndarray
    color: Color
    hull: bool = False
    drawn: np.ndarray = field(init=False)

    def fix(self, corners: np.ndarray) -> None:
        """Take over the corners as the camera shows them, and prepare them for drawing."""
        self.corners = corners
        # A pixel's center is a whole number for OpenCV and half of one for boxes.
        self.drawn = np.rint((corners - 0.5) * 2**BITS).clip(-(2**20), 2**20).astype(np.int32)

    def draw(self, picture: np.ndarray, frame: int) -> None:
        """Draw the polygon of a frame."""
        corners = self.drawn[frame]
        if self.hull:
            corners = cv2.convexHull(corners)
        cv2.fillConvexPoly(picture, corners, self.color, cv2.LINE_AA, BITS)


@dataclass
class Part:
    """Layers that are drawn together.

    Attributes:
        layers: the first is the outline, which counts for the box.
        depth: how far away it is, [T], to draw what is near over what is far.
        shown: whether it is there, bool [T].
        body: whether it is a part of the person rather than something held.
    """

    layers: list[Layer]
    depth: np.ndarray
    shown: np.ndarray
    body: bool = True


def capsule(a: np.ndarray, b: np.ndarray, ra: np.ndarray, rb: np.ndarray) -> np.ndarray:
    """Return the outline of a limb with round ends, [T, 10, 2], of its ends [T, 2] and radii [T] in pixels."""
    way = b - a
    angle = np.arctan2(way[:, 1], way[:, 0])[:, None]
    first = a[:, None] + ra[:, None, None] * np.stack([np.cos(angle + _HALF), np.sin(angle + _HALF)], axis=-1)
    last = b[:, None] - rb[:, None, None] * np.stack([np.cos(angle + _HALF), np.sin(angle + _HALF)], axis=-1)
    return np.concatenate([first, last], axis=1)


def discs(points: np.ndarray, radii: np.ndarray) -> np.ndarray:
    """Return corners of discs about points [T, k, 2] with radii [T, k], as [T, 6k, 2]: for the hull of them."""
    ring = np.stack([np.cos(_ROUND), np.sin(_ROUND)], axis=-1)
    corners = points[:, :, None] + radii[:, :, None, None] * ring
    return corners.reshape(len(points), -1, 2)


def shaded(color: Color, share: float) -> Color:
    """Return a color made darker, by a share of it."""
    return tuple(max(0.0, min(255.0, c * (1 - share))) for c in color)


def body_parts(
    points: np.ndarray, depth: np.ndarray, scale: np.ndarray, build: Build, look: Look, light: np.ndarray
) -> Iterator[Part]:
    """Yield the parts of a body.

    Args:
        points: joints in the picture, [T, J, 2].
        depth: of the joints, [T, J].
        scale: pixels to a body height at each joint, [T, J].
        build, look: of the body.
        light: where the light comes from, xy, a unit vector in the picture.
    """
    always = np.ones(len(points), dtype=bool)

    def limb(first: str, last: str, r1: float, r2: float, color: Color, bias: float = 0.0) -> Part:
        a, b = JOINT[first], JOINT[last]
        ra, rb = r1 * scale[:, a], r2 * scale[:, b]
        shift = light * ra[:, None] * 0.32
        layers = [
            Layer(capsule(points[:, a], points[:, b], ra, rb), shaded(color, look.shading)),
            Layer(capsule(points[:, a] + shift, points[:, b] + shift, 0.6 * ra, 0.6 * rb), color),
        ]
        return Part(layers, (depth[:, a] + depth[:, b]) / 2 - bias, always)

    stout = build.stout
    for name, (first, last, r1, r2, color) in _LIMBS.items():
        thick = stout if name != "neck" else 1.0
        part = limb(first, last, r1 * thick, r2 * thick, look.colors[color], 0.03 if "palm" in name else 0.0)
        if "palm" in name:
            part.layers.pop()
        yield part
    yield limb("head", "head", build.head * 0.94, build.head, look.colors["skin"])
    yield limb("face", "face", build.head * 0.72, build.head * 0.72, look.colors["skin"])
    if look.hair:
        yield limb("crown", "crown", build.head * look.hair, build.head * look.hair, look.colors["hair"])
    yield _trunk(points, depth, scale, build, look, light)
    if look.skirt:
        at = [JOINT[f"{side}_{joint}"] for side in "rl" for joint in ("hip", "knee")]
        corners = discs(points[:, at], 0.06 * stout * scale[:, at])
        yield Part([Layer(corners, look.colors["thigh"], hull=True)], depth[:, at].mean(1) - 0.03, always)


def _trunk(
    points: np.ndarray, depth: np.ndarray, scale: np.ndarray, build: Build, look: Look, light: np.ndarray
) -> Part:
    at = [JOINT["r_shoulder"], JOINT["l_shoulder"], JOINT["r_hip"], JOINT["l_hip"]]
    radii = np.array([0.048, 0.048, 0.058, 0.058]) * build.stout * scale[:, at]
    color = look.colors["shirt"]
    corners = discs(points[:, at], radii)
    inner = discs(points[:, at] + light * radii[:, :, None] * 0.35, 0.65 * radii)
    layers = [Layer(corners, shaded(color, look.shading), hull=True), Layer(inner, color, hull=True)]
    right, left, right_low, left_low = (points[:, i] for i in at)

    def strip(top: float, bottom: float, first: float = 0.0, last: float = 1.0) -> Layer:
        """Return the piece of cloth from ``top`` to ``bottom`` (shares of the trunk) and from right to left."""
        upper, lower = ((1 - share) * np.stack([right, left], 1) + share * np.stack([right_low, left_low], 1)
                        for share in (top, bottom))  # fmt: skip
        piece = [(1 - s) * edge[:, 0] + s * edge[:, 1] for edge, s in
                 ((upper, first), (upper, last), (lower, last), (lower, first))]  # fmt: skip
        return Layer(np.stack(piece, axis=1), look.second)

    if look.pattern == "stripes":
        layers += [strip((k + 0.25) / look.count, (k + 0.75) / look.count) for k in range(look.count)]
    elif look.pattern == "band":
        layers.append(strip(0.3, 0.6))
    elif look.pattern == "open":
        layers.append(strip(0.0, 1.0, 0.38, 0.62))
    elif look.pattern == "print":
        layers.append(strip(0.2, 0.5, 0.25, 0.75))
    middle = (depth[:, JOINT["pelvis"]] + depth[:, JOINT["chest"]]) / 2
    return Part(layers, middle, np.ones(len(points), dtype=bool))
