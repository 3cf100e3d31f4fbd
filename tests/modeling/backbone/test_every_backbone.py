"""What every registered backbone must do.

Axes: B clips, C channels, T frames, H and W rows and columns.
"""

from __future__ import annotations

import functools
import sys

import pytest
import torch
from backbone_names import BACKBONE_NAMES

from alphaction.config import load_cfg
from alphaction.modeling import backbone as backbones
from alphaction.modeling.backbone import build_backbone
from alphaction.modeling.backbone.base import Backbone
from alphaction.modeling.registries import BACKBONES
from alphaction.utils.errors import UserError
from alphaction.utils.shapes_only import shapes_only
from benchmarks.speed.activations import counting_activations

SLOWFAST = "MODEL.BACKBONE.SLOWFAST"
SMALL_SIZE = (48, 64)  # rows, columns; features of stride 16 are 3 x 4
# A gamma of 0 would hide most layers.
VISIBLE = ("MODEL.BACKBONE.BN_INIT_GAMMA", 1.0, "MODEL.NONLOCAL.BN_INIT_GAMMA", 1.0)
LARGE = 70e6  # parameters; networks with more are tried without values: they are as their smaller relatives


def build(name: str, *overrides):
    return build_backbone(load_cfg(None, ("MODEL.BACKBONE.CONV_BODY", name, *overrides)))


@functools.cache
def on_meta(name: str, *overrides):
    with shapes_only():
        return build(name, *overrides)


def small_clip(
    batch: int = 1, slow_frames: int = 1, size: tuple[int, int] = SMALL_SIZE
) -> tuple[torch.Tensor, torch.Tensor]:
    """Return slow [B, 3, Ts, H, W] and fast [B, 3, 8 * Ts, H, W], the default ALPHA."""
    return torch.randn(batch, 3, slow_frames, *size), torch.randn(batch, 3, 8 * slow_frames, *size)


def fast_frames_out(name: str, frames: int) -> int:
    if name.startswith("Slowfast"):
        return frames
    if name.startswith("I3D") and not name.endswith("Sparse"):
        return frames // 8
    return frames // 2  # transformers' tubes are of 2 frames


