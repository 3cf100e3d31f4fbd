"""How often training clips with rare classes come in an epoch: repeat factor sampling.

Gupta, Dollar and Girshick, "LVIS", CVPR 2019, arXiv 1908.03195: the share f of the clips that have a class gives it the
factor max(1, sqrt(t / f)), t being a threshold; a clip has the largest factor of its classes.

Sizes in shapes: n clips, C classes.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from alphaction.utils.messages import counted, listed, one_line

if TYPE_CHECKING:
    from collections.abc import Sequence

    from yacs.config import CfgNode

    from alphaction.data.dataset import ActionDataset
    from alphaction.data.joined_dataset import JoinedDataset

_SHOWN = 5
_LEAST_SHOWN = 1e-4


def share_text(share: float) -> str:
    """Return a share as text: "17.50%"; of a smaller one than 0.01% the first two digits, "0.00054%"."""
    return f"{share:.2%}" if share >= _LEAST_SHOWN else f"{100 * share:.2g}%"


@dataclass(frozen=True)
class RepeatFactors:
    """How often each clip comes in an epoch, on average.

    Attributes:
        threshold: t.
        shares: of the clips that have each class, float64 [C], in [0, 1].
        of_classes: factor of each class, float64 [C], 1 or more; 1 for a class without clips.
        of_clips: factor of each clip, float64 [n], 1 or more; 1 for a clip without labels.
    """

    threshold: float
    shares: np.ndarray
    of_classes: np.ndarray
    of_clips: np.ndarray

    @classmethod
    def of(cls, has: np.ndarray, threshold: float) -> RepeatFactors:
        """Return the factors of clips.

        Args:
            has: which classes each clip has, bool [n, C], n being 1 or more.
            threshold: t, above 0.
        """
        shares = has.sum(axis=0) / len(has)
        of_classes = np.sqrt(np.maximum(threshold / np.where(shares > 0, shares, threshold), 1.0))
        of_clips = np.ones(len(has))
        # The rarest class last: a clip has the largest factor of its classes.
        for channel in np.argsort(of_classes, kind="stable")[np.count_nonzero(of_classes == 1) :]:
            of_clips[has[:, channel]] = of_classes[channel]
        return cls(threshold, shares, of_classes, of_clips)

    @classmethod
    def from_config(cls, cfg: CfgNode, dataset: ActionDataset | JoinedDataset) -> RepeatFactors | None:
        """Return the factors of all clips of a training set; None where DATALOADER.REPEAT_THRESHOLD is 0."""
        threshold = cfg.DATALOADER.REPEAT_THRESHOLD
        if not threshold:
            return None
        return cls.of(np.concatenate([each.classes_of_clips() for each in dataset.datasets]), threshold)

    @property
    def epoch(self) -> int:
        """Clips of an epoch, on average."""
        return round(self.of_clips.sum())

    @property
    def num_repeated(self) -> int:
        """Number of clips that come more than once."""
        return int((self.of_clips > 1).sum())

    def summary(self, names: Sequence[str]) -> str:
        """Return what the threshold does, for the log; ``names`` are those of the classes in channel order."""
        text = f"DATALOADER.REPEAT_THRESHOLD {self.threshold:g}: "
        rare = np.flatnonzero(self.of_classes > 1)
        if not len(rare):
            return f"{text}no class is that rare, each clip comes once an epoch"
        rare = rare[np.argsort(self.shares[rare], kind="stable")]
        classes = (
            f'"{one_line(names[k])}" ({share_text(self.shares[k])} of the clips, {self.of_classes[k]:.2f} times)'
            for k in rare
        )
        repeated = f"{self.num_repeated} {'comes' if self.num_repeated == 1 else 'come'}"
        return (
            f"{text}of {counted(len(self.of_clips), 'clip')} {repeated} more than once an epoch, up to "
            f"{self.of_clips.max():.2f} times, for {counted(len(rare), 'rare class', 'rare classes')}: "
            f"{listed(classes, _SHOWN)}; an epoch has {counted(self.epoch, 'clip')}"
        )
