"""Which frames a clip takes from the timeline, and which of those each pathway sees."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from alphaction.utils.errors import UserError


def clip_slots(frame_num: int, sample_rate: int) -> list[int]:
    """Return the timeline slots of a clip: FRAME_NUM * FRAME_SAMPLE_RATE slots around the keyframe, which is slot 0.

    The window reaches from half its length before the keyframe up to, but without, half its length after it.
    """
    first = -(frame_num * sample_rate // 2)
    return [first + sample_rate * i for i in range(frame_num)]


def pathway_slots(
    frame_num: int, sample_rate: int, tau: int, alpha: int, slow_start: int | None = None
) -> tuple[list[int], list[int]]:
    """Return the timeline slots of the (slow, fast) pathway.

    Args:
        frame_num: frames of a clip.
        sample_rate: timeline slots between two of them.
        tau: the slow pathway takes every tau-th frame of the clip.
        alpha: the fast pathway takes every (tau // alpha)-th, from (tau // alpha - 1) // 2 on.
        slow_start: first frame of the slow pathway, 0 to tau - 1; None: (tau - 1) // 2.
    """
    frames = clip_slots(frame_num, sample_rate)
    start = (tau - 1) // 2 if slow_start is None else slow_start
    stride = tau // alpha
    return frames[start::tau], frames[(stride - 1) // 2 :: stride]


@dataclass(frozen=True)
class TemporalSampling:
    """Frames of both pathways of SlowFast (Feichtenhofer et al., ICCV 2019).

    Attributes:
        frame_num: frames of a clip.
        sample_rate: timeline slots between two of them.
        tau: the slow pathway takes every tau-th frame of the clip, from (tau - 1) // 2 on.
        alpha: the fast pathway takes every (tau // alpha)-th, from half that stride on: alpha times as many frames.
        slow: whether the slow pathway is fed.
        fast: whether the fast pathway is fed.
        slow_jitter: whether the slow pathway starts at a random one of the first tau frames in training.

    Raises:
        UserError: if the numbers do not divide.
    """

    frame_num: int
    sample_rate: int
    tau: int
    alpha: int
    slow: bool = True
    fast: bool = True
    slow_jitter: bool = False

    def __post_init__(self) -> None:
        if not (self.slow or self.fast):
            raise UserError("both pathways are off. Set MODEL.BACKBONE.SLOWFAST.SLOW.ACTIVE or FAST.ACTIVE to True.")
        if self.tau % self.alpha:
            raise UserError(
                f"INPUT.TAU {self.tau} is not a multiple of INPUT.ALPHA {self.alpha}: the fast pathway takes every "
                "(TAU / ALPHA)-th frame. Change one of them."
            )
        if self.slow and self.frame_num % self.tau:
            below = self.frame_num - self.frame_num % self.tau
            raise UserError(
                f"INPUT.FRAME_NUM {self.frame_num} is not a multiple of INPUT.TAU {self.tau}: the slow pathway takes "
                f"every TAU-th frame. Set INPUT.FRAME_NUM to {below or self.tau} or {below + self.tau}."
            )

    def draw_slow_start(self, rng: np.random.Generator) -> int | None:
        """Return a random first frame of the slow pathway; None, the fixed one, without SLOW_JITTER."""
        return int(rng.integers(self.tau)) if self.slow_jitter else None

    def slots(self, slow_start: int | None = None) -> tuple[list[int], list[int]]:
        """Return the timeline slots of (slow, fast), see :func:`pathway_slots`; an inactive pathway has none."""
        slow, fast = pathway_slots(self.frame_num, self.sample_rate, self.tau, self.alpha, slow_start)
        return slow if self.slow else [], fast if self.fast else []
