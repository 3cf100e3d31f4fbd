"""SlowFast's pathways and laterals, alone and together.

Axes: B clips, C channels, T frames, H and W rows and columns.
"""

from __future__ import annotations

from contextlib import nullcontext
from dataclasses import replace

import pytest
import torch

from alphaction.config import load_cfg
from alphaction.layers import FrozenBatchNorm3d
from alphaction.modeling.backbone import SlowFast, build_backbone
from alphaction.modeling.backbone.pathway import PathwayOptions
from alphaction.modeling.registries import LATERALS
from alphaction.utils.errors import UserError
from alphaction.utils.shapes_only import shapes_only
from benchmarks.speed.activations import counting_activations
from benchmarks.speed.infer import randomize_norms
from benchmarks.speed.torch_layers import layers_of_torch

NODE = "MODEL.BACKBONE.SLOWFAST"
ACTIVATIONS = "MODEL.ACTIVATION_CHECKPOINTING"
SLOW = PathwayOptions(width=4, stem_frames=1, blocks=(1, 1, 1, 1), temporal_blocks=(0, 0, 1, 1))
FAST = PathwayOptions(width=2, stem_frames=5, blocks=(1, 1, 1, 1), temporal_blocks=(1, 1, 1, 1))


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
        SlowFast(slow=None, fast=None, alpha=4)


def test_missing_frames():
    backbone = SlowFast(slow=SLOW, fast=FAST, alpha=4)
    with pytest.raises(ValueError, match="fast"):
        backbone(torch.randn(1, 3, 2, 48, 64), None)


def test_frames_that_do_not_fit_together():
    backbone = SlowFast(slow=SLOW, fast=FAST, alpha=4)
    with pytest.raises(UserError, match=r"slow.* 3 frames .*fast.* 2.*INPUT\.ALPHA"):
        backbone(torch.randn(1, 3, 3, 48, 64), torch.randn(1, 3, 8, 48, 64))


def test_unknown_lateral():
    cfg = load_cfg(None)
    cfg.MODEL.BACKBONE.SLOWFAST.LATERAL = "tcon"
    with pytest.raises(UserError, match='LATERAL.*"tconv"'):
        build_backbone(cfg)


def test_beta_is_the_fast_share():
    with shapes_only():
        backbone = build_backbone(load_cfg(None, (f"{NODE}.BETA", 0.25)))
    assert backbone.out_channels == (2048, 512)
    assert backbone.fast.Tconv2.conv.out_channels == 128
    cfg = load_cfg(None)
    cfg.MODEL.BACKBONE.SLOWFAST.BETA = 0.001
    with pytest.raises(UserError, match=r"BETA: 0\.001"):
        build_backbone(cfg)


def test_slow_features_see_the_fast_frames_and_not_the_other_way_round():
    backbone = SlowFast(slow=SLOW, fast=FAST, alpha=4).eval()
    slow = torch.randn(1, 3, 2, 48, 64, requires_grad=True)
    fast = torch.randn(1, 3, 8, 48, 64, requires_grad=True)
    backbone(slow, fast)[0].sum().backward()
    assert fast.grad.abs().sum() > 0
    slow.grad = None
    backbone(slow, fast)[1].sum().backward()
    assert slow.grad is None


def test_last_stage_is_dilated_in_every_block():
    with shapes_only():
        slow, fast = (replace(options, blocks=(1, 2, 2, 3)) for options in (SLOW, FAST))
        backbone = SlowFast(slow=slow, fast=fast, alpha=4)
    for pathway in (backbone.slow, backbone.fast):
        for block in pathway.res_nl4:
            assert block.btnk.conv2.conv.dilation == (1, 2, 2)
            assert block.btnk.conv2.conv.stride == (1, 1, 1)
        for stage in (pathway.res_nl1, pathway.res_nl2, pathway.res_nl3, pathway.res_nl4):
            assert [block.shortcut is not None for block in stage] == [True, False, False][: len(stage)]
        assert pathway.res_nl3.res_0.btnk.conv2.conv.stride == (1, 2, 2)


