"""Things that people hold, as points in space with radii, of which a thing's outline is the hull."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from alphaction.toy.people.body import JOINT

Points = tuple[np.ndarray, np.ndarray]
"""Places [T, k, 3] and radii [k] in body heights."""


@dataclass(frozen=True)
class Thing:
    """Something held: its points by the joints of the holder ([T, J, 3]) and his heading ([T], radians)."""

    points: Callable[[np.ndarray, np.ndarray, float], Points]


def _unit(way: np.ndarray) -> np.ndarray:
    return way / np.maximum(np.linalg.norm(way, axis=-1, keepdims=True), 1e-6)


def _between(joints: np.ndarray) -> np.ndarray:
    return (joints[:, JOINT["r_hand"]] + joints[:, JOINT["l_hand"]]) / 2


def _ahead(yaw: np.ndarray) -> np.ndarray:
    return np.stack([np.sin(yaw), np.zeros_like(yaw), np.cos(yaw)], axis=-1)


def _beside(yaw: np.ndarray) -> np.ndarray:
    return np.stack([np.cos(yaw), np.zeros_like(yaw), -np.sin(yaw)], axis=-1)


def _ball(where: str, radius: float) -> Thing:
    def points(joints: np.ndarray, yaw: np.ndarray, size: float) -> Points:
        if where == "ground":
            anchor = 0.28 * _ahead(yaw) + np.array([0.0, radius * size, 0.0])
        else:
            anchor = joints[:, JOINT["r_hand"]] if where == "hand" else _between(joints)
            anchor = anchor + np.array([0.0, -0.5 * radius * size, 0.0])
        return (anchor + joints[:, JOINT["thing"]])[:, None], np.array([radius * size])

    return Thing(points)


def _stick(length: float, radius: float, towards: Callable[[np.ndarray, np.ndarray], np.ndarray]) -> Thing:
    def points(joints: np.ndarray, yaw: np.ndarray, size: float) -> Points:
        hand = joints[:, JOINT["r_hand"]]
        end = hand + length * size * towards(joints, yaw)
        return np.stack([hand, end], axis=1), np.array([radius, radius])

    return Thing(points)


def _box(half: tuple[float, float, float], place: Callable[[np.ndarray, np.ndarray], np.ndarray]) -> Thing:
    def points(joints: np.ndarray, yaw: np.ndarray, size: float) -> Points:
        center, sides = place(joints, yaw), np.array(half) * size
        corners = []
        for x in (-1, 1):
            for y in (-1, 1):
                for z in (-1, 1):
                    corner = x * sides[0] * _beside(yaw) + z * sides[2] * _ahead(yaw)
                    corners.append(center + corner + np.array([0.0, y * sides[1], 0.0]))
        return np.stack(corners, axis=1), np.full(8, 0.004)

    return Thing(points)


def _bow(joints: np.ndarray, yaw: np.ndarray, size: float) -> Points:
    hand, string = joints[:, JOINT["l_hand"]], joints[:, JOINT["r_hand"]]
    up = np.array([0.0, 0.27 * size, 0.0])
    away = 0.12 * _unit(string - hand)
    return np.stack([hand, hand + up + away, hand - up + away, hand], axis=1), np.full(4, 0.008)


def _through_hands(joints: np.ndarray, yaw: np.ndarray, size: float) -> Points:
    right, left = joints[:, JOINT["r_hand"]], joints[:, JOINT["l_hand"]]
    way = 0.16 * size * _beside(yaw)
    return np.stack([right + way, left - way], axis=1), np.full(2, 0.018)


def _rifle(joints: np.ndarray, yaw: np.ndarray, size: float) -> Points:
    right, left = joints[:, JOINT["r_hand"]], joints[:, JOINT["l_hand"]]
    way = _unit(left - right)
    return np.stack([right - 0.15 * way, left + 0.22 * size * way], axis=1), np.array([0.02, 0.012])


def _from_chest(joints: np.ndarray, yaw: np.ndarray) -> np.ndarray:
    return _unit(joints[:, JOINT["r_hand"]] - joints[:, JOINT["chest"]] + np.array([0.0, 0.05, 0.0]))


def _along_forearm(joints: np.ndarray, yaw: np.ndarray) -> np.ndarray:
    return _unit(joints[:, JOINT["r_hand"]] - joints[:, JOINT["r_elbow"]])


def _upright(joints: np.ndarray, yaw: np.ndarray) -> np.ndarray:
    return np.tile([0.0, 1.0, 0.0], (len(joints), 1))


THINGS: dict[str, Thing] = {
    "ball": _ball("hand", 0.055),
    "large ball": _ball("hands", 0.075),
    "football": _ball("ground", 0.06),
    "bat": _stick(0.46, 0.02, _from_chest),
    "club": _stick(0.55, 0.011, _from_chest),
    "pistol": _stick(0.1, 0.016, _along_forearm),
    "rifle": Thing(_rifle),
    "bow": Thing(_bow),
    "brush": _stick(0.09, 0.016, _along_forearm),
    "phone": _stick(0.06, 0.018, _upright),
    "cup": _stick(0.05, 0.028, _upright),
    "bottle": _stick(0.13, 0.024, _upright),
    "bag": _box((0.08, 0.09, 0.04), lambda j, yaw: j[:, JOINT["r_hand"]] - np.array([0.0, 0.1, 0.0])),
    "box": _box((0.12, 0.09, 0.09), lambda j, yaw: _between(j) + 0.03 * _ahead(yaw)),
    "cart": _box((0.2, 0.25, 0.25), lambda j, yaw: _between(j) + 0.28 * _ahead(yaw) - np.array([0.0, 0.22, 0.0])),
    "bar": Thing(_through_hands),
}
