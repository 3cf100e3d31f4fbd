"""Person features from every process to every process: one packed tensor per step, no pickles, no waiting.

Axes: N persons of this process's batch, R rows that all processes exchange, D channels of a pooled feature.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from alphaction.utils.distributed import gather_rows
from alphaction.utils.host_copy import HostCopy

# Columns before the features: dataset index (-1: an empty row), position of the clip in the step, score, tag.
_META = 4


@dataclass(frozen=True)
class PersonRecords:
    """Person features on the CPU, of one step, from all processes.

    Attributes:
        indices: int64 [R] dataset position of each person's clip.
        features: float32 [R, D].
        scores: float32 [R] box scores.
        tags: float32 [R] loss of the step that made the feature.
    """

    indices: Tensor
    features: Tensor
    scores: Tensor
    tags: Tensor

    def finite(self) -> PersonRecords:
        """Return the records whose features and tag are finite: one that is not would spoil whatever reads it."""
        # A sum is infinite or NaN if a value is; or if it is too large, and only then each value is looked at.
        if (self.features.sum(dim=1) + self.tags + self.scores).isfinite().all():
            return self
        kept = self.features.isfinite().all(dim=1) & self.tags.isfinite() & self.scores.isfinite()
        return PersonRecords(self.indices[kept], self.features[kept], self.scores[kept], self.tags[kept])


class FeatureExchange:
    """Gathers the features of a step in the background of the next one.

    :meth:`start` queues the collective and the copy to page-locked memory behind the step's own work on the device;
    :meth:`finish`, called before the memory is read again, waits for that copy only.

    Args:
        capacity: most persons of one process in a step (PROPOSAL_PER_CLIP * clips); every process pads to it, so that
            no sizes need to be exchanged first.
    """

    def __init__(self, capacity: int) -> None:
        self.capacity = capacity
        self._packed: HostCopy | None = None

    def start(self, indices: Tensor, clips: Tensor, features: Tensor, scores: Tensor, tag: Tensor) -> None:
        """Begin the exchange. All tensors are on the device that the processes communicate with.

        Args:
            indices: int64 [N] dataset position of each person's clip, below 2**31.
            clips: int64 [N] position of each person's clip among this process's clips of the step.
            features: [N, D] detached pooled features.
            scores: [N].
            tag: scalar, the step's loss.
        """
        count, width = features.shape
        packed = features.new_zeros((self.capacity, _META + width), dtype=torch.float32)
        # The integer's bits travel as a float: above 2**24 a float32 would round it.
        identities = torch.full((self.capacity,), -1, dtype=torch.int32, device=features.device)
        identities[:count] = indices.to(torch.int32)
        packed[:, 0] = identities.view(torch.float32)
        packed[:count, 1] = clips.float()
        packed[:count, 2] = scores.float()
        packed[:count, 3] = tag.float()
        packed[:count, _META:] = features.float()
        self._packed = HostCopy(gather_rows(packed))

    def finish(self) -> PersonRecords | None:
        """Return the records of the last :meth:`start`, once; None if there are none."""
        if self._packed is None:
            return None
        packed, self._packed = self._packed.wait(), None
        identities = packed[:, 0].contiguous().view(torch.int32).long()
        rank = torch.arange(len(packed)) // self.capacity
        occurrence = rank * self.capacity + packed[:, 1].long()
        kept = identities >= 0
        kept[kept.clone()] = _last_occurrence(identities[kept], occurrence[kept])
        rows = kept.nonzero()[:, 0]
        features = packed[:, _META:].index_select(0, rows)
        return PersonRecords(identities[rows], features, packed[rows, 2], packed[rows, 3])


def _last_occurrence(indices: Tensor, occurrence: Tensor) -> Tensor:
    """Return which rows are of the last occurrence of their clip: a step may hold a clip of a small dataset twice."""
    clips, position = torch.unique(indices, return_inverse=True)
    last = torch.zeros_like(clips).scatter_reduce_(0, position, occurrence, "amax", include_self=False)
    return occurrence == last[position]
