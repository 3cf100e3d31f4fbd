"""Rules across config keys. Each ``check_*`` function yields one message per problem, with its remedy.

The first line of a check's docstring is the rule as docs/CONFIG.md prints it.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from pathlib import Path

from yacs.config import CfgNode

from alphaction.config.clip import (
    GROUP_FRAMES,
    backbone_channels,
    clip_frames,
    group_nonlocal_frames,
    is_slowfast,
    slow_frame_counts,
    stage_frames,
    uses_fast,
    uses_slow,
)
from alphaction.config.names import CONV_BODIES, IA_BLOCKS, IA_STRUCTURES
from alphaction.config.ranges import check_values
from alphaction.utils.errors import UserError
from alphaction.utils.files import check_writable, missing_file
from alphaction.utils.messages import suggest

SPLITS = ("TRAIN", "TEST")


@dataclass(frozen=True)
class Run:
    """What a config is checked for.

    Attributes:
        num_processes: processes (one per GPU) over all machines.
        check_files: whether files that the config names must exist.
        splits: which of TRAIN and TEST the run uses.
    """

    num_processes: int = 1
    check_files: bool = True
    splits: Collection[str] = SPLITS


def check_classes(cfg: CfgNode, run: Run) -> Iterator[str]:
    """NUM_CLASSES is the sum of the three group sizes."""
    head = cfg.MODEL.ROI_ACTION_HEAD
    groups = (
        head.NUM_PERSON_MOVEMENT_CLASSES,
        head.NUM_OBJECT_MANIPULATION_CLASSES,
        head.NUM_PERSON_INTERACTION_CLASSES,
    )
    if sum(groups) != head.NUM_CLASSES:
        yield (
            f"MODEL.ROI_ACTION_HEAD.NUM_CLASSES is {head.NUM_CLASSES}, but its groups hold "
            f"{groups[0]} + {groups[1]} + {groups[2]} = {sum(groups)} (NUM_PERSON_MOVEMENT_CLASSES, "
            "NUM_OBJECT_MANIPULATION_CLASSES, NUM_PERSON_INTERACTION_CLASSES). Make them agree, or remove all four to "
            "take them from the label map."
        )


def check_boxes(cfg: CfgNode, run: Run) -> Iterator[str]:
    """The inward part of PROPOSAL_JITTER_X and PROPOSAL_JITTER_Y is below 0.5, so that no box vanishes."""
    for key in ("PROPOSAL_JITTER_X", "PROPOSAL_JITTER_Y"):
        jitter = cfg.MODEL.ROI_ACTION_HEAD[key]
        if len(jitter) == 2 and jitter[1] >= 0.5:
            yield (
                f"MODEL.ROI_ACTION_HEAD.{key} is {jitter}: two sides that move {jitter[1]} inwards leave no box. "
                "Choose a second number below 0.5."
            )


def check_pathways(cfg: CfgNode, run: Run) -> Iterator[str]:
    """At least one pathway is active; TAU is a multiple of ALPHA; FRAME_NUM holds whole slow and fast steps."""
    if cfg.MODEL.BACKBONE.CONV_BODY not in CONV_BODIES or min(cfg.INPUT.TAU, cfg.INPUT.ALPHA, cfg.INPUT.FRAME_NUM) < 1:
        return  # Already reported; nothing can be computed from it.
    slow, fast = uses_slow(cfg), uses_fast(cfg)
    tau, alpha, frames = cfg.INPUT.TAU, cfg.INPUT.ALPHA, cfg.INPUT.FRAME_NUM
    if not slow and not fast:
        yield "MODEL.BACKBONE.SLOWFAST: SLOW.ACTIVE and FAST.ACTIVE are both False. Set at least one of them to True."
    if is_slowfast(cfg) and fast and not backbone_channels(cfg)[1]:
        yield (
            f"MODEL.BACKBONE.SLOWFAST.BETA {cfg.MODEL.BACKBONE.SLOWFAST.BETA} leaves the fast pathway no channel. "
            "Choose 1/64 = 0.015625 or more; published weights have 0.125."
        )
    if fast and tau % alpha:
        yield (
            f"INPUT.TAU is {tau} and INPUT.ALPHA {alpha}: the fast pathway takes every (TAU / ALPHA)-th frame, so TAU "
            f"must be a multiple of ALPHA. Nearest: TAU {max(alpha, round(tau / alpha) * alpha)}."
        )
        return
    yield from _check_frame_counts(cfg, slow, fast, frames, tau, alpha)
    for name, count in group_nonlocal_frames(cfg).items():
        if count % GROUP_FRAMES:
            yield (
                f"MODEL.BACKBONE.{name}.CONV3_GROUP_NL cuts clips into groups of {GROUP_FRAMES} frames, but there are "
                f"{count} in that stage. Set it to False, or choose INPUT.FRAME_NUM, TAU and ALPHA to suit."
            )


def _check_frame_counts(cfg: CfgNode, slow: bool, fast: bool, frames: int, tau: int, alpha: int) -> Iterator[str]:
    counts = slow_frame_counts(cfg)
    fast_count = clip_frames(cfg)[1]
    multiple = max(1, round(frames / tau)) * tau
    if slow and min(counts) < 1:
        yield (
            f"INPUT.FRAME_NUM is {frames} and INPUT.TAU {tau}: the slow pathway gets no frame. "
            f"Set FRAME_NUM to {tau} or more, or TAU to {frames} or less."
        )
    elif slow and len(set(counts)) > 1:
        yield (
            f"INPUT.FRAME_NUM is {frames}, no multiple of INPUT.TAU {tau}: with SLOW_JITTER clips would have "
            f"{min(counts)} or {max(counts)} slow frames. Set FRAME_NUM to {multiple}."
        )
    elif slow and fast and counts[0] * alpha != fast_count:
        yield (
            f"INPUT.FRAME_NUM {frames}, TAU {tau} and ALPHA {alpha} give {counts[0]} slow and {fast_count} fast "
            f"frames instead of {counts[0] * alpha}. Set FRAME_NUM to a multiple of TAU, such as {multiple}."
        )
    if fast and not stage_frames(cfg)[1]:
        yield (
            f"INPUT.FRAME_NUM {frames}, TAU {tau} and ALPHA {alpha} give {fast_count} frames, of which the poolings of "
            f"{cfg.MODEL.BACKBONE.CONV_BODY} leave none. Raise FRAME_NUM or ALPHA."
        )


def check_sizes(cfg: CfgNode, run: Run) -> Iterator[str]:
    """MIN_SIZE_... is not above MAX_SIZE_...."""
    for split in SPLITS:
        low, high = cfg.INPUT[f"MIN_SIZE_{split}"], cfg.INPUT[f"MAX_SIZE_{split}"]
        if low > high:
            yield (
                f"INPUT.MIN_SIZE_{split} {low} is above INPUT.MAX_SIZE_{split} {high}: the longer side of a frame "
                f"cannot be shorter than the shorter one. Set MAX_SIZE_{split} to {low} or more."
            )


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


def check_interaction(cfg: CfgNode, run: Run) -> Iterator[str]:
    """With IA_STRUCTURE.ACTIVE: DIM_IN is the backbone's output width; DIM_OUT equals DIM_IN where FUSION is add."""
    ia = cfg.MODEL.IA_STRUCTURE
    if not ia.ACTIVE:
        return
    if cfg.MODEL.BACKBONE.CONV_BODY in CONV_BODIES:
        slow, fast = backbone_channels(cfg)
        if slow + fast not in (ia.DIM_IN, 0):
            parts = f" ({slow} slow + {fast} fast)" if is_slowfast(cfg) else ""
            yield (
                f"MODEL.IA_STRUCTURE.DIM_IN is {ia.DIM_IN}, but {cfg.MODEL.BACKBONE.CONV_BODY} puts out "
                f"{slow + fast} channels{parts}. Set DIM_IN to {slow + fast}."
            )
    if ia.FUSION == "add" and ia.DIM_OUT != ia.DIM_IN:
        yield (
            f"MODEL.IA_STRUCTURE.DIM_OUT is {ia.DIM_OUT}, but FUSION add needs the width of DIM_IN, {ia.DIM_IN}. "
            f"Set DIM_OUT to {ia.DIM_IN}, or FUSION to concat."
        )


