"""The detector that a converted file asks for, and what it says of the golden clip and persons."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from contracts.golden import IMAGE_SIZE, KEYFRAMES, golden_clip, golden_person_boxes
from torch import Tensor
from yacs.config import CfgNode

from alphaction.checkpoint.foreign.converted import Converted, ForeignFile
from alphaction.config import get_cfg
from alphaction.config.pathways import active_pathways, fast_frames, slow_frames
from alphaction.data.box_geometry import extend_boxes
from alphaction.data.keyframes import Keyframe
from alphaction.data.sample import ClipBatch
from alphaction.modeling.detector import DetectionModel, build_detection_model
from alphaction.utils.shapes_only import shapes_only


def foreign_file(name: str, tensors: dict[str, Tensor], **extras: Any) -> ForeignFile:
    """Return a file as if it had been read."""
    return ForeignFile(Path(name), tensors, extras)


def converted_config(converted: Converted) -> CfgNode:
    """Return the defaults with all that the weights need."""
    cfg = get_cfg()
    values = {key: setting.value for key, setting in converted.settings.items()} | converted.recipe
    cfg.merge_from_list([item for pair in values.items() for item in pair])
    return cfg


def converted_detector(converted: Converted, cfg: CfgNode) -> DetectionModel:
    """Return the detector with every one of the weights in it.

    Raises:
        RuntimeError: a tensor is missing, left over or of another shape.
    """
    with shapes_only():
        model = build_detection_model(cfg).eval()
    counters = {n: torch.zeros((), dtype=torch.int64) for n in model.state_dict() if n.endswith("num_batches_tracked")}
    model.load_state_dict(counters | converted.weights, assign=True)
    return model


def converted_probabilities(converted: Converted) -> Tensor:
    """Return the scores of the golden persons, [N=5, classes]."""
    cfg = converted_config(converted)
    frames, tau = cfg.INPUT.FRAME_NUM, cfg.INPUT.TAU
    slow, fast = active_pathways(cfg)
    clip = golden_clip(frames)
    boxes, clip_index = golden_person_boxes()
    batch = ClipBatch(
        indices=torch.arange(2),
        keyframes=[Keyframe(*keyframe) for keyframe in KEYFRAMES],
        slow=clip[:, :, list(slow_frames(frames, tau, sampling=cfg.INPUT.SLOW_SAMPLING))] if slow else None,
        fast=clip[:, :, list(fast_frames(frames, tau, cfg.INPUT.ALPHA))] if fast else None,
        sizes=torch.tensor([IMAGE_SIZE, IMAGE_SIZE]),
        boxes=extend_boxes(boxes, cfg.TEST.EXTEND_SCALE, IMAGE_SIZE),
        clip_index=clip_index,
        unit_boxes=torch.zeros((5, 4), dtype=torch.float64),
        scores=torch.ones(5),
        labels=None,
        object_boxes=torch.zeros((0, 4)),
        object_clip_index=torch.zeros(0, dtype=torch.int64),
    )
    model = converted_detector(converted, cfg)
    with torch.inference_mode():
        return model.probabilities(model.predict_from_features(model.extract_features(batch), batch))
