"""The world "actions": people who move, handle objects and deal with a partner, two rows of them in every video.

A row holds persons on their own, each in a cell, and pairs that take two cells. Everyone does exactly one movement at
a time; object handling goes with standing, marching and walking.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from alphaction.toy.acts import (
    JUMP,
    LEFT,
    MARCH,
    MOVEMENTS,
    OBJECT_ACTS,
    PAIR_ACTS,
    RIGHT,
    SQUAT,
    STILL,
    TOGETHER,
    WAVE,
    Body,
    contact_acts,
    idle_hands,
    make_act,
    object_hands,
    plan_body,
    wave_acts,
)
from alphaction.toy.drawing import SceneDrawing
from alphaction.toy.figure import SIDES
from alphaction.toy.scene import OBJECT_KINDS, Act, Actor, Scene, Thing, ToyClass, random_color, random_look
from alphaction.toy.toy_options import Limits, ToyOptions

KINDS = {"movement": "own", "object": "object", "person": "person"}
CELL_WIDTH = 0.62
SIDE_ROOM, PAIR_SIDE_ROOM = 0.14, 0.17
PAIR_DISTANCE = 0.62
SEGMENT_SECONDS = 3
WALK_SPEED = (0.25, 0.5)


@dataclass
class Row:
    """The actors of a cell (one) or a pair (two), the limits of their places, and where they stand now."""

    actors: list[Actor]
    low: float
    high: float
    place: float


class Chooser:
    """Draws class names so that all of them come up about equally often in a split."""

    def __init__(self, rng: np.random.Generator) -> None:
        self.rng = rng
        self.counts: Counter[str] = Counter()

    def pick(self, names: Sequence[str]) -> str:
        """Return the name used least so far, blurred at random so that the order has no pattern."""
        return min(names, key=lambda name: self.counts[name] + self.rng.uniform(0.0, 2.5))

    def used(self, acts: Sequence[Act]) -> None:
        """Count the labels of acts that were handed out."""
        for act in acts:
            self.counts.update(act.labels)


class ActionsWorld:
    """Six movements (exclusive), three object classes and four person interactions."""

    classes = tuple(
        ToyClass(index + 1, name, group, KINDS[group])
        for index, (name, group) in enumerate(
            [(name, "movement") for name in MOVEMENTS]
            + [(name, "object") for name in OBJECT_ACTS]
            + [(name, "person") for name in PAIR_ACTS]
        )
    )
    defaults = ToyOptions()
    limits = Limits()
    videos_per_look = 1
    exact_detections = False
    independent_seconds = False

    def plan(self, num_videos: int, options: ToyOptions, rng: np.random.Generator) -> list[Scene]:
        """Return ``num_videos`` scenes in which all classes come up about equally often."""
        chooser = Chooser(rng)
        return [self._scene(options, chooser, rng) for _ in range(num_videos)]

    def drawing(self, scene: Scene, options: ToyOptions, rng: np.random.Generator) -> SceneDrawing:
        """Return the drawing of a scene."""
        return SceneDrawing(scene, options, rng)

    def _scene(self, options: ToyOptions, chooser: Chooser, rng: np.random.Generator) -> Scene:
        rows = plan_rows(options.width / options.height, rng)
        last = options.seconds - 1
        changes = [t + rng.uniform(-0.2, 0.2) for t in range(SEGMENT_SECONDS, last, SEGMENT_SECONDS)]
        starts = [0.0, *changes]
        for start, end in zip(starts, [*changes, float(options.seconds)], strict=True):
            for row in rows:
                plan_acts = solo_acts if len(row.actors) == 1 else pair_acts
                acts = plan_acts(row, start, end, chooser, rng)
                chooser.used(acts)
                for actor, act in zip(row.actors, acts, strict=True):
                    actor.acts.append(act)
        return Scene([actor for row in rows for actor in row.actors], starts, options.seconds)


def plan_rows(aspect: float, rng: np.random.Generator) -> list[Row]:
    """Place the persons of a video: a back row and a front row, each of single persons and pairs."""
    cells = int(aspect / CELL_WIDTH)
    cell_width = aspect / cells
    pair_row = int(rng.integers(2))
    rows: list[Row] = []
    next_id = 0
    for level, ground in enumerate((0.53, 0.97)):
        cell = 0
        while cell < cells:
            is_pair = cell + 2 <= cells and rng.random() < (0.85 if level == pair_row else 0.3)
            height = rng.uniform(0.39, 0.425)
            ground_here = ground + rng.uniform(-0.01, 0.01)
            actors = [
                Actor(next_id + index, height * rng.uniform(0.97, 1.03), ground_here, random_look(rng))
                for index in range(1 + is_pair)
            ]
            next_id += len(actors)
            room = PAIR_SIDE_ROOM + PAIR_DISTANCE * height / 2 if is_pair else SIDE_ROOM
            low, high = cell * cell_width + room, (cell + len(actors)) * cell_width - room
            rows.append(Row(actors, low, high, rng.choice([low, rng.uniform(low, high), high])))
            cell += len(actors)
    return rows


def walks(row: Row, seconds: float) -> dict[str, float]:
    """Return the walks that there is room for: the class and the velocity (frame units a second)."""
    height = row.actors[0].height
    slow, fast = (speed * height for speed in WALK_SPEED)
    rooms = {LEFT: (row.place - row.low, -1), RIGHT: (row.high - row.place, 1)}
    return {name: sign * min(room / seconds, fast) for name, (room, sign) in rooms.items() if room / seconds >= slow}


def body_in(
    row: Row, label: str, offset: float, span: tuple[float, float], rng: np.random.Generator, phase: float = -1.0
) -> Body:
    """Return the lower body of the person ``offset`` from the row's place; a walk takes no more than its room."""
    velocity = walks(row, span[1] - span[0]).get(label, 0.0)
    return plan_body(label, row.place + offset, velocity, span, rng, phase)


