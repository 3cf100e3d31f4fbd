"""Movements of the figure as functions of a phase.

Classes differ in how poses follow each other: the walks to the left and to the right run through mirror images of one
gait, marching runs through the same gait on the spot, and whoever stays still, holds an object or stands
with a hand stretched out is frozen in a pose of those who walk, lift, wave or push.
Phases count cycles: a movement repeats itself when its phase grows by 1.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from alphaction.toy.figure import HIP_HALF, HIP_HEIGHT

SLOW_SHARE = 0.84
LEG_MOTIONS = ("still", "gait", "jump", "squat")


@dataclass(frozen=True)
class Legs:
    """The lower body: height over the ground, hip height and feet ([2, 2], left then right), in figure units."""

    lift: float = 0.0
    hip: float = HIP_HEIGHT
    feet: np.ndarray = field(default_factory=lambda: np.array([[-HIP_HALF - 0.02, 0.0], [HIP_HALF + 0.02, 0.0]]))


def ramp(phase: float) -> float:
    """Return 0 to 1 slowly, then back to 0 quickly: lifting and pushing."""
    phase = phase % 1.0
    share = phase / SLOW_SHARE if phase < SLOW_SHARE else (1.0 - phase) / (1.0 - SLOW_SHARE)
    return 0.5 - 0.5 * float(np.cos(np.pi * share))


def gait(phase: float, direction: int) -> Legs:
    """Legs of a walk to the right (``direction`` 1) or to the left (-1): the raised foot moves in that direction."""
    angles = 2 * np.pi * (phase + np.array([0.0, 0.5]))
    feet = np.stack([-0.13 * direction * np.cos(angles), 0.07 * np.maximum(np.sin(angles), 0.0)], axis=1)
    feet[:, 0] += [-0.025, 0.025]
    return Legs(hip=HIP_HEIGHT - 0.025 * float(np.cos(angles[0])) ** 2, feet=feet)


def squat(phase: float) -> Legs:
    """Legs that bend deeply and stretch again, the feet in place."""
    depth = 0.5 - 0.5 * float(np.cos(2 * np.pi * phase))
    legs = Legs()
    return Legs(hip=HIP_HEIGHT - 0.21 * depth, feet=legs.feet * [1.0 + 0.3 * depth, 1.0])


def jump(phase: float) -> Legs:
    """Legs that bend, then a flight; bent legs look like those of a squat, the flight like standing."""
    phase = phase % 1.0
    crouch_share = 0.42
    if phase < crouch_share:
        return squat(0.5 * float(np.sin(np.pi * phase / crouch_share)) * 0.8)
    flight = (phase - crouch_share) / (1 - crouch_share)
    return Legs(lift=0.2 * 4 * flight * (1 - flight))


def legs_at(motion: str, phase: float, direction: int = 1) -> Legs:
    """Return the legs of ``motion`` (one of :data:`LEG_MOTIONS`) at ``phase``."""
    if motion == "gait":
        return gait(phase, direction)
    return {"still": lambda _: Legs(), "squat": squat, "jump": jump}[motion](phase)


def hanging(side: int) -> np.ndarray:
    """Return a hand that hangs down, from its shoulder."""
    return np.array([side * 0.06, -0.4])


def raised(side: int, height: float) -> np.ndarray:
    """Return a hand on the path of lifting: ``height`` 0 is beside the hip, 1 above the head."""
    return np.array([side * (0.13 + 0.17 * float(np.sin(np.pi * height))), -0.34 + 0.72 * height])


def shaken(side: int, height: float, phase: float) -> np.ndarray:
    """Return a hand that trembles up and down about :func:`raised`."""
    return raised(side, height) + np.array([0.0, 0.2 * float(np.sin(2 * np.pi * phase))])


def waving(side: int, phase: float) -> np.ndarray:
    """Return a raised hand that swings from side to side."""
    swing = float(np.sin(2 * np.pi * phase))
    return np.array([side * (0.16 + 0.2 * swing), 0.32 - 0.08 * abs(swing)])


def reaching(side: int, extent: float, height: float = -0.06) -> np.ndarray:
    """Return a hand stretched out sideways: ``extent`` 0 is near the chest, 1 as far as the arm reaches."""
    return np.array([side * (0.08 + 0.31 * extent), height])
