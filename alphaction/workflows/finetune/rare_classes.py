"""Whether some classes of a dataset are so rare that their clips should come more often in training.

Repeat factor sampling and weights by effective numbers of labels answer the same question, and together they would
answer it twice. The generator takes the sampling: it raises the share of positives that the sigmoid of a rare class
learns from, and spreads them over the steps. Weights (Cui et al., whose samples have one label each) multiply the
positives of a sigmoid and its negatives alike, and make those few steps large that have the class.

Sizes in shapes: n clips, C classes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from alphaction.data.repeat_factors import RepeatFactors, share_text
from alphaction.utils.messages import counted, one_line

_RARE = 0.05  # share of the clips that have a rare class, at most
_UNEVEN = 10.0  # times as many have the commonest class, at least


@dataclass(frozen=True)
class RareClasses:
    """What repeating clips with rare classes does to a training split.

    Attributes:
        threshold: for DATALOADER.REPEAT_THRESHOLD.
        rarest, commonest: classes, with the shares of the clips that have them.
        clips: in the split.
        repeated: how many of them come more than once an epoch.
        most: how often one comes in an epoch at most, on average.
        epoch: clips of an epoch, on average.
    """

    threshold: float
    rarest: tuple[str, float]
    commonest: tuple[str, float]
    clips: int
    repeated: int
    most: float
    epoch: int

    @classmethod
    def of(cls, has: np.ndarray, names: Sequence[str]) -> RareClasses | None:
        """Return what to do about rare classes; None where none is rare.

        The threshold is the geometric mean of the shares of the rarest and of the commonest class, to one digit. So the
        rarest, if it is r times rarer than the commonest, comes about the fourth root of r times an epoch: twice for
        r = 16, ten times for r = 10,000.

        Args:
            has: which classes each clip has, bool [n, C].
            names: of the classes.
        """
        shares = has.mean(axis=0)
        seen = np.flatnonzero(shares)
        if not len(seen):
            return None
        rarest, commonest = (int(seen[pick(shares[seen])]) for pick in (np.argmin, np.argmax))
        if shares[rarest] > _RARE or shares[commonest] < _UNEVEN * shares[rarest]:
            return None
        threshold = float(f"{np.sqrt(shares[rarest] * shares[commonest]):.1g}")
        factors = RepeatFactors.of(has, threshold)
        return cls(
            threshold=threshold,
            rarest=(names[rarest], float(shares[rarest])),
            commonest=(names[commonest], float(shares[commonest])),
            clips=len(has),
            repeated=factors.num_repeated,
            most=float(factors.of_clips.max()),
            epoch=factors.epoch,
        )

    @property
    def reason(self) -> str:
        """Why the threshold is set, and what it does, for a comment."""
        (rarest, least), (commonest, most) = self.rarest, self.commonest
        return (
            f'the rarest class "{one_line(rarest)}" is in {share_text(least)} of the clips, the commonest '
            f'"{one_line(commonest)}" in {most:.0%}: of {counted(self.clips, "clip")} {self.repeated} '
            f"{'comes' if self.repeated == 1 else 'come'} more than once an epoch, up to {self.most:.2g} times. Not "
            "together with weights of the classes (CLASS_BALANCE_BETA)"
        )
