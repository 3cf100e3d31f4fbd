"""MMAction2's vision transformers: the same weights as VideoMAE's, other names, other settings."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from checkpoint.foreign.vit_tensors import DEPTH, DIM, authors, mmaction2, renamed
from contracts.zoo_converted import converted_config, converted_detector, converted_probabilities, foreign_file
from contracts.zoo_files import zoo_tensors
from messages import refused, says
from torch import Tensor

from alphaction.checkpoint.foreign.converted import Converted
from alphaction.checkpoint.foreign.recognize import convert_with, find_source
from alphaction.checkpoint.foreign.sources import load_sources
from alphaction.utils.licenses import MMACTION2_VIT, forbids_commerce
from alphaction.utils.sinusoid import sinusoid_table

HEAD = "MODEL.ROI_ACTION_HEAD"
TIME_POOLING = f"{HEAD}.TIME_POOLING"
NAME = "vit-base-p16_videomae-k400-pre_8xb8-16x4x1-20e-adamw_ava-kinetics-rgb_20230314-3dafab75.pth"
SOURCE = load_sources()["mmaction2"]
CFG = f"""
model = dict(
    type='FastRCNN',
    backbone=dict(
        type='mmaction.VisionTransformer', img_size=224, patch_size=16, embed_dims={DIM}, depth={DEPTH}, num_heads=6,
        mlp_ratio=4, qkv_bias=True, num_frames=16, norm_cfg=dict(type='LN', eps=1e-6), return_feat_map=True),
    roi_head=dict(
        type='AVARoIHead',
        bbox_roi_extractor=dict(
            type='SingleRoIExtractor3D', roi_layer_type='RoIAlign', output_size=8, with_temporal_pool=True),
        bbox_head=dict(type='BBoxHeadAVA', background_class=True, in_channels={DIM}, num_classes=81, multilabel=True)),
    data_preprocessor=dict(mean=[123.675, 116.28, 103.53], std=[58.395, 57.12, 57.375]))
