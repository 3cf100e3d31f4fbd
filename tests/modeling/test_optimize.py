"""Models for inference against those that they are made of.

Axes: B clips, T frames, H and W rows and columns.
"""

from __future__ import annotations

import copy

import pytest
import torch
from backbone_names import BACKBONE_NAMES
from torch import nn

from alphaction.config import load_cfg
from alphaction.layers import FrozenBatchNorm3d
from alphaction.modeling import build_detection_model, optimize_for_inference
from alphaction.modeling.backbone import build_backbone
from alphaction.utils.shapes_only import shapes_only
from benchmarks.speed.infer import randomize_norms

NORMS = (FrozenBatchNorm3d, nn.modules.batchnorm._BatchNorm)


def build(name: str, *overrides: object) -> nn.Module:
    torch.manual_seed(3)
    return randomize_norms(build_backbone(load_cfg(None, ("MODEL.BACKBONE.CONV_BODY", name, *overrides))))


def build_short(name: str) -> nn.Module:
    """Return a transformer with the first of its equal blocks only: the larger ones take seconds to fill."""
    with shapes_only():
        model = build_backbone(load_cfg(None, ("MODEL.BACKBONE.CONV_BODY", name)))
        holder, blocks = (model.encoder, "layer") if name.startswith("VJEPA2") else (model, "blocks")
        setattr(holder, blocks, getattr(holder, blocks)[:1])
    torch.manual_seed(3)
    model.to_empty(device="cpu")
    for parameter in model.parameters():
        nn.init.normal_(parameter, std=0.05)
    return model


