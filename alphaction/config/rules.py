"""Rules across config keys. Each function yields one message per problem, with its remedy.

The first line of its docstring is the rule as docs/CONFIG.md prints it. Rules that need the network are in
:mod:`alphaction.modeling.network_rules`.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from itertools import chain
from pathlib import Path

from yacs.config import CfgNode

from alphaction.config.pathways import active_pathways, frame_problems, jitter_problem
from alphaction.config.validate import SPLITS, Run, rule
from alphaction.utils.errors import UserError
from alphaction.utils.files import WEIGHT_SUFFIXES, check_writable, missing_file
from alphaction.utils.messages import counted, listed
from alphaction.utils.weight_names import is_zoo_name

# Times of keyframes are exact to it, in seconds: a stride of 0.333 means a third.
_THOUSANDTH = 0.001


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


@rule("MODEL.BACKBONE.CONV_BODY", "INPUT.SLOW_JITTER", "INPUT.SLOW_SAMPLING")
def check_jitter(cfg: CfgNode, run: Run) -> Iterator[str]:
    """SLOW_JITTER does not go with SLOW_SAMPLING linspace, which leaves no other frame to start at."""
    problem = jitter_problem(cfg.INPUT.SLOW_SAMPLING)
    if active_pathways(cfg)[0] and cfg.INPUT.SLOW_JITTER and problem is not None:
        yield problem


@rule("INPUT.FRAME_NUM", "INPUT.FRAME_SAMPLE_RATE", "INPUT.CLIP_OFFSET")
def check_offset(cfg: CfgNode, run: Run) -> Iterator[str]:
    """CLIP_OFFSET leaves the keyframe within the clip: at most FRAME_NUM x FRAME_SAMPLE_RATE / 2, either way."""
    half = cfg.INPUT.FRAME_NUM * cfg.INPUT.FRAME_SAMPLE_RATE // 2
    if abs(cfg.INPUT.CLIP_OFFSET) > half:
        yield (
            f"INPUT.CLIP_OFFSET is {cfg.INPUT.CLIP_OFFSET}, but a clip reaches {counted(half, 'timeline frame')} to "
            "either side (FRAME_NUM x FRAME_SAMPLE_RATE / 2): the keyframe, where the boxes lie, would not be in it. "
            f"Choose from {-half} to {half}."
        )


@rule("INPUT.ZOOM_JITTER")
def check_zoom(cfg: CfgNode, run: Run) -> Iterator[str]:
    """The first number of ZOOM_JITTER is not above the second."""
    low, high = cfg.INPUT.ZOOM_JITTER
    if low > high:
        yield f'INPUT.ZOOM_JITTER is [{low}, {high}], not ascending. Set it to "[{high}, {low}]".'


@rule("INPUT.TIME_JITTER", "INPUT.SPEED_JITTER", "INPUT.FRAME_NUM", "INPUT.FRAME_SAMPLE_RATE", "INPUT.CLIP_OFFSET")
def check_time_jitter(cfg: CfgNode, run: Run) -> Iterator[str]:
    """In training, TIME_JITTER leaves the keyframe within the clip, also at its slowest (SPEED_JITTER)."""
    inputs = cfg.INPUT
    reach = inputs.FRAME_NUM * inputs.FRAME_SAMPLE_RATE // 2 - abs(inputs.CLIP_OFFSET)
    if "TRAIN" in run.splits and inputs.TIME_JITTER * inputs.SPEED_JITTER > reach >= 0:
        yield (
            f"INPUT.TIME_JITTER is {inputs.TIME_JITTER:g}, but a clip reaches {reach / inputs.SPEED_JITTER:.4g} "
            "timeline frames from its keyframe (FRAME_NUM x FRAME_SAMPLE_RATE / 2 - CLIP_OFFSET, divided by "
            "SPEED_JITTER): the keyframe, where the boxes lie, might not be in it. Choose that or less."
        )


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


@rule("TEST.STRIDE", "MODEL.IA_STRUCTURE")
def check_stride(cfg: CfgNode, run: Run) -> Iterator[str]:
    """Where a network has a memory, MEMORY_RATE is a multiple of TEST.STRIDE, so that each slot has its keyframe."""
    ia, stride = cfg.MODEL.IA_STRUCTURE, cfg.TEST.STRIDE
    if not ia.ACTIVE or not any(ia.LENGTH) or "M" not in chain.from_iterable(ia.I_BLOCK_LIST):
        return
    rate = ia.MEMORY_RATE
    if abs(rate / max(1, round(rate / stride)) - stride) > _THOUSANDTH:
        parts = max(1, int(rate / stride))
        yield (
            f"TEST.STRIDE is {stride:g} s, but the memory of this network has a slot every {rate} s "
            "(MODEL.IA_STRUCTURE.MEMORY_RATE): slots would have no keyframe, or that of another time. Choose "
            f"{rate / parts:.3g} or {rate / (parts + 1):.3g}, or another that goes into {rate} a whole number of times."
        )


@rule("DATASETS")
def check_datasets(cfg: CfgNode, run: Run) -> Iterator[str]:
    """DATASETS.TRAIN is not empty for training, DATASETS.TEST for evaluation; names do not repeat."""
    for split in run.splits:
        names = cfg.DATASETS[split]
        if not names:
            without = "Or train without: --skip-val-in-train --skip-final-test."
            yield (
                f"DATASETS.{split} is empty. Name a dataset there, for example "
                f'DATASETS.{split} "[ava_video_{"train" if split == "TRAIN" else "val"}_v2.2]". '
                f"{without if split == 'TEST' and 'TRAIN' in run.splits else ''}"
            ).rstrip()
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


@rule("SOLVER.SCHEDULER", "SOLVER.BASE_LR", "SOLVER.MIN_LR")
def check_lowest_rate(cfg: CfgNode, run: Run) -> Iterator[str]:
    """In training: MIN_LR is not above BASE_LR (half_period_cosine)."""
    solver = cfg.SOLVER
    if "TRAIN" in run.splits and solver.SCHEDULER == "half_period_cosine" and solver.MIN_LR > solver.BASE_LR:
        yield (
            f"SOLVER.MIN_LR {solver.MIN_LR:g} is above BASE_LR {solver.BASE_LR:g}: the learning rate would rise. Set "
            f"SOLVER.MIN_LR {solver.BASE_LR / 100:g}, say, or 0."
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
    """MODEL.WEIGHT, where given, is a file that exists, or "zoo:" and the name of public weights."""
    if run.check_files and cfg.MODEL.WEIGHT and not is_zoo_name(cfg.MODEL.WEIGHT):
        path = Path(os.path.expanduser(cfg.MODEL.WEIGHT))
        if not path.is_file():
            yield (
                f"MODEL.WEIGHT: {missing_file(path, WEIGHT_SUFFIXES)} "
                'Correct the path, download the weights there, or set MODEL.WEIGHT "" to start from random ones.'
            )


@rule("DATALOADER.CLIP_CACHE", "DATALOADER.FEATURE_CACHE")
def check_caches(cfg: CfgNode, run: Run) -> Iterator[str]:
    """DATALOADER.CLIP_CACHE and FEATURE_CACHE, where given, are folders that can be written to, or that can be made."""
    for key in ("CLIP_CACHE", "FEATURE_CACHE"):
        if run.check_files and cfg.DATALOADER[key]:
            try:
                check_writable(f"DATALOADER.{key}", Path(os.path.expanduser(cfg.DATALOADER[key])) / "clip.npy")
            except UserError as error:
                yield f'{error} Or set DATALOADER.{key} "" to do without.'


@rule("DATALOADER.FEATURE_CACHE", "MODEL.BACKBONE", "MODEL.ROI_ACTION_HEAD.MEAN_BEFORE_POOLER", "INPUT")
def check_kept_features(cfg: CfgNode, run: Run) -> Iterator[str]:
    """With FEATURE_CACHE: FREEZE all, MEAN_BEFORE_POOLER; in training no jitter of frames (COLOR_JITTER and so on)."""
    if not cfg.DATALOADER.FEATURE_CACHE:
        return
    training, jitters = "TRAIN" in run.splits, _jitters(cfg)
    wrong = (
        (
            cfg.MODEL.BACKBONE.FREEZE != "all",
            f"MODEL.BACKBONE.FREEZE is {cfg.MODEL.BACKBONE.FREEZE}, so that the features change while it is trained",
            "MODEL.BACKBONE.FREEZE all",
        ),
        (
            not cfg.MODEL.ROI_ACTION_HEAD.MEAN_BEFORE_POOLER,
            "MODEL.ROI_ACTION_HEAD.MEAN_BEFORE_POOLER is False, and features of every frame would take too much room",
            "MODEL.ROI_ACTION_HEAD.MEAN_BEFORE_POOLER True",
        ),
        (
            training and len(jitters) > 0,
            f"{listed([f'INPUT.{key}' for key in jitters], len(jitters))} "
            f"{'gives' if len(jitters) == 1 else 'give'} it other features each time",
            " ".join(f"INPUT.{key} {off}" for key, off in jitters.items()),
        ),
    )
    for applies, problem, remedy in wrong:
        if applies:
            yield (
                f"DATALOADER.FEATURE_CACHE computes the features of a clip once, but {problem}. Set {remedy}, or "
                'DATALOADER.FEATURE_CACHE "" to do without.'
            )


def _jitters(cfg: CfgNode) -> dict[str, str]:
    """Return the keys of INPUT that change frames at random, and for each the text of the value that does not."""
    inputs = cfg.INPUT
    jitters = (
        ("COLOR_JITTER", "False", inputs.COLOR_JITTER),
        ("SLOW_JITTER", "False", inputs.SLOW_JITTER and active_pathways(cfg)[0]),
        ("ZOOM_JITTER", '"[1.0, 1.0]"', tuple(inputs.ZOOM_JITTER) != (1.0, 1.0)),
        ("STRETCH_JITTER", "1.0", inputs.STRETCH_JITTER != 1),
        ("TIME_JITTER", "0.0", inputs.TIME_JITTER != 0),
        ("SPEED_JITTER", "1.0", inputs.SPEED_JITTER != 1),
    )
    return {key: off for key, off, changes in jitters if changes}


@rule("OUTPUT_DIR")
def check_output(cfg: CfgNode, run: Run) -> Iterator[str]:
    """OUTPUT_DIR is not empty."""
    if not cfg.OUTPUT_DIR.strip():
        yield "OUTPUT_DIR is empty. Name the folder of the run, for example output/my_run; . is the current folder."