@pytest.mark.parametrize("name", BACKBONE_NAMES)
def test_shapes_and_gradients(name):
    large = sum(parameter.numel() for parameter in on_meta(name).parameters()) > LARGE
    device = "meta" if large else "cpu"
    backbone = on_meta(name) if large else build(name, *VISIBLE)
    with torch.device(device):
        slow, fast = small_clip()
        features = backbone.train()(slow, fast)
        sum((feature * torch.randn_like(feature)).sum() for feature in features if feature is not None).backward()
    assert isinstance(backbone, Backbone)
    assert backbone.stride == (32 if name.startswith(("MViT", "Swin3D")) else 16)
    assert backbone.dim_out == sum(backbone.out_channels)
    for feature, channels, frames in zip(features, backbone.out_channels, (1, fast_frames_out(name, 8)), strict=True):
        if channels == 0:
            assert feature is None
        else:
            cells = (-(-side // backbone.stride) for side in SMALL_SIZE)
            assert feature.shape == (1, channels, frames, *cells)
            assert device == "meta" or torch.isfinite(feature).all()
    for parameter_name, parameter in backbone.named_parameters():
        assert parameter.grad is not None, parameter_name
        if device == "meta":
            continue
        assert torch.isfinite(parameter.grad).all(), parameter_name
        if parameter.dim() > 1:  # a bias before a batch norm has no effect
            assert parameter.grad.abs().max() > 0, parameter_name


@pytest.mark.parametrize("name", BACKBONE_NAMES)
def test_frames_that_are_no_multiple_of_the_stride(name):
    backbone = on_meta(name)
    rows, columns = 3 * backbone.stride + 2, 4 * backbone.stride + 6
    with shapes_only(), torch.no_grad():
        features = backbone(*small_clip(size=(rows, columns)))
    for feature in features:
        if feature is not None:  # cut, or filled up
            assert feature.shape[3] in (3, 4)
            assert feature.shape[4] in (4, 5)


@pytest.mark.parametrize("name", BACKBONE_NAMES)
def test_layers_hold_every_weight_once(name):
    """What FREEZE and LAYER_DECAY go by; a norm after the last layer belongs to none."""
    backbone = on_meta(name)
    layers = backbone.layers()
    assert 0 < backbone.last_stage < len(layers)
    held = [id(parameter) for layer in layers for module in layer for parameter in module.parameters()]
    assert len(held) == len(set(held))
    left = {name for name, parameter in backbone.named_parameters() if id(parameter) not in held}
    assert {parameter.split(".")[-2] for parameter in left} <= {"norm", "layernorm"}


@pytest.mark.parametrize(
    ("name", "out_channels"),
    [
        ("Slowfast-Resnet50", (2048, 256)),
        ("Slowfast-Resnet101", (2048, 256)),
        ("Slowfast-Tiny", (256, 256)),
        ("Slow-Resnet50", (2048, 0)),
        ("I3D-Resnet50", (0, 2048)),
        ("I3D-Resnet101-Sparse", (0, 2048)),
        ("MViTv2-Small", (0, 768)),
        ("Swin3D-Tiny", (0, 768)),
        ("Swin3D-Small", (0, 768)),
        ("Swin3D-Base", (0, 1024)),
    ],
)
def test_widths(name, out_channels):
    assert on_meta(name).out_channels == out_channels


def test_unknown_name():
    cfg = load_cfg(None)
    cfg.MODEL.BACKBONE.CONV_BODY = "Slowfast-Resnet5"
    with pytest.raises(UserError, match='CONV_BODY.*"Slowfast-Resnet50"'):
        build_backbone(cfg)


@pytest.mark.parametrize("frozen", [True, False])
def test_frozen_batch_norm(frozen):
    nonlocal_on = (f"{SLOWFAST}.SLOW.CONV3_NONLOCAL", True, "MODEL.BACKBONE.FROZEN_BN", frozen)
    nonlocal_on += (f"{SLOWFAST}.LATERAL", "tconv_bn_relu")
    backbone = on_meta("Slowfast-Resnet50", *nonlocal_on, "MODEL.NONLOCAL.FROZEN_BN", not frozen)
    parameters = dict(backbone.named_parameters())
    assert ("slow.bn1.weight" in parameters) is not frozen
    assert ("fast.res_nl3.res_2.btnk.conv2.bn.bias" in parameters) is not frozen
    assert ("fast.Tconv1.bn.weight" in parameters) is not frozen
    assert ("slow.res_nl2.nonlocal_1.bn.weight" in parameters) is frozen


def test_initial_weights():
    backbone = build("Slowfast-Tiny", "MODEL.BACKBONE.BN_INIT_GAMMA", 0.25)
    block = backbone.slow.res_nl3.res_0
    assert torch.equal(block.btnk.conv3.bn.weight, torch.full((128,), 0.25))
    assert torch.equal(block.btnk.conv2.bn.weight, torch.ones(32))
    assert torch.equal(block.shortcut.bn.weight, torch.ones(128))
    conv = block.btnk.conv2.conv.weight  # 32 outputs, 3 x 3
    assert conv.std().item() == pytest.approx((2 / (32 * 9)) ** 0.5, rel=0.03)
    assert torch.equal(backbone.fast.Tconv1.conv.bias, torch.zeros(16))


def test_batch_norm_options():
    backbone = build("Slowfast-Tiny", "MODEL.BACKBONE.BN_MOMENTUM", 0.3, "MODEL.BACKBONE.BN_EPSILON", 1e-3)
    assert backbone.fast.bn1.momentum == 0.3
    assert backbone.slow.res_nl1.res_0.shortcut.bn.eps == 1e-3


@pytest.mark.parametrize("name", ["Slowfast-Tiny", "I3D-Resnet50"])
@pytest.mark.parametrize("frozen", [False, True])
def test_checkpointing_changes_neither_gradients_nor_statistics(name, frozen):
    options = ("MODEL.BACKBONE.BN_INIT_GAMMA", 0.5, "MODEL.BACKBONE.FROZEN_BN", frozen)
    plain = build(name, *options).train()
    recomputed = build(name, *options, "MODEL.ACTIVATION_CHECKPOINTING", True).train()
    recomputed.load_state_dict(plain.state_dict())
    slow, fast = small_clip()
    results = []
    for backbone in (plain, recomputed):
        features = [feature for feature in backbone(slow, fast) if feature is not None]
        sum(feature.square().mean() for feature in features).backward()
        results.append(features)
    for found, expected in zip(results[1], results[0], strict=True):
        torch.testing.assert_close(found, expected)
    for (name_, found), expected in zip(recomputed.named_parameters(), plain.parameters(), strict=True):
        torch.testing.assert_close(found.grad, expected.grad, msg=name_)
    for (name_, found), expected in zip(recomputed.named_buffers(), plain.buffers(), strict=True):
        torch.testing.assert_close(found, expected, msg=name_)


def test_checkpointing_keeps_fewer_activations():
    slow, fast = small_clip(batch=2)

    def kept(checkpointing: bool) -> int:
        backbone = build("Slowfast-Tiny", "MODEL.ACTIVATION_CHECKPOINTING", checkpointing).train()
        with counting_activations(backbone) as activations:
            features = backbone(slow, fast)
        assert features[0].grad_fn is not None
        return activations.bytes

    assert kept(True) < 0.7 * kept(False)


@pytest.mark.parametrize("frozen", [False, True])
def test_autocast_bfloat16(frozen):
    backbone = build(
        *("Slowfast-Tiny", "MODEL.BACKBONE.FROZEN_BN", frozen, "MODEL.NONLOCAL.BN_INIT_GAMMA", 1.0),
        *("MODEL.BACKBONE.BN_INIT_GAMMA", 1.0),
    ).train()
    slow, fast = small_clip(batch=2)
    with torch.no_grad():
        exact = backbone(slow, fast)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        features = backbone(slow, fast)
    for found, expected in zip(features, exact, strict=True):
        assert found.dtype == torch.bfloat16
        assert (found.float() - expected).norm() < 0.05 * expected.norm()
    sum(feature.float().mean() for feature in features).backward()
    assert all(torch.isfinite(p.grad).all() for p in backbone.parameters())


def test_a_new_file_in_the_folder_is_all_that_a_backbone_needs(tmp_path, monkeypatch):
    (tmp_path / "another.py").write_text(
        "from alphaction.modeling.registries import BACKBONES\nBACKBONES.register('Another-Net')(dict)\n"
    )
    monkeypatch.setattr(backbones, "__path__", [*backbones.__path__, str(tmp_path)])
    monkeypatch.setattr(BACKBONES, "_entries", dict(BACKBONES._entries))
    backbones.register_backbones()
    monkeypatch.delitem(sys.modules, "alphaction.modeling.backbone.another")
    assert BACKBONES.get("Another-Net") is dict