def test_nonlocal_blocks_where_asked():
    overrides = ("SLOW.CONV3_NONLOCAL", False, "FAST.CONV4_NONLOCAL", True, "FAST.CONV3_GROUP_NL", True)
    with shapes_only():
        pairs = zip(overrides[::2], overrides[1::2], strict=True)
        cfg = load_cfg(None, [part for key, value in pairs for part in (f"{NODE}.{key}", value)])
        backbone = build_backbone(cfg)
    found = [name for name, _ in backbone.named_modules() if name.split(".")[-1].startswith("nonlocal_")]
    assert found == [f"{pathway}.res_nl3.nonlocal_{i}" for pathway in ("slow", "fast") for i in (1, 3, 5)]
    assert backbone.fast.res_nl3.nonlocal_1.group_frames is None  # groups are for stage 2


def test_chosen_nonlocal_blocks():
    overrides = (f"{NODE}.SLOW.CONV3_NONLOCAL", False, f"{NODE}.SLOW.CONV4_NONLOCAL_BLOCKS", "[0, 4, 5]")
    fast = (f"{NODE}.FAST.CONV3_NONLOCAL", True, f"{NODE}.FAST.CONV3_NONLOCAL_BLOCKS", "[3]")
    with shapes_only():
        backbone = build_backbone(load_cfg(None, (*overrides, *fast)))
    found = [name for name, _ in backbone.named_modules() if name.split(".")[-1].startswith("nonlocal_")]
    assert found == [*(f"slow.res_nl3.nonlocal_{i}" for i in (0, 4, 5)), "fast.res_nl2.nonlocal_3"]
    order = [name for name, _ in backbone.slow.res_nl3.named_children()]
    assert order == ["res_0", "nonlocal_0", "res_1", "res_2", "res_3", "res_4", "nonlocal_4", "res_5", "nonlocal_5"]


