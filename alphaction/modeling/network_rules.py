"""Rules across config keys that follow from the network.

The modules check their own settings. These rules build them on the ``meta`` device, without memory for weights, so that
a mistake is found before anything heavy starts. The first line of a docstring is the rule as docs/CONFIG.md prints it,
see :mod:`alphaction.config.rules`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import lru_cache
from typing import TypeVar

import torch
from torch import nn
from yacs.config import CfgNode

from alphaction.config.pathways import active_pathways, frame_counts, frame_problems
from alphaction.config.validate import Run, rule
from alphaction.modeling.backbone import build_backbone
from alphaction.modeling.interaction import build_interaction_structure
from alphaction.modeling.registries import FEATURE_EXTRACTORS
from alphaction.modeling.roi_head import ActionLoss, BoxPooler
from alphaction.utils.errors import UserError
from alphaction.utils.shapes_only import shapes_only

T = TypeVar("T")
# Least height and width, in pixels, of the frames that a backbone is tried with.
_SIDE = 64


class _NetworkConfig:
    """A config as far as it decides what a backbone makes of a clip; equal to those that say the same."""

    def __init__(self, cfg: CfgNode) -> None:
        self.cfg = cfg
        self._text = repr((cfg.MODEL, cfg.INPUT))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _NetworkConfig) and self._text == other._text

    def __hash__(self) -> int:
        return hash(self._text)


@rule(
    "MODEL.ROI_ACTION_HEAD.NUM_CLASSES",
    "MODEL.ROI_ACTION_HEAD.NUM_PERSON_MOVEMENT_CLASSES",
    "MODEL.ROI_ACTION_HEAD.NUM_OBJECT_MANIPULATION_CLASSES",
    "MODEL.ROI_ACTION_HEAD.NUM_PERSON_INTERACTION_CLASSES",
    "MODEL.ROI_ACTION_HEAD.GROUPS",
    "MODEL.ROI_ACTION_HEAD.GROUP_SIZES",
    "MODEL.ROI_ACTION_HEAD.EXCLUSIVE_GROUPS",
    "MODEL.ROI_ACTION_HEAD.GROUP_LOSS_WEIGHTS",
)
def check_classes(cfg: CfgNode, run: Run) -> Iterator[str]:
    """NUM_CLASSES is the sum of the three group sizes and of GROUP_SIZES, one for each of GROUPS."""
    try:
        ActionLoss.from_config(cfg)
    except UserError as error:
        yield str(error)


@rule("MODEL", "INPUT.FRAME_NUM", "INPUT.TAU", "INPUT.ALPHA", "INPUT.MIN_SIZE_TRAIN", "INPUT.MIN_SIZE_TEST")
def check_backbone(cfg: CfgNode, run: Run) -> Iterator[str]:
    """BETA, LATERAL_KERNEL (odd), ..._BLOCKS, CONV3_GROUP_NL and poolings fit the network and a clip's frames."""
    slow, fast = active_pathways(cfg)
    if any(frame_problems(cfg.INPUT.FRAME_NUM, cfg.INPUT.TAU, cfg.INPUT.ALPHA, slow=slow, fast=fast)):
        return  # Another rule reports it.
    if problem := _clip_problem(_NetworkConfig(cfg)):
        yield problem


@rule("MODEL")
def check_pooler(cfg: CfgNode, run: Run) -> Iterator[str]:
    """POOLER_SCALE is 1 / the backbone's stride, or its default; POOLER_ALIGNED goes with POOLER_TYPE align3d only."""
    try:
        stride = _backbone(_NetworkConfig(cfg)).stride
    except UserError:
        return  # The rule above reports it.
    try:
        BoxPooler.from_config(cfg, stride)
    except UserError as error:
        yield str(error)


@rule("MODEL")
def check_blocks(cfg: CfgNode, run: Run) -> Iterator[str]:
    """I_BLOCK_LIST is flat for serial and dense, equally long lists for parallel; O blocks need MAX_OBJECT above 0."""
    try:
        _structure(cfg)
    except UserError as error:
        yield str(error)


@rule("MODEL")
def check_widths(cfg: CfgNode, run: Run) -> Iterator[str]:
    """With IA_STRUCTURE.ACTIVE: DIM_IN is the backbone's output width; DIM_OUT equals DIM_IN where FUSION is add."""
    if not cfg.MODEL.IA_STRUCTURE.ACTIVE:
        return
    try:
        _structure(cfg)
        dim = _backbone(_NetworkConfig(cfg)).dim_out
    except UserError:
        return  # The rules above report it.
    try:
        extractor = FEATURE_EXTRACTORS.get(cfg.MODEL.ROI_ACTION_HEAD.FEATURE_EXTRACTOR)
        _on_meta(lambda: extractor.from_config(cfg, dim))
    except UserError as error:
        yield str(error)


# Several rules ask for the same network, and a large one takes a second: the last one is kept.
@lru_cache(maxsize=1)
def _backbone(config: _NetworkConfig) -> nn.Module:
    return _on_meta(lambda: build_backbone(config.cfg))


@lru_cache(maxsize=1)
def _clip_problem(config: _NetworkConfig) -> str:
    """Return what is wrong with the backbone or the frames of a clip for it, "" if nothing is."""
    inputs = config.cfg.INPUT
    side = max(_SIDE, min(inputs.MIN_SIZE_TRAIN, inputs.MIN_SIZE_TEST))
    try:
        backbone = _backbone(config)
        counts = frame_counts(config.cfg)
        with torch.no_grad():
            _on_meta(lambda: backbone(*(torch.empty(1, 3, count, side, side) if count else None for count in counts)))
    except UserError as error:
        return str(error)
    return ""


def _structure(cfg: CfgNode) -> nn.Module | None:
    return _on_meta(lambda: build_interaction_structure(cfg))


def _on_meta(make: Callable[[], T]) -> T:
    """Return what is made of tensors without values.

    Raises:
        UserError: a tensor would have more values than any machine can count.
    """
    try:
        with shapes_only():
            return make()
    except (RuntimeError, TypeError) as error:
        if "overflow" not in str(error).lower():
            raise
        raise UserError("MODEL and INPUT: a number is so large that no machine could hold the network.") from error
