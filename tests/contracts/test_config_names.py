"""The checks of a config know the names that are registered, and the backbones' widths and frames."""

from __future__ import annotations

import pytest
import torch

from alphaction.config import load_cfg
from alphaction.config.clip import GROUP_FRAMES, backbone_channels, group_nonlocal_frames, stage_frames
from alphaction.config.names import CONV_BODIES, FEATURE_EXTRACTORS, IA_STRUCTURES, POOLER_TYPES, PREDICTORS
from alphaction.modeling import backbone, registry


def build(*overrides):
    """Return (config, backbone without memory for its weights)."""
    cfg = load_cfg(None, overrides)
    with torch.device("meta"):
        return cfg, backbone.build_backbone(cfg)


@pytest.mark.parametrize(
    ("names", "entries"),
    [
        (CONV_BODIES, registry.BACKBONES),
        (FEATURE_EXTRACTORS, registry.FEATURE_EXTRACTORS),
        (PREDICTORS, registry.PREDICTORS),
        (POOLER_TYPES, registry.POOLERS),
        (IA_STRUCTURES, registry.INTERACTION_STRUCTURES),
    ],
    ids=lambda value: getattr(value, "kind", ""),
)
def test_names_are_the_registered_ones(names, entries):
    assert sorted(names) == entries.names()


@pytest.mark.parametrize("name", CONV_BODIES)
def test_output_widths(name):
    cfg, module = build("MODEL.BACKBONE.CONV_BODY", name)
    assert backbone_channels(cfg) == tuple(module.out_channels)
    assert sum(backbone_channels(cfg)) == module.dim_out


@pytest.mark.parametrize(("slow", "fast"), [(True, False), (False, True)])
def test_output_widths_of_one_pathway(slow, fast):
    node = "MODEL.BACKBONE.SLOWFAST"
    cfg, module = build(f"{node}.SLOW.ACTIVE", slow, f"{node}.FAST.ACTIVE", fast, f"{node}.BETA", 0.25)
    assert backbone_channels(cfg) == tuple(module.out_channels) == (2048 * slow, 512 * fast)


@pytest.mark.parametrize(("name", "frames", "expected"), [("I3D-Resnet50", 32, 4), ("I3D-Resnet50-Sparse", 8, 4)])
def test_frames_of_an_i3d_network(name, frames, expected):
    cfg, module = build(
        *("MODEL.BACKBONE.CONV_BODY", name, "INPUT.FRAME_NUM", frames, "INPUT.TAU", 8, "INPUT.ALPHA", 8),
        *("MODEL.BACKBONE.I3D.CONV3_GROUP_NL", True),
    )
    _, features = module(None, torch.empty(1, 3, frames, 64, 64, device="meta"))
    assert stage_frames(cfg) == (0, expected)
    assert features.shape[2] == expected
    assert group_nonlocal_frames(cfg) == {"I3D": expected}


def test_group_size_of_nonlocal_blocks():
    _, module = build("MODEL.BACKBONE.SLOWFAST.SLOW.CONV3_GROUP_NL", True)
    assert {m.group_frames for m in module.modules() if hasattr(m, "group_frames")} == {None, GROUP_FRAMES}