def temporal_kernels(stage):
    kernels = [block.btnk.conv1.conv.kernel_size[0] for block in stage]
    assert [block.btnk.conv1.conv.padding[0] for block in stage] == [kernel // 2 for kernel in kernels]
    return kernels


def test_temporal_blocks():
    names = ("SLOW.CONV3_NONLOCAL", "SLOW.CONV4_NONLOCAL")
    plain = [part for name in names for part in (f"{NODE}.{name}", False)]
    with shapes_only():
        usual = build_backbone(load_cfg(None, plain))
        chosen = (f"{NODE}.SLOW.TEMPORAL_BLOCKS", "[0, 1, 4, 3]", f"{NODE}.FAST.TEMPORAL_BLOCKS", "[3, 4, 6, 0]")
        backbone = build_backbone(load_cfg(None, (*plain, *chosen)))
    assert [temporal_kernels(usual.slow.get_submodule(f"res_nl{i}"))[-1] for i in range(1, 5)] == [1, 1, 3, 3]
    assert [set(temporal_kernels(usual.fast.get_submodule(f"res_nl{i}"))) for i in range(1, 5)] == [{3}] * 4
    assert temporal_kernels(backbone.slow.res_nl2) == [3, 1, 1, 1]
    assert temporal_kernels(backbone.slow.res_nl3) == [3, 3, 3, 3, 1, 1]
    assert temporal_kernels(backbone.fast.res_nl4) == [1, 1, 1]


@pytest.mark.parametrize(
    ("overrides", "expected"),
    [
        (("SLOW.TEMPORAL_BLOCKS", "[0, 0, 6]"), r"SLOW\.TEMPORAL_BLOCKS: .* 3 numbers; .* each of the 4 stages"),
        (("FAST.TEMPORAL_BLOCKS", "[3, 5, 6, 3]"), r"FAST\.TEMPORAL_BLOCKS: .* wants 5 in stage 2, .* 4 blocks"),
        (("SLOW.CONV4_NONLOCAL_BLOCKS", "[1, 6]"), r"SLOW\.CONV4_NONLOCAL_BLOCKS: .* names 6, .* from 0 to 5"),
        (("SLOW.CONV3_NONLOCAL_BLOCKS", "[3, 1]"), r"SLOW\.CONV3_NONLOCAL_BLOCKS: .* Write \(1, 3\)"),
        (("SLOW.CONV3_NONLOCAL_BLOCKS", "[1, 1]"), r"SLOW\.CONV3_NONLOCAL_BLOCKS: .* Write \(1,\)"),
        (("FAST.CONV3_NONLOCAL_BLOCKS", "[1]"), r"Set CONV3_NONLOCAL to True, or CONV3_NONLOCAL_BLOCKS to \(\)"),
        (("LATERAL_KERNEL", 6), r"LATERAL_KERNEL: 6 is even.* 5 or 7"),
    ],
)
def test_settings_that_do_not_fit_the_stages(overrides, expected):
    cfg = load_cfg(None, (f"{NODE}.{overrides[0]}", overrides[1]))
    with shapes_only(), pytest.raises(UserError, match=f"^MODEL.BACKBONE.SLOWFAST.*{expected}"):
        build_backbone(cfg)


@pytest.mark.parametrize("kernel", [5, 7])
@pytest.mark.parametrize("frozen", [False, True])
@pytest.mark.parametrize("name", LATERALS.names())
def test_every_lateral(name, kernel, frozen):
    overrides = (f"{NODE}.LATERAL", name, f"{NODE}.LATERAL_KERNEL", kernel, "MODEL.BACKBONE.FROZEN_BN", frozen)
    lateral = tiny(*overrides, "INPUT.ALPHA", 4, "MODEL.BACKBONE.BN_EPSILON", 1e-3).fast.Tconv2
    fast = torch.randn(2, 32, 8, 3, 4, requires_grad=True)
    handed = lateral.train()(fast)
    assert handed.shape == (2, 64, 2, 3, 4)  # around frames 0 and 4
    if name == "tconv_bn_relu":
        assert (frozen, 1e-3) == (isinstance(lateral.bn, FrozenBatchNorm3d), lateral.bn.eps)
        lateral.eval()
    lateral(fast)[:, :, 1].square().sum().backward()
    seen = [t for t in range(8) if fast.grad[:, :, t].abs().sum() > 0]
    assert seen == [t for t in range(8) if abs(t - 4) <= kernel // 2]


def test_what_follows_the_lateral_convolution():
    fast = torch.randn(2, 32, 8, 3, 4)
    for name, entries in {
        "tconv": ["conv.weight", "conv.bias"],
        "tconv_no_bias": ["conv.weight"],
        "tconv_bn_relu": ["conv.weight", "bn.weight", "bn.bias", "bn.running_mean", "bn.running_var"],
    }.items():
        lateral = tiny(f"{NODE}.LATERAL", name, "INPUT.ALPHA", 4, "MODEL.BACKBONE.FROZEN_BN", True).fast.Tconv2
        assert list(lateral.state_dict()) == entries
        for value in lateral.state_dict().values():
            value.copy_(torch.rand_like(value) - (0.5 if value.dim() > 1 else 0))
        state = lateral.state_dict()
        weight = state["conv.weight"][:, :, :, 0, 0]
        padded = torch.nn.functional.pad(fast, (0, 0, 0, 0, 2, 2))
        expected = torch.stack(
            [torch.einsum("oit,bithw->bohw", weight, padded[:, :, s : s + 5]) for s in (0, 4)], dim=2
        )
        if name == "tconv":
            expected = expected + state["conv.bias"][:, None, None, None]
        if name == "tconv_bn_relu":
            mean, var, gain, shift = (state[f"bn.{key}"] for key in ("running_mean", "running_var", "weight", "bias"))
            normed = (expected.movedim(1, -1) - mean) / (var + 1e-5).sqrt() * gain + shift
            expected = normed.movedim(-1, 1).clamp(min=0)
        torch.testing.assert_close(lateral(fast), expected, rtol=1e-4, atol=1e-4)


def test_padding_of_the_stem_pool():
    frames = torch.rand(1, 3, 1, 48, 64)
    bare, padded = (tiny(f"{NODE}.STEM_POOL_PADDING", padding).slow.eval() for padding in (0, 1))
    padded.load_state_dict(bare.state_dict())
    found = padded.stem(frames)
    assert found.shape[3:] == (12, 16)
    assert bare.stem(frames).shape[3:] == (11, 15)
    # The padded one looks at rows 2i - 1 to 2i + 1, the other at 2i to 2i + 2.
    full = torch.relu(bare.bn1(bare.conv1(frames)))
    torch.testing.assert_close(found[0, :, 0, 0, 0], full[0, :, 0, :2, :2].amax(dim=(1, 2)))
    torch.testing.assert_close(found[0, :, 0, 3, 5], full[0, :, 0, 5:8, 9:12].amax(dim=(1, 2)))


@pytest.mark.parametrize("dilation", [1, 2])
def test_dilation_of_the_last_stage(dilation):
    with shapes_only():
        backbone = tiny(f"{NODE}.LAST_STAGE_DILATION", dilation)
    for pathway in (backbone.slow, backbone.fast):
        conv = pathway.res_nl4.res_0.btnk.conv2.conv
        assert (conv.dilation, conv.padding) == ((1, dilation, dilation), (0, dilation, dilation))
        assert pathway.res_nl3.res_0.btnk.conv2.conv.dilation == (1, 1, 1)


@pytest.mark.parametrize(("name", "depth"), [("Slow-Resnet50", 6), ("Slow-Resnet101", 23)])
def test_slow_only_networks(name, depth):
    off = (f"{NODE}.SLOW.ACTIVE", False, f"{NODE}.SLOW.CONV3_NONLOCAL", False, f"{NODE}.SLOW.CONV4_NONLOCAL", False)
    with shapes_only():
        backbone = build_backbone(load_cfg(None, ("MODEL.BACKBONE.CONV_BODY", name, *off)))
        slow, fast = backbone(torch.empty(1, 3, 4, 48, 64), None)
    assert backbone.out_channels == (2048, 0)
    assert (slow.shape, fast) == ((1, 2048, 4, 3, 4), None)
    assert {key.split(".")[0] for key in backbone.state_dict()} == {"slow"}
    assert len(backbone.slow.res_nl3) == depth
    assert backbone.slow.res_nl2.res_0.btnk.conv1.conv.in_channels == 256  # no room for a lateral


def test_pathway_widths():
    assert SLOW.channels == (4, 16, 32, 64, 128)


@pytest.mark.parametrize("frozen", [False, True])
def test_checkpointing_keeps_less_and_changes_no_gradient(frozen):
    frames = torch.randn(2, 3, 4, 48, 64), torch.randn(2, 3, 8, 48, 64)
    kept, gradients = [], []
    for checkpointing in (False, True):
        torch.manual_seed(0)
        network = tiny("INPUT.ALPHA", 2, "MODEL.BACKBONE.FROZEN_BN", frozen, ACTIVATIONS, checkpointing).train()
        with counting_activations(network) as activations:
            loss = sum(features.square().mean() for features in network(*frames))
        loss.backward()
        kept.append(activations.bytes)
        gradients.append([parameter.grad for parameter in network.parameters()])
    assert kept[1] < 0.45 * kept[0]  # 0.33 and 0.43 with the stems, 0.49 and 0.56 without
    for mine, theirs in zip(*gradients, strict=True):
        torch.testing.assert_close(mine, theirs)


@pytest.mark.parametrize("frozen", [False, True])
def test_every_gradient_in_float64_is_that_of_torch_s_own_convolutions(frozen):
    """In float32 a ReLU near zero decides either way, so only here can all of them be compared."""
    frames = [torch.randn(2, 3, count, 32, 48, dtype=torch.float64, requires_grad=True) for count in (2, 8)]
    network = tiny("INPUT.ALPHA", 4, "MODEL.BACKBONE.FROZEN_BN", frozen).double().train()
    randomize_norms(network)  # those at the ends of blocks are zeros, which hide the convolutions before them
    leaves = [*frames, *network.parameters()]
    found, expected = [], []
    for gradients, layers in ((found, nullcontext), (expected, layers_of_torch)):
        with layers():
            loss = sum(features.square().mean() for features in network(*frames))
            gradients += torch.autograd.grad(loss, leaves)
    for mine, theirs in zip(found, expected, strict=True):
        # A bias before a batch norm has the gradient 0, but for rounding.
        assert (mine - theirs).norm() <= 1e-10 * (theirs.norm() + 1e-5)
