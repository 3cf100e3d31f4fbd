"""Bodies of many builds, and where their joints are in space.

Lengths are in body heights. In the frame of a body x is to its right, y up and z ahead, with the origin on the ground.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from alphaction.toy.people.channels import INDEX

JOINTS = (
    "pelvis", "chest", "head", "face", "crown",
    "r_shoulder", "r_elbow", "r_hand", "l_shoulder", "l_elbow", "l_hand",
    "r_hip", "r_knee", "r_foot", "r_toe", "l_hip", "l_knee", "l_foot", "l_toe", "thing",
)  # fmt: skip
JOINT = {name: i for i, name in enumerate(JOINTS)}
ANKLE = 0.035


@dataclass(frozen=True)
class Build:
    """Proportions of a body, in body heights; ``stout`` scales all thicknesses."""

    leg: float = 0.45
    trunk: float = 0.30
    arm: float = 0.36
    shoulders: float = 0.115
    hips: float = 0.06
    head: float = 0.068
    stout: float = 1.0

    @classmethod
    def random(cls, rng: np.random.Generator) -> Build:
        """Return the proportions of somebody, from a child's to a lanky person's."""
        vary = rng.uniform(0.88, 1.12, size=6) * np.array([cls.leg, cls.trunk, cls.arm, cls.shoulders, cls.hips, 0.072])
        return cls(*vary.tolist(), stout=float(rng.uniform(0.75, 1.45)))


def _rotation(yaw: np.ndarray, pitch: np.ndarray, roll: np.ndarray) -> np.ndarray:
    """Return [T, 3, 3]: roll to the right, then pitch forwards, then turn to the right about the vertical."""
    (cy, sy), (cp, sp), (cr, sr) = ((np.cos(a), np.sin(a)) for a in (yaw, pitch, -roll))
    one, zero = np.ones_like(cy), np.zeros_like(cy)
    about_y = np.stack([cy, zero, sy, zero, one, zero, -sy, zero, cy], axis=-1).reshape(-1, 3, 3)
    about_x = np.stack([one, zero, zero, zero, cp, -sp, zero, sp, cp], axis=-1).reshape(-1, 3, 3)
    about_z = np.stack([cr, -sr, zero, sr, cr, zero, zero, zero, one], axis=-1).reshape(-1, 3, 3)
    return about_y @ about_x @ about_z


def _bend(start: np.ndarray, end: np.ndarray, bone: float, pole: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return middle and end joint of limbs of two equal bones; ``pole``: where the middle joint goes. All [T, 3]."""
    way = end - start
    distance = np.linalg.norm(way, axis=-1, keepdims=True)
    way = way / np.maximum(distance, 1e-6)
    half = np.minimum(distance / 2, bone * 0.998)
    out = pole - (pole * way).sum(-1, keepdims=True) * way
    out = out / np.maximum(np.linalg.norm(out, axis=-1, keepdims=True), 1e-6)
    return start + half * way + np.sqrt(bone**2 - half**2) * out, start + 2 * half * way


def joints_of(rows: np.ndarray, build: Build) -> np.ndarray:
    """Return the joints of poses, [T, len(JOINTS), 3], in the frame of the body.

    Args:
        rows: poses, [T, channels].
        build: proportions.
    """

    def number(name: str) -> np.ndarray:
        return rows[:, INDEX[name]]

    def point(name: str) -> np.ndarray:
        return rows[:, INDEX[f"{name}x"] : INDEX[f"{name}x"] + 3]

    frames = len(rows)
    places = np.zeros((frames, len(JOINTS), 3))
    leg, arm = build.leg, build.arm
    pelvis = np.stack([number("side") * leg, number("hip") * leg + ANKLE, number("ahead") * leg], axis=-1)
    trunk = _rotation(number("twist"), number("pitch"), number("roll"))
    below = _rotation(0.4 * number("twist"), 0.3 * number("pitch"), 0.5 * number("roll"))
    head = _rotation(number("twist") + number("look"), 0.6 * number("pitch") + number("nod"), number("roll"))
    chest = pelvis + trunk @ np.array([0.0, build.trunk, 0.0])
    center = chest + head @ np.array([0.0, 0.035 + build.head, 0.02])
    places[:, JOINT["pelvis"]], places[:, JOINT["chest"]], places[:, JOINT["head"]] = pelvis, chest, center
    places[:, JOINT["face"]] = center + head @ np.array([0.0, -0.15, 0.45]) * build.head
    places[:, JOINT["crown"]] = center + head @ np.array([0.0, 0.35, -0.28]) * build.head
    for side, sign in (("r", 1.0), ("l", -1.0)):
        shoulder = chest + trunk @ np.array([sign * build.shoulders, -0.012, 0.0])
        hand = shoulder + np.einsum("tij,tj->ti", trunk, point(side) * np.array([sign, 1, 1]) * arm)
        pole = trunk @ np.array([sign * 0.55, -0.75, -0.6])
        places[:, JOINT[f"{side}_shoulder"]] = shoulder
        places[:, JOINT[f"{side}_elbow"]], places[:, JOINT[f"{side}_hand"]] = _bend(shoulder, hand, arm / 2, pole)
        hip = pelvis + below @ np.array([sign * build.hips, 0.0, 0.0])
        foot = point(f"{side}f") * np.array([sign, 1, 1]) * leg + np.array([sign * build.hips * 1.15, ANKLE, 0.0])
        knee, foot = _bend(hip, foot, leg / 2, np.tile([sign * 0.25, 0.05, 1.0], (frames, 1)))
        places[:, JOINT[f"{side}_hip"]], places[:, JOINT[f"{side}_knee"]] = hip, knee
        places[:, JOINT[f"{side}_foot"]] = foot
        shin = (foot - knee) / (leg / 2)
        toe = np.stack([np.full(frames, sign * 0.02), shin[:, 2] * 0.07 - 0.012, -shin[:, 1] * 0.085], axis=-1)
        places[:, JOINT[f"{side}_toe"]] = foot + toe
    places[:, JOINT["thing"]] = point("ball")
    places[:, :-1, 1] += number("lift")[:, None]  # a thing is no joint: its place counts from where it is held
    return _turned(places, number("yaw"), number("tip"))


def _turned(places: np.ndarray, yaw: np.ndarray, tip: np.ndarray) -> np.ndarray:
    """Return joints [T, J, 3] tipped forwards about the feet and turned about the vertical, in radians [T]."""
    zero = np.zeros_like(tip)
    matrix = _rotation(yaw, zero, zero) @ _rotation(zero, tip, zero)
    return np.einsum("tij,tkj->tki", matrix, places)
