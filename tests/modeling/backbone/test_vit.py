"""The plain vision transformer: names, positions, sizes, and what training needs.

Axes: B clips, T frames, H and W rows and columns, N tokens, C channels.
"""

from __future__ import annotations

import copy
import math

import pytest
import torch
from torch.nn import functional as F

from alphaction.config import load_cfg, validate_cfg
from alphaction.modeling.backbone import build_backbone
from alphaction.modeling.backbone.vit import Positions, VisionTransformer
from alphaction.utils.errors import UserError
from alphaction.utils.shapes_only import shapes_only
from alphaction.utils.sinusoid import sinusoid_table
from benchmarks.speed.activations import counting_activations


def tiny(**options) -> VisionTransformer:
    torch.manual_seed(0)
    return VisionTransformer(**{"dim": 48, "depth": 4, "heads": 3, **options})


def clip(batch: int = 2, frames: int = 4, rows: int = 32, columns: int = 48) -> torch.Tensor:
    return torch.randn(batch, 3, frames, rows, columns, generator=torch.Generator().manual_seed(1))


@pytest.mark.parametrize(
    ("name", "dim", "depth", "heads", "parameters"),
    [
        ("ViT-Small", 384, 12, 6, 21_879_936),
        ("ViT-Base", 768, 12, 12, 86_227_200),
        ("ViT-Large", 1024, 24, 16, 303_860_736),
        ("ViT-Huge", 1280, 32, 16, 631_607_040),
    ],
)
def test_sizes_and_names(name, dim, depth, heads, parameters):
    with shapes_only():
        backbone = build_backbone(load_cfg(None, ("MODEL.BACKBONE.CONV_BODY", name)))
    shapes = {key: tuple(tensor.shape) for key, tensor in backbone.state_dict().items()}
    block = {key.removeprefix("blocks.3."): shape for key, shape in shapes.items() if key.startswith("blocks.3.")}
    assert block == {
        "norm1.weight": (dim,), "norm1.bias": (dim,), "attn.q_bias": (dim,), "attn.v_bias": (dim,),
        "attn.qkv.weight": (3 * dim, dim), "attn.proj.weight": (dim, dim), "attn.proj.bias": (dim,),
        "norm2.weight": (dim,), "norm2.bias": (dim,), "mlp.fc1.weight": (4 * dim, dim), "mlp.fc1.bias": (4 * dim,),
        "mlp.fc2.weight": (dim, 4 * dim), "mlp.fc2.bias": (dim,),
    }  # fmt: skip
    assert {key: shape for key, shape in shapes.items() if not key.startswith("blocks.")} == {
        "patch_embed.proj.weight": (dim, 3, 2, 16, 16), "patch_embed.proj.bias": (dim,),
        "norm.weight": (dim,), "norm.bias": (dim,),
    }  # fmt: skip
    assert sum(math.prod(shape) for shape in shapes.values()) == parameters
    assert (len(backbone.blocks), backbone.blocks[0].attn.heads) == (depth, heads)
    assert (backbone.out_channels, backbone.stride, backbone.last_stage) == ((0, dim), 16, depth // 4)
    assert len(backbone.layers()) == depth + 1
    in_layers = {id(p) for layer in backbone.layers() for module in layer for p in module.parameters()}
    assert [key for key, p in backbone.named_parameters() if id(p) not in in_layers] == ["norm.weight", "norm.bias"]


def test_table_of_positions():
    table = sinusoid_table(1568, 384)
    assert table.dtype == torch.float32
    for position, channel in ((0, 0), (0, 1), (1, 0), (1567, 7), (300, 382), (1000, 383)):
        angle = position / 10000 ** (2 * (channel // 2) / 384)
        expected = math.cos(angle) if channel % 2 else math.sin(angle)
        assert table[position, channel].item() == pytest.approx(expected, abs=1e-7)


def test_positions_of_the_trained_grid_are_the_table():
    positions = Positions(48, learned=False)
    assert torch.equal(positions((8, 14, 14), torch.device("cpu"))[0], sinusoid_table(1568, 48))
    # More frames: the formula goes on; fewer: the first ones.
    assert torch.equal(positions((10, 14, 14), torch.device("cpu"))[0], sinusoid_table(1960, 48))
    assert torch.equal(positions((2, 14, 14), torch.device("cpu"))[0], sinusoid_table(392, 48))


def test_positions_of_other_grids_are_stretched_frame_by_frame():
    found = Positions(48, learned=False)((3, 4, 6), torch.device("cpu")).reshape(3, 4, 6, 48)
    maps = sinusoid_table(3 * 196, 48).reshape(3, 14, 14, 48).permute(0, 3, 1, 2)
    expected = F.interpolate(maps, (4, 6), mode="bicubic", align_corners=False).permute(0, 2, 3, 1)
    torch.testing.assert_close(found, expected)


def test_positions_are_computed_once_per_size_and_are_not_saved():
    positions = Positions(48, learned=False)
    with torch.inference_mode():
        first = positions((2, 4, 6), torch.device("cpu"))
    assert positions((2, 4, 6), torch.device("cpu")) is first
    assert not first.is_inference()  # a training may follow
    for rows in range(1, 12):
        positions((2, rows, 6), torch.device("cpu"))
    assert positions((2, 4, 6), torch.device("cpu")) is first or len(positions._cache) <= 8
    assert list(positions.state_dict()) == []


def test_learned_positions():
    positions = Positions(48, learned=True)
    assert positions.table.shape == (1, 1568, 48)
    assert positions.table.std().item() == pytest.approx(0.02, rel=0.05)
    cpu = torch.device("cpu")
    assert torch.equal(positions((8, 14, 14), cpu), positions.table)
    stretched = positions((16, 7, 28), cpu)
    maps = positions.table.detach().reshape(8, 14, 14, 48).permute(0, 3, 1, 2)
    frames = F.interpolate(maps, (7, 28), mode="bicubic", align_corners=False)  # [8, C, 7, 28]
    lines = frames.flatten(1).t().reshape(1, -1, 8, 1)
    lines = F.interpolate(lines, (16, 1), mode="bicubic", align_corners=False).reshape(48, 7, 28, 16)
    torch.testing.assert_close(stretched, lines.permute(3, 1, 2, 0).reshape(1, -1, 48))
    stretched.square().sum().backward()
    assert (positions.table.grad != 0).any()


@pytest.mark.parametrize("learned", [False, True])
def test_shapes_and_gradients(learned):
    backbone = tiny(learned_positions=learned).train()
    slow, features = backbone(None, clip(rows=40, columns=48))  # rows beyond a multiple of 16 are not seen
    assert slow is None
    assert features.shape == (2, 48, 2, 2, 3)
    (features * torch.randn_like(features)).sum().backward()
    for name, parameter in backbone.named_parameters():
        assert torch.isfinite(parameter.grad).all(), name
        assert parameter.grad.abs().max() > 0, name
    assert ("pos_embed.table" in backbone.state_dict()) is learned


def test_the_order_of_tokens_is_that_of_the_map():
    backbone = tiny(depth=0)
    torch.nn.init.constant_(backbone.patch_embed.proj.weight, 0.0)
    torch.nn.init.constant_(backbone.norm.weight, 2.0)
    features = backbone(None, clip(1, 4, 32, 48))[1]
    expected = F.layer_norm(backbone.pos_embed((2, 2, 3), torch.device("cpu")), (48,), eps=1e-6) * 2
    torch.testing.assert_close(features.flatten(2).transpose(1, 2), expected)


def test_attention_has_no_bias_of_the_key():
    attention = tiny().blocks[0].attn
    with torch.no_grad():
        attention.q_bias.normal_()
        attention.v_bias.normal_()
    x = torch.randn(2, 5, 48)
    parts = F.linear(x, attention.qkv.weight).chunk(3, dim=-1)
    query, key, value = (
        part.reshape(2, 5, 3, 16).transpose(1, 2)
        for part in (parts[0] + attention.q_bias, parts[1], parts[2] + attention.v_bias)
    )
    weights = (query @ key.transpose(-1, -2) / 4).softmax(dim=-1)
    expected = attention.proj((weights @ value).transpose(1, 2).reshape(2, 5, 48))
    torch.testing.assert_close(attention(x), expected)


def test_initial_weights():
    block = VisionTransformer(dim=192, depth=1, heads=3).blocks[0]
    assert block.mlp.fc1.weight.std().item() == pytest.approx(0.02, rel=0.05)
    assert torch.equal(block.mlp.fc1.bias, torch.zeros(768))
    assert torch.equal(block.attn.v_bias, torch.zeros(192))
    assert torch.equal(block.norm1.weight, torch.ones(192))


def test_drop_path_rises_and_skips_whole_clips():
    backbone = tiny(drop_path=0.6)
    assert [block.drop_path for block in backbone.blocks] == pytest.approx([0, 0.2, 0.4, 0.6])
    block = backbone.blocks[-1]
    x = torch.randn(64, 2, 48)
    whole = block.eval()(x)
    added = block.train()(x) - x
    skipped = (added == 0).flatten(1).all(dim=1)
    assert 10 < skipped.sum() < 40  # 0.36 of 64: both branches
    mlp_only = block.mlp(block.norm2(x)) / 0.4
    attention_only = block.attn(block.norm1(x)) / 0.4
    matches = [torch.isclose(added, part, atol=1e-5).flatten(1).all(dim=1) for part in (mlp_only, attention_only)]
    assert all(match.any() for match in matches)
    torch.testing.assert_close(block.eval()(x), whole)


@pytest.mark.parametrize("drop_path", [0.0, 0.5])
def test_checkpointing_changes_nothing(drop_path):
    plain = tiny(drop_path=drop_path).train()
    recomputed = copy.deepcopy(plain)
    recomputed.checkpointing = True
    results = []
    for backbone in (plain, recomputed):
        torch.manual_seed(3)
        features = backbone(None, clip(8))[1]
        features.square().mean().backward()
        results.append(features)
    torch.testing.assert_close(results[1], results[0], rtol=0, atol=0)
    for (name, found), expected in zip(recomputed.named_parameters(), plain.parameters(), strict=True):
        torch.testing.assert_close(found.grad, expected.grad, msg=name)


def test_checkpointing_keeps_fewer_activations():
    def kept(checkpointing: bool) -> int:
        backbone = tiny(checkpointing=checkpointing).train()
        with counting_activations(backbone) as activations:
            backbone(None, clip(rows=64, columns=64))
        return activations.bytes

    assert kept(True) < 0.5 * kept(False)


def test_autocast_bfloat16():
    backbone = tiny().train()
    for parameter in backbone.parameters():
        torch.nn.init.normal_(parameter, std=0.1)
    with torch.no_grad():
        exact = backbone(None, clip())[1]
    with torch.autocast("cpu", dtype=torch.bfloat16):
        features = backbone(None, clip())[1]
    assert not torch.equal(features.float(), exact)
    assert (features.float() - exact).norm() < 0.03 * exact.norm()
    features.float().square().mean().backward()
    assert all(torch.isfinite(p.grad).all() and p.grad.abs().max() > 0 for p in backbone.parameters())


def test_sizes_that_do_not_fit():
    backbone = tiny()
    with pytest.raises(UserError, match=r"pairs of frames, but gets 5 frames .*Set INPUT\.FRAME_NUM"):
        backbone(None, clip(frames=5))
    with pytest.raises(UserError, match="16 x 16 pixels, but the frames have 12 rows and 48 columns"):
        backbone(None, clip(rows=12))
    with pytest.raises(ValueError, match="fast frames"):
        backbone(clip(), None)


def test_the_check_of_a_config_finds_frames_that_do_not_fit():
    options = ("MODEL.BACKBONE.CONV_BODY", "ViT-Small", "INPUT.TAU", 1, "INPUT.ALPHA", 1)
    data = ("DATASETS.TRAIN", ("ava_video_train_v2.2",), "DATASETS.TEST", ("ava_video_val_v2.2",))
    validate_cfg(load_cfg(None, (*options, *data, "INPUT.FRAME_NUM", 16)), check_files=False)
    with pytest.raises(UserError, match="pairs of frames, but gets 1 frame of a clip"):
        validate_cfg(load_cfg(None, (*options, *data, "INPUT.FRAME_NUM", 1)), check_files=False)
