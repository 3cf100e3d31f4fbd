"""Detectors of a few blocks: each part of a network that is registered once, and random weights."""

from __future__ import annotations

import torch
from torch import nn

from alphaction.config import load_cfg
from alphaction.config.pathways import frame_counts
from alphaction.modeling import DetectionModel, build_detection_model, optimize_for_inference
from alphaction.modeling.backbone.residual import ResidualStage
from alphaction.workflows.export.graph import DetectionGraph

FAMILIES = {
    "Slowfast": "Slowfast-Tiny",
    "Slow-": "Slow-Resnet50",
    "I3D": "I3D-Resnet50-Sparse",
    "ViT": "ViT-Small",
    "MViT": "MViTv2-Small",
    "Swin3D": "Swin3D-Tiny",
    "VJEPA2": "VJEPA2-Large",
}
"""Beginning of the names of networks that differ in their sizes only -> one of them."""
_MVIT_BLOCKS = (0, 1, 3, 14)  # the first one, and those that make the map smaller


def small_cfg(body: str, *overrides: str):
    """Return the config of a network, for clips of 8 frames: 2 slow, 4 fast (all 8 where there is no slow pathway)."""
    alpha = "2" if body.startswith("Slow") else "4"
    given = (
        f"MODEL.BACKBONE.CONV_BODY {body} INPUT.FRAME_NUM 8 INPUT.FRAME_SAMPLE_RATE 1 INPUT.TAU 4 INPUT.ALPHA {alpha} "
        "MODEL.BACKBONE.BN_INIT_GAMMA 1.0 MODEL.NONLOCAL.BN_INIT_GAMMA 1.0 MODEL.ROI_ACTION_HEAD.MLP_HEAD_DIM 32 "
        "MODEL.IA_STRUCTURE.DIM_INNER 16 MODEL.IA_STRUCTURE.LENGTH [2,1] MODEL.IA_STRUCTURE.MAX_OBJECT 3 "
        "MODEL.IA_STRUCTURE.MAX_PERSON 3 MODEL.IA_STRUCTURE.MAX_PER_SEC 2 MODEL.IA_STRUCTURE.FUSION concat "
        "MODEL.IA_STRUCTURE.USE_ZERO_INIT_CONV False MODEL.IA_STRUCTURE.CONV_INIT_STD 0.1 INPUT.MIN_SIZE_TEST 64"
    ).split()
    cfg = load_cfg(None, [*given, *overrides])
    if cfg.MODEL.IA_STRUCTURE.ACTIVE:
        cfg.MODEL.IA_STRUCTURE.DIM_OUT = cfg.MODEL.IA_STRUCTURE.DIM_IN
    return cfg


def small_model(cfg) -> DetectionModel:
    """Return a network with few blocks, as an export gets it."""
    torch.manual_seed(0)
    with torch.device("meta" if cfg.MODEL.BACKBONE.CONV_BODY.startswith("VJEPA2") else "cpu"):
        model = build_detection_model(cfg)
    _cut(model.backbone)
    if cfg.MODEL.BACKBONE.CONV_BODY.startswith("VJEPA2"):
        model = model.to_empty(device="cpu")
        for name, parameter in model.named_parameters():
            # Normalizations pass on what they get, so that scores depend on the frames.
            nn.init.normal_(parameter, mean=1.0 if "norm" in name and name.endswith("weight") else 0.0, std=0.05)
    return optimize_for_inference(model.eval(), share_weights=True)


def small_graph(cfg) -> DetectionGraph:
    """Return what is exported of it."""
    return DetectionGraph(small_model(cfg), frame_counts(cfg))


def _cut(backbone: nn.Module) -> None:
    for module in backbone.modules():
        if isinstance(module, ResidualStage):
            # The first block and its successor, with the non-local block behind that.
            for name in [name for name, _ in module.named_children() if int(name.rpartition("_")[2]) > 1]:
                delattr(module, name)
    name = type(backbone).__name__
    if name == "VisionTransformer":
        backbone.blocks = backbone.blocks[:2]
    elif name == "VJEPA2":
        backbone.encoder.layer = backbone.encoder.layer[:1]
    elif name == "MViT":
        backbone.blocks = nn.ModuleList(backbone.blocks[index] for index in _MVIT_BLOCKS)
    elif name == "Swin3D":
        stages = [part for part in backbone.features if isinstance(part, nn.Sequential)]
        for stage in stages:
            del stage[2:]
