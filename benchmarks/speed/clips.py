"""Made-up clips and full memories of a config, for parts that measure a network without decoding."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import torch
from yacs.config import CfgNode

from alphaction.config.pathways import frame_counts
from alphaction.data.keyframes import Keyframe
from alphaction.data.sample import ClipBatch
from alphaction.memory import MemoryPool
from alphaction.modeling import DetectionModel
from alphaction.utils.numbers import whole

PIXELS = whole(32)  # of a side of frames: networks reduce them by as much


def padded(size: tuple[int, int], divisibility: int = 16) -> tuple[int, int]:
    """Return (height, width) of frames as they are padded for a batch."""
    height, width = (-(-side // divisibility) * divisibility for side in size)
    return height, width


def training_size(cfg: CfgNode) -> tuple[int, int]:
    """Return (height, width) of a padded training clip of a video of 4:3."""
    height, _ = padded((cfg.INPUT.MIN_SIZE_TRAIN, 1), cfg.DATALOADER.SIZE_DIVISIBILITY)
    return padded((height, min(cfg.INPUT.MAX_SIZE_TRAIN, height * 4 // 3)), cfg.DATALOADER.SIZE_DIVISIBILITY)


def make_batch(cfg: CfgNode, clips: int, persons: int, size: tuple[int, int] | None = None) -> ClipBatch:
    """Return random clips with ``persons`` persons and MAX_OBJECT objects each, on the CPU.

    Args:
        cfg: what the network takes.
        clips: B.
        persons: of each clip.
        size: (height, width) of the frames in pixels; None: :func:`training_size`.
    """
    height, width = training_size(cfg) if size is None else size
    frames = [
        torch.randint(0, 256, (clips, 3, count, height, width), dtype=torch.uint8) if count else None
        for count in frame_counts(cfg)
    ]
    objects = cfg.MODEL.IA_STRUCTURE.MAX_OBJECT
    box = torch.tensor([[width * 0.3, height * 0.2, width * 0.6, height * 0.9]])
    labels = (torch.rand(clips * persons, cfg.MODEL.ROI_ACTION_HEAD.NUM_CLASSES) < 0.05).float()
    labels[:, 0] = 1
    return ClipBatch(
        indices=torch.arange(clips),
        keyframes=[Keyframe(f"video{i}", 100) for i in range(clips)],
        slow=frames[0],
        fast=frames[1],
        sizes=torch.tensor([[width, height]] * clips),
        boxes=box.repeat(clips * persons, 1),
        clip_index=torch.arange(clips).repeat_interleave(persons),
        unit_boxes=torch.zeros(clips * persons, 4, dtype=torch.float64),
        scores=torch.ones(clips * persons),
        labels=labels,
        object_boxes=box.repeat(clips * objects, 1),
        object_clip_index=torch.arange(clips).repeat_interleave(objects),
    )


def page_locked(batch: ClipBatch) -> ClipBatch:
    """Return a copy in memory that a GPU can copy from by itself."""
    return replace(batch, **{name: tensor.pin_memory() for name, tensor in batch.tensors().items()})


def full_memory(cfg: CfgNode, model: DetectionModel, keyframes: Sequence[Keyframe]) -> MemoryPool | None:
    """Return a memory with random features for every second that the keyframes can see; None if none is used."""
    if not model.uses_memory:
        return None
    pool = MemoryPool.from_config(cfg)
    fill_pool(pool, keyframes)
    return pool


def fill_pool(pool: MemoryPool, keyframes: Sequence[Keyframe]) -> None:
    """Write random features for every second that the keyframes can see."""
    for video, second in keyframes:
        around = [Keyframe(video, remembered) for remembered in pool.window.seconds(second)]
        index = torch.arange(len(around)).repeat_interleave(pool.window.max_per_second)
        pool.write(around, torch.rand(len(index), pool.dim), index, tag=1.0)