def outputs(backbone: nn.Module, frames: int = 8) -> list[torch.Tensor]:
    torch.manual_seed(4)
    slow, fast = torch.randn(2, 3, frames // 8, 48, 64), torch.randn(2, 3, frames, 48, 64)
    with torch.inference_mode():
        return [features for features in backbone(slow, fast) if features is not None]


def assert_same(found: list[torch.Tensor], expected: list[torch.Tensor]) -> None:
    for mine, theirs in zip(found, expected, strict=True):
        torch.testing.assert_close(mine, theirs, rtol=1e-5, atol=1e-5 * theirs.abs().max().item())


def tensors_of(model: nn.Module) -> dict[str, torch.Tensor]:
    return {name: tensor.clone() for name, tensor in model.state_dict().items()}


def every_kind_of_backbone() -> list:
    """Return the names, but for networks that only have more blocks, or wider ones, of the kinds that others have."""
    larger = ("101", "ViT-Base", "ViT-Large", "Huge", "Giant", "Swin3D-Base", "Swin3D-Small")
    names = [name if isinstance(name, str) else name.values[0] for name in BACKBONE_NAMES]
    return [
        given for name, given in zip(names, BACKBONE_NAMES, strict=True) if not any(part in name for part in larger)
    ]


@pytest.mark.parametrize("name", every_kind_of_backbone())
def test_every_kind_of_backbone_predicts_the_same(name):
    model = (build_short(name) if name.startswith(("ViT", "VJEPA2")) else build(name)).eval()
    before = tensors_of(model)
    optimized = optimize_for_inference(model)
    assert_same(outputs(optimized), outputs(model))
    after = model.state_dict()
    assert list(after) == list(before)
    assert all(torch.equal(after[name], tensor) for name, tensor in before.items())
    assert not any(isinstance(module, NORMS) for module in optimized.modules())


@pytest.mark.parametrize("share_weights", [True, False])
@pytest.mark.parametrize("frozen", [True, False])
def test_all_that_a_slowfast_network_can_have(frozen, share_weights):
    overrides = {
        "MODEL.BACKBONE.FROZEN_BN": frozen,
        "MODEL.NONLOCAL.FROZEN_BN": not frozen,
        "MODEL.BACKBONE.SLOWFAST.LATERAL": "tconv_bn_relu",
        "MODEL.BACKBONE.SLOWFAST.STEM_POOL_PADDING": 1,
        "MODEL.BACKBONE.SLOWFAST.SLOW.CONV3_NONLOCAL": True,
        "MODEL.BACKBONE.SLOWFAST.SLOW.CONV3_NONLOCAL_BLOCKS": (0,),
        "MODEL.BACKBONE.SLOWFAST.FAST.CONV4_NONLOCAL": True,
        "MODEL.BACKBONE.SLOWFAST.FAST.CONV4_NONLOCAL_BLOCKS": (0,),
    }
    overrides["MODEL.BACKBONE.SLOWFAST.SLOW.CONV4_NONLOCAL"] = False
    model = build("Slowfast-Tiny", *(part for item in overrides.items() for part in item)).train()
    before = tensors_of(model)
    optimized = optimize_for_inference(model, share_weights=share_weights)
    assert model.training
    assert not optimized.training
    assert all(module.training for module in model.modules())
    assert all(torch.equal(model.state_dict()[name], tensor) for name, tensor in before.items())
    assert not any(isinstance(module, NORMS) for module in optimized.modules())
    expected = outputs(copy.deepcopy(model).eval(), frames=16)
    assert_same(outputs(optimized, frames=16), expected)

    # The original goes on training; a copy of its own stays what it was.
    slow, fast = model(torch.randn(2, 3, 2, 48, 64), torch.randn(2, 3, 16, 48, 64))
    (slow.mean() + fast.mean()).backward()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter -= 0.1 * parameter.grad
    assert_same(outputs(optimize_for_inference(model), frames=16), outputs(copy.deepcopy(model).eval(), frames=16))
    if not share_weights:
        assert_same(outputs(optimized, frames=16), expected)


def test_a_second_call_is_harmless():
    model = build("Slowfast-Tiny")
    optimized = optimize_for_inference(model)
    assert optimize_for_inference(optimized) is optimized
    assert optimize_for_inference(model) is not optimized
    assert_same(outputs(optimize_for_inference(copy.deepcopy(optimized))), outputs(optimized))


def test_shared_weights_take_no_memory():
    model = build("ViT-Small")
    own = {tensor.data_ptr() for tensor in model.state_dict().values()}
    shared = {tensor.data_ptr() for tensor in optimize_for_inference(model, share_weights=True).state_dict().values()}
    assert len(shared - own) <= 1  # the kernel of the patches, with another layout
    assert not own & {tensor.data_ptr() for tensor in optimize_for_inference(model).state_dict().values()}


def test_networks_of_others():
    """A convolution with a norm right after it in a Sequential; all else stays as it is."""
    norm = nn.BatchNorm3d(4)
    model = randomize_norms(
        nn.Sequential(
            nn.Sequential(nn.Conv3d(3, 4, 3, bias=False), nn.BatchNorm3d(4), nn.ReLU()),
            nn.Sequential(nn.Conv3d(4, 4, 3, padding="same"), nn.ReLU(), norm),
            nn.Sequential(nn.Conv3d(4, 4, 3, padding=1, padding_mode="replicate"), nn.BatchNorm3d(4)),
        )
    ).eval()
    optimized = optimize_for_inference(model)
    assert [type(module).__name__ for module in optimized.modules()].count("BatchNorm3d") == 1
    x = torch.randn(2, 3, 4, 9, 9)
    torch.testing.assert_close(optimized(x), model(x), rtol=1e-5, atol=1e-5)


def test_a_detector_with_parts_that_are_frozen():
    cfg = load_cfg(None, ("MODEL.BACKBONE.CONV_BODY", "Slowfast-Tiny", "MODEL.BACKBONE.FREEZE", "all"))
    model = build_detection_model(cfg)
    optimized = optimize_for_inference(model, share_weights=True)
    assert optimized.frozen == (optimized.backbone,)
    assert optimized.backbone is not model.backbone
    assert list(model.state_dict()) == list(build_detection_model(cfg).state_dict())
