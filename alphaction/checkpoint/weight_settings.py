"""Whether a run's config fits the weights that it starts from, key by key."""

from __future__ import annotations

import math
import re
from typing import Any

from yacs.config import CfgNode

from alphaction.checkpoint.foreign.converted import Setting
from alphaction.checkpoint.foreign.head_settings import AVA_CLASSES
from alphaction.checkpoint.foreign.slowfast_settings import default_nonlocal_blocks, default_temporal_blocks
from alphaction.checkpoint.weight_file import WeightFile
from alphaction.config.class_groups import OWN_GROUP_KEYS
from alphaction.config.tree import get_value
from alphaction.utils.errors import CheckpointError
from alphaction.utils.messages import counted, problem_list

_CONV_BODY = "MODEL.BACKBONE.CONV_BODY"
_CLASSES = "MODEL.ROI_ACTION_HEAD.NUM_CLASSES"
_SAMPLING = "INPUT.SLOW_SAMPLING"
# Follows from the network, whatever the file says.
_POOLER_SCALE = "MODEL.ROI_ACTION_HEAD.POOLER_SCALE"
_EXCLUSIVE = "MODEL.ROI_ACTION_HEAD.EXCLUSIVE_MOVEMENT"
_GROUPS, _GROUP_SIZES, _EXCLUSIVE_GROUPS = OWN_GROUP_KEYS
_GROUP = re.compile(r"MODEL\.ROI_ACTION_HEAD\.NUM_\w+_CLASSES")
# Numbers that are this close, as a fraction, are the same: a mean of 114.75 and one of 0.45 * 255.
_TOLERANCE = 1e-4
# Networks that differ from one of the name before this ending in their frames only, and share its weights.
_SAME_WEIGHTS = "-Sparse"


def mismatches(file: WeightFile, cfg: CfgNode, *, takes_classifier: bool) -> list[str]:
    """Return a line for each setting of the weights that the config has otherwise, and for each that nobody knows.

    Args:
        file: the weights; a file without settings has no mismatch.
        cfg: the run's config.
        takes_classifier: whether the classifier comes from the file, so that the settings of the head matter, too.
    """
    body = file.settings.get(_CONV_BODY)
    if body is not None and not _same(cfg, _CONV_BODY, body.value):
        # Every other difference may be a consequence of this one.
        return [_line(cfg, _CONV_BODY, body)]
    parts = ("network", "input", "head") if takes_classifier else ("network", "input")
    lines = [
        _line(cfg, key, setting)
        for key, setting in file.settings.items()
        if setting.part in parts and not _is_free(file, key) and not _same(cfg, key, setting.value)
    ]
    lines += [
        f"nothing says which {key} they were trained with, {' or '.join(map(_shown, question.choices))}: "
        f"{question.why}. Convert the file, and say it at the end of that command: {key} "
        f"{_shown(question.choices[0])}, for example."
        for key, question in file.questions.items()
        if question.part in parts
    ]
    return lines


def check_settings(
    file: WeightFile, cfg: CfgNode, *, takes_classifier: bool, head_may_be_new: bool = True
) -> list[str]:
    """Refuse weights that were trained with other settings than the config's, unless MODEL.WEIGHT_MISMATCH is "warn".

    Args:
        file, cfg, takes_classifier: as for :func:`mismatches`.
        head_may_be_new: whether the run could train a new head instead.

    Returns:
        warnings for the log: what differs, where that is only warned of.

    Raises:
        CheckpointError: lists every setting that differs, with the value to set; where the run needs the classifier and
            its classes are others, says that alone.
    """
    if not head_may_be_new and (told := _other_classes(file, cfg)):
        raise CheckpointError(told)
    lines = mismatches(file, cfg, takes_classifier=takes_classifier)
    if not lines:
        return []
    title = f"{file.path}: the config does not fit these weights:"
    told = problem_list(title, lines) if len(lines) > 1 else f"{file.path}: {lines[0]}"
    if cfg.MODEL.WEIGHT_MISMATCH == "warn":
        return [f"{told}\nThe outputs will be wrong (MODEL.WEIGHT_MISMATCH is warn)."]
    head = takes_classifier and bool(mismatches(file, cfg, takes_classifier=False) != lines)
    anew = "\nWhere only the head differs, --no-head trains a new one." if head and head_may_be_new else ""
    raise CheckpointError(f"{told}{anew}\n{_remedy(file)}")


