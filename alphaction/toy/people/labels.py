"""The classes of the world "people", and which of them a person has at a moment."""

from __future__ import annotations

import numpy as np

from alphaction.toy.people.acts import TEMPOS, Act
from alphaction.toy.people.repertoire import BODY, GESTURES, REST
from alphaction.toy.scene import ToyClass

WAYS = ("away from the camera", "right", "towards the camera", "left")
"""Where a heading of 0, 90, 180 and 270 degrees leads."""
GOING = ("walk", "run")
_FACING = ("shows the back", "faces right", "faces the camera", "faces left")
_STILL = "no movement"
_OTHERS = tuple(dict.fromkeys(m.movement for m in BODY if m.movement not in ("stand", "walk")))
MOVEMENTS = ("stand", "sit", "climb", *_OTHERS, *(f"{going} {way}" for going in GOING for way in WAYS))
WALK_WITH, STAND_WITH = "walk with (a person)", "stand with (a person)"

_NAMES = {
    "movement": MOVEMENTS,
    "person": (WALK_WITH, STAND_WITH),
    "gesture": GESTURES,
    "direction": _FACING,
    "tempo": (*TEMPOS, _STILL),
}
CLASSES: tuple[ToyClass, ...] = tuple(
    ToyClass(number, name, group, "person" if group == "person" else "own", group not in ("movement", "person"))
    for number, (group, name) in enumerate([(g, n) for g, names in _NAMES.items() for n in names], start=1)
)


def sector(heading: float) -> int:
    """Return the index in :data:`WAYS` that is nearest to a heading in radians."""
    return round(heading / (np.pi / 2)) % 4


def labels_of(act: Act, heading: float, partner: str) -> tuple[str, ...]:
    """Return the class names of a person.

    Args:
        act: what the person does.
        heading: where he faces, seen from the camera: radians, 0 is away from it.
        partner: the class that another person adds, "" for none.
    """
    way, motion = sector(heading), act.motion
    if act.legs == "climb":
        movement = "climb"
    elif act.goes:
        movement = f"{act.legs} {WAYS[way]}"
    elif motion.whole:
        movement = motion.movement
    else:
        movement = act.legs
    gesture = motion.gesture if motion.gesture in GESTURES else REST
    tempo = _STILL if act.holds_still else act.tempo
    return tuple(name for name in (movement, partner, gesture, _FACING[way], tempo) if name)
