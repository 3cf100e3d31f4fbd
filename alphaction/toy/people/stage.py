"""Planning a video: how it is framed, who is in it, and what everybody does."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from alphaction.toy.people.acts import TEMPOS, Act
from alphaction.toy.people.body import Build
from alphaction.toy.people.camera import View, view_of
from alphaction.toy.people.labels import STAND_WITH, WALK_WITH
from alphaction.toy.people.looks import Look
from alphaction.toy.people.repertoire import ARMS, BODY, REST, SEATED_ARMS, WALKING_ARMS, Motion

FRAMINGS = {"near": (0.75, 1.6), "middle": (0.5, 0.85), "far": (0.33, 0.5)}
"""Height of the first person, as a share of the frame's."""
PLAIN_SHARE = 0.4
_RESTING = tuple(motion for motion in ARMS if motion.gesture == REST)


@dataclass
class Role:
    """A person of a video.

    Attributes:
        person_id: from 0.
        build, look: of the body.
        place: X and Z on the ground in the middle of the video.
        acts: one after the other.
        changes: times between them, seconds.
        partners: for each act, the class that another person adds, or "".
    """

    person_id: int
    build: Build
    look: Look
    place: np.ndarray
    acts: list[Act] = field(default_factory=list)
    changes: list[float] = field(default_factory=list)
    partners: list[str] = field(default_factory=list)

    def at(self, time: float) -> int:
        """Return the index of the act at a time."""
        return int(np.searchsorted(self.changes, time, side="right"))


@dataclass(frozen=True)
class Video:
    """What is drawn.

    Attributes:
        view: the camera.
        roles: the people.
        seconds: length.
        follows: whether the camera follows the first of them.
        plain: nothing but people moves, before a background without things: what a network learns from first.
        seed: start of all other random choices.
    """

    view: View
    roles: tuple[Role, ...]
    seconds: int
    follows: bool
    plain: bool
    seed: int


