"""Which frames a clip takes from the timeline, and which of those each pathway sees."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from alphaction.config.pathways import active_pathways, fast_frames, frame_problems, jitter_problem, slow_frames
from alphaction.utils.errors import UserError

if TYPE_CHECKING:
    from yacs.config import CfgNode


def clip_slots(frame_num: int, sample_rate: int, offset: int = 0) -> list[int]:
    """Return the timeline slots of a clip: FRAME_NUM * FRAME_SAMPLE_RATE slots around the keyframe, which is slot 0.

    The window reaches from half its length before the keyframe up to, but without, half its length after it; all of it
    lies ``offset`` slots later.
    """
    first = offset - frame_num * sample_rate // 2
    return [first + sample_rate * i for i in range(frame_num)]


def spread_slots(window: Sequence[int], count: int) -> tuple[int, ...]:
    """Return ``count`` slots of a clip to look at, spread evenly, the keyframe (slot 0) among them."""
    picked = [window[i] for i in np.linspace(0, len(window) - 1, min(count, len(window))).round().astype(int)]
    picked[int(np.argmin(np.abs(picked)))] = 0
    return tuple(picked)


@dataclass(frozen=True)
class TemporalSampling:
    """Frames of both pathways of SlowFast (Feichtenhofer et al., ICCV 2019).

    Attributes:
        frame_num: frames of a clip.
        sample_rate: timeline slots between two of them.
        tau: the slow pathway takes one of each tau frames of the clip.
        alpha: the fast pathway takes every (tau // alpha)-th, from half that stride on: alpha times as many frames.
        slow: whether the slow pathway is fed.
        fast: whether the fast pathway is fed.
        slow_jitter: whether the slow pathway starts at a random one of the first tau frames in training, and takes
            every tau-th from there.
        slow_sampling: which frames it takes without, see :func:`alphaction.config.pathways.slow_frames`.
        offset: slots that the clip lies later than around its keyframe.

    Raises:
        UserError: if the numbers do not go together, see :func:`alphaction.config.pathways.frame_problems`, or
            ``slow_jitter`` with ``slow_sampling``.
    """

    frame_num: int
    sample_rate: int
    tau: int
    alpha: int
    slow: bool = True
    fast: bool = True
    slow_jitter: bool = False
    slow_sampling: str = "middle"
    offset: int = 0

    def __post_init__(self) -> None:
        for problem in frame_problems(self.frame_num, self.tau, self.alpha, slow=self.slow, fast=self.fast):
            raise UserError(problem)
        unfit = jitter_problem(self.slow_sampling) if self.slow and self.slow_jitter else None
        if unfit is not None:
            raise UserError(unfit)

    def draw_slow_start(self, rng: np.random.Generator) -> int | None:
        """Return a random first frame of the slow pathway; None, the fixed one, without SLOW_JITTER."""
        return int(rng.integers(self.tau)) if self.slow_jitter else None

    def slots(self, slow_start: int | None = None) -> tuple[list[int], list[int]]:
        """Return the timeline slots of the (slow, fast) pathway; an inactive pathway has none.

        Args:
            slow_start: first frame of the slow pathway, 0 to tau - 1; None: as ``slow_sampling`` says.
        """
        clip = clip_slots(self.frame_num, self.sample_rate, self.offset)
        slow = slow_frames(self.frame_num, self.tau, slow_start, self.slow_sampling) if self.slow else ()
        fast = fast_frames(self.frame_num, self.tau, self.alpha) if self.fast else ()
        return [clip[frame] for frame in slow], [clip[frame] for frame in fast]


def sampling_of(cfg: CfgNode, *, training: bool) -> TemporalSampling:
    """Return which frames a clip has by the config."""
    inputs = cfg.INPUT
    slow, fast = active_pathways(cfg)
    return TemporalSampling(
        frame_num=inputs.FRAME_NUM,
        sample_rate=inputs.FRAME_SAMPLE_RATE,
        tau=inputs.TAU,
        alpha=inputs.ALPHA,
        slow=slow,
        fast=fast,
        slow_jitter=training and inputs.SLOW_JITTER,
        slow_sampling=inputs.SLOW_SAMPLING,
        offset=inputs.CLIP_OFFSET,
    )
