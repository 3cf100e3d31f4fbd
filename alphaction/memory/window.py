"""Which seconds a clip remembers, and how many persons of each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from yacs.config import CfgNode

from alphaction.data.keyframes import exact_time

NEAR = 0.5
"""Seconds that a keyframe may be away from its slot."""


@dataclass(frozen=True)
class MemoryWindow:
    """The seconds around a clip whose persons it can attend to: before, its own, after. Each second is a slot.

    Attributes:
        before: slots before the clip's own.
        after: slots after it.
        max_per_second: P, the most persons of one second.
        rate: seconds between neighboring slots.
    """

    before: int = 30
    after: int = 30
    max_per_second: int = 5
    rate: int = 1

    @classmethod
    def from_config(cls, cfg: CfgNode) -> MemoryWindow:
        """Read LENGTH, MAX_PER_SEC and MEMORY_RATE of MODEL.IA_STRUCTURE."""
        ia = cfg.MODEL.IA_STRUCTURE
        before, after = ia.LENGTH
        return cls(before, after, ia.MAX_PER_SEC, ia.MEMORY_RATE)

    @property
    def slots(self) -> int:
        """S, the number of slots."""
        return self.before + 1 + self.after

    @property
    def current_slot(self) -> int:
        """The slot of the clip's own second."""
        return self.before

    def seconds(self, second: float) -> Sequence[int | float]:
        """Return the time of each slot for a clip at ``second``."""
        steps = range(-self.before * self.rate, (self.after + 1) * self.rate, self.rate)
        if isinstance(second, int):
            return range(second + steps.start, second + steps.stop, self.rate)
        return [exact_time(second + step) for step in steps]

    def earliest(self, second: float) -> float:
        """Return from which time on a clip at ``second``, or at a later one, may read."""
        return second - self.before * self.rate - NEAR
