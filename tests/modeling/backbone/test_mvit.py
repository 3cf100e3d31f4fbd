"""MViTv2 is torchvision's own network without its classifier, at stride 32 or 16.

Axes: B clips, C channels, T frames, H and W rows and columns, N tokens.
"""

from __future__ import annotations

import copy
import math

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
from torchvision.models.video import mvit_v2_s

from alphaction.config import load_cfg, validate_cfg
from alphaction.modeling.backbone import build_backbone
from alphaction.modeling.backbone.mvit import MViT
from alphaction.utils.errors import UserError
from alphaction.utils.shapes_only import shapes_only


@pytest.fixture(scope="module")
def torchvisions():
    return torchvisions_network(mvit_v2_s)


@pytest.fixture(scope="module")
def loaded(torchvisions):
    return with_weights_of(torchvisions, MViT()).eval()


def torchvisions_features(network, frames: Tensor) -> Tensor:
    """Return what torchvision's own forward norms for frames of any size: [B, C, T, H, W]."""
    found: list[Tensor] = []
    size = tuple(math.ceil(n / s) for n, s in zip(frames.shape[2:], (2, 4, 4), strict=True))
    network.pos_encoding.temporal_size, network.pos_encoding.spatial_size = size[0], size[1:]
    hook = network.norm.register_forward_hook(lambda module, inputs, output: found.append(output))
    with torch.no_grad():
        network(frames)
    hook.remove()
    rows, columns = (math.ceil(side / 8) for side in size[1:])
    return found[0][:, 1:].transpose(1, 2).reshape(len(frames), -1, size[0], rows, columns)


@pytest.mark.parametrize("size", [(8, 64, 64), (4, 64, 96), (5, 70, 101), (1, 33, 20)])
def test_features_are_torchvisions(torchvisions, loaded, size):
    check_torchvisions_features(loaded, size, lambda frames: torchvisions_features(torchvisions, frames))


def test_initial_weights_are_torchvisions():
    check_initial_weights(MViT, mvit_v2_s)


def test_stride_16_changes_no_tensor_and_nothing_before_the_last_stage(torchvisions, loaded):
    fine = with_weights_of(torchvisions, MViT(stride=16)).eval()
    assert (fine.stride, loaded.stride) == (16, 32)
    inputs: list[Tensor] = []
    hooks = [
        backbone.blocks[14].register_forward_hook(lambda module, args, output: inputs.append(args[0]))
        for backbone in (fine, loaded)
    ]
    frames = clip(4, 70, 96)
    with torch.no_grad():
        features, coarse = fine(None, frames)[1], loaded(None, frames)[1]
    for hook in hooks:
        hook.remove()
    assert features.shape == (1, 768, 2, 5, 6)
    assert torch.equal(*inputs)
    # The convolution of the queries is the same at every second cell.
    pool, coarse_pool = fine.blocks[14].attn.pool_q.pool, loaded.blocks[14].attn.pool_q.pool
    cells = torch.randn(1, 96, 2, 5, 6)
    torch.testing.assert_close(pool(cells)[..., ::2, ::2], coarse_pool(cells))
    assert coarse.shape == (1, 768, 2, 3, 3)
    assert not torch.allclose(features[..., ::2, ::2], coarse, atol=0.1)


@pytest.mark.parametrize("stride", [17, 24])
def test_other_strides_are_refused(stride):
    cfg = load_cfg(None, ("MODEL.BACKBONE.CONV_BODY", "MViTv2-Small", "MODEL.BACKBONE.MVIT.STRIDE", stride))
    with pytest.raises(UserError, match=rf"MODEL.BACKBONE.MVIT.STRIDE: {stride} .*32.*16"):
        build_backbone(cfg)
    with pytest.raises(UserError, match=r"MVIT.STRIDE"):
        validate_cfg(cfg, check_files=False)


def test_drop_path_rises_from_the_first_block():
    with shapes_only():
        backbone = build_backbone(
            load_cfg(None, ("MODEL.BACKBONE.CONV_BODY", "MViTv2-Small", "MODEL.BACKBONE.DROP_PATH", 0.3))
        )
        without = build_backbone(load_cfg(None, ("MODEL.BACKBONE.CONV_BODY", "MViTv2-Small")))
    chances = [block.stochastic_depth.p for block in backbone.blocks]
    assert chances == pytest.approx([0.02 * i for i in range(16)])
    assert {block.stochastic_depth.p for block in without.blocks} == {0.0}


def test_layers(loaded):
    check_layers(loaded, {"conv_proj.weight", "conv_proj.bias", "pos_encoding.class_token"}, blocks=16, last_stage=2)


def test_checkpointing():
    torch.manual_seed(2)
    backbone = MViT(drop_path=0.5)
    frames = clip(2, 40, 64, batch=2)
    check_checkpointing(backbone, frames)
    assert kept_bytes(backbone, frames, True) < 0.4 * kept_bytes(backbone, frames, False)


def test_autocast_bfloat16(loaded):
    check_autocast(copy.deepcopy(loaded), clip(4, 48, 64))


@pytest.mark.parametrize("stride", [32, 16])
def test_a_training_step_with_interactions_and_memory(stride):
    check_training_step("MViTv2-Small", "MODEL.BACKBONE.MVIT.STRIDE", stride)


def test_frames_are_needed(loaded):
    with pytest.raises(ValueError, match="fast frames"):
        loaded(clip(), None)