class Director:
    """Plans videos in which all motions come up about equally often.

    Args:
        rng: source of all choices.
    """

    def __init__(self, rng: np.random.Generator) -> None:
        self.rng = rng
        self.counts: Counter[str] = Counter()

    def video(self, width: int, height: int, seconds: int) -> Video:
        """Return the plan of one video of that size in pixels and length."""
        rng = self.rng
        framing = str(rng.choice(list(FRAMINGS), p=[0.42, 0.36, 0.22]))
        low, high = FRAMINGS[framing]
        person = height * rng.uniform(low, high)
        foot = height * (rng.uniform(0.84, 1.0) if person < 0.85 * height else rng.uniform(0.95, 1.0))
        if person > 0.9 * height:  # the head stays in the picture, the feet need not
            foot = max(foot, person + height * rng.uniform(0.0, 0.12))
        view = view_of(width, height, person, foot, rng)
        # A clip with many people costs as much as one with a single person, and has more to learn from.
        count = int(rng.integers(*{"near": (1, 3), "middle": (2, 5), "far": (4, 8)}[framing]))
        roles: list[Role] = []
        while len(roles) < count:
            place = self._place(view, foot if not roles else None, [role.place for role in roles])
            if place is None:
                break
            role = Role(len(roles), Build.random(rng), Look.random(rng), place)
            self._fill(role, view, seconds)
            roles.append(role)
            if len(roles) < count and rng.random() < 0.25:
                roles.append(self._partner(role, len(roles)))
        if not roles:
            return self.video(width, height, seconds)
        goes = len(roles) == 1 and any(act.goes for act in roles[0].acts)
        follows = goes and bool(rng.random() < 0.6)
        plain = not follows and bool(rng.random() < PLAIN_SHARE)
        return Video(view, tuple(roles), seconds, follows, plain, int(rng.integers(2**62)))

    def _place(self, view: View, foot: float | None, taken: Sequence[np.ndarray]) -> np.ndarray | None:
        rng = self.rng
        for _ in range(12):
            y = foot if foot is not None else view.height * rng.uniform(0.35, 1.0)
            place = view.ground(view.width * rng.uniform(0.15, 0.85), y)
            if place is None or place[1] < 0.5:
                continue
            size = view.project(np.array([place[0], 0.5, place[1]]))[1]
            if foot is not None or (
                0.28 * view.height < size < 1.5 * view.height
                and all(np.abs(place - other).max() > 0.45 for other in taken)
            ):
                return place
        return None

    def _fill(self, role: Role, view: View, seconds: int) -> None:
        """Give a person an act for each keyframe; half of the time the same goes on."""
        rng = self.rng
        heading, seated = rng.uniform(0, 2 * np.pi), False
        for second in range(1, seconds):
            if role.acts and role.acts[-1].motion.cyclic and rng.random() < 0.55:
                continue
            if role.acts:
                last = role.acts[-1]
                seated = last.motion.seated[1] or last.legs == "sit"
                heading = last.heading + last.turn + rng.normal(0, 0.15)
                if rng.random() < 0.3 and not seated:
                    heading += rng.uniform(-1.2, 1.2)
                role.changes.append(second - 0.5 + rng.uniform(-0.1, 0.1))
                if last.motion.movement == "fall down" and last.motion.whole:
                    role.changes.pop()
                    break
            act = self._act(second, heading, seated, first=not role.acts, room=float(role.place[1]))
            role.acts.append(act)
            self.counts.update([act.motion.main_class])
        role.partners = [""] * len(role.acts)

    def _act(self, second: int, heading: float, seated: bool, *, first: bool, room: float) -> Act:
        rng = self.rng
        tempo = str(rng.choice(list(TEMPOS)))
        legs, motion = "stand", None
        if seated or (first and rng.random() < 0.08):
            if rng.random() < 0.35:
                motion = next(m for m in BODY if m.movement == "stand up")
            else:
                legs = "sit"
                motion = self._pick([m for m in ARMS if m.gesture in SEATED_ARMS or m.gesture == REST])
        else:
            kind = rng.choice(4, p=[0.33, 0.03, 0.22, 0.42])
            if kind == 0:
                legs = str(rng.choice(["walk", "run"], p=[0.7, 0.3]))
                plain = rng.random() < 0.75
                arms = [ARMS[0]] if plain or legs == "run" else [m for m in ARMS if m.gesture in WALKING_ARMS]
                motion = self._pick(arms)
                if legs == "walk" and rng.random() < 0.06:
                    motion = next(m for m in BODY if m.movement == "walk")
            elif kind == 1:
                legs, motion = "climb", ARMS[0]
            elif kind == 2:
                motion = self._pick([m for m in ARMS if m.gesture != REST] if rng.random() < 0.75 else _RESTING)
            else:
                motion = self._pick([m for m in BODY if not m.seated[0] and m.movement != "walk"])
        rate = rng.uniform(*TEMPOS[tempo])
        if not motion.cyclic:
            rate = np.sqrt(rate)  # the moment must show within a clip
        shifts = np.concatenate([rng.normal(0, 0.05, (2, 3)), rng.uniform(0, 1, (2, 3)) * [0.14, 0, 0.2]])
        shifts[2:, 2] -= 0.1
        thing = str(rng.choice(motion.things)) if motion.things else ""
        if thing == "ball" and motion.gesture in ("catch", "shoot a ball"):
            thing = "large ball" if motion.gesture == "shoot a ball" or rng.random() < 0.5 else "ball"
        act = Act(
            motion, legs, heading, tempo, float(rate), second + rng.uniform(-0.15, 0.15), rng.random(),
            bool(rng.random() < 0.5), thing, float(rng.uniform(0.75, 1.35)),
            (float(rng.uniform(0.75, 1.2)), float(rng.uniform(0.7, 1.2)), shifts),
            np.pi * rng.choice([-1, 1]) * rng.uniform(0.7, 1.1) if motion.movement == "turn around" else 0.0,
        )  # fmt: skip
        # Nobody walks into the camera: who would, turns to the side.
        if act.goes and np.cos(heading) < 0 and room + 1.6 * act.speed * np.cos(heading) < 1.2:
            side = np.sign(np.sin(heading)) or 1.0
            act = replace(act, heading=float(heading + _turn_to(heading, side * np.pi / 2)))
        return act

    def _pick(self, motions: Sequence[Motion]) -> Motion:
        """Return the motion used least so far, blurred at random."""

        names = {m.main_class: self.counts[m.main_class] + self.rng.uniform(0, 6) for m in motions}
        least = min(names, key=names.__getitem__)
        same = [motion for motion in motions if motion.main_class == least]
        return same[int(self.rng.integers(len(same)))]

    def _partner(self, role: Role, person_id: int) -> Role:
        """Return somebody who walks beside a person, or stands with him and faces him."""
        rng = self.rng
        apart = rng.uniform(0.42, 0.6) * rng.choice([-1, 1])
        heading = role.acts[0].heading
        aside = np.array([np.cos(heading), -np.sin(heading)])
        other = Role(person_id, Build.random(rng), Look.random(rng), role.place + apart * aside)
        other.changes = list(role.changes)
        for index, act in enumerate(role.acts):
            if act.goes:
                arms = ARMS[0] if rng.random() < 0.8 else act.motion
                twin = replace(act, motion=arms, phase=rng.random(), left=bool(rng.random() < 0.5), thing="")
                role.partners[index] = WALK_WITH
            else:
                arms = _RESTING[int(rng.integers(len(_RESTING)))] if rng.random() < 0.6 else None
                turned = act.heading - np.sign(apart) * np.pi / 2
                twin = replace(self._act(1, turned, False, first=False, room=9.0), heading=turned, turn=0.0)
                if arms is not None or twin.goes or not twin.motion.cyclic:
                    twin = replace(twin, motion=arms or _RESTING[0], legs="stand", thing="", turn=0.0)
                role.partners[index] = STAND_WITH
            other.acts.append(twin)
        other.partners = list(role.partners)
        return other


def _turn_to(heading: float, wanted: float) -> float:
    """Return the smallest change that leads from one heading to another, radians."""
    return float((wanted - heading + np.pi) % (2 * np.pi) - np.pi)
