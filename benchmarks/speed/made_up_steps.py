"""Training steps for made-up clips, as the trainer builds them."""

from __future__ import annotations

import torch
from torch.optim.lr_scheduler import LambdaLR
from yacs.config import CfgNode

from alphaction.data.sample import ClipBatch
from alphaction.engine.setup import Runtime
from alphaction.engine.train_step import TrainStep
from alphaction.memory import MemoryPool
from alphaction.modeling import DetectionModel
from alphaction.solver import build_optimizer


def made_up_step(
    cfg: CfgNode,
    model: DetectionModel,
    batch: ClipBatch,
    device: torch.device,
    pool: MemoryPool | None,
    rate: float = 0,
) -> TrainStep:
    """Return a training step whose clips are always the same.

    Args:
        cfg: the experiment; its numbers of clips and persons do not count.
        model: on the device.
        batch: the clips of every step.
        device: where it runs.
        pool: a memory that is full around the clips, or None.
        rate: share of the learning rate. 0: all is computed, but random labels change no weight.
    """
    optimizer = build_optimizer(cfg, model)
    cfg = cfg.clone()
    cfg.defrost()
    # What a process sends in a step has room for this many persons.
    cfg.SOLVER.VIDEOS_PER_BATCH = len(batch.keyframes)
    cfg.MODEL.ROI_ACTION_HEAD.PROPOSAL_PER_CLIP = int(batch.clip_index.bincount().max())
    return TrainStep.from_config(
        cfg,
        runtime=Runtime(device, 0, 1, seed=0),
        model=model,
        optimizer=optimizer,
        scheduler=LambdaLR(optimizer, lambda _: rate),
        scaler=torch.amp.GradScaler(device.type, enabled=cfg.SOLVER.AMP == "fp16"),
        pool=pool,
        keyframes=batch.keyframes,
    )
