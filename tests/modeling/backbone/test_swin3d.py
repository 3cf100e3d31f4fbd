"""Video Swin is torchvision's own network without its classifier.

Axes: B clips, C channels, T frames, H and W rows and columns.
"""

from __future__ import annotations

import copy

import pytest
import torch
from modeling.backbone.transformer_checks import (
    check_autocast,
    check_checkpointing,
    check_initial_weights,
    check_layers,
    check_torchvisions_features,
    check_training_step,
    clip,
    kept_bytes,
    torchvisions_network,
    with_weights_of,
)
from torch import Tensor
from torchvision.models import video

from alphaction.config import load_cfg
from alphaction.modeling.backbone import build_backbone
from alphaction.modeling.backbone.swin3d import Swin3D
from alphaction.utils.shapes_only import shapes_only

BUILDERS = {"Swin3D-Tiny": video.swin3d_t, "Swin3D-Small": video.swin3d_s, "Swin3D-Base": video.swin3d_b}


def build(name: str = "Swin3D-Tiny", drop_path: float = 0.0):
    return build_backbone(load_cfg(None, ("MODEL.BACKBONE.CONV_BODY", name, "MODEL.BACKBONE.DROP_PATH", drop_path)))


@pytest.fixture(scope="module")
def torchvisions():
    return torchvisions_network(video.swin3d_t)


@pytest.fixture(scope="module")
def loaded(torchvisions):
    return with_weights_of(torchvisions, build().eval())


def torchvisions_features(network, frames: Tensor) -> Tensor:
    """Return what torchvision's own forward norms: [B, C, T, H, W]."""
    found: list[Tensor] = []
    hook = network.norm.register_forward_hook(lambda module, inputs, output: found.append(output))
    with torch.no_grad():
        network(frames)
    hook.remove()
    return found[0].permute(0, 4, 1, 2, 3)


# Smaller than a window of 8 x 7 x 7 patches, larger and no multiple of it, and frames that are no multiple of a patch.
@pytest.mark.parametrize("size", [(4, 64, 64), (18, 64, 96), (5, 70, 101), (1, 33, 20)])
def test_features_are_torchvisions(torchvisions, loaded, size):
    check_torchvisions_features(loaded, size, lambda frames: torchvisions_features(torchvisions, frames))


def test_initial_weights_are_torchvisions():
    check_initial_weights(build, video.swin3d_t)


@pytest.mark.parametrize("name", BUILDERS)
def test_every_size_is_torchvisions(name):
    with shapes_only():
        backbone, network = build(name, drop_path=0.1), BUILDERS[name](weights=None)
    expected = {key: tensor.shape for key, tensor in network.state_dict().items() if not key.startswith("head.")}
    assert {key: tensor.shape for key, tensor in backbone.state_dict().items()} == expected
    modules = dict(network.named_modules())
    for key, module in backbone.named_modules():
        if key:  # heads, windows, shifts and chances to be skipped
            assert repr(module) == repr(modules[key]), key
            for attribute in ("num_heads", "window_size", "shift_size"):
                assert getattr(module, attribute, None) == getattr(modules[key], attribute, None), key


def test_drop_path_rises_from_the_first_block():
    with shapes_only():
        backbone, without = build(drop_path=0.22), build()
    chances = [modules[-1].stochastic_depth.p for modules in backbone.layers()[1:]]
    assert chances == pytest.approx([0.02 * i for i in range(12)])
    assert {modules[-1].stochastic_depth.p for modules in without.layers()[1:]} == {0.0}


def test_layers(loaded):
    stem = {f"patch_embed.{name}" for name in ("proj.weight", "proj.bias", "norm.weight", "norm.bias")}
    check_layers(loaded, stem, blocks=12, last_stage=2)
    assert loaded.layers()[3] == [loaded.features[1], loaded.features[2][0]]


def test_checkpointing():
    torch.manual_seed(2)
    backbone = Swin3D(width=24, depths=(1, 1, 3, 1), heads=(1, 2, 4, 8), drop_path=0.5)
    frames = clip(4, 48, 64, batch=2)
    check_checkpointing(backbone, frames)
    assert kept_bytes(backbone, frames, True) < 0.4 * kept_bytes(backbone, frames, False)


def test_autocast_bfloat16(loaded):
    check_autocast(copy.deepcopy(loaded), clip(4, 48, 64))


def test_a_training_step_with_interactions_and_memory():
    check_training_step("Swin3D-Tiny")


def test_frames_are_needed(loaded):
    with pytest.raises(ValueError, match="fast frames"):
        loaded(clip(), None)
