"""V-JEPA 2's files of Hugging Face: the encoder is taken, everything beside it is left out."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import Tensor

from alphaction.checkpoint.foreign.converted import ForeignFile
from alphaction.checkpoint.foreign.sources import load_sources
from alphaction.checkpoint.weight_file import read_weight_file
from alphaction.config import get_cfg
from alphaction.modeling.backbone import build_backbone
from alphaction.utils.errors import UserError
from alphaction.utils.shapes_only import shapes_only

SOURCE = load_sources()["vjepa2"]
SIZES = {"VJEPA2-Large": (1024, 24, 4096), "VJEPA2-Huge": (1280, 32, 5120), "VJEPA2-Giant": (1408, 40, 6144)}


def encoder_tensors(name: str = "VJEPA2-Large") -> dict[str, Tensor]:
    """Return what Hugging Face's file of a network has of its encoder, without values."""
    width, depth, hidden = SIZES[name]
    layers = {
        "norm1": (width,),
        **{f"attention.{part}": (width, width) for part in ("query", "key", "value", "proj")},
        "norm2": (width,),
        "mlp.fc1": (hidden, width),
        "mlp.fc2": (width, hidden),
    }
    shapes = {"embeddings.patch_embeddings.proj": (width, 3, 2, 16, 16), "layernorm": (width,)}
    shapes |= {f"layer.{block}.{layer}": shape for block in range(depth) for layer, shape in layers.items()}
    tensors = {}
    for key, shape in shapes.items():
        tensors[f"encoder.{key}.weight"] = torch.empty(shape, device="meta")
        tensors[f"encoder.{key}.bias"] = torch.empty(shape[:1], device="meta")
    return tensors


def empty(*shape: int) -> Tensor:
    return torch.empty(shape, device="meta")


@pytest.mark.parametrize("name", SIZES)
def test_the_encoder_is_taken(name):
    predictor = {"predictor.layernorm.weight": empty(384), "predictor.proj.bias": empty(1024)}
    file = ForeignFile(Path("model.safetensors"), {**encoder_tensors(name), **predictor})
    assert SOURCE.recognizes(file)
    converted = SOURCE.convert(file, {})
    assert set(converted.weights) == {f"backbone.{key}" for key in encoder_tensors(name)}
    assert {key: setting.value for key, setting in converted.settings.items()} == {
        "MODEL.BACKBONE.CONV_BODY": name,
        "INPUT.PIXEL_MEAN": pytest.approx([123.675, 116.28, 103.53]),
        "INPUT.PIXEL_STD": pytest.approx([58.395, 57.12, 57.375]),
        "INPUT.TO_BGR": False,
    }
    assert (converted.recipe["INPUT.FRAME_NUM"], converted.recipe["INPUT.MIN_SIZE_TEST"]) == (16, 256)
    assert converted.license == ("MIT" if name == "VJEPA2-Large" else "Apache-2.0")
    assert converted.decisions[0] == "Left out the predictor of masked patches, 2 tensors."


@pytest.mark.parametrize("name", SIZES)
def test_names_are_those_of_the_backbone(name):
    pytest.importorskip("transformers")
    cfg = get_cfg()
    cfg.MODEL.BACKBONE.CONV_BODY = name
    with shapes_only():
        expected = {key: tensor.shape for key, tensor in build_backbone(cfg).state_dict().items()}
    assert {key: tensor.shape for key, tensor in encoder_tensors(name).items()} == expected


def test_a_classifier():
    tensors = {f"vjepa2.{key}": tensor for key, tensor in encoder_tensors().items()}
    tensors |= {
        "pooler.query_tokens": empty(1, 1, 1024),
        "classifier.weight": empty(174, 1024),
        "classifier.bias": empty(174),
    }
    file = ForeignFile(Path("model.safetensors"), tensors)
    assert SOURCE.recognizes(file)
    converted = SOURCE.convert(file, {})
    assert set(converted.weights) == {f"backbone.{key}" for key in encoder_tensors()}
    assert converted.decisions[:2] == ("Left out the classifier, 2 tensors.", "Left out the pooling, 1 tensor.")


def test_the_authors_own_files_are_refused_by_name(tmp_path):
    encoder = {
        "module.backbone.patch_embed.proj.weight": torch.zeros(8, 3, 2, 16, 16),
        "module.backbone.blocks.0.attn.qkv.bias": torch.zeros(24),
    }
    path = tmp_path / "vitl.pt"
    torch.save({"encoder": encoder, "target_encoder": encoder, "predictor": {}, "epoch": 3}, path)
    with pytest.raises(UserError, match=r"vitl.pt: V-JEPA 2's .*authors.*facebook/vjepa2-vitl-fpc64-256"):
        read_weight_file(path)


def test_no_other_source_claims_it():
    for tensors in (encoder_tensors(), {f"vjepa2.{key}": tensor for key, tensor in encoder_tensors().items()}):
        file = ForeignFile(Path("model.safetensors"), tensors)
        assert [source.name for source in load_sources().values() if source.recognizes(file)] == ["vjepa2"]


def test_networks_that_have_no_place():
    small = {"encoder.embeddings.patch_embeddings.proj.weight": empty(384, 3, 2, 16, 16)}
    with pytest.raises(UserError, match=r"width 384; .*1024 \(ViT-L\), 1280 \(ViT-H\), 1408 \(ViT-g\)"):
        SOURCE.convert(ForeignFile(Path("small.bin"), small), {})
    with pytest.raises(UserError, match="it holds decoder"):
        SOURCE.convert(ForeignFile(Path("more.bin"), {**encoder_tensors(), "decoder.weight": empty(3)}), {})
    fewer = encoder_tensors()
    del fewer["encoder.layer.23.mlp.fc2.bias"]
    with pytest.raises(UserError, match=r"encoder\.layer\.23\.mlp\.fc2\.bias is not in it"):
        SOURCE.convert(ForeignFile(Path("fewer.bin"), fewer), {})