def check_blocks(cfg: CfgNode, run: Run) -> Iterator[str]:
    """I_BLOCK_LIST is flat for serial and dense, equally long lists for parallel; O blocks need MAX_OBJECT above 0."""
    ia = cfg.MODEL.IA_STRUCTURE
    blocks = ia.I_BLOCK_LIST
    if not ia.ACTIVE or ia.STRUCTURE not in IA_STRUCTURES:
        return
    if not blocks:
        yield "MODEL.IA_STRUCTURE.I_BLOCK_LIST is empty. Name at least one block (P, O, M), or set ACTIVE to False."
        return
    nested = [isinstance(block, (list, tuple)) for block in blocks]
    layers = blocks if all(nested) else [blocks]
    if ia.STRUCTURE == "parallel" and not all(nested):
        yield (
            f"MODEL.IA_STRUCTURE.I_BLOCK_LIST is {blocks}: parallel takes a list of layers, each a list with one block "
            "per branch, such as [[P, O, M], [P, O, M]]."
        )
    elif ia.STRUCTURE == "parallel" and (len({len(layer) for layer in layers}) > 1 or not layers[0]):
        yield (
            f"MODEL.IA_STRUCTURE.I_BLOCK_LIST is {blocks}: the layers have {[len(layer) for layer in layers]} blocks; "
            "each branch needs one block in every layer."
        )
    elif ia.STRUCTURE != "parallel" and any(nested):
        yield (
            f"MODEL.IA_STRUCTURE.I_BLOCK_LIST is {blocks}: {ia.STRUCTURE} takes a flat list, such as [P, O, M]. "
            "Flatten it, or set STRUCTURE to parallel."
        )
    flat = [block for layer in layers for block in layer if isinstance(block, str)]
    for block in sorted(set(flat) - set(IA_BLOCKS)):
        yield f'MODEL.IA_STRUCTURE.I_BLOCK_LIST: "{block}" is no block. {suggest(block.upper(), IA_BLOCKS)}'
    if "O" in flat and ia.MAX_OBJECT < 1:
        yield (
            "MODEL.IA_STRUCTURE.I_BLOCK_LIST has an O block, but MAX_OBJECT is 0: there are no objects to attend to. "
            "Set MAX_OBJECT to 5 (and give the dataset object_boxes), or remove the O blocks."
        )
    if "M" in flat and not ia.MEMORY_OWN_SECOND and not any(ia.LENGTH):
        yield (
            "MODEL.IA_STRUCTURE.I_BLOCK_LIST has an M block, but LENGTH is (0, 0) and MEMORY_OWN_SECOND False: there "
            "is no memory to attend to. Set LENGTH to (30, 30), or remove the M blocks."
        )


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
            f"never gets to BASE_LR. Set SOLVER.WARMUP_ITERS {solver.MAX_ITER // 10}, or SOLVER.WARMUP_ON False."
        )