def recipe_note(file: WeightFile, cfg: CfgNode) -> str:
    """Return what else of the weights' training the config has otherwise, as a line for the log; "" if nothing."""
    differing = [
        f"{key} {_shown(value)} (here {_shown(get_value(cfg, key))})"
        for key, value in file.recipe.items()
        if not _same(cfg, key, value)
    ]
    return f"{file.path}: trained with {', '.join(differing)}" if differing else ""


def _other_classes(file: WeightFile, cfg: CfgNode) -> str:
    """Return that the weights classify another number of classes than the data has, for which no config helps."""
    held, ours = file.settings.get(_CLASSES), get_value(cfg, _CLASSES)
    if held is None or held.value == ours:
        return ""
    named = file.label_map is None and held.value == AVA_CLASSES
    whose = f"AVA's {AVA_CLASSES} classes" if named else counted(held.value, "class", "classes")
    return (
        f"{file.path}: these weights classify {whose}, the dataset has {ours}. Use them with a dataset of those "
        "classes (DATASETS.TEST), or train a classifier for yours first (tools/generate_finetune_config.py --weights "
        "FILE)."
    )


def _remedy(file: WeightFile) -> str:
    return (
        "A config that fits is written by: python tools/convert_weights.py --from auto "
        f"--input {file.path} --output OUT.pth --config-out OUT.yaml"
    )


def _line(cfg: CfgNode, key: str, setting: Setting) -> str:
    ours, theirs = _shown(get_value(cfg, key)), _shown(setting.value)
    return f"trained with {key} {theirs} ({setting.why}); the config says {ours}: set {key} {theirs}"


def _shown(value: Any) -> str:
    """Return a value as it is written on a command line."""
    if isinstance(value, list | tuple):
        return f'"[{", ".join(map(str, value))}]"'
    if isinstance(value, float):
        return f"{value:.6g}"
    return value if isinstance(value, str) and value else repr(value)


def _is_free(file: WeightFile, key: str) -> bool:
    """Return whether a setting changes no output: groups of classes only do where one of them is a softmax."""
    exclusive, own = file.settings.get(_EXCLUSIVE), file.settings.get(_EXCLUSIVE_GROUPS)
    sigmoids = exclusive is not None and not exclusive.value and (own is None or not own.value)
    of_groups = _GROUP.fullmatch(key) is not None or key in (_GROUPS, _GROUP_SIZES)
    return key == _POOLER_SCALE or (of_groups and sigmoids)


def _same(cfg: CfgNode, key: str, value: Any) -> bool:
    ours = get_value(cfg, key)
    if key == _CONV_BODY:
        return ours == value or ours == f"{value}{_SAME_WEIGHTS}"
    if key == _SAMPLING and cfg.INPUT.TAU == 1:
        return True  # The slow pathway takes every frame.
    if key.endswith("_BLOCKS"):
        return _blocks(cfg, key, ours) == _blocks(cfg, key, value)
    return _equal(ours, value)


def _blocks(cfg: CfgNode, key: str, value: Any) -> tuple[int, ...]:
    """Return the value of a key of residual blocks, where an empty one stands for the network's usual blocks."""
    body, name = cfg.MODEL.BACKBONE.CONV_BODY, key.rpartition(".")[2]
    if len(value):
        return tuple(value)
    if name == "TEMPORAL_BLOCKS":
        return default_temporal_blocks(body, "fast" if ".FAST." in key else "slow")
    return default_nonlocal_blocks(body, 2 if name.startswith("CONV3") else 3)


def _equal(ours: Any, theirs: Any) -> bool:
    if isinstance(ours, list | tuple) and isinstance(theirs, list | tuple):
        return len(ours) == len(theirs) and all(_equal(a, b) for a, b in zip(ours, theirs, strict=True))
    if isinstance(ours, float) or isinstance(theirs, float):
        return math.isclose(ours, theirs, rel_tol=_TOLERANCE, abs_tol=1e-9)
    return ours == theirs
