"""The classes of the world "people", and which of them a person has at a moment."""

from __future__ import annotations

import numpy as np

from alphaction.toy.people.acts import TEMPOS, Act
from alphaction.toy.people.body import JOINT
from alphaction.toy.people.repertoire import BODY, GESTURES, REST
from alphaction.toy.scene import ToyClass

WAYS = ("away from the camera", "right", "towards the camera", "left")
"""Where a heading of 0, 90, 180 and 270 degrees leads."""
GOING = ("walk", "run")
_FACING = ("shows the back", "faces right", "faces the camera", "faces left")
_STILL = "no movement"
_OTHERS = tuple(dict.fromkeys(m.movement for m in BODY if m.movement not in ("stand", "walk")))
MOVEMENTS = ("stand", "sit", "lie", "climb", *_OTHERS, *(f"{going} {way}" for going in GOING for way in WAYS))
WALK_WITH, STAND_WITH = "walk with (a person)", "stand with (a person)"

_LEVELS = ("low", "half way up", "high")
_MOVES = ("still", "moves up", "moves down", "moves outwards", "moves inwards")
_HIPS = ("hips high", "hips lowered", "hips near the ground")
_FEET = ("feet still", "a foot moves", "both feet off the ground")
_SIDES = ("left", "right")
HAND_SPEED, FOOT_SPEED = 0.2, 0.2
"""Body heights a second, against the hips; what is slower is still."""

_NAMES = {
    "movement": MOVEMENTS,
    "person": (WALK_WITH, STAND_WITH),
    "gesture": GESTURES,
    "direction": _FACING,
    "tempo": (*TEMPOS, _STILL),
    # What shows of a pose. Sides are those of the picture, so that a mirrored clip swaps them.
    **{f"{side} hand": tuple(f"{side} hand {level}" for level in _LEVELS) for side in _SIDES},
    **{f"path of the {side} hand": tuple(f"{side} hand {move}" for move in _MOVES) for side in _SIDES},
    "hips": _HIPS,
    "feet": _FEET,
}
CLASSES: tuple[ToyClass, ...] = tuple(
    ToyClass(number, name, group, "person" if group == "person" else "own", group not in ("movement", "person"))
    for number, (group, name) in enumerate([(g, n) for g, names in _NAMES.items() for n in names], start=1)
)


def sector(heading: float) -> int:
    """Return the index in :data:`WAYS` that is nearest to a heading in radians."""
    return round(heading / (np.pi / 2)) % 4


def labels_of(act: Act, time: float, heading: float, partner: str) -> tuple[str, ...]:
    """Return the class names of a person.

    Args:
        act: what the person does.
        time: of the keyframe, seconds.
        heading: where he faces, seen from the camera: radians, 0 is away from it.
        partner: the class that another person adds, "" for none.
    """
    way, motion = sector(heading), act.motion
    lies = motion.movement == "fall down" and time - act.center > 0.5 * motion.seconds / act.rate
    if lies:
        movement = "lie"
    elif act.legs == "climb":
        movement = "climb"
    elif act.goes:
        movement = f"{act.legs} {WAYS[way]}"
    elif motion.whole:
        movement = motion.movement
    else:
        movement = act.legs
    gesture = motion.gesture if motion.gesture in GESTURES else REST
    tempo = _STILL if act.holds_still or lies else act.tempo
    return tuple(name for name in (movement, partner, gesture, _FACING[way], tempo) if name)


def pose_labels(points: np.ndarray, unit: np.ndarray, lifts: np.ndarray, seconds: float) -> tuple[str, ...]:
    """Return what shows of a pose: where hands and hips are, and how hands and feet move.

    Args:
        points: joints in the picture a moment before, at, and a moment after the keyframe, pixels [3, J, 2].
        unit: pixels to a body height at these moments, [3].
        lifts: heights of the right and the left foot and of the hips over the ground at the keyframe, body heights [3].
        seconds: from the first moment to the last.
    """
    hips = points[:, JOINT["pelvis"]]
    seen = (points - hips[:, None]) / unit[:, None, None]
    hands = sorted((JOINT["l_hand"], JOINT["r_hand"]), key=lambda joint: seen[1, joint, 0])
    shoulder = seen[1, JOINT["chest"], 1]
    found = []
    for side, joint in zip(_SIDES, hands, strict=True):
        height = seen[1, joint, 1]
        level = 2 if height < shoulder else 1 if height < 0.35 * shoulder else 0
        found.append(f"{side} hand {_LEVELS[level]}")
    for side, joint in zip(_SIDES, hands, strict=True):
        right, down = (seen[2, joint] - seen[0, joint]) / seconds
        if max(abs(right), abs(down)) < HAND_SPEED:
            move = _MOVES[0]
        elif abs(down) >= abs(right):
            move = _MOVES[2 if down > 0 else 1]
        else:
            move = _MOVES[3 if (right > 0) == (side == "right") else 4]
        found.append(f"{side} hand {move}")
    found.append(_HIPS[0 if lifts[2] > 0.40 else 1 if lifts[2] > 0.17 else 2])
    feet = [JOINT["r_foot"], JOINT["l_foot"]]
    speed = np.linalg.norm(seen[2, feet] - seen[0, feet], axis=-1).max() / seconds
    found.append(_FEET[2 if min(lifts[:2]) > 0.09 else 1 if speed > FOOT_SPEED else 0])
    return tuple(found)