def check_batches(cfg: CfgNode, run: Run) -> Iterator[str]:
    """VIDEOS_PER_BATCH is a multiple of processes x ACCUMULATION_STEPS; TEST.VIDEOS_PER_BATCH has a clip for each."""
    solver = cfg.SOLVER
    parts = run.num_processes * solver.ACCUMULATION_STEPS
    if "TRAIN" in run.splits and parts >= 1 and solver.VIDEOS_PER_BATCH % parts:
        nearest = max(1, round(solver.VIDEOS_PER_BATCH / parts)) * parts
        yield (
            f"SOLVER.VIDEOS_PER_BATCH is {solver.VIDEOS_PER_BATCH}, which does not split evenly over "
            f"{run.num_processes} processes x {solver.ACCUMULATION_STEPS} accumulation steps. "
            f"Set SOLVER.VIDEOS_PER_BATCH {nearest}, or change SOLVER.ACCUMULATION_STEPS."
        )
    if "TEST" in run.splits and run.num_processes > cfg.TEST.VIDEOS_PER_BATCH:
        yield (
            f"TEST.VIDEOS_PER_BATCH is {cfg.TEST.VIDEOS_PER_BATCH}, fewer clips than there are processes. "
            f"Set TEST.VIDEOS_PER_BATCH {run.num_processes}."
        )


