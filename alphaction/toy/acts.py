"""The acts of the world "actions": lower bodies, hands, and what two people do to each other, as functions of time."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from alphaction.toy import motions
from alphaction.toy.figure import SIDES, Pose
from alphaction.toy.motions import Legs
from alphaction.toy.scene import Act, Thing

STILL, LEFT, RIGHT, MARCH, JUMP, SQUAT = "stay still", "walk left", "walk right", "march on the spot", "jump", "squat"
HOLD, LIFT, SHAKE = "hold (an object)", "lift (an object)", "shake (an object)"
TOGETHER, WAVE = "walk with (a person)", "wave at (a person)"
HANDS, PUSH = "shake hands with (a person)", "push (a person)"
MOVEMENTS = (STILL, LEFT, RIGHT, MARCH, JUMP, SQUAT)
OBJECT_ACTS = (HOLD, LIFT, SHAKE)
PAIR_ACTS = (TOGETHER, WAVE, HANDS, PUSH)

PUSH_SHIFT = 0.2

HandsAt = Callable[[float], np.ndarray]


@dataclass(frozen=True)
class Body:
    """The lower body in one segment: class, legs at a time, place at a time (frame units)."""

    label: str
    legs: Callable[[float], Legs]
    place: Callable[[float], float]


def plan_body(
    label: str, origin: float, velocity: float, span: tuple[float, float], rng: np.random.Generator, phase: float = -1.0
) -> Body:
    """Return the lower body for a movement class.

    Args:
        label: one of :data:`MOVEMENTS`.
        origin: place at the start of the segment, in frame units.
        velocity: frame units a second, to the right; only walks use it.
        span: start and end of the segment in seconds; nobody walks on before or after it.
        rng: source of the speed of the cycle and, if ``phase`` is negative, of its start.
        phase: start of the cycle, 0 to 1.
    """
    phase = rng.random() if phase < 0 else phase
    if label == STILL:
        motion = str(rng.choice(motions.LEG_MOTIONS, p=[0.4, 0.3, 0.1, 0.2]))
        frozen = motions.legs_at(motion, phase)
        frozen = Legs(0.0, frozen.hip, frozen.feet)
        return Body(label, lambda _: frozen, lambda _: origin)
    motion = {JUMP: "jump", SQUAT: "squat"}.get(label, "gait")
    seconds_a_cycle = {"jump": 0.95, "squat": 1.1, "gait": 0.85}[motion] * rng.uniform(0.92, 1.08)
    velocity = velocity if label in (LEFT, RIGHT) else 0.0
    start, end = span
    direction = int(np.sign(velocity)) or int(rng.choice(SIDES))
    return Body(
        label,
        lambda t: motions.legs_at(motion, phase + t / seconds_a_cycle, direction),
        lambda t: origin + velocity * (min(max(t, start), end) - start),
    )


def make_act(
    body: Body, hands: HandsAt, extra: Sequence[str] = (), thing: Thing | None = None, lean: HandsAt | None = None
) -> Act:
    """Put a lower body and hands (and a sideways lean of hip and neck at a time) together."""

    def pose(time: float) -> Pose:
        legs = body.legs(time)
        lean_now = np.zeros(2) if lean is None else lean(time)
        return Pose(body.place(time), legs.lift, legs.hip, lean_now, legs.feet, hands(time))

    return Act((body.label, *extra), pose, thing)


def idle_hands(rng: np.random.Generator) -> HandsAt:
    """Return hands that hang, or that are frozen as in the middle of lifting or waving."""
    frozen = []
    for side in SIDES:
        kind = rng.choice(3, p=[0.76, 0.12, 0.12])
        hand = (
            motions.hanging(side),
            motions.raised(side, rng.uniform(0.2, 1.0)),
            motions.waving(side, rng.random()),
        )[kind]
        frozen.append(hand)
    hands = np.stack(frozen)
    return lambda _: hands


def one_hand(index: int, path: Callable[[float], np.ndarray]) -> HandsAt:
    """Return hands of which one follows ``path`` and the other hangs."""
    other = motions.hanging(SIDES[1 - index])
    return lambda t: np.stack([path(t), other] if index == 0 else [other, path(t)])


def object_hands(label: str, hand: int, rng: np.random.Generator) -> HandsAt:
    """Return the hands of an object class; ``hand`` (0 left, 1 right) carries the object."""
    side, phase, level = SIDES[hand], rng.random(), rng.uniform(0.1, 0.9)
    cycle = rng.uniform(1.2, 1.4)
    if label == HOLD:
        return one_hand(hand, lambda _: motions.raised(side, level))
    if label == SHAKE:
        rate = rng.uniform(1.8, 2.1)
        return one_hand(hand, lambda t: motions.shaken(side, level, phase + rate * t))
    return one_hand(hand, lambda t: motions.raised(side, motions.ramp(phase + t / cycle)))


def clock(rate: float, frozen: bool, rng: np.random.Generator) -> Callable[[float], float]:
    """Return the phase at a time: ``rate`` cycles a second from a random start, or that start for ever."""
    start = rng.random()
    return (lambda _: start) if frozen else (lambda t: start + rate * t)


def wave_acts(bodies: Sequence[Body], leader: int, frozen: bool, rng: np.random.Generator) -> list[Act]:
    """One waves with his outer hand; the partner waves back or not. Frozen: the same poses without an interaction."""
    both = rng.random() < 0.5
    acts = []
    for index, body in enumerate(bodies):
        if index == leader or both:
            phase = clock(rng.uniform(1.3, 1.6), frozen, rng)
            hands = one_hand(index, lambda t, phase=phase, side=SIDES[index]: motions.waving(side, phase(t)))
            acts.append(make_act(body, hands, () if frozen else (WAVE,)))
        else:
            acts.append(make_act(body, idle_hands(rng)))
    return acts


def contact_acts(label: str, bodies: Sequence[Body], leader: int, frozen: bool, rng: np.random.Generator) -> list[Act]:
    """Shake hands or push. Frozen: the same poses held still, which is no interaction."""
    inner = (1, 0)
    if label == HANDS:
        phase = clock(rng.uniform(1.3, 1.6), frozen, rng)
        level = rng.uniform(-0.16, -0.06)

        def path(index: int) -> HandsAt:
            return lambda t: motions.reaching(-SIDES[index], 0.42, level + 0.17 * float(np.sin(2 * np.pi * phase(t))))

        labels = () if frozen else (HANDS,)
        return [make_act(body, one_hand(inner[i], path(i)), labels) for i, body in enumerate(bodies)]
    phase = clock(rng.uniform(0.75, 0.9), frozen, rng)
    level = rng.uniform(-0.1, 0.0)
    towards = -SIDES[leader]

    def active_path(time: float) -> np.ndarray:
        return motions.reaching(towards, 0.25 + 0.75 * motions.ramp(phase(time)), level)

    def lean(time: float) -> np.ndarray:
        """Both lean the same way; the one who acts also moves his arm."""
        return towards * PUSH_SHIFT * motions.ramp(phase(time)) * np.array([0.45, 1.0])

    active = make_act(bodies[leader], one_hand(inner[leader], active_path), () if frozen else (label,), lean=lean)
    passive = make_act(bodies[1 - leader], hanging_hands(), lean=lean)
    return [active, passive] if leader == 0 else [passive, active]


def hanging_hands() -> HandsAt:
    """Return hands that hang."""
    hands = np.stack([motions.hanging(side) for side in SIDES])
    return lambda _: hands
