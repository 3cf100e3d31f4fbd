"""The world "interactions": what a person is labeled with depends on somebody else, on an object, or on the past.

Two persons stand at the ends of a wide frame and a ball lies in its middle. Fair coins decide, anew for every second,
whether each person jumps, whether the ball bounces, and whether both persons wave:

* own classes: the person waves; jumps; stays on the ground;
* a person class: the *other* person, out of reach of the convolutions over the first, jumps;
* an object class: the ball, as far away, bounces;
* a memory class: most of the seconds that are :data:`LAG` or more away, before or after, have waving; of an even
  number, the farthest does not count.

The coins are independent of each other and a clip is shorter than a second. So a person's own pixels tell nothing of
the person and object classes, and no clip shows anything of the memory class. Videos come in pairs that look alike,
with opposite coins: every look, and every second of the video, is as often right as wrong for each class.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from alphaction.toy import motions
from alphaction.toy.acts import JUMP, Body, hanging_hands, make_act, plan_body
from alphaction.toy.drawing import SceneDrawing
from alphaction.toy.figure import SIDES
from alphaction.toy.scene import Act, Actor, Look, Prop, Scene, Thing, ToyClass, random_color, random_look
from alphaction.toy.toy_options import Limits, ToyOptions

LAG = 4
WAVES, JUMPS, STANDS = "wave", "jump", "stay on the ground"
OTHER_JUMPS, BALL_BOUNCES = "watch (a person) jump", "watch (a ball) bounce"
AMID_WAVES = f"amid waving ({LAG} s or more away)"

FIGURE_HEIGHT = (0.58, 0.64)
GROUND = 0.96
SIDE_PLACE, PLACE_SPREAD = 0.46, 0.06
BALL_RADIUS, BOUNCE_HEIGHT = 0.11, 0.6
WAVE_SECONDS, BOUNCE_SECONDS = 0.8, 0.6


@dataclass(frozen=True)
class Coins:
    """What happens in each second of a video, bool arrays.

    Attributes:
        jumps: [2, seconds], of each person.
        bounces: [seconds], of the ball.
        waves: [seconds], of both persons.
    """

    jumps: np.ndarray
    bounces: np.ndarray
    waves: np.ndarray

    @classmethod
    def toss(cls, seconds: int, rng: np.random.Generator) -> Coins:
        """Return fair coins."""
        tossed = rng.random((4, seconds)) < 0.5
        return cls(tossed[:2], tossed[2], tossed[3])

    def opposite(self) -> Coins:
        """Return these coins turned over."""
        return Coins(~self.jumps, ~self.bounces, ~self.waves)

    def amid_waves(self, second: int) -> bool:
        """Return whether most of the seconds that are :data:`LAG` or more away have a wave.

        Of an even number the farthest does not count: there is no draw, and opposite coins give the opposite answer.
        """
        distances = np.abs(np.arange(len(self.waves)) - second)
        order = np.argsort(distances, kind="stable")
        far = order[distances[order] >= LAG]
        far = far[: len(far) - 1 + len(far) % 2]
        return bool(2 * self.waves[far].sum() > len(far))

    def labels(self, person: int, second: int) -> tuple[str, ...]:
        """Return the class names of a person (0 or 1) at a second."""
        facts = {
            WAVES: self.waves[second],
            JUMPS: self.jumps[person, second],
            STANDS: not self.jumps[person, second],
            OTHER_JUMPS: self.jumps[1 - person, second],
            BALL_BOUNCES: self.bounces[second],
            AMID_WAVES: self.amid_waves(second),
        }
        return tuple(name for name, holds in facts.items() if holds)


@dataclass(frozen=True)
class Cast:
    """What a pair of videos has in common: who stands where, the ball, and where each movement begins its cycle."""

    looks: tuple[Look, Look]
    heights: tuple[float, float]
    places: tuple[float, float]
    ball: Thing
    ball_place: float
    phases: dict[str, float]

    @classmethod
    def random(cls, aspect: float, rng: np.random.Generator) -> Cast:
        """Return random looks and places in a frame of that aspect ratio."""
        near = rng.uniform(-PLACE_SPREAD, PLACE_SPREAD, size=3)
        first, second = rng.uniform(*FIGURE_HEIGHT, size=2).tolist()
        return cls(
            looks=(random_look(rng), random_look(rng)),
            heights=(first, second),
            places=(SIDE_PLACE + near[0], aspect - SIDE_PLACE + near[1]),
            ball=Thing("ball", random_color(rng), hand=0),
            ball_place=aspect / 2 + near[2],
            phases={name: rng.random() for name in (JUMPS, WAVES, BALL_BOUNCES)},
        )


class InteractionsWorld:
    """Classes that need a person's own motion, another person, an object or the memory."""

    classes = (
        ToyClass(1, WAVES, "movement", "own"),
        ToyClass(2, JUMPS, "movement", "own"),
        ToyClass(3, STANDS, "movement", "own"),
        ToyClass(4, AMID_WAVES, "movement", "memory"),
        ToyClass(5, BALL_BOUNCES, "object", "object"),
        ToyClass(6, OTHER_JUMPS, "person", "person"),
    )
    # 160 looks to learn from. With 80, the memory classes' errors were those of whole validation videos: of new looks.
    defaults = ToyOptions("interactions", num_train=320, num_val=80, seconds=16, width=256, height=48)
    # At most 20 s: then all that decides a memory class is less than that away.
    limits = Limits(min_height=48, min_aspect=16 / 3, max_aspect=6.0, min_seconds=2 * LAG, max_seconds=20)
    videos_per_look = 2
    exact_detections = True
    independent_seconds = True

    def plan(self, num_videos: int, options: ToyOptions, rng: np.random.Generator) -> list[Scene]:
        """Return ``num_videos`` scenes; scenes 0 and 1, 2 and 3, ... look alike and have opposite coins."""
        scenes: list[Scene] = []
        while len(scenes) < num_videos:
            cast = Cast.random(options.width / options.height, rng)
            coins = Coins.toss(options.seconds, rng)
            scenes += [make_scene(cast, coins), make_scene(cast, coins.opposite())]
        return scenes[:num_videos]

    def drawing(self, scene: Scene, options: ToyOptions, rng: np.random.Generator) -> SceneDrawing:
        """Return the drawing of a scene."""
        return SceneDrawing(scene, options, rng)