def check_precision(cfg: CfgNode, run: Run) -> Iterator[str]:
    """SOLVER.AMP fp16 does not go with MODEL.DEVICE cpu."""
    if cfg.SOLVER.AMP == "fp16" and cfg.MODEL.DEVICE == "cpu":
        yield "SOLVER.AMP fp16 works on CUDA only, and MODEL.DEVICE is cpu. Set SOLVER.AMP to bf16 or off."


def check_weight(cfg: CfgNode, run: Run) -> Iterator[str]:
    """MODEL.WEIGHT, where given, is a file that exists."""
    if run.check_files and cfg.MODEL.WEIGHT:
        path = Path(cfg.MODEL.WEIGHT).expanduser()
        if not path.is_file():
            yield (
                f"MODEL.WEIGHT: {missing_file(path, ('.pth', '.pkl', '.pt'))} "
                'Correct the path, download the weights there, or set MODEL.WEIGHT "" to start from random ones.'
            )


def check_clip_cache(cfg: CfgNode, run: Run) -> Iterator[str]:
    """DATALOADER.CLIP_CACHE, where given, is a folder that can be written to, or that can be made."""
    if run.check_files and cfg.DATALOADER.CLIP_CACHE:
        try:
            check_writable("DATALOADER.CLIP_CACHE", Path(cfg.DATALOADER.CLIP_CACHE).expanduser() / "clip.npy")
        except UserError as error:
            yield f'{error} Or set DATALOADER.CLIP_CACHE "" to do without.'


def check_output(cfg: CfgNode, run: Run) -> Iterator[str]:
    """OUTPUT_DIR is not empty."""
    if not cfg.OUTPUT_DIR.strip():
        yield "OUTPUT_DIR is empty. Name the folder of the run, for example output/my_run; . is the current folder."


CHECKS: tuple[Callable[[CfgNode, Run], Iterator[str]], ...] = (
    check_classes,
    check_boxes,
    check_pathways,
    check_sizes,
    check_flip_pairs,
    check_interaction,
    check_blocks,
    check_datasets,
    check_schedule,
    check_batches,
    check_precision,
    check_weight,
    check_clip_cache,
    check_output,
)


def validate_cfg(
    cfg: CfgNode, num_processes: int = 1, check_files: bool = True, *, splits: Collection[str] = SPLITS
) -> None:
    """Check every value of ``cfg`` and every rule across keys.

    Args:
        cfg: a config from :func:`alphaction.config.load_cfg`.
        num_processes: processes (one per GPU) over all machines.
        check_files: whether files that the config names must exist.
        splits: which of "TRAIN" and "TEST" the run uses; rules that concern only the others are skipped.

    Raises:
        UserError: if anything is wrong; its message lists all problems, each with its remedy.
    """
    run = Run(num_processes, check_files, splits)
    problems = list(check_values(cfg))
    for check in CHECKS:
        problems.extend(check(cfg, run))
    if problems:
        title = "1 problem" if len(problems) == 1 else f"{len(problems)} problems"
        raise UserError("\n  - ".join([f"{title} in the config:", *problems]))
