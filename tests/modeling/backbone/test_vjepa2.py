"""V-JEPA 2 is transformers' own encoder, also for frames that are not square.

Axes: B clips, C channels, T frames, H and W rows and columns, N tokens.
"""

from __future__ import annotations

import sys

import pytest
import torch
from modeling.backbone.transformer_checks import (
    check_autocast,
    check_checkpointing,
    check_layers,
    check_training_step,
    clip,
    kept_bytes,
)
from torch import Tensor

from alphaction.config import load_cfg, validate_cfg
from alphaction.modeling.backbone import build_backbone
from alphaction.modeling.backbone.vjepa2 import VJEPA2
from alphaction.modeling.registries import BACKBONES
from alphaction.utils.errors import UserError
from alphaction.utils.shapes_only import shapes_only

SMALL = {"width": 48, "depth": 4, "heads": 2}
SIDE = 4  # cells of the library's own square grid


def test_without_transformers_there_is_one_message(monkeypatch):
    monkeypatch.setitem(sys.modules, "transformers", None)
    cfg = load_cfg(None, ("MODEL.BACKBONE.CONV_BODY", "VJEPA2-Large"))
    with pytest.raises(UserError, match=r"CONV_BODY: V-JEPA 2 needs .*transformers>=4\.53") as caught:
        build_backbone(cfg)
    assert "\n" not in str(caught.value)
    with pytest.raises(UserError, match="transformers"):
        validate_cfg(cfg, check_files=False)


@pytest.fixture(scope="module")
def library():
    transformers = pytest.importorskip("transformers")
    torch.manual_seed(0)
    config = transformers.VJEPA2Config(
        crop_size=16 * SIDE, hidden_size=48, num_hidden_layers=4, num_attention_heads=2, pred_num_hidden_layers=1
    )
    model = transformers.VJEPA2Model(config).eval()
    for parameter in model.parameters():  # attention that depends on positions, biases that are not 0
        torch.nn.init.normal_(parameter, std=0.3)
    return model


@pytest.fixture(scope="module")
def loaded(library):
    backbone = VJEPA2(**SMALL).eval()
    weights = {name: tensor for name, tensor in library.state_dict().items() if name.startswith("encoder.")}
    backbone.load_state_dict(weights)
    return backbone


def tokens(features: Tensor) -> Tensor:
    return features.flatten(2).transpose(1, 2)


@pytest.mark.parametrize("frames", [2, 8])
@torch.no_grad()
def test_features_of_squares_are_the_librarys(library, loaded, frames):
    pixels = clip(frames, 16 * SIDE, 16 * SIDE, batch=2)
    slow, features = loaded(None, pixels)
    assert slow is None
    assert features.shape == (2, 48, frames // 2, SIDE, SIDE)
    expected = library(pixels.transpose(1, 2), skip_predictor=True).last_hidden_state
    assert (tokens(features) - expected).abs().max() == 0.0


@torch.no_grad()
def test_cells_of_a_rectangle_are_where_they_are(library, loaded):
    pixels = clip(4, 32, 48)  # 2 x 2 x 3 cells, a corner of the library's grid
    numbers = torch.tensor([[(t * SIDE + r) * SIDE + c for t in range(2) for r in range(2) for c in range(3)]])
    x = library.encoder.embeddings(pixels.transpose(1, 2))
    for block in library.encoder.layer:
        x = block(x, numbers)[0]
    expected = library.encoder.layernorm(x)
    features = tokens(loaded(None, pixels)[1])
    assert (features - expected).abs().max() == 0.0
    # The library's own forward takes the cells of any frame for those of its square.
    wrong = library(pixels.transpose(1, 2), skip_predictor=True).last_hidden_state
    assert (features - wrong).abs().max() > 0.01


@torch.no_grad()
def test_what_lies_beyond_the_last_whole_patch_is_not_seen(loaded):
    pixels = clip(2, 41, 63)
    features = loaded(None, pixels)[1]
    assert features.shape == (1, 48, 1, 2, 3)
    assert torch.equal(features, loaded(None, pixels[..., :32, :48])[1])


@pytest.mark.parametrize(("size", "problem"), [((3, 64, 64), "3 frames"), ((4, 15, 64), "15 rows and 64 columns")])
def test_frames_that_make_no_cells(loaded, size, problem):
    with pytest.raises(UserError, match=problem):
        loaded(None, clip(*size))


@pytest.mark.parametrize(
    ("name", "width", "depth", "heads", "hidden", "parameters"),
    [
        ("VJEPA2-Large", 1024, 24, 16, 4096, 303_885_312),
        ("VJEPA2-Huge", 1280, 32, 16, 5120, 631_648_000),
        ("VJEPA2-Giant", 1408, 40, 22, 6144, 1_012_173_952),
    ],
)
def test_published_sizes(name, width, depth, heads, hidden, parameters):
    pytest.importorskip("transformers")
    with shapes_only():
        backbone = BACKBONES.get(name)(load_cfg(None, ("MODEL.BACKBONE.DROP_PATH", 0.2)))
    assert backbone.out_channels == (0, width)
    assert len(backbone.encoder.layer) == depth
    block = backbone.encoder.layer[-1]
    assert (block.attention.num_attention_heads, block.mlp.fc1.out_features) == (heads, hidden)
    assert block.drop_path.drop_prob == pytest.approx(0.2)
    assert backbone.encoder.layer[0].drop_path.drop_prob == 0
    assert sum(parameter.numel() for parameter in backbone.parameters()) == parameters
    assert not any("predictor" in key for key in backbone.state_dict())


def test_layers(loaded):
    stem = {f"encoder.embeddings.patch_embeddings.proj.{name}" for name in ("weight", "bias")}
    check_layers(loaded, stem, blocks=4, last_stage=1)


def test_training():
    pytest.importorskip("transformers")
    torch.manual_seed(2)
    backbone = VJEPA2(**SMALL, drop_path=0.5)
    frames = clip(4, 48, 64, batch=2)
    check_checkpointing(backbone, frames)
    assert kept_bytes(backbone, frames, True) < 0.5 * kept_bytes(backbone, frames, False)
    check_autocast(VJEPA2(**SMALL), frames)


def test_a_training_step_with_interactions_and_memory(monkeypatch):
    pytest.importorskip("transformers")
    entries = {**BACKBONES._entries, "VJEPA2-Test": lambda cfg: VJEPA2.from_config(cfg, width=768, depth=2, heads=12)}
    monkeypatch.setattr(BACKBONES, "_entries", entries)
    check_training_step("VJEPA2-Test")


def test_frames_are_needed(loaded):
    with pytest.raises(ValueError, match="fast frames"):
        loaded(clip(), None)
