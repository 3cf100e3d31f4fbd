"""The jointed figure: a pose of a few numbers, and the joints and the bounding box that follow from it.

Poses are in figure units: 1 is the standing height, x grows to the right, y grows upwards from the ground.
Scenes are in frame units: 1 is the frame's height, x grows to the right, y grows downwards.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

HIP_HEIGHT = 0.46
LEG_BONE = 0.24
TORSO = 0.34
ARM_BONE = 0.21
SHOULDER_HALF, HIP_HALF = 0.105, 0.055
HEAD_RADIUS, HEAD_ABOVE_NECK = 0.085, 0.105
LIMB_RADIUS = 0.048
SIDES = (-1, 1)
Point = tuple[float, float]


@dataclass(frozen=True)
class Pose:
    """One still pose.

    Attributes:
        x: place of the figure along the ground, in *frame* units (the rest is in figure units).
        lift: height of the whole figure above the ground.
        hip: height of the hip over the feet's ground.
        lean: sideways shift of the hip and of the neck from the place of the feet, shape [2].
        feet: left and right foot from the place on the ground, shape [2, 2].
        hands: left and right hand from its own shoulder, shape [2, 2].
    """

    x: float
    lift: float
    hip: float
    lean: np.ndarray
    feet: np.ndarray
    hands: np.ndarray

    def blend(self, other: Pose, share: float) -> Pose:
        """Return the pose that lies ``share`` (0 to 1) of the way from this one to ``other``."""
        mix = {name: (1 - share) * getattr(self, name) + share * getattr(other, name) for name in self.__annotations__}
        return Pose(**mix)


@dataclass(frozen=True)
class Skeleton:
    """Joints in frame units. Arms and legs are [side, joint, xy], from the body outwards; ``head`` is the center."""

    height: float
    neck: np.ndarray
    hip: np.ndarray
    head: np.ndarray
    arms: np.ndarray
    legs: np.ndarray

    def box(self) -> np.ndarray:
        """Return x1, y1, x2, y2 around the drawn figure, in frame units."""
        limbs = np.concatenate([self.arms.reshape(-1, 2), self.legs.reshape(-1, 2)])
        radius, head_radius = LIMB_RADIUS * self.height, HEAD_RADIUS * self.height
        low = np.minimum(limbs.min(0) - radius, self.head - head_radius)
        high = np.maximum(limbs.max(0) + radius, self.head + head_radius)
        return np.concatenate([low, high])


def two_bones(start: Point, end: Point, bone: float, bend: int) -> tuple[Point, Point, Point]:
    """Return start, middle and end joint of a limb of two equal bones.

    The middle joint lies to the left (``bend`` 1) or to the right (-1) of the way from start to end, so it never jumps
    from one side to the other. An end that is out of reach is pulled in to where the straight limb ends.
    """
    dx, dy = end[0] - start[0], end[1] - start[1]
    distance = max(math.hypot(dx, dy), 1e-6)
    dx, dy = dx / distance, dy / distance
    half = min(distance / 2, bone)
    out = bend * math.sqrt(bone**2 - half**2)
    middle = (start[0] + half * dx - out * dy, start[1] + half * dy + out * dx)
    return start, middle, (start[0] + 2 * half * dx, start[1] + 2 * half * dy)


def skeleton(pose: Pose, height: float, ground: float) -> Skeleton:
    """Return the joints of ``pose`` for a figure of ``height`` whose ground lies at ``ground``, both in frame units."""
    hip_x, neck_x = float(pose.lean[0]), float(pose.lean[1])
    neck_y = pose.hip + TORSO
    points: list[Point] = [(neck_x, neck_y), (hip_x, pose.hip)]
    points.append((neck_x + 0.3 * (neck_x - hip_x), neck_y + HEAD_ABOVE_NECK))
    for side, hand in zip(SIDES, pose.hands.tolist(), strict=True):
        shoulder = (neck_x + side * SHOULDER_HALF, neck_y - 0.02)
        # Elbows sink, knees go outwards.
        points += two_bones(shoulder, (shoulder[0] + hand[0], shoulder[1] + hand[1]), ARM_BONE, -side)
    for side, foot in zip(SIDES, pose.feet.tolist(), strict=True):
        points += two_bones((hip_x + side * HIP_HALF, pose.hip), (foot[0], foot[1]), LEG_BONE, side)
    places = np.array(points) * [height, -height] + [pose.x, ground - height * pose.lift]
    return Skeleton(height, places[0], places[1], places[2], places[3:9].reshape(2, 3, 2), places[9:].reshape(2, 3, 2))
