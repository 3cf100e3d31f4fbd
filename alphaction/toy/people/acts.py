"""Who does what when: the acts of one person, and the curve of poses and the way over the ground that follow."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from alphaction.toy.people.channels import CHANNELS, INDEX, NEUTRAL, curve, mirrored, pose_row
from alphaction.toy.people.gaits import gait
from alphaction.toy.people.repertoire import SEATED, Motion

BLEND, TURN_BLEND = 0.35, 0.9
WALK_SPEED, RUN_SPEED = 0.75, 1.9
TEMPOS = {"slow": (0.4, 0.62), "normal": (0.85, 1.2), "fast": (1.6, 2.2)}
_TRUNK = [INDEX[name] for name in ("hip", "lift", "ahead", "side", "pitch", "roll", "tip", "yaw")]
_FEET = slice(INDEX["rfx"], INDEX["lfz"] + 1)


@dataclass(frozen=True)
class Act:
    """What a person does from one change of act to the next.

    Attributes:
        motion: of the arms or the whole body.
        legs: "stand", "sit", "walk", "run" or "climb" where the motion leaves them free; of a whole motion "stand", or
            "walk" where it goes ahead.
        heading: radians; 0 away from the camera, pi / 2 to the right of the picture.
        tempo: a key of :data:`TEMPOS`.
        rate: how much faster than usual.
        center: time in seconds at which what happens once is half done.
        phase: start of the cycle.
        left: whether it is the mirror image.
        thing: what is held, "" for nothing.
        size: of that thing.
        style: scale of the arms' and of the trunk's movements, and constant shifts of hands and feet [4, 3].
        turn: how far the person turns in it, about ``center``; radians.
    """

    motion: Motion
    legs: str
    heading: float
    tempo: str
    rate: float
    center: float
    phase: float
    left: bool
    thing: str
    size: float
    style: tuple[float, float, np.ndarray]
    turn: float = 0.0

    @property
    def speed(self) -> float:
        """Body heights a second, ahead."""
        gait_speed = {"walk": WALK_SPEED, "climb": 0.45, "run": RUN_SPEED}.get(self.legs, 0.0)
        # Fast runners would leave the picture before they show.
        return gait_speed * (min(self.rate, 1.3) if self.legs == "run" else self.rate)

    @property
    def goes(self) -> bool:
        """Whether the person goes somewhere."""
        return self.speed > 0

    @property
    def holds_still(self) -> bool:
        """Whether nothing moves, so that there is no tempo."""
        return self.motion.still and not self.goes

    def poses(self, times: np.ndarray) -> np.ndarray:
        """Return the poses at ``times`` [T], as [T, channels]."""
        rows = self._arms(times)
        if not self.motion.whole or self.legs in ("walk", "climb", "run"):
            legs = self._legs(times)
            free = [*range(_FEET.start, _FEET.stop), *_TRUNK]
            usual = pose_row(SEATED) if self.legs == "sit" else NEUTRAL
            rows[:, free] = legs[:, free] + (rows - usual)[:, free] * (np.array(free) >= _FEET.stop)
            if self.motion.still and self.motion.gesture == "arms at rest" and (self.goes or self.legs == "sit"):
                rows[:, : _FEET.start] = legs[:, : _FEET.start]
                rows[:, INDEX["twist"]] = legs[:, INDEX["twist"]]
        return mirrored(rows) if self.left else rows

    def _arms(self, times: np.ndarray) -> np.ndarray:
        motion = self.motion
        base = pose_row(SEATED) if self.legs == "sit" else NEUTRAL
        base = pose_row(motion.base, base)
        rows = np.stack([pose_row(key, base) for key in motion.keys.values()])
        arms, trunk, shifts = self.style
        if not motion.still and motion.cyclic:
            middle = rows.mean(0)
            scale = np.full(len(CHANNELS), trunk)
            scale[:6] = arms
            rows = middle + (rows - middle) * scale
        rows[:, : _FEET.stop] += shifts.ravel()
        if len(rows) == 1:
            return np.repeat(rows, len(times), axis=0)
        if motion.cyclic:
            at = self.phase + times * self.rate / motion.seconds
        else:
            at = 0.5 + (times - self.center) * self.rate / motion.seconds
        return curve(list(motion.keys), rows, at, cyclic=motion.cyclic)

    def _legs(self, times: np.ndarray) -> np.ndarray:
        if not self.goes:
            row = pose_row(SEATED if self.legs == "sit" else {})
            row[_FEET] += self.style[2][2:].ravel()
            return np.repeat(row[None], len(times), axis=0)
        cycle = {"walk": 1.05, "run": 0.68, "climb": 1.2}[self.legs] / self.rate**0.7
        stride = min(self.speed * cycle / (4 * 0.45), 0.95 if self.legs == "run" else 0.62)
        return gait(
            self.phase + times / cycle,
            stride,
            run=float(self.legs == "run"),
            climb=0.22 * (self.legs == "climb"),
            arms=self.style[0],
        )


def _step(at: np.ndarray) -> np.ndarray:
    """Return 0 before -0.5, 1 after 0.5, and a smooth step between."""
    share = np.clip(at + 0.5, 0.0, 1.0)
    return share * share * (3 - 2 * share)


def blend_weights(times: np.ndarray, changes: Sequence[float]) -> np.ndarray:
    """Return how much each act counts at ``times``, [acts, T]: smooth steps about the ``changes`` between them."""
    started = np.stack([np.ones_like(times), *(_step((times - change) / BLEND) for change in changes)])
    return started - np.concatenate([started[1:], np.zeros((1, len(times)))])


def way(acts: Sequence[Act], changes: Sequence[float], times: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return poses [T, channels], headings [T] and places [T, 3] of somebody who does one act after the other.

    The place is the origin in the middle of ``times``.
    """
    weights = blend_weights(times, changes)
    rows = sum(weight[:, None] * act.poses(times) for weight, act in zip(weights, acts, strict=True))
    heading = np.full(len(times), acts[0].heading)
    for act in acts:
        heading += act.turn * _step((times - act.center) * act.rate / TURN_BLEND)
    for before, after, change in zip(acts[:-1], acts[1:], changes, strict=True):
        heading += (after.heading - before.heading - before.turn) * _step((times - change) / BLEND)
    speed = sum(weight * act.speed for weight, act in zip(weights, acts, strict=True))
    rising = sum(weight * 0.6 * act.speed * (act.legs == "climb") for weight, act in zip(weights, acts, strict=True))
    steps = np.stack([speed * np.sin(heading), rising, speed * np.cos(heading)], axis=-1)
    dt = float(times[1] - times[0])
    places = np.cumsum(steps, axis=0) * dt
    return rows, heading, places - places[len(times) // 2]
