"""What people do: poses in the order in which they follow each other, and the classes that go with them.

Written for right-handed people; half of all people do the mirror image.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from alphaction.toy.people.channels import HANGING, Key

Keys = Mapping[float, Key]
REST = "arms at rest"


@dataclass(frozen=True)
class Motion:
    """A motion of arms, or of the whole body.

    Attributes:
        gesture: its class among the gestures.
        keys: phase (0 to 1) -> values of the pose; others are those of ``base``. A single key is held.
        seconds: length of a cycle at the usual tempo.
        whole: whether it decides about the whole body; otherwise legs and trunk are free (standing, sitting, walking).
        movement: class among the movements where ``whole``.
        cyclic: False: happens once, about the keyframe.
        base: values of all keys.
        things: what may be held, of :data:`alphaction.toy.people.things.THINGS`.
        still: whether holding still is all there is to it.
        seated: whether it starts seated, and whether it ends so.
    """

    gesture: str
    keys: Keys
    seconds: float = 1.2
    whole: bool = False
    movement: str = "stand"
    cyclic: bool = True
    base: Key = field(default_factory=dict)
    things: tuple[str, ...] = ()
    still: bool = False
    seated: tuple[bool, bool] = (False, False)

    @property
    def main_class(self) -> str:
        """The class that tells it from other motions."""
        return self.movement if self.whole and self.movement != "stand" else self.gesture


SEATED: Key = {"hip": 0.52, "ahead": -0.42, "pitch": 0.08, "rf": (0.1, 0.0, 0.05), "lf": (0.1, 0.0, 0.05),
               "r": (0.02, -0.62, 0.42), "l": (0.02, -0.62, 0.42)}  # fmt: skip
WIDE: Key = {"rf": (0.22, 0.0, 0.0), "lf": (0.22, 0.0, 0.0), "hip": 0.93}
STEP: Key = {"rf": (0.1, 0.0, -0.28), "lf": (0.1, 0.0, 0.30), "hip": 0.92}
_HEAD = (-0.18, 0.30, 0.22)
_CHEST = (-0.22, -0.30, 0.52)

ARMS: tuple[Motion, ...] = (
    Motion(REST, {0.0: {}}, still=True),
    Motion(REST, {0.0: {"r": (0.3, -0.42, 0.0), "l": (0.3, -0.42, 0.0)}}, still=True),  # hands on the hips
    Motion(REST, {0.0: {"r": (-0.42, -0.38, 0.36), "l": (-0.42, -0.36, 0.3)}}, still=True),  # arms folded
    Motion(REST, {0.0: {"r": (-0.2, -0.88, 0.18), "l": (-0.2, -0.88, 0.18)}}, still=True),
    Motion("wave", {0.0: {"r": (0.1, 0.62, 0.15)}, 0.5: {"r": (0.72, 0.48, 0.1)}}, 0.8),
    Motion("wave", {0.0: {"r": (0.30, 0.12, 0.45)}, 0.5: {"r": (0.72, 0.06, 0.35)}}, 0.7),
    Motion(
        "wave",
        {0.0: {"r": (0.05, 0.9, 0.0), "l": (0.05, 0.9, 0.0)}, 0.5: {"r": (0.8, 0.5, 0.0), "l": (0.8, 0.5, 0.0)}},
        1.0,
    ),
    Motion(
        "clap",
        {
            0.0: {"r": (-0.32, -0.22, 0.62), "l": (-0.32, -0.22, 0.62)},
            0.5: {"r": (0.22, -0.22, 0.62), "l": (0.22, -0.22, 0.62)},
        },
        0.55,
    ),
    Motion(
        "clap",
        {
            0.0: {"r": (-0.32, 0.45, 0.35), "l": (-0.32, 0.45, 0.35)},
            0.5: {"r": (0.15, 0.42, 0.35), "l": (0.15, 0.42, 0.35)},
        },
        0.6,
    ),
    Motion("raise the arms", {0.0: HANGING, 0.5: {"r": (0.55, 0.78, 0.0), "l": (0.55, 0.78, 0.0)}}, 1.4),
    Motion("raise the arms", {0.0: HANGING, 0.5: {"r": (0.05, 0.2, 0.93), "l": (0.05, 0.2, 0.93)}}, 1.4),
    Motion(
        "punch",
        {
            0.0: {"r": (-0.1, -0.2, 0.40), "l": (-0.1, 0.0, 0.35), "twist": 0.25},
            0.3: {"r": (-0.2, 0.05, 0.98), "l": (-0.1, 0.0, 0.30), "twist": -0.45},
            0.6: {"r": (-0.1, -0.1, 0.40), "l": (-0.1, 0.0, 0.35), "twist": 0.25},
        },
        0.8,
    ),
    Motion(
        "punch",
        {
            0.0: {"r": (-0.15, 0.05, 0.95), "l": (-0.1, -0.1, 0.35), "twist": -0.4},
            0.5: {"r": (-0.1, -0.1, 0.35), "l": (-0.15, 0.05, 0.95), "twist": 0.4},
        },
        0.9,
    ),
    Motion("point", {0.0: {"r": (0.2, 0.05, 0.95)}}, still=True),
    Motion("point", {0.0: {"r": (0.93, 0.1, 0.2)}}, still=True),
    Motion(
        "drink",
        {0.0: {"r": (0.05, -0.62, 0.45)}, 0.35: {"r": _HEAD, "nod": -0.25}, 0.65: {"r": _HEAD, "nod": -0.35}},
        2.2,
        things=("cup", "bottle", ""),
    ),
    Motion(
        "brush the hair",
        {0.0: {"r": (-0.22, 0.62, 0.12), "roll": 0.05}, 0.5: {"r": (0.12, 0.12, 0.02)}, 0.8: {"r": (0.05, 0.50, 0.30)}},
        1.0,
        things=("brush", "brush", ""),
    ),
    Motion(
        "brush the hair",
        {
            0.0: {"r": (-0.2, 0.5, -0.1), "l": (0.0, 0.3, 0.2), "roll": 0.12},
            0.5: {"r": (0.05, -0.25, 0.3), "l": (0.0, 0.0, 0.3), "roll": 0.12},
        },
        1.2,
        things=("brush", ""),
    ),
    Motion("hold a phone", {0.0: {"r": (0.02, 0.28, 0.16)}}, still=True, things=("phone", "")),
    Motion(
        "aim a gun",
        {
            0.0: {"r": (-0.28, 0.02, 0.92), "l": (-0.28, 0.02, 0.92)},
            0.1: {"r": (-0.28, 0.16, 0.84), "l": (-0.28, 0.16, 0.84), "pitch": -0.05},
            0.3: {"r": (-0.28, 0.02, 0.92), "l": (-0.28, 0.02, 0.92)},
        },
        0.9,
        things=("pistol",),
    ),
    Motion(
        "aim a gun",
        {
            0.0: {"r": (-0.22, -0.05, 0.35), "l": (-0.35, 0.02, 0.80), "twist": 0.5, "look": -0.45},
            0.12: {"r": (-0.22, -0.02, 0.22), "l": (-0.35, 0.06, 0.70), "twist": 0.6, "look": -0.5},
            0.35: {"r": (-0.22, -0.05, 0.35), "l": (-0.35, 0.02, 0.80), "twist": 0.5, "look": -0.45},
        },
        1.1,
        things=("rifle",),
    ),
    Motion(
        "draw a bow",
        {
            0.0: {"r": (-0.55, 0.08, 0.62), "l": (0.75, 0.10, 0.62), "twist": 0.75, "look": -0.9},
            0.55: {"r": (0.05, 0.12, 0.28), "l": (0.75, 0.10, 0.62), "twist": 0.9, "look": -1.1},
            0.80: {"r": (0.08, 0.13, 0.24), "l": (0.75, 0.10, 0.62), "twist": 0.9, "look": -1.1},
            0.86: {"r": (0.22, 0.13, 0.10), "l": (0.75, 0.10, 0.62), "twist": 0.9, "look": -1.1},
        },
        2.6,
        things=("bow",),
    ),
    Motion(
        "pour",
        {
            0.0: {"r": (-0.1, -0.12, 0.62), "l": (-0.12, -0.5, 0.58), "nod": 0.3},
            0.4: {"r": (-0.2, -0.05, 0.62), "l": (-0.12, -0.5, 0.58), "nod": 0.4},
            0.7: {"r": (-0.2, 0.02, 0.60), "l": (-0.12, -0.48, 0.58), "nod": 0.4},
        },
        1.8,
        things=("bottle",),
    ),
    Motion(
        "stir",
        {
            0.0: {"r": (-0.15, -0.35, 0.55), "nod": 0.4},
            0.25: {"r": (0.0, -0.38, 0.68), "nod": 0.4},
            0.5: {"r": (0.12, -0.35, 0.55), "nod": 0.4},
            0.75: {"r": (0.0, -0.36, 0.42), "nod": 0.4},
        },
        0.7,
        base={"l": (-0.1, -0.45, 0.55)},
        things=("brush", ""),
    ),
    Motion("carry", {0.0: {"r": (-0.1, -0.45, 0.55), "l": (-0.1, -0.45, 0.55)}}, still=True, things=("box",)),
    Motion("carry", {0.0: {"r": (0.12, -0.97, 0.05)}}, still=True, things=("bag",)),
    Motion(
        "lift",
        {
            0.0: {"r": (-0.1, -0.62, 0.48), "l": (-0.1, -0.62, 0.48)},
            0.5: {"r": (0.0, 0.72, 0.25), "l": (0.0, 0.72, 0.25)},
        },
        1.6,
        things=("box", "bar"),
    ),
    Motion("lift", {0.0: {"r": (0.12, -0.92, 0.15)}, 0.5: {"r": (0.1, -0.2, 0.55)}}, 1.3, things=("bar", "bottle")),
    Motion("shake hands", {0.0: {"r": (-0.1, -0.5, 0.68)}, 0.5: {"r": (-0.1, -0.3, 0.70)}}, 0.6),
)
"""Gestures that go with standing, and some with walking or sitting."""

BODY: tuple[Motion, ...] = (
    Motion("push", {0.0: {"r": (-0.05, -0.15, 0.35), "l": (-0.05, -0.15, 0.35), "pitch": 0.0, **STEP},
                    0.4: {"r": (-0.05, -0.02, 0.97), "l": (-0.05, -0.02, 0.97), "pitch": 0.4, "ahead": 0.2, **STEP},
                    0.7: {"r": (-0.05, -0.08, 0.60), "l": (-0.05, -0.08, 0.60), "pitch": 0.15, **STEP}}, 1.1,
           whole=True),
    Motion("push", {0.0: {"pitch": 0.55}, 0.5: {"pitch": 0.62}}, 1.0, whole=True, movement="walk",
           base={"r": (-0.05, 0.1, 0.85), "l": (-0.05, 0.1, 0.85)}, things=("cart",)),
    Motion("throw", {0.0: {"r": (0.2, -0.5, 0.3), "l": (0.0, -0.4, 0.4), **STEP},
                     0.35: {"r": (0.35, 0.45, -0.55), "l": (0.1, 0.1, 0.7), "twist": 0.7, "pitch": -0.15, **STEP,
                            "ahead": -0.15},
                     0.5: {"r": (0.15, 0.75, 0.35), "l": (0.3, -0.5, 0.2), "twist": -0.2, "pitch": 0.15, **STEP,
                           "ahead": 0.1},
                     0.62: {"r": (-0.35, -0.25, 0.80), "l": (0.3, -0.7, -0.2), "twist": -0.7, "pitch": 0.45, **STEP,
                            "ahead": 0.2, "ball": (0.0, 0.35, 1.6)},
                     0.85: {"r": (-0.1, -0.7, 0.4), "twist": -0.2, "pitch": 0.15, **STEP, "ball": (0.0, 0.2, 5.0)}},
           1.6, whole=True, things=("ball", "ball", "")),
    Motion("throw", {0.0: {"r": (0.1, -0.9, -0.45), "pitch": 0.35, **STEP},
                     0.4: {"r": (0.0, -0.15, 0.93), "pitch": 0.1, "twist": -0.3, **STEP, "ahead": 0.15},
                     0.6: {"r": (0.0, 0.35, 0.75), "pitch": 0.05, "twist": -0.3, **STEP, "ball": (0, 1.2, 2.5)},
                     0.8: {"r": (0.1, -0.7, 0.3), **STEP, "ball": (0.0, 1.0, 5.0)}}, 1.6, whole=True,
           things=("ball", "")),
    Motion("catch", {0.0: {"r": (0.0, -0.1, 0.75), "l": (0.0, -0.1, 0.75), "hip": 0.9, "ball": (0.0, 0.3, 2.6)},
                     0.45: {"r": (-0.22, 0.02, 0.80), "l": (-0.22, 0.02, 0.80), "hip": 0.92},
                     0.65: {"r": (-0.25, -0.35, 0.42), "l": (-0.25, -0.35, 0.42), "hip": 0.88, "pitch": 0.15},
                     0.88: {"r": (-0.2, -0.35, 0.5), "l": (-0.2, -0.35, 0.5)}}, 1.6, whole=True,
           things=("ball", "ball", "")),
    Motion("catch", {0.0: {"r": (0.1, -0.3, 0.5), "l": (0.1, -0.3, 0.5), "hip": 0.9, "ball": (0.0, 1.2, 2.4)},
                     0.4: {"r": (0.0, 0.85, 0.3), "l": (0.0, 0.85, 0.3), "hip": 0.99},
                     0.75: {"r": (-0.2, -0.3, 0.45), "l": (-0.2, -0.3, 0.45), "hip": 0.93}}, 1.5, whole=True,
           things=("ball", "")),
    Motion("swing a bat", {0.0: {"r": (-0.25, 0.28, 0.02), "l": (-0.65, 0.15, 0.22), "twist": 0.8, "look": -1.2,
                                 **WIDE},
                           0.35: {"r": (-0.15, 0.32, -0.2), "l": (-0.60, 0.18, 0.05), "twist": 1.0, "look": -1.3,
                                  **WIDE, "side": 0.12},
                           0.5: {"r": (-0.3, -0.25, 0.85), "l": (-0.25, -0.22, 0.85), "twist": 0.1, "look": -0.6,
                                 **WIDE, "side": -0.08},
                           0.62: {"r": (-0.6, 0.0, 0.45), "l": (0.25, 0.10, 0.35), "twist": -0.9, "look": -0.2,
                                  **WIDE, "side": -0.12},
                           0.8: {"r": (-0.55, 0.1, 0.4), "l": (0.15, 0.15, 0.3), "twist": -0.7, **WIDE}}, 1.7,
           whole=True, things=("bat",)),
    Motion("swing a club", {0.0: {"r": (-0.28, -0.82, 0.42), "l": (-0.28, -0.80, 0.42), **WIDE},
                            0.35: {"r": (0.42, 0.45, 0.1), "l": (-0.55, 0.35, 0.35), "twist": 0.9, **WIDE},
                            0.48: {"r": (-0.2, -0.82, 0.42), "l": (-0.32, -0.80, 0.42), "twist": 0.1, **WIDE},
                            0.62: {"r": (-0.6, 0.4, 0.35), "l": (0.4, 0.45, 0.1), "twist": -1.0, **WIDE,
                                   "look": -0.3},
                            0.8: {"r": (-0.55, 0.4, 0.3), "l": (0.3, 0.45, 0.1), "twist": -1.0, **WIDE}}, 2.0,
           whole=True, base={"pitch": 0.42, "nod": 0.25}, things=("club",)),
    Motion("shoot a ball", {0.0: {"r": (-0.2, -0.35, 0.5), "l": (-0.25, -0.35, 0.5), "hip": 0.80, "pitch": 0.15},
                            0.3: {"r": (-0.12, 0.38, 0.35), "l": (-0.2, 0.30, 0.35), "hip": 0.95, "lift": 0.02},
                            0.45: {"r": (-0.05, 0.92, 0.30), "l": (0.0, 0.75, 0.3), "hip": 0.99, "lift": 0.12,
                                   "rf": (0, -0.05, -0.05), "lf": (0, -0.05, -0.05), "ball": (0.0, 0.5, 0.4)},
                            0.62: {"r": (0.0, 0.80, 0.5), "l": (0.1, 0.4, 0.4), "lift": 0.02, "ball": (0, 1.4, 1.8)},
                            0.85: {"r": (0.05, -0.4, 0.4), "l": (0.05, -0.4, 0.4), "hip": 0.93, "ball": (0, 2, 5)}},
           1.7, whole=True, things=("ball", "ball", "")),
    Motion("dribble", {0.0: {"r": (0.1, -0.38, 0.55), "hip": 0.90, "pitch": 0.18, "ball": (0.0, -0.05, 0.0)},
                       0.5: {"r": (0.1, -0.62, 0.50), "hip": 0.88, "pitch": 0.22, "ball": (0.0, -0.42, 0.0)}}, 0.6,
           whole=True, things=("ball",)),
    Motion(REST, {0.0: {"rf": (0.05, 0.12, -0.55), "lf": (0.05, 0, 0.05), "pitch": 0.1, "l": (0.3, -0.5, 0.3)},
                  0.28: {"rf": (0.0, 0.25, 0.60), "lf": (0.05, 0, 0.0), "pitch": -0.12, "r": (0.35, -0.6, 0.4),
                         "ball": (0.0, 0.12, 0.35)},
                  0.42: {"rf": (0.0, 0.42, 0.68), "lf": (0.05, 0, 0.0), "pitch": -0.18, "l": (0.4, -0.5, 0.2),
                         "ball": (0.0, 0.3, 2.2)},
                  0.75: {"rf": (0.05, 0.0, -0.1), "ball": (0.0, 0.3, 6.0)}}, 1.5, whole=True, movement="kick",
           things=("football", "football", "")),
    Motion(REST, {0.0: {"rf": (0.0, 0.0, -0.2), "lf": (0.0, 0.0, 0.15), "r": _CHEST, "l": _CHEST},
                  0.35: {"rf": (0.1, 0.55, 0.15), "roll": -0.15, "r": _CHEST, "l": _CHEST},
                  0.5: {"rf": (0.25, 0.78, 0.58), "pitch": -0.3, "roll": -0.25, "r": _CHEST, "l": _CHEST},
                  0.7: {"rf": (0.1, 0.4, 0.1), "r": _CHEST, "l": _CHEST}}, 1.3, whole=True, movement="kick"),
    Motion(REST, {0.0: {"hip": 0.97}, 0.25: {"hip": 0.70, "pitch": 0.4, "r": (0.2, -0.8, -0.4), "l": (0.2, -0.8, -0.4)},
                  0.42: {"hip": 0.99, "lift": 0.06, "r": (0.2, 0.2, 0.6), "l": (0.2, 0.2, 0.6)},
                  0.58: {"hip": 0.95, "lift": 0.25, "r": (0.3, 0.5, 0.4), "l": (0.3, 0.5, 0.4),
                         "rf": (0.05, 0.12, -0.05), "lf": (0.05, 0.12, -0.05)},
                  0.75: {"hip": 0.97, "lift": 0.04, "r": (0.35, -0.4, 0.3), "l": (0.35, -0.4, 0.3)},
                  0.86: {"hip": 0.78, "pitch": 0.3, "r": (0.3, -0.8, 0.2), "l": (0.3, -0.8, 0.2)}}, 1.3, whole=True,
           movement="jump"),
    Motion("raise the arms", {0.0: {"hip": 0.94, "rf": (0.0, 0, 0), "lf": (0.0, 0, 0)},
                              0.25: {"lift": 0.07, "r": (0.9, 0.1, 0), "l": (0.9, 0.1, 0), "rf": (0.2, 0, 0),
                                     "lf": (0.2, 0, 0)},
                              0.5: {"hip": 0.90, "r": (0.2, 0.93, 0), "l": (0.2, 0.93, 0), "rf": (0.4, 0, 0),
                                    "lf": (0.4, 0, 0)},
                              0.75: {"lift": 0.07, "r": (0.9, 0.1, 0), "l": (0.9, 0.1, 0), "rf": (0.2, 0, 0),
                                     "lf": (0.2, 0, 0)}}, 1.0, whole=True, movement="jump"),
    Motion(REST, {0.0: {}, 0.5: {"hip": 0.50, "ahead": -0.18, "pitch": 0.6, "r": (0, -0.05, 0.93),
                                 "l": (0, -0.05, 0.93), "rf": (0.18, 0, 0), "lf": (0.18, 0, 0)}}, 1.7, whole=True,
           movement="squat"),
    Motion(REST, {0.0: {}, 0.5: {"hip": 0.66, "r": (0.2, -0.5, 0.2), "l": (0.2, -0.5, 0.2), "rf": (0.05, 0.05, -0.6),
                                 "lf": (0.05, 0, 0.45), "pitch": 0.05}}, 1.8, whole=True, movement="squat"),
    Motion("pick up", {0.0: {"pitch": 0.1}, 0.4: {"hip": 0.84, "pitch": 1.35, "ahead": -0.18, "nod": 0.2,
                                                  "r": (0.0, -0.72, 0.55), "l": (0.1, -0.75, 0.3)},
                       0.55: {"hip": 0.82, "pitch": 1.4, "ahead": -0.18, "nod": 0.2, "r": (0.0, -0.75, 0.55),
                              "l": (0.1, -0.75, 0.3)}}, 2.0, whole=True, movement="bend down",
           things=("bottle", "box", "")),
    Motion("pick up", {0.0: {"pitch": 0.1}, 0.45: {"hip": 0.48, "pitch": 0.75, "ahead": -0.1, "r": (-0.05, -0.85, 0.45),
                                                   "l": (-0.05, -0.85, 0.45), "lf": (0.1, 0, 0.2),
                                                   "rf": (0.1, 0.05, -0.25)},
                       0.6: {"hip": 0.48, "pitch": 0.8, "ahead": -0.1, "r": (-0.05, -0.85, 0.45),
                             "l": (-0.05, -0.85, 0.45), "lf": (0.1, 0, 0.2), "rf": (0.1, 0.05, -0.25)}}, 2.0,
           whole=True, movement="bend down", things=("box", "box", "")),
    Motion("hang from a bar", {0.0: {"r": (0.12, 0.97, 0.1), "l": (0.12, 0.97, 0.1), "lift": 0.14},
                               0.5: {"r": (0.2, 0.30, 0.2), "l": (0.2, 0.30, 0.2), "lift": 0.36, "pitch": -0.1}},
           1.8, whole=True, movement="pull up", base={"rf": (0.0, 0.12, -0.15), "lf": (0.0, 0.1, -0.1), "hip": 0.97}),
    Motion(REST, {0.15: {}, 0.5: {"pitch": 0.55, "hip": 0.75, "ahead": -0.25, "r": (0.1, -0.75, 0.5),
                                  "l": (0.1, -0.75, 0.5)}, 0.85: SEATED}, 1.2, whole=True, movement="sit down",
           cyclic=False, seated=(False, True)),
    Motion(REST, {0.15: SEATED, 0.5: {"pitch": 0.65, "hip": 0.72, "ahead": -0.22, "r": (0.1, -0.75, 0.5),
                                      "l": (0.1, -0.75, 0.5)}, 0.85: {}}, 1.2, whole=True, movement="stand up",
           cyclic=False, seated=(True, False)),
    Motion(REST, {0.2: {}, 0.5: {"tip": 0.5, "hip": 0.85, "r": (0.5, -0.2, 0.6), "l": (0.5, -0.2, 0.6)},
                  0.8: {"tip": 1.5, "hip": 0.96, "r": (0.5, 0.3, 0.3), "l": (0.5, 0.3, 0.3), "lift": 0.03}}, 1.1,
           whole=True, movement="fall down", cyclic=False),
    Motion(REST, {0.2: {}, 0.5: {"tip": -0.45, "hip": 0.85, "r": (0.6, 0.1, -0.2), "l": (0.6, 0.1, -0.2)},
                  0.8: {"tip": -1.45, "hip": 0.9, "r": (0.7, 0.1, 0.0), "l": (0.7, 0.1, 0.0), "lift": 0.05}}, 1.1,
           whole=True, movement="fall down", cyclic=False),
    Motion(REST, {0.2: {}, 0.5: {"lf": (0.0, 0.08, 0.1)}, 0.8: {}}, 1.1, whole=True, movement="turn around",
           cyclic=False),
)  # fmt: skip
"""Motions of the whole body."""

GESTURES: tuple[str, ...] = tuple(dict.fromkeys(motion.gesture for motion in (*ARMS, *BODY)))
WALKING_ARMS = frozenset({"wave", "point", "drink", "hold a phone", "carry", "clap", "dribble"})
SEATED_ARMS = frozenset({"wave", "clap", "drink", "brush the hair", "hold a phone", "pour", "stir", "point", "lift"})
