"""What each key accepts by itself: bounds of numbers, lengths of lists, names. Rules across keys are in validate.py."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import Any

from yacs.config import CfgNode

from alphaction.config.names import NAMES, SYNONYMS
from alphaction.utils.messages import suggest

# How a range is written in defaults.py -> the test of it.
BOUNDS: dict[str, Callable[[float], bool]] = {
    ">= 0": lambda value: value >= 0,
    ">= 1": lambda value: value >= 1,
    "> 0": lambda value: value > 0,
    "[0, 1]": lambda value: 0 <= value <= 1,
    "[0, 1)": lambda value: 0 <= value < 1,
    "(0, 1]": lambda value: 0 < value <= 1,
    "[0, 180]": lambda value: 0 <= value <= 180,
    "[0, 255]": lambda value: 0 <= value <= 255,
    "-1 or [0, 1]": lambda value: value == -1 or 0 <= value <= 1,
}

# Config key -> its range. In a list, every element must lie in it.
RANGES: dict[str, str] = {
    "MODEL.ROI_ACTION_HEAD.POOLER_RESOLUTION": ">= 1",
    "MODEL.ROI_ACTION_HEAD.POOLER_SCALE": "(0, 1]",
    "MODEL.ROI_ACTION_HEAD.POOLER_SAMPLING_RATIO": ">= 0",
    "MODEL.ROI_ACTION_HEAD.MLP_HEAD_DIM": ">= 1",
    "MODEL.ROI_ACTION_HEAD.DROPOUT_RATE": "[0, 1)",
    "MODEL.ROI_ACTION_HEAD.NUM_CLASSES": ">= 1",
    "MODEL.ROI_ACTION_HEAD.PROPOSAL_PER_CLIP": ">= 1",
    "MODEL.ROI_ACTION_HEAD.PROPOSAL_JITTER_X": ">= 0",
    "MODEL.ROI_ACTION_HEAD.PROPOSAL_JITTER_Y": ">= 0",
    "MODEL.ROI_ACTION_HEAD.NUM_PERSON_MOVEMENT_CLASSES": ">= 0",
    "MODEL.ROI_ACTION_HEAD.NUM_OBJECT_MANIPULATION_CLASSES": ">= 0",
    "MODEL.ROI_ACTION_HEAD.NUM_PERSON_INTERACTION_CLASSES": ">= 0",
    "MODEL.ROI_ACTION_HEAD.POSE_LOSS_WEIGHT": ">= 0",
    "MODEL.ROI_ACTION_HEAD.OBJECT_LOSS_WEIGHT": ">= 0",
    "MODEL.ROI_ACTION_HEAD.PERSON_LOSS_WEIGHT": ">= 0",
    "MODEL.ROI_ACTION_HEAD.FOCAL_LOSS.GAMMA": ">= 0",
    "MODEL.ROI_ACTION_HEAD.FOCAL_LOSS.ALPHA": "-1 or [0, 1]",
    "MODEL.BACKBONE.BN_MOMENTUM": "[0, 1]",
    "MODEL.BACKBONE.BN_EPSILON": "> 0",
    "MODEL.BACKBONE.SLOWFAST.BETA": "(0, 1]",
    "MODEL.NONLOCAL.CONV_INIT_STD": "> 0",
    "MODEL.NONLOCAL.BN_MOMENTUM": "[0, 1]",
    "MODEL.NONLOCAL.BN_EPSILON": "> 0",
    "MODEL.IA_STRUCTURE.MAX_PER_SEC": ">= 1",
    "MODEL.IA_STRUCTURE.MAX_PERSON": ">= 1",
    "MODEL.IA_STRUCTURE.DIM_IN": ">= 1",
    "MODEL.IA_STRUCTURE.DIM_INNER": ">= 1",
    "MODEL.IA_STRUCTURE.DIM_OUT": ">= 1",
    "MODEL.IA_STRUCTURE.LENGTH": ">= 0",
    "MODEL.IA_STRUCTURE.MEMORY_RATE": ">= 1",
    "MODEL.IA_STRUCTURE.CONV_INIT_STD": "> 0",
    "MODEL.IA_STRUCTURE.POSITION_INIT_STD": ">= 0",
    "MODEL.IA_STRUCTURE.COSINE_SCALE": ">= 0",
    "MODEL.IA_STRUCTURE.DROPOUT": "[0, 1)",
    "MODEL.IA_STRUCTURE.MAX_OBJECT": ">= 0",
    "INPUT.MIN_SIZE_TRAIN": ">= 1",
    "INPUT.MAX_SIZE_TRAIN": ">= 1",
    "INPUT.MIN_SIZE_TEST": ">= 1",
    "INPUT.MAX_SIZE_TEST": ">= 1",
    "INPUT.PIXEL_MEAN": "[0, 255]",
    "INPUT.PIXEL_STD": "> 0",
    "INPUT.FPS": ">= 0",
    "INPUT.FRAME_NUM": ">= 1",
    "INPUT.FRAME_SAMPLE_RATE": ">= 1",
    "INPUT.TAU": ">= 1",
    "INPUT.ALPHA": ">= 1",
    "INPUT.HUE_JITTER": "[0, 180]",
    "INPUT.SAT_JITTER": "[0, 1]",
    "INPUT.VAL_JITTER": "[0, 1]",
    "INPUT.FLIP_PROB": "[0, 1]",
    "DATALOADER.NUM_WORKERS": ">= 0",
    "DATALOADER.PREFETCH_FACTOR": ">= 1",
    "DATALOADER.SIZE_DIVISIBILITY": ">= 1",
    "SOLVER.MAX_ITER": ">= 1",
    "SOLVER.BASE_LR": "> 0",
    "SOLVER.BIAS_LR_FACTOR": ">= 0",
    "SOLVER.IA_LR_FACTOR": ">= 0",
    "SOLVER.MOMENTUM": "[0, 1)",
    "SOLVER.WEIGHT_DECAY": ">= 0",
    "SOLVER.WEIGHT_DECAY_BIAS": ">= 0",
    "SOLVER.WEIGHT_DECAY_BN": ">= 0",
    "SOLVER.GAMMA": "(0, 1]",
    "SOLVER.STEPS": ">= 1",
    "SOLVER.WARMUP_FACTOR": "[0, 1]",
    "SOLVER.WARMUP_ITERS": ">= 0",
    "SOLVER.CHECKPOINT_PERIOD": ">= 1",
    "SOLVER.EVAL_PERIOD": ">= 1",
    "SOLVER.LOG_PERIOD": ">= 1",
    "SOLVER.VIDEOS_PER_BATCH": ">= 1",
    "SOLVER.ACCUMULATION_STEPS": ">= 1",
    "SOLVER.REFERENCE_GPUS": ">= 1",
    "SOLVER.CLIP_GRAD_NORM": ">= 0",
    "TEST.VIDEOS_PER_BATCH": ">= 1",
    "TEST.EXTEND_SCALE": ">= 0",
    "TEST.BOX_THRESH": "[0, 1]",
    "TEST.ACTION_THRESH": "[0, 1]",
}

# Config key -> (number of elements, what they are).
LENGTHS: dict[str, tuple[int, str]] = {
    "MODEL.ROI_ACTION_HEAD.PROPOSAL_JITTER_X": (2, "outwards, inwards"),
    "MODEL.ROI_ACTION_HEAD.PROPOSAL_JITTER_Y": (2, "outwards, inwards"),
    "MODEL.IA_STRUCTURE.LENGTH": (2, "before, after"),
    "INPUT.PIXEL_MEAN": (3, "red, green, blue"),
    "INPUT.PIXEL_STD": (3, "red, green, blue"),
    "TEST.EXTEND_SCALE": (2, "width, height"),
}


def get_value(cfg: CfgNode, key: str) -> Any:
    """Return the value (or section) at the dotted path ``key``."""
    node: Any = cfg
    for part in key.split("."):
        node = node[part]
    return node


def check_values(cfg: CfgNode) -> Iterator[str]:
    """Yield one message for each key whose value alone is wrong: a number out of range, a list's length, a name."""
    for key, text in RANGES.items():
        value = get_value(cfg, key)
        numbers = value if isinstance(value, (list, tuple)) else (value,)
        if not all(math.isfinite(number) and BOUNDS[text](number) for number in numbers):
            what = "each number must be" if len(numbers) > 1 else "it must be"
            yield f"{key} is {value}: {what} {text if text[0] in '<>' else 'in ' + text}."
    for key, (length, what) in LENGTHS.items():
        value = get_value(cfg, key)
        if len(value) != length:
            yield f"{key} is {value}: it must hold {length} numbers ({what})."
    for key, names in NAMES.items():
        value = get_value(cfg, key)
        if value not in names:
            synonym = SYNONYMS.get(value.lower(), value)
            yield f'{key}: "{value}" is not available. {suggest(synonym if synonym in names else value, names)}'
