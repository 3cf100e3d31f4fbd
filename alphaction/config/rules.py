"""Rules across config keys. Each function yields one message per problem, with its remedy.

The first line of its docstring is the rule as docs/CONFIG.md prints it. Rules that need the network are in
:mod:`alphaction.modeling.network_rules`.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from yacs.config import CfgNode

from alphaction.config.pathways import active_pathways, frame_problems
from alphaction.config.validate import SPLITS, Run, rule
from alphaction.utils.errors import UserError
from alphaction.utils.files import check_writable, missing_file
from alphaction.utils.messages import counted


@rule("MODEL.ROI_ACTION_HEAD.PROPOSAL_JITTER_X", "MODEL.ROI_ACTION_HEAD.PROPOSAL_JITTER_Y")
def check_boxes(cfg: CfgNode, run: Run) -> Iterator[str]:
    """The inward part of PROPOSAL_JITTER_X and PROPOSAL_JITTER_Y is below 0.5, so that no box vanishes."""
    for key in ("PROPOSAL_JITTER_X", "PROPOSAL_JITTER_Y"):
        jitter = cfg.MODEL.ROI_ACTION_HEAD[key]
        if jitter[1] >= 0.5:
            yield (
                f"MODEL.ROI_ACTION_HEAD.{key} is {jitter}: two sides that move {jitter[1]} inwards leave no box. "
                "Choose a second number below 0.5."
            )


@rule("MODEL.BACKBONE.CONV_BODY", "INPUT.FRAME_NUM", "INPUT.TAU", "INPUT.ALPHA")
def check_frames(cfg: CfgNode, run: Run) -> Iterator[str]:
    """At least one pathway is active; FRAME_NUM is a multiple of TAU (slow pathway), TAU of ALPHA (fast pathway)."""
    slow, fast = active_pathways(cfg)
    yield from frame_problems(cfg.INPUT.FRAME_NUM, cfg.INPUT.TAU, cfg.INPUT.ALPHA, slow=slow, fast=fast)


@rule("INPUT.MIN_SIZE_TRAIN", "INPUT.MAX_SIZE_TRAIN", "INPUT.MIN_SIZE_TEST", "INPUT.MAX_SIZE_TEST")
def check_sizes(cfg: CfgNode, run: Run) -> Iterator[str]:
    """MIN_SIZE_... is not above MAX_SIZE_...."""
    for split in SPLITS:
        low, high = cfg.INPUT[f"MIN_SIZE_{split}"], cfg.INPUT[f"MAX_SIZE_{split}"]
        if low > high:
            yield (
                f"INPUT.MIN_SIZE_{split} {low} is above INPUT.MAX_SIZE_{split} {high}: the longer side of a frame "
                f"cannot be shorter than the shorter one. Set MAX_SIZE_{split} to {low} or more."
            )


@rule("INPUT.FLIP_CLASS_PAIRS")
def check_flip_pairs(cfg: CfgNode, run: Run) -> Iterator[str]:
    """FLIP_CLASS_PAIRS holds pairs of two different names; no name is in two of them."""
    seen: set[str] = set()
    pairs = cfg.INPUT.FLIP_CLASS_PAIRS
    if any(isinstance(pair, str) for pair in pairs):
        yield f"INPUT.FLIP_CLASS_PAIRS is {pairs}: it must be a list of pairs. Write [[name, name], ...]."
        return
    for pair in pairs:
        if len(pair) != 2 or pair[0] == pair[1]:
            yield f"INPUT.FLIP_CLASS_PAIRS: {pair} is no pair of two class names. Write [[name, name], ...]."
            continue
        for name in pair:
            if name in seen:
                yield f'INPUT.FLIP_CLASS_PAIRS: "{name}" is in two pairs. Keep one of them.'
            seen.add(name)


@rule("DATASETS")
def check_datasets(cfg: CfgNode, run: Run) -> Iterator[str]:
    """DATASETS.TRAIN is not empty for training, DATASETS.TEST for evaluation; names do not repeat."""
    for split in run.splits:
        names = cfg.DATASETS[split]
        if not names:
            yield (
                f"DATASETS.{split} is empty. Name a dataset there, for example "
                f'DATASETS.{split} "[ava_video_{"train" if split == "TRAIN" else "val"}_v2.2]".'
            )
        for name in sorted({name for name in names if names.count(name) > 1}):
            yield f'DATASETS.{split} names "{name}" {names.count(name)} times. Keep one.'


@rule("SOLVER.SCHEDULER", "SOLVER.STEPS", "SOLVER.MAX_ITER", "SOLVER.WARMUP_ITERS")
def check_schedule(cfg: CfgNode, run: Run) -> Iterator[str]:
    """In training: STEPS ascend and are below MAX_ITER (warmup_multi_step); WARMUP_ITERS is below MAX_ITER."""
    solver = cfg.SOLVER
    if "TRAIN" not in run.splits:
        return
    if solver.SCHEDULER == "warmup_multi_step":
        ascending = sorted(set(solver.STEPS))
        if list(solver.STEPS) != ascending:
            yield f"SOLVER.STEPS is {tuple(solver.STEPS)}, not ascending. Set it to {tuple(ascending)}."
        late = [step for step in ascending if step >= solver.MAX_ITER]
        if late:
            kept = tuple(step for step in ascending if step < solver.MAX_ITER)
            yield (
                f"SOLVER.STEPS {tuple(solver.STEPS)} has steps that a run of MAX_ITER {solver.MAX_ITER} never reaches. "
                f'Set SOLVER.STEPS "{list(kept)}", or raise MAX_ITER.'
            )
    if solver.WARMUP_ON and solver.WARMUP_ITERS >= solver.MAX_ITER:
        yield (
            f"SOLVER.WARMUP_ITERS {solver.WARMUP_ITERS} is not below MAX_ITER {solver.MAX_ITER}: the learning rate "
            f"never gets to BASE_LR. For so short a run write SOLVER.MAX_ITER {solver.MAX_ITER} SOLVER.WARMUP_ITERS "
            f"{solver.MAX_ITER // 10}, or SOLVER.WARMUP_ON False."
        )


@rule("SOLVER.VIDEOS_PER_BATCH", "SOLVER.ACCUMULATION_STEPS", "TEST.VIDEOS_PER_BATCH")
def check_batches(cfg: CfgNode, run: Run) -> Iterator[str]:
    """VIDEOS_PER_BATCH is a multiple of processes x ACCUMULATION_STEPS; TEST.VIDEOS_PER_BATCH has a clip for each."""
    solver = cfg.SOLVER
    parts = max(1, run.num_processes * solver.ACCUMULATION_STEPS)
    if "TRAIN" in run.splits and solver.VIDEOS_PER_BATCH % parts:
        nearest = max(1, round(solver.VIDEOS_PER_BATCH / parts)) * parts
        yield (
            f"SOLVER.VIDEOS_PER_BATCH is {solver.VIDEOS_PER_BATCH}, which does not split evenly over "
            f"{counted(run.num_processes, 'process', 'processes')} x "
            f"{counted(solver.ACCUMULATION_STEPS, 'accumulation step')}. "
            f"Set SOLVER.VIDEOS_PER_BATCH {nearest}, or change SOLVER.ACCUMULATION_STEPS."
        )
    if "TEST" in run.splits and run.num_processes > cfg.TEST.VIDEOS_PER_BATCH:
        yield (
            f"TEST.VIDEOS_PER_BATCH is {cfg.TEST.VIDEOS_PER_BATCH}, fewer clips than there are processes. "
            f"Set TEST.VIDEOS_PER_BATCH {run.num_processes}."
        )


@rule("SOLVER.AMP", "MODEL.DEVICE")
def check_precision(cfg: CfgNode, run: Run) -> Iterator[str]:
    """SOLVER.AMP fp16 does not go with MODEL.DEVICE cpu."""
    if cfg.SOLVER.AMP == "fp16" and cfg.MODEL.DEVICE == "cpu":
        yield "SOLVER.AMP fp16 works on CUDA only, and MODEL.DEVICE is cpu. Set SOLVER.AMP to bf16 or off."


@rule("MODEL.WEIGHT")
def check_weight(cfg: CfgNode, run: Run) -> Iterator[str]:
    """MODEL.WEIGHT, where given, is a file that exists."""
    if run.check_files and cfg.MODEL.WEIGHT:
        path = Path(cfg.MODEL.WEIGHT).expanduser()
        if not path.is_file():
            yield (
                f"MODEL.WEIGHT: {missing_file(path, ('.pth', '.pkl', '.pt'))} "
                'Correct the path, download the weights there, or set MODEL.WEIGHT "" to start from random ones.'
            )


@rule("DATALOADER.CLIP_CACHE")
def check_clip_cache(cfg: CfgNode, run: Run) -> Iterator[str]:
    """DATALOADER.CLIP_CACHE, where given, is a folder that can be written to, or that can be made."""
    if run.check_files and cfg.DATALOADER.CLIP_CACHE:
        try:
            check_writable("DATALOADER.CLIP_CACHE", Path(cfg.DATALOADER.CLIP_CACHE).expanduser() / "clip.npy")
        except UserError as error:
            yield f'{error} Or set DATALOADER.CLIP_CACHE "" to do without.'


@rule("OUTPUT_DIR")
def check_output(cfg: CfgNode, run: Run) -> Iterator[str]:
    """OUTPUT_DIR is not empty."""
    if not cfg.OUTPUT_DIR.strip():
        yield "OUTPUT_DIR is empty. Name the folder of the run, for example output/my_run; . is the current folder."
