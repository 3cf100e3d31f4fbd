"""Scenes: who is where, what everyone does in each segment of time, and the labels that follow.

Lengths are in frame units (1 is the frame's height), times in seconds.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np

from alphaction.toy.figure import LIMB_RADIUS, Pose, Skeleton, skeleton

GROUP_TYPES = {"movement": "PERSON_MOVEMENT", "object": "OBJECT_MANIPULATION", "person": "PERSON_INTERACTION"}
OBJECT_KINDS = ("ball", "box", "bottle")
OBJECT_HALF_SIZES = {"ball": (0.16, 0.16), "box": (0.15, 0.15), "bottle": (0.11, 0.19)}
BLEND_SECONDS = 0.3


@dataclass(frozen=True)
class ToyClass:
    """A class of the label map.

    Attributes:
        id: from 1.
        name: as in the label map.
        group: "movement", "object" or "person", or a group of the world's own.
        kind: what decides it: "own" (the person himself), "person" (another one), "object" or "memory".
        exclusive: of a group of the world's own, whether a person has one of its classes at a time.
    """

    id: int
    name: str
    group: str
    kind: str
    exclusive: bool = False


@dataclass(frozen=True)
class Thing:
    """An object: its kind (:data:`OBJECT_KINDS`), RGB color, and the hand (0 left, 1 right) of one who carries it."""

    kind: str
    color: tuple[int, int, int]
    hand: int


@dataclass(frozen=True)
class Act:
    """What a person does in one segment: class names, pose at a time (seconds of the video), and a carried object."""

    labels: tuple[str, ...]
    pose: Callable[[float], Pose]
    thing: Thing | None = None


@dataclass(frozen=True)
class Look:
    """Colors (RGB) of a person; drawn at random for each person, so they tell nothing of what he does."""

    shirt: tuple[int, int, int]
    trousers: tuple[int, int, int]
    skin: tuple[int, int, int]


@dataclass
class Actor:
    """A person of a scene: size and place in frame units, and one act for each segment of the scene."""

    person_id: int
    height: float
    ground: float
    look: Look
    acts: list[Act] = field(default_factory=list)


@dataclass(frozen=True)
class Prop:
    """An object that nobody carries, and its box at a time (x1, y1, x2, y2 in frame units)."""

    thing: Thing
    box: Callable[[float], np.ndarray]


@dataclass(frozen=True)
class Snapshot:
    """A person at one moment: joints, colors, and the carried object with its box (x1, y1, x2, y2 in frame units)."""

    person_id: int
    skeleton: Skeleton
    look: Look
    thing: Thing | None
    thing_box: np.ndarray | None


def random_color(rng: np.random.Generator, low: int = 40, high: int = 235) -> tuple[int, int, int]:
    """Return a random RGB color with channels in [low, high]."""
    red, green, blue = rng.integers(low, high + 1, size=3).tolist()
    return red, green, blue


def random_look(rng: np.random.Generator) -> Look:
    """Return random clothes and a random skin."""
    shade = rng.uniform(0.45, 1.0)
    skin = tuple(int(channel * shade) for channel in (250, 205, 170))
    return Look(random_color(rng), random_color(rng), skin)


class Scene:
    """One video's contents as a function of time.

    Args:
        actors: the persons, those in the back first (the order of drawing).
        starts: times at which the segments begin; the first is 0. Everyone changes his act at these times.
        seconds: length of the video; seconds 0 .. ``seconds - 1`` are keyframes.
        margin: keyframes nearer than this to a change of act are ambiguous: they are excluded.
        props: objects that nobody carries.
    """

    def __init__(
        self,
        actors: Sequence[Actor],
        starts: Sequence[float],
        seconds: int,
        margin: float = 0.6,
        props: Sequence[Prop] = (),
    ) -> None:
        self.actors = list(actors)
        self.props = list(props)
        self.starts = np.asarray(starts, dtype=np.float64)
        self.seconds = seconds
        changes = self.starts[1:]
        self.excluded = [t for t in range(seconds) if changes.size and np.abs(changes - t).min() < margin]

    @property
    def keyframes(self) -> list[int]:
        """The seconds that carry annotations."""
        return [second for second in range(self.seconds) if second not in set(self.excluded)]

    def segment(self, time: float) -> int:
        """Return the index of the segment that ``time`` lies in."""
        return max(int(np.searchsorted(self.starts, time, side="right")) - 1, 0)

    def act(self, actor: Actor, time: float) -> Act:
        """Return what ``actor`` does at ``time``."""
        return actor.acts[self.segment(time)]

    def pose(self, actor: Actor, time: float) -> Pose:
        """Return the pose at ``time``; about a change of act the two poses are blended, so that nobody jerks."""
        segment = self.segment(time)
        pose = actor.acts[segment].pose(time)
        for other, change in ((segment - 1, segment), (segment + 1, segment + 1)):
            if 0 <= other < len(actor.acts):
                share = 0.5 - abs(time - self.starts[change]) / BLEND_SECONDS
                if share > 0:
                    pose = pose.blend(actor.acts[other].pose(time), share)
        return pose

    def snapshot(self, time: float) -> list[Snapshot]:
        """Return everyone at ``time``."""
        people = []
        for actor in self.actors:
            joints = skeleton(self.pose(actor, time), actor.height, actor.ground)
            thing = self.act(actor, time).thing
            box = None
            if thing is not None:
                half = np.array(OBJECT_HALF_SIZES[thing.kind]) * actor.height
                center = joints.arms[thing.hand, 2] - [0.0, LIMB_RADIUS * actor.height]
                box = np.concatenate([center - half, center + half])
            people.append(Snapshot(actor.person_id, joints, actor.look, thing, box))
        return people

    def labels(self, second: int) -> dict[int, tuple[str, ...]]:
        """Return the class names of each person (by id) at a keyframe."""
        return {actor.person_id: self.act(actor, float(second)).labels for actor in self.actors}
