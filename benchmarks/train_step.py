#!/usr/bin/env python
"""Time training steps of a config on made-up clips: what the model costs, without decoding.

    python benchmarks/train_step.py --config-file config_files/tiny/base.yaml
    python benchmarks/train_step.py --config-file config_files/resnet50_4x16f_denseserial.yaml --clips 2 SOLVER.AMP bf16

Prints seconds per step, clips per second and peak memory. Objects and a full memory are made up if the model uses them.
"""

from __future__ import annotations

import argparse
import time

import torch

from alphaction.config import load_cfg
from alphaction.config.pathways import frame_counts
from alphaction.data.sample import ClipBatch, Keyframe
from alphaction.engine.metric_log import peak_memory_mb
from alphaction.engine.setup import autocast_for, set_up_runtime
from alphaction.memory import MemoryPool
from alphaction.modeling import build_detection_model
from alphaction.solver import build_optimizer
from alphaction.utils.errors import run_command
from alphaction.utils.numbers import POSITIVE
from alphaction.utils.options import CommandParser


def make_batch(cfg, clips: int, persons: int) -> ClipBatch:
    """Return random clips of the config's training size, with ``persons`` persons and MAX_OBJECT objects each."""
    height = -(-cfg.INPUT.MIN_SIZE_TRAIN // 16) * 16
    width = -(-min(cfg.INPUT.MAX_SIZE_TRAIN, height * 4 // 3) // 16) * 16
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


def fill_pool(pool: MemoryPool, keyframes: list[Keyframe]) -> None:
    """Write random features for every second that the keyframes can see."""
    for video, second in keyframes:
        around = [Keyframe(video, remembered) for remembered in pool.window.seconds(second)]
        index = torch.arange(len(around)).repeat_interleave(pool.window.max_per_second)
        pool.write(around, torch.rand(len(index), pool.dim), index, tag=1.0)


def main() -> None:
    """Run and print."""
    parser = CommandParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--config-file", required=True, metavar="F")
    parser.add_argument("--clips", type=POSITIVE, default=8, metavar="N", help="clips in a step (default: %(default)s)")
    parser.add_argument(
        "--persons", type=POSITIVE, default=4, metavar="N", help="persons a clip (default: %(default)s)"
    )
    parser.add_argument("--steps", type=POSITIVE, default=10, metavar="N", help="timed steps (default: %(default)s)")
    parser.add_argument("opts", nargs="*", metavar="KEY VALUE")
    args = parser.parse_intermixed_args()
    cfg = load_cfg(args.config_file, args.opts)
    runtime = set_up_runtime(cfg, seed=0)
    model = build_detection_model(cfg).to(runtime.device).train()
    optimizer = build_optimizer(cfg, model)
    scaler = torch.amp.GradScaler(runtime.device.type, enabled=cfg.SOLVER.AMP == "fp16")
    host_batch = make_batch(cfg, args.clips, args.persons)
    pool = MemoryPool.from_config(cfg) if model.uses_memory else None
    if pool is not None:
        fill_pool(pool, host_batch.keyframes)

    def step() -> None:
        batch = host_batch.to(runtime.device)
        memory = pool.read(batch.keyframes, penalty=True, seed=0, device=runtime.device) if pool is not None else None
        with autocast_for(cfg.SOLVER.AMP, runtime.device):
            loss = sum(model(batch, memory).losses.values())
        scaler.scale(loss).backward()
        scaler.step(optimizer)
        scaler.update()
        optimizer.zero_grad(set_to_none=True)

    for _ in range(2):
        step()
    if runtime.device.type == "cuda":
        torch.cuda.synchronize()
    start = time.perf_counter()
    for _ in range(args.steps):
        step()
    if runtime.device.type == "cuda":
        torch.cuda.synchronize()
    seconds = (time.perf_counter() - start) / args.steps
    print(
        f"{seconds:.3f} s a step, {args.clips / seconds:.2f} clips/s, "
        f"peak memory {peak_memory_mb(runtime.device):.0f} MB "
        f"({args.clips} clips, {args.persons} persons each, {runtime.device}, AMP {cfg.SOLVER.AMP})"
    )


if __name__ == "__main__":
    run_command(main)