def act_alone(
    label: str, row: Row, offset: float, hand: int, start: float, end: float, rng: np.random.Generator
) -> tuple[Act, Body]:
    """Return the act for a movement or an object class of a person on his own."""
    if label in MOVEMENTS:
        body = body_in(row, label, offset, (start, end), rng)
        return make_act(body, idle_hands(rng)), body
    ways = [STILL, MARCH, *(walks(row, end - start) if len(row.actors) == 1 else ())]
    shares = np.array([0.6, 0.15, 0.25, 0.25][: len(ways)])
    body = body_in(row, str(rng.choice(ways, p=shares / shares.sum())), offset, (start, end), rng)
    thing = Thing(str(rng.choice(OBJECT_KINDS)), random_color(rng), hand)
    return make_act(body, object_hands(label, hand, rng), (label,), thing), body


def solo_acts(row: Row, start: float, end: float, chooser: Chooser, rng: np.random.Generator) -> list[Act]:
    """Choose what a single person does, and move him on."""
    label = chooser.pick([STILL, MARCH, JUMP, SQUAT, *walks(row, end - start), *OBJECT_ACTS])
    # The hand towards the middle of the cell, so that what it carries stays in the picture.
    hand = int(row.place < (row.low + row.high) / 2)
    act, body = act_alone(label, row, 0.0, hand, start, end, rng)
    row.place = body.place(end)
    return [act]


def pair_acts(row: Row, start: float, end: float, chooser: Chooser, rng: np.random.Generator) -> list[Act]:
    """Choose what two neighbors do: an interaction, the still pose of one (no interaction), or each his own thing."""
    half = PAIR_DISTANCE * row.actors[0].height / 2
    offsets = (-half, half)
    possible = walks(row, end - start)
    names = PAIR_ACTS if possible else PAIR_ACTS[1:]
    draw = rng.random()
    if draw < 0.12:
        labels = [chooser.pick([STILL, MARCH, JUMP, SQUAT, *OBJECT_ACTS]) for _ in SIDES]
        # The outer hands: in between there is no room for two objects.
        return [act_alone(labels[i], row, offsets[i], i, start, end, rng)[0] for i in range(2)]
    label = chooser.pick(names)
    if label == TOGETHER:
        way, phase = chooser.pick(list(possible)), rng.random()
        bodies = [body_in(row, way, offset, (start, end), rng, phase) for offset in offsets]
        row.place = bodies[0].place(end) + half
        return [make_act(body, idle_hands(rng), (TOGETHER,)) for body in bodies]
    bodies = [body_in(row, STILL, offset, (start, end), rng) for offset in offsets]
    leader = int(rng.integers(2))
    frozen = draw < 0.2
    if label == WAVE:
        return wave_acts(bodies, leader, frozen, rng)
    return contact_acts(label, bodies, leader, frozen, rng)
