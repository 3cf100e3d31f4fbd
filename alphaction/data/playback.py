"""When and how fast a training clip runs: a random shift in time and a random speed."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from alphaction.data.temporal import clip_slots

if TYPE_CHECKING:
    from yacs.config import CfgNode


@dataclass(frozen=True)
class Playback:
    """A clip's own clock.

    Attributes:
        shift: timeline frames that the clip lies later.
        speed: how much faster it runs, seen from the keyframe.
        parts: a slot of it is this part of a timeline frame, so that another speed need not repeat frames.
    """

    shift: float
    speed: float
    parts: int

    def slots(self, slots: Sequence[int]) -> list[int]:
        """Return what the timeline ``slots`` of a clip become, on a timeline with ``parts`` times as many."""
        return [round(self.parts * (slot * self.speed + self.shift)) for slot in slots]


@dataclass(frozen=True)
class PlaybackJitter:
    """How playback varies.

    Attributes:
        shift: furthest that a clip moves, either way, timeline frames.
        speed: largest factor by which it runs faster, and slower.
        parts: see :class:`Playback`.
    """

    shift: float
    speed: float = 1.0
    parts: int = 2

    @classmethod
    def from_config(cls, cfg: CfgNode) -> PlaybackJitter | None:
        """Return how playback varies by INPUT.TIME_JITTER, SPEED_JITTER and FPS; None: not at all."""
        inputs = cfg.INPUT
        if inputs.TIME_JITTER == 0 and inputs.SPEED_JITTER == 1:
            return None
        # A video's own frames (FPS 0) have nothing in between.
        return cls(inputs.TIME_JITTER, inputs.SPEED_JITTER, parts=2 if inputs.FPS else 1)

    def draw(self, rng: np.random.Generator) -> Playback:
        """Return a playback with an evenly drawn shift, and a speed drawn evenly on a logarithmic scale."""
        shift = rng.uniform(-self.shift, self.shift)
        return Playback(shift, math.exp(rng.uniform(-1, 1) * math.log(self.speed)), self.parts)

    def window(self, slots: Sequence[int]) -> range:
        """Return all slots that the timeline ``slots`` of a clip may become."""
        ends = [
            edge
            for slot in (min(slots), max(slots))
            for speed in (1 / self.speed, self.speed)
            for shift in (-self.shift, self.shift)
            for edge in Playback(shift, speed, self.parts).slots([slot])
        ]
        return range(min(ends), max(ends) + 1)


def jittered_window(cfg: CfgNode) -> range:
    """Return all slots that the training clips of a config may take around their keyframe; none without a jitter."""
    jitter, inputs = PlaybackJitter.from_config(cfg), cfg.INPUT
    if jitter is None:
        return range(0)
    return jitter.window(clip_slots(inputs.FRAME_NUM, inputs.FRAME_SAMPLE_RATE, inputs.CLIP_OFFSET))
