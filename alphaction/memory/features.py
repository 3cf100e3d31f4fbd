"""What the memory pool gives to an interaction structure.

Axes: B clips, N persons of a batch, S seconds around a clip (before, the clip's own, after), P persons a second,
D channels.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from torch import Tensor

from alphaction.memory.padding import counter_random, pad_by_clip, rank_in_clip
from alphaction.memory.window import MemoryWindow


@dataclass(frozen=True)
class MemoryFeatures:
    """What the pool remembers around the clips of a batch.

    Attributes:
        features: float32 [B, S, P, D]; zeros in empty slots.
        present: bool [B, S, P].
        current_slot: position in S of the clips' own second. The pool leaves it empty: see :meth:`with_current`.
        seeds: int64 [B] to choose among more than P persons at random; None: take the best-scored.
        weight: float32 [B, S, P], what PENALTY multiplied the features by; None: 1 for persons who are present.
    """

    features: Tensor
    present: Tensor
    current_slot: int
    seeds: Tensor | None = None
    weight: Tensor | None = None

    @classmethod
    def empty(cls, num_clips: int, window: MemoryWindow, like: Tensor) -> MemoryFeatures:
        """Return an empty memory, with as many channels as ``like`` [*, D] and on its device."""
        shape = (num_clips, window.slots, window.max_per_second)
        features = torch.zeros((*shape, like.shape[-1]), device=like.device)
        return cls(features, torch.zeros(shape, dtype=torch.bool, device=like.device), window.current_slot)

    def with_current(self, persons: Tensor, clip_index: Tensor, scores: Tensor) -> MemoryFeatures:
        """Return a copy whose current second holds the persons of the batch, at most P a clip.

        Args:
            persons: [N, D] features pooled in this step; gradients reach them.
            clip_index: int64 [N].
            scores: [N].
        """
        num_clips, _, limit, _ = self.features.shape
        priority = scores
        if self.seeds is not None:
            priority = counter_random(self.seeds[clip_index], rank_in_clip(clip_index, num_clips))
        current, present = pad_by_clip(persons.to(self.features.dtype), clip_index, num_clips, limit, priority)
        weight = self.weight
        if weight is not None:
            weight = weight.select_scatter(present.to(weight.dtype), 1, self.current_slot)
        return replace(
            self,
            features=self.features.select_scatter(current, 1, self.current_slot),
            present=self.present.select_scatter(present, 1, self.current_slot),
            weight=weight,
        )

    @property
    def weights(self) -> Tensor:
        """float32 [B, S, P]: ``weight``, or 1 for persons who are present and 0 in empty slots."""
        return self.present.to(torch.float32) if self.weight is None else self.weight
