"""The action heads, pixels and clips of MMAction2's published networks, which its config texts may change."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from torch import Tensor

from alphaction.checkpoint.foreign import head_settings as head
from alphaction.checkpoint.foreign.converted import ForeignFile, Question, Setting
from alphaction.checkpoint.foreign.mmaction2_config import CONFIG, HeadFacts, InputFacts
from alphaction.checkpoint.foreign.mmaction2_names import CLASSIFIER, RECOGNITION_HEAD
from alphaction.checkpoint.foreign.slowfast_clips import clip_facts, clip_in_name
from alphaction.checkpoint.foreign.slowfast_shape import CLASSIFIER as OWN_CLASSIFIER
from alphaction.utils.errors import CheckpointError
from alphaction.utils.messages import counted

LICENSE = "Apache-2.0"
NETWORKS = "MMAction2's published networks"
MEAN, STD = (123.675, 116.28, 103.53), (58.395, 57.12, 57.375)
RESOLUTION = 8
SHORT_SIDE = 256
PER_SECOND = 30
_DETECTORS = "MMAction2's published detectors"
_TEMPORAL_MAX = re.compile(r"temporal[-_]?max", re.IGNORECASE)
# GPUs and clips per GPU, then the clip: in the name of every published config.
_CONFIG_NAME = re.compile(r"\d+xb\d+-\d+x\d+x1-")


def recognition_head(tensors: Mapping[str, Tensor], then: str) -> list[str]:
    """Return what is to be told of a classifier of clips, nothing if there is none; ``then``: more about the rest."""
    names = [name for name in tensors if name.startswith(RECOGNITION_HEAD)]
    rows = [len(tensors[name]) for name in names if name.endswith(".weight") and tensors[name].ndim == 2]
    classes = f" ({counted(rows[-1], 'class', 'classes')})" if rows else ""
    told = f"Left out: cls_head, the classifier of clips{classes}. The rest is a backbone{then}."
    return [told] if names else []


def drop_background(path: Path, weights: dict[str, Tensor], channels: int) -> list[str]:
    """Drop the background from the classifier among ``weights``, in place; return what is to be told of it.

    Args:
        path: the file, for messages.
        weights: by our names; without a classifier, nothing is done.
        channels: of the features.

    Raises:
        CheckpointError: for the classifier of a context head, and for one of no classes.
    """
    weight = weights.get(f"{OWN_CLASSIFIER}.weight")
    if weight is None:
        return []
    if weight.ndim == 2 and channels and weight.shape[1] == 2 * channels:
        raise CheckpointError(
            f"{path}: {CLASSIFIER}.weight is twice as wide ({weight.shape[1]}) as the features ({channels}): a context "
            "head, which sees the whole frame beside each box. This project has no such head."
        )
    bias = weights.get(f"{OWN_CLASSIFIER}.bias")
    if bias is None or weight.ndim != 2 or len(weight) < 2 or bias.shape != weight.shape[:1]:
        shapes = [list(tensor.shape) for tensor in (weight, bias) if tensor is not None]
        raise CheckpointError(
            f"{path}: {CLASSIFIER} has tensors of the shapes {shapes}; expected a weight [classes + 1, {channels}] and "
            "a bias [classes + 1], whose first row is the background."
        )
    weights[f"{OWN_CLASSIFIER}.weight"], weights[f"{OWN_CLASSIFIER}.bias"] = weight[1:].clone(), bias[1:].clone()
    left = len(weight) - 1
    return [
        f"Row 0 of {CLASSIFIER} is a background that was never trained: dropped; "
        f"{counted(left, 'class is', 'classes are')} left."
    ]


def pixel_settings(seen: InputFacts) -> dict[str, Setting]:
    """Return the normalization of pixels."""
    why = CONFIG if seen.mean and seen.std else NETWORKS
    return head.pixel_settings(seen.mean or MEAN, seen.std or STD, why)


def detector_settings(
    file: ForeignFile, classes: int, facts: HeadFacts, questions: dict[str, Question], decisions: list[str]
) -> dict[str, Setting]:
    """Return the head's settings; what nobody tells is added to ``questions``, what was found to ``decisions``."""
    pooling, why = facts.time_pooling, CONFIG
    named = bool(_TEMPORAL_MAX.search(file.path.name))
    if pooling is None and (named or _CONFIG_NAME.search(file.path.name)):
        pooling, why = "max" if named else "mean", "the file's name"
    if pooling is None:
        questions[head.TIME_POOLING] = Question(
            ("mean", "max"), "head", "neither a meta.cfg nor the file's name tells; the names of max say temporal-max"
        )
    else:
        decisions.append(
            f"Features are pooled over time by their {'maximum' if pooling == 'max' else pooling} ({why})."
        )
    if named and pooling == "mean":
        decisions.append('The file\'s name says "temporal-max", but its meta.cfg does not: meta.cfg counts.')
    resolution = facts.resolution or RESOLUTION
    aligned = True if facts.aligned is None else facts.aligned
    decisions.append(
        f"Boxes are pooled {resolution} x {resolution}, {'aligned' if aligned else 'not aligned'} "
        f"({CONFIG if facts.resolution else _DETECTORS})."
    )
    settings = head.detector_settings(
        classes,
        resolution=resolution,
        why=_DETECTORS,
        aligned=aligned,
        aligned_why=CONFIG if facts.aligned is not None else "",
        time_pooling=pooling,
        time_pooling_why=why,
    )
    for name, value in (("RESOLUTION", facts.resolution), ("SAMPLING_RATIO", facts.sampling_ratio)):
        if value is not None:
            settings[f"{head.HEAD}.POOLER_{name}"] = Setting(value, "head", CONFIG)
    return settings


def clip_settings(
    file: ForeignFile, seen: InputFacts, usual: tuple[int, int], alpha: int | None, decisions: list[str]
) -> tuple[dict[str, Any], str]:
    """Return (how a network's clips were, the clip as people call it or "" if nothing tells).

    Args:
        file: its name may tell the clip.
        seen: what its config tells.
        usual: (frames, rate) if nothing tells.
        alpha: fast frames per slow frame; None for a network with one pathway.
        decisions: a sentence is added.
    """
    if seen.frames and seen.rate:
        if seen.frames % (alpha or 1):
            raise CheckpointError(
                f"{file.path}: its meta.cfg has clips of {seen.frames} frames (clip_len), which is no multiple of the "
                f"{alpha} fast frames per slow one (speed_ratio)."
            )
        told = (seen.frames, seen.rate), CONFIG
    else:
        told = clip_in_name(file.path.name, alpha), "the file's name"
    clip, size, sentence = clip_facts(told, usual, alpha)
    decisions.append(sentence)
    return clip, size


def recipe_of(seen: InputFacts, dropout: float | None = None) -> dict[str, Any]:
    """Return the frame rate and the sizes that a network was trained with, and its dropout if that is known."""
    side = seen.short_side or SHORT_SIDE
    recipe: dict[str, Any] = {
        "INPUT.FPS": float(seen.per_second or PER_SECOND),
        "INPUT.MIN_SIZE_TEST": side,
        "INPUT.MIN_SIZE_TRAIN": side,
    }
    return recipe if dropout is None else recipe | {f"{head.HEAD}.DROPOUT_RATE": dropout}
