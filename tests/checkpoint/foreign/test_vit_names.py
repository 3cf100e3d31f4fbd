"""Names of vision transformers: every spelling, and what has no place here."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from checkpoint.foreign.vit_tensors import DEPTH, DIM, Tensors, authors, hugging_face, mmaction2, renamed
from torch import Tensor

from alphaction.checkpoint.foreign.vit_names import POSITIONS, has_vit, rename_vit
from alphaction.checkpoint.foreign.vit_size import SIZES
from alphaction.config import load_cfg
from alphaction.modeling.backbone import build_backbone
from alphaction.utils.errors import UserError
from alphaction.utils.shapes_only import shapes_only
from alphaction.utils.sinusoid import sinusoid_table

PATH = Path("weights/some.pth")
PATCHES = "patch_embed.proj.weight"


def assert_same(found: Tensors, expected: Tensors) -> None:
    assert found.keys() == {f"backbone.{name}" for name in expected}
    for name, tensor in expected.items():
        assert torch.equal(found[f"backbone.{name}"], tensor), name


@pytest.mark.parametrize(
    "tensors",
    [
        authors(),
        renamed(authors(), lambda name: f"encoder.{name}"),
        renamed(authors(), lambda name: f"module.backbone.{name}"),
        renamed(authors(), mmaction2),
    ],
    ids=["authors", "pre-training", "prefixes", "mmaction2"],
)
def test_spellings_with_one_matrix(tensors):
    assert has_vit(tensors)
    network = rename_vit(tensors, PATH)
    assert_same(network.weights, authors())
    assert (network.title, network.heads, network.dim, network.rest) == ("ViT-S", 6, DIM, {})
    assert {key: (s.value, s.part) for key, s in network.settings.items()} == {
        "MODEL.BACKBONE.CONV_BODY": ("ViT-Small", "network"),
        POSITIONS: ("sinusoid", "network"),
    }


@pytest.mark.parametrize(
    ("prefix", "biases", "attention"),
    [
        ("videomae.", ("q_bias", "v_bias"), "attention.attention"),
        ("", ("q_bias", "v_bias"), "attention.attention"),
        ("videomae.", ("query.bias", "value.bias"), "attention.attention"),
        ("model.videomae.", ("q_proj.bias", "v_proj.bias"), "attention"),
    ],
)
def test_spelling_of_hugging_face(prefix, biases, attention):
    network = rename_vit(hugging_face(authors(), prefix, *biases, attention), PATH)
    expected = authors()
    parts = torch.tensor([1.0, 2.0, 3.0]).repeat_interleave(DIM)[:, None].expand(3 * DIM, DIM)
    expected |= {f"blocks.{index}.attn.qkv.weight": parts for index in range(DEPTH)}
    assert_same(network.weights, expected)
    assert network.norms == ("fc_norm",)
    assert any("fc_norm, trained on the mean of all tokens" in said for said in network.decisions)


def test_norms():
    both = authors() | {"fc_norm.weight": torch.zeros(DIM), "fc_norm.bias": torch.zeros(DIM)}
    network = rename_vit(both, PATH)
    assert_same(network.weights, authors())
    assert any("fc_norm, that of their mean, is left out" in said for said in network.decisions)
    neither = {name: tensor for name, tensor in authors().items() if not name.startswith("norm.")}
    with pytest.raises(UserError, match="the last norm is missing"):
        rename_vit(neither, PATH)


def with_bias(bias: Tensor | None) -> Tensors:
    tensors = {name: tensor for name, tensor in authors().items() if not name.endswith(("q_bias", "v_bias"))}
    return tensors | ({f"blocks.{index}.attn.qkv.bias": bias for index in range(DEPTH)} if bias is not None else {})


def test_a_plain_bias_is_taken_apart_if_that_of_the_key_is_zero():
    bias = torch.tensor([4.0, 0.0, 5.0]).repeat_interleave(DIM)
    weights = rename_vit(with_bias(bias), PATH).weights
    assert torch.equal(weights["backbone.blocks.7.attn.q_bias"], torch.full((DIM,), 4.0))
    assert torch.equal(weights["backbone.blocks.7.attn.v_bias"], torch.full((DIM,), 5.0))
    bias[DIM + 3] = 1e-3
    with pytest.raises(UserError, match="the keys of block 0 have a bias"):
        rename_vit(with_bias(bias), PATH)


def test_missing_biases_are_never_zero_in_silence():
    with pytest.raises(UserError, match="block 0 lacks the bias of its query or value.*transformers 5"):
        rename_vit(with_bias(None), PATH)
    network = rename_vit(with_bias(torch.zeros(3 * DIM)), PATH)
    assert any("All biases of queries and values are zero" in said for said in network.decisions)
    assert not any("zero" in said for said in rename_vit(authors(), PATH).decisions)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float16])
@pytest.mark.parametrize("frames", [8, 16])
def test_a_table_of_sines_is_left_out(dtype, frames):
    table = sinusoid_table(frames * 196, DIM)[None].to(dtype)
    network = rename_vit(authors() | {"pos_embed": table}, PATH)
    assert_same(network.weights, authors())
    assert network.settings[POSITIONS].value == "sinusoid"
    assert any("that of sines" in said for said in network.decisions)


def test_a_learned_table_is_kept():
    table = sinusoid_table(1568, DIM)[None] + torch.tensor(1e-3)
    network = rename_vit(renamed(authors() | {"pos_embed": table}, mmaction2), PATH)
    assert network.settings[POSITIONS].value == "learned"
    assert torch.equal(network.weights["backbone.pos_embed.table"], table)
    with pytest.raises(UserError, match=r"has 4,608 positions that were learned; known are 1,568"):
        rename_vit(authors() | {"pos_embed": torch.zeros(1).expand(1, 4608, DIM)}, PATH)
    with pytest.raises(UserError, match=r"has the shape \[1568, 384\]"):
        rename_vit(authors() | {"pos_embed": table[0]}, PATH)


def test_halves_become_floats():
    network = rename_vit({name: tensor.half() for name, tensor in authors().items()}, PATH)
    assert {tensor.dtype for tensor in network.weights.values()} == {torch.float32}


def test_the_rest_is_handed_back():
    beside = {"encoder_to_decoder.weight": torch.zeros(2), "decoder.norm.weight": torch.zeros(2)}
    beside |= {"mask_token": torch.zeros(2), "decoder.blocks.0.attn.q_bias": torch.zeros(2)}
    network = rename_vit(renamed(authors(), lambda name: f"encoder.{name}") | beside, PATH)
    assert network.rest.keys() == beside.keys()
    assert_same(network.weights, authors())
    head = {"head.weight": torch.zeros(5, DIM), "head.bias": torch.zeros(5)}
    assert rename_vit(authors() | head, PATH).rest.keys() == head.keys()


@pytest.mark.parametrize(
    ("changed", "problem"),
    [
        ({PATCHES: torch.zeros(1).expand(1408, 3, 2, 14, 14)}, r"width 1408 .* 2 x 14 x 14.*VideoMAEv2's giant"),
        ({PATCHES: torch.zeros(1).expand(DIM, 3, 1, 16, 16)}, "patches of 1 x 16 x 16; known"),
        ({PATCHES: torch.zeros(1).expand(192, 3, 2, 16, 16)}, r"width 192 .*ViT-S \(384\)"),
        ({PATCHES: torch.zeros(1).expand(DIM, 3, 16, 16)}, "single images"),
        ({"blocks.12.norm1.bias": torch.zeros(DIM)}, "with 13 blocks; ViT-S has 12"),
        ({"cls_token": torch.zeros(1, 1, DIM)}, "cls_token cannot be used.*no class token"),
        ({"blocks.3.gamma_1": torch.zeros(DIM)}, r"blocks\.3\.gamma_1 cannot be used"),
        ({"blocks.3.mlp.fc1.bias": torch.zeros(5)}, r"3\.mlp\.fc1\.bias has the shape \[5\] instead of \[1536\]"),
        ({"blocks.3.mlp.fc1.bias": None}, r"blocks\.3\.mlp\.fc1\.bias is not in it"),
        ({"blocks.11.attn.qkv.weight": None}, r"blocks\.11\.attn\.qkv\.weight is not in it"),
        ({"blocks.3.attn.v_bias": None}, "attention of block 3 lacks the bias"),
        ({PATCHES: None}, "but there is none"),
        ({"ema.patch_embed.proj.weight": torch.zeros(1)}, r"but there are 2 \("),
    ],
)  # fmt: skip
def test_networks_that_have_no_place_here(changed, problem):
    tensors = {name: tensor for name, tensor in (authors() | changed).items() if tensor is not None}
    with pytest.raises(UserError, match=problem) as error:
        rename_vit(tensors, PATH)
    assert str(error.value).startswith(f"{PATH}: ")


def test_other_networks_have_no_vit():
    assert not has_vit(
        {"features.0.0.weight": torch.zeros(1, 3, 2, 4, 4), "patch_embed.proj.weight": torch.zeros(1, 3, 16, 16)}
    )


@pytest.mark.parametrize("dim", SIZES)
def test_sizes_are_those_of_the_backbones(dim):
    size = SIZES[dim]
    with shapes_only():
        backbone = build_backbone(load_cfg(None, ("MODEL.BACKBONE.CONV_BODY", size.conv_body)))
    found = authors(dim=dim, depth=size.depth)
    assert backbone.blocks[0].attn.heads == size.heads
    assert {n: t.shape for n, t in backbone.state_dict().items()} == {n: t.shape for n, t in found.items()}
    assert rename_vit(found, PATH).settings["MODEL.BACKBONE.CONV_BODY"].value == size.conv_body
