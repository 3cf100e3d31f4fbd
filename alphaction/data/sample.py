"""The data that the dataset passes to the model: one clip, and a batch of clips.

Axes: B clips of a batch, T frames of a pathway, H and W rows and columns, D, H' and W' channels, rows and columns of a
feature map, N persons of the batch, M objects of the batch, C classes.
"""

from __future__ import annotations

from dataclasses import dataclass, field, fields, replace
from typing import NamedTuple

import torch
from torch import Tensor

from alphaction.data.keyframes import Keyframe
from alphaction.utils.device_copy import CopyStream, DeviceCopy


class SampleRequest(NamedTuple):
    """Which clip to load, and the seed of its augmentation: results do not depend on the worker that loads it."""

    index: int
    seed: int


@dataclass(frozen=True)
class ClipSample:
    """One clip, its boxes and labels. Pixel boxes are xyxy in the resized frame, upstream's convention (x2 inclusive).

    Attributes:
        index: position in the dataset.
        keyframe: video and second.
        slow: uint8 [3, T_slow, H, W] RGB frames, or None when that pathway is off.
        fast: uint8 [3, T_fast, H, W], or None.
        size: (width, height) of the frames in pixels.
        boxes: float32 [n, 4] person boxes that features are pooled from (jittered or extended).
        unit_boxes: float64 [n, 4] the same persons' original boxes, normalized to [0, 1]; what results are reported on.
        scores: float32 [n] detection scores (1 for ground truth).
        labels: float32 [n, C] multi-hot in channel order, or None at test time.
        object_boxes: float32 [m, 4] object boxes, best score first.
        features: float [D, H', W'] the clip's feature map in place of frames, see :mod:`alphaction.data.feature_cache`.
        color_shift: int16 [3] levels that are still to be added to hue, saturation and value of the frames, see
            :mod:`alphaction.data.device_colors`; None: the frames are as they should be.
    """

    index: int
    keyframe: Keyframe
    slow: Tensor | None
    fast: Tensor | None
    size: tuple[int, int]
    boxes: Tensor
    unit_boxes: Tensor
    scores: Tensor
    labels: Tensor | None
    object_boxes: Tensor
    features: Tensor | None = None
    color_shift: Tensor | None = None


@dataclass(frozen=True)
class ClipBatch:
    """Clips padded at the bottom and right to one size; boxes of all clips in one tensor, with their clip's position.

    Attributes:
        indices: int64 [B] dataset positions of the clips.
        keyframes: video and second of the B clips.
        slow: uint8 [B, 3, T_slow, H, W] (padding 0), float after :func:`normalize_clips`, or None.
        fast: [B, 3, T_fast, H, W] or None.
        sizes: int64 [B, 2] (width, height) of each clip before padding.
        boxes: float32 [N, 4] person boxes, xyxy pixels.
        clip_index: int64 [N] clip (0..B-1) of each person, ascending.
        unit_boxes: float64 [N, 4] original normalized boxes.
        scores: float32 [N].
        labels: float32 [N, C] or None.
        object_boxes: float32 [M, 4].
        object_clip_index: int64 [M], ascending.
        features: float [B, D, H', W'] feature maps in place of frames, or None.
        color_shifts: int16 [B, 3], see :class:`ClipSample`; or None.
        on_its_way: a copy to a device that the loader has begun, which :meth:`to` returns once.
    """

    indices: Tensor
    keyframes: list[Keyframe]
    slow: Tensor | None
    fast: Tensor | None
    sizes: Tensor
    boxes: Tensor
    clip_index: Tensor
    unit_boxes: Tensor
    scores: Tensor
    labels: Tensor | None
    object_boxes: Tensor
    object_clip_index: Tensor
    features: Tensor | None = None
    color_shifts: Tensor | None = None
    on_its_way: DeviceCopy | None = field(default=None, repr=False, compare=False)

    def __len__(self) -> int:
        return len(self.keyframes)

    def without_frames(self) -> ClipBatch:
        """Return a copy that keeps boxes and keyframes only."""
        return replace(self, slow=None, fast=None, features=None, on_its_way=None)

    def person_indices(self) -> Tensor:
        """Return the dataset position of each person's clip, int64 [N]."""
        return self.indices[self.clip_index]

    def to(self, device: torch.device | str) -> ClipBatch:
        """Return a copy on ``device``; copies from pinned memory do not block."""
        copies = None if self.on_its_way is None else self.on_its_way.take(device)
        if copies is None:
            copies = {name: tensor.to(device, non_blocking=True) for name, tensor in self.tensors().items()}
        return replace(self, **copies, on_its_way=None)

    def sent_by(self, stream: CopyStream) -> ClipBatch:
        """Return this batch in page-locked memory, with a copy on its way to the device, which :meth:`to` returns."""
        pinned, on_its_way = stream.start(self.tensors())
        return replace(self, **pinned, on_its_way=on_its_way)

    def tensors(self) -> dict[str, Tensor]:
        """Return all tensors by their attribute."""
        return {f.name: value for f in fields(self) if isinstance(value := getattr(self, f.name), Tensor)}
