"""SlowFast's pathways and laterals, alone and together.

Axes: B clips, C channels, T frames, H and W rows and columns.
"""

from __future__ import annotations

import pytest
import torch

from alphaction.config import load_cfg
from alphaction.modeling.backbone import SlowFast, build_backbone
from alphaction.modeling.backbone.slowfast import PathwayOptions
from alphaction.utils.errors import UserError

NODE = "MODEL.BACKBONE.SLOWFAST"
SLOW = PathwayOptions(width=4, stem_frames=1, temporal_kernels=(1, 1, 3, 3))
FAST = PathwayOptions(width=2, stem_frames=5, temporal_kernels=(3, 3, 3, 3))


def tiny(*overrides):
    return build_backbone(load_cfg(None, ("MODEL.BACKBONE.CONV_BODY", "Slowfast-Tiny", *overrides)))


def test_slow_alone():
    backbone = tiny(f"{NODE}.FAST.ACTIVE", False).eval()
    assert backbone.out_channels == (256, 0)
    assert not any(name.startswith("fast") for name in backbone.state_dict())
    assert backbone.slow.res_nl2.res_0.btnk.conv1.conv.in_channels == 32  # no room for a lateral
    slow, fast = backbone(torch.randn(1, 3, 4, 48, 64), None)
    assert slow.shape == (1, 256, 4, 3, 4)
    assert fast is None


def test_fast_alone():
    backbone = tiny(f"{NODE}.SLOW.ACTIVE", False).eval()
    assert backbone.out_channels == (0, 256)
    assert not any(name.startswith("slow") or "Tconv" in name for name in backbone.state_dict())
    slow, fast = backbone(None, torch.randn(1, 3, 16, 48, 64))
    assert slow is None
    assert fast.shape == (1, 256, 16, 3, 4)


def test_no_pathway():
    with pytest.raises(UserError, match=r"SLOW\.ACTIVE and FAST\.ACTIVE"):
        SlowFast(slow=None, fast=None, blocks=(1, 1, 1, 1), alpha=4)


def test_missing_frames():
    backbone = SlowFast(slow=SLOW, fast=FAST, blocks=(1, 1, 1, 1), alpha=4)
    with pytest.raises(ValueError, match="fast"):
        backbone(torch.randn(1, 3, 2, 48, 64), None)


def test_frames_that_do_not_fit_together():
    backbone = SlowFast(slow=SLOW, fast=FAST, blocks=(1, 1, 1, 1), alpha=4)
    with pytest.raises(UserError, match=r"slow.* 3 frames .*fast.* 2.*INPUT\.ALPHA"):
        backbone(torch.randn(1, 3, 3, 48, 64), torch.randn(1, 3, 8, 48, 64))


def test_unknown_lateral():
    cfg = load_cfg(None)
    cfg.MODEL.BACKBONE.SLOWFAST.LATERAL = "tcon"
    with pytest.raises(UserError, match='LATERAL.*"tconv"'):
        build_backbone(cfg)


def test_beta_is_the_fast_share():
    with torch.device("meta"):
        backbone = build_backbone(load_cfg(None, (f"{NODE}.BETA", 0.25)))
    assert backbone.out_channels == (2048, 512)
    assert backbone.fast.Tconv2.conv.out_channels == 128
    cfg = load_cfg(None)
    cfg.MODEL.BACKBONE.SLOWFAST.BETA = 0.001
    with pytest.raises(UserError, match=r"BETA: 0\.001"):
        build_backbone(cfg)


def test_slow_features_see_the_fast_frames_and_not_the_other_way_round():
    backbone = SlowFast(slow=SLOW, fast=FAST, blocks=(1, 1, 1, 1), alpha=4).eval()
    slow = torch.randn(1, 3, 2, 48, 64, requires_grad=True)
    fast = torch.randn(1, 3, 8, 48, 64, requires_grad=True)
    backbone(slow, fast)[0].sum().backward()
    assert fast.grad.abs().sum() > 0
    slow.grad = None
    backbone(slow, fast)[1].sum().backward()
    assert slow.grad is None


def test_last_stage_is_dilated_in_every_block():
    with torch.device("meta"):
        backbone = SlowFast(slow=SLOW, fast=FAST, blocks=(1, 2, 2, 3), alpha=4)
    for pathway in (backbone.slow, backbone.fast):
        for block in pathway.res_nl4:
            assert block.btnk.conv2.conv.dilation == (1, 2, 2)
            assert block.btnk.conv2.conv.stride == (1, 1, 1)
        for stage in (pathway.res_nl1, pathway.res_nl2, pathway.res_nl3, pathway.res_nl4):
            assert [block.shortcut is not None for block in stage] == [True, False, False][: len(stage)]
        assert pathway.res_nl3.res_0.btnk.conv2.conv.stride == (1, 2, 2)


def test_nonlocal_blocks_where_asked():
    overrides = ("SLOW.CONV3_NONLOCAL", False, "FAST.CONV4_NONLOCAL", True, "FAST.CONV3_GROUP_NL", True)
    with torch.device("meta"):
        pairs = zip(overrides[::2], overrides[1::2], strict=True)
        cfg = load_cfg(None, [part for key, value in pairs for part in (f"{NODE}.{key}", value)])
        backbone = build_backbone(cfg)
    found = [name for name, _ in backbone.named_modules() if name.split(".")[-1].startswith("nonlocal_")]
    assert found == [f"{pathway}.res_nl3.nonlocal_{i}" for pathway in ("slow", "fast") for i in (1, 3, 5)]
    assert backbone.fast.res_nl3.nonlocal_1.group_frames is None  # groups are for stage 2


def test_pathway_widths():
    assert SLOW.channels == (4, 16, 32, 64, 128)
