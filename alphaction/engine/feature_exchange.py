"""Person features from every process to every process: one packed tensor per step, no pickles, no waiting.

Axes: N persons of this process's batch, R rows that all processes exchange, D channels of a pooled feature.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from alphaction.utils.distributed import gather_rows

# Columns before the features: dataset index (-1: an empty row), score, tag.
_META = 3


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


class FeatureExchange:
    """Gathers the features of a step in the background of the next one.

    :meth:`start` queues the collective and the copy to page-locked memory behind the step's own work on the device;
    :meth:`finish`, called before the memory is read again, waits for that copy only.

    Args:
        capacity: most persons that one process can have in a step (PROPOSAL_PER_CLIP * clips); every process pads to
            it, so that no sizes need to be exchanged first.
    """

    def __init__(self, capacity: int) -> None:
        self.capacity = capacity
        self._packed: Tensor | None = None
        self._copied: torch.cuda.Event | None = None

    def start(self, indices: Tensor, features: Tensor, scores: Tensor, tag: Tensor) -> None:
        """Begin the exchange.

        Args:
            indices: int64 [N] dataset position of each person's clip, below 2**31; on the CPU or the device.
            features: [N, D] detached pooled features.
            scores: [N].
            tag: scalar, the step's loss.
        """
        count, width = features.shape
        packed = features.new_zeros((self.capacity, _META + width), dtype=torch.float32)
        # The integer's bits travel as a float: above 2**24 a float32 would round it.
        identities = torch.full((self.capacity,), -1, dtype=torch.int32, device=features.device)
        identities[:count] = indices.to(features.device, torch.int32)
        packed[:, 0] = identities.view(torch.float32)
        packed[:count, 1] = scores.to(features.device, torch.float32)
        packed[:count, 2] = tag.float()
        packed[:count, _META:] = features.float()
        gathered = gather_rows(packed)
        if gathered.is_cuda:
            host = torch.empty(gathered.shape, dtype=gathered.dtype, pin_memory=True)
            self._packed = host.copy_(gathered, non_blocking=True)
            self._copied = torch.cuda.Event()
            self._copied.record()
        else:
            self._packed = gathered

    def finish(self) -> PersonRecords | None:
        """Return the records of the last :meth:`start`, once; None if there are none."""
        if self._packed is None:
            return None
        if self._copied is not None:
            self._copied.synchronize()
        packed, self._packed, self._copied = self._packed, None, None
        identities = packed[:, 0].contiguous().view(torch.int32).long()
        kept = identities >= 0
        packed = packed[kept]
        return PersonRecords(identities[kept], packed[:, _META:].contiguous(), packed[:, 1], packed[:, 2])
