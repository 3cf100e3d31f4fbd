"""Clips of one size or many -> one batch.

Axes: B clips, T frames, D channels of a feature map, H and W rows and columns.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from alphaction.data.sample import ClipBatch, ClipSample


@dataclass(frozen=True)
class BatchCollator:
    """Puts clips into one batch, padded with zeros at the bottom and right.

    Attributes:
        size_divisibility: height and width of the batch are padded to a multiple of this; 0 or 1: to the largest clip.
    """

    size_divisibility: int = 1

    def __call__(self, samples: Sequence[ClipSample]) -> ClipBatch:
        """Return the batch of ``samples``, which must agree on pathways, and on having labels and color shifts."""
        sizes = torch.tensor([sample.size for sample in samples], dtype=torch.long)
        step = max(self.size_divisibility, 1)
        width, height = (-(-int(side) // step) * step for side in sizes.amax(dim=0))
        labels = [sample.labels for sample in samples]
        shifts = [sample.color_shift for sample in samples]
        return ClipBatch(
            indices=torch.tensor([sample.index for sample in samples]),
            keyframes=[sample.keyframe for sample in samples],
            slow=_stack([sample.slow for sample in samples], height, width),
            fast=_stack([sample.fast for sample in samples], height, width),
            sizes=sizes,
            boxes=torch.cat([sample.boxes for sample in samples]),
            clip_index=_positions([sample.boxes for sample in samples]),
            unit_boxes=torch.cat([sample.unit_boxes for sample in samples]),
            scores=torch.cat([sample.scores for sample in samples]),
            labels=None if labels[0] is None else torch.cat(labels),
            object_boxes=torch.cat([sample.object_boxes for sample in samples]),
            object_clip_index=_positions([sample.object_boxes for sample in samples]),
            features=_stack_maps([sample.features for sample in samples]),
            color_shifts=None if shifts[0] is None else torch.stack(shifts),
        )


def _stack(clips: Sequence[Tensor | None], height: int, width: int) -> Tensor | None:
    """Return clips [3, T, H, W] as one [B, 3, T, height, width] tensor, channels last in memory as decoded."""
    if clips[0] is None:
        return None
    channels, frames = clips[0].shape[:2]
    batch = clips[0].new_empty((len(clips), frames, height, width, channels)).permute(0, 4, 1, 2, 3)
    for place, clip in zip(batch, clips, strict=True):
        rows, columns = clip.shape[2:]
        place[:, :, :rows, :columns] = clip
        place[:, :, rows:] = 0
        place[:, :, :rows, columns:] = 0
    return batch


def _stack_maps(maps: Sequence[Tensor | None]) -> Tensor | None:
    """Return feature maps [D, H, W] as one [B, D, H', W'], the smaller ones continued by their last row and column.

    So a box at the lower or right edge gets the values that it has in the map alone.
    """
    if maps[0] is None:
        return None
    height, width = (max(of_clip.shape[axis] for of_clip in maps) for axis in (1, 2))
    rows, columns = torch.arange(height), torch.arange(width)
    return torch.stack(
        [
            of_clip[:, rows.clamp(max=of_clip.shape[1] - 1)][:, :, columns.clamp(max=of_clip.shape[2] - 1)]
            for of_clip in maps
        ]
    )


def _positions(boxes: Sequence[Tensor]) -> Tensor:
    """Return, for each box of all clips, the position of its clip; int64."""
    counts = torch.tensor([len(of_clip) for of_clip in boxes], dtype=torch.long)
    return torch.repeat_interleave(torch.arange(len(boxes)), counts)