def make_scene(cast: Cast, coins: Coins) -> Scene:
    """Return the video in which ``cast`` does what ``coins`` say; acts change half way between two seconds."""
    seconds = len(coins.waves)
    actors = []
    for person in range(2):
        acts = [make_person_act(cast, coins, person, second) for second in range(seconds)]
        actors.append(Actor(person, cast.heights[person], GROUND, cast.looks[person], acts))
    starts = [0.0, *(second - 0.5 for second in range(1, seconds))]

    def path(time: float) -> np.ndarray:
        second = min(int(time + 0.5), seconds - 1)
        return ball_box(cast, coins.bounces[second], time)

    return Scene(actors, starts, seconds, margin=0.4, props=[Prop(cast.ball, path)])


def make_person_act(cast: Cast, coins: Coins, person: int, second: int) -> Act:
    """Return what a person does in one second."""
    place = cast.places[person]
    if coins.jumps[person, second]:
        span = (second - 0.5, second + 0.5)
        # The speed of the cycle is the person's: it must not depend on anything that happens.
        body = plan_body(JUMP, place, 0.0, span, np.random.default_rng(person), cast.phases[JUMPS])
    else:
        body = Body("stand", lambda _: motions.Legs(), lambda _: place)
    hands = waving_hands(cast.phases[WAVES]) if coins.waves[second] else hanging_hands()
    return Act(coins.labels(person, second), make_act(body, hands).pose)


def waving_hands(phase: float) -> Callable[[float], np.ndarray]:
    """Return both hands raised and swinging."""
    return lambda time: np.stack([motions.waving(side, phase + time / WAVE_SECONDS) for side in SIDES])


def ball_box(cast: Cast, bounces: bool, time: float) -> np.ndarray:
    """Return the ball's box, x1, y1, x2, y2 in frame units: on the ground, or on the parabola of a bounce."""
    share = (cast.phases[BALL_BOUNCES] + time / BOUNCE_SECONDS) % 1.0
    height = BOUNCE_HEIGHT * 4 * share * (1 - share) if bounces else 0.0
    center = np.array([cast.ball_place, GROUND - BALL_RADIUS - height])
    return np.concatenate([center - BALL_RADIUS, center + BALL_RADIUS])