val_pipeline = [dict(type='SampleAVAFrames', clip_len=16, frame_interval=4), dict(type='Resize', scale=(-1, 256))]
"""


def convert(tensors: dict[str, Tensor], name: str = "own.pth", cfg: str | None = None, **answers: Any) -> Converted:
    file = foreign_file(name, tensors, **({} if cfg is None else {"meta": {"cfg": cfg}}))
    assert find_source(file) is SOURCE
    return convert_with(SOURCE, file, answers)


def detector(rows: int = 81) -> dict[str, Tensor]:
    head = {"weight": torch.arange(rows).float()[:, None].expand(rows, DIM), "bias": torch.arange(rows).float()}
    return renamed(authors(), mmaction2) | {
        f"roi_head.bbox_head.fc_cls.{leaf}": tensor for leaf, tensor in head.items()
    }


def said(converted: Converted) -> str:
    return "\n".join(converted.decisions)


@pytest.mark.parametrize("table", [None, "sines", "learned"])
def test_a_detector(table: str | None) -> None:
    tensors = detector()
    if table == "sines":
        tensors["backbone.pos_embed"] = sinusoid_table(1568, DIM)[None]
    if table == "learned":
        tensors["backbone.pos_embed"] = torch.full((1, 1568, DIM), 0.5)
    converted = convert(tensors, NAME)
    assert converted.what == "ViT-S 16x4 detector, 80 classes"
    assert converted.license == MMACTION2_VIT
    assert forbids_commerce(converted.license)
    found = {key: setting.value for key, setting in converted.settings.items()}
    assert found["MODEL.BACKBONE.CONV_BODY"] == "ViT-Small"
    assert found["MODEL.BACKBONE.VIT.POSITIONS"] == ("learned" if table == "learned" else "sinusoid")
    assert [found[f"{HEAD}.POOLER_{name}"] for name in ("RESOLUTION", "ALIGNED")] == [8, True]
    assert found["INPUT.PIXEL_MEAN"] == [123.675, 116.28, 103.53]
    assert list(found["TEST.EXTEND_SCALE"]) == [0, 0]
    assert (found["INPUT.CLIP_OFFSET"], found[TIME_POOLING]) == (0, "mean")
    recipe = {"FRAME_NUM": 16, "FRAME_SAMPLE_RATE": 4, "TAU": 1, "ALPHA": 1, "FPS": 30.0, "MIN_SIZE_TEST": 256}
    assert {key: converted.recipe[f"INPUT.{key}"] for key in recipe} == recipe
    assert converted.weights["roi_heads.action.predictor.cls_score.bias"].tolist() == list(range(1, 81))
    converted_detector(converted, converted_config(converted))


def test_the_numbers_are_those_of_the_same_weights_in_the_authors_names() -> None:
    """The golden network of VideoMAE-Action-Detection as MMAction2 would write it; only what pools boxes differs."""
    tensors = zoo_tensors("vmad_ava_vit_s")
    expected = load_sources()["videomae"].convert(foreign_file("a.pth", tensors), {})
    head = {leaf: tensors.pop(f"head.{leaf}") for leaf in ("weight", "bias")}
    theirs = renamed(tensors, mmaction2)
    for leaf, tensor in head.items():
        theirs[f"roi_head.bbox_head.fc_cls.{leaf}"] = torch.cat([torch.full_like(tensor[:1], 9.0), tensor])
    converted = convert(theirs, NAME, CFG)
    assert converted.weights.keys() == expected.weights.keys()
    assert all(torch.equal(tensor, expected.weights[name]) for name, tensor in converted.weights.items())
    scores = converted_probabilities(converted)
    assert scores.shape == (5, 80)
    assert scores.isfinite().all()


def test_a_classifier_of_clips_is_a_backbone() -> None:
    tensors = renamed(authors("fc_norm"), mmaction2) | {"cls_head.fc_cls.weight": torch.zeros(400, DIM)}
    converted = convert(tensors, "vit-small-p16_videomae-k400-pre_16x4x1_kinetics-400.pth")
    assert converted.what == "ViT-S 16x4 backbone"
    says(said(converted), "cls_head", "400 classes", "fc_norm")
    assert not any(setting.part == "head" for setting in converted.settings.values())


def test_a_detector_whose_last_norm_is_that_of_the_mean() -> None:
    tensors = renamed(authors("fc_norm"), mmaction2)
    tensors |= {name: tensor for name, tensor in detector().items() if name.startswith("roi_head")}
    converted = convert(tensors, NAME)
    assert converted.what == "ViT-S 16x4 detector, 80 classes"
    says(said(converted), "fc_norm", "every token")


def test_what_nobody_tells_is_asked() -> None:
    converted = convert(detector())
    assert set(converted.questions) == {TIME_POOLING}
    assert convert(detector(), **{TIME_POOLING: "mean"}).questions == {}
    assert convert(detector(), cfg=CFG).questions == {}


@pytest.mark.parametrize(
    ("old", "new", "parts"),
    [
        ("num_heads=6", "num_heads=12", ["num_heads = 12", "6"]),
        ("depth=12", "depth=24", ["depth = 24", "12"]),
        (f"embed_dims={DIM}", "embed_dims=768", ["embed_dims = 768", "384"]),
        ("patch_size=16", "patch_size=14", ["patch_size = 14"]),
        ("depth=12", "depth=12, use_mean_pooling=True", ["use_mean_pooling = True", "norm", "False"]),
        ("mlp_ratio=4", "mlp_ratio=2", ["mlp_ratio = 2"]),
        ("qkv_bias=True", "qkv_bias=False", ["qkv_bias = False"]),
        ("qkv_bias=True", "qkv_bias=True, init_values=0.1", ["init_values = 0.1"]),
        ("eps=1e-6", "eps=1e-5", ["norm_cfg.eps = 1e-05", "1e-06"]),
        ("mmaction.VisionTransformer", "mmaction.MViT", ["backbone.type = 'mmaction.MViT'"]),
        ("multilabel=True", "multilabel=False", ["multilabel = False"]),
    ],
)
def test_a_config_text_of_another_network_is_refused(old: str, new: str, parts: list[str]) -> None:
    assert old in CFG
    refused(lambda: convert(detector(), cfg=CFG.replace(old, new)), "own.pth", "meta.cfg", *parts)


def test_tensors_without_a_place() -> None:
    refused(lambda: convert(detector() | {"neck.weight": torch.zeros(1)}), "neck")
    refused(lambda: convert(detector() | {"extra.weight": torch.zeros(1)}), "1 tensor has no place", "extra.weight")
    refused(lambda: convert(detector() | {"backbone.blocks.0.gamma_1": torch.zeros(DIM)}), "gamma_1")
    context = {"roi_head.bbox_head.fc_cls.weight": torch.zeros(81, 2 * DIM)}
    refused(lambda: convert(detector() | context), "context head")
