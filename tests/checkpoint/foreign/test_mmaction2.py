"""MMAction2's files: networks by their tensors, settings by their config text, name, or a question."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np
import pytest
import torch
from contracts.golden import golden_clip
from contracts.zoo_converted import converted_config, converted_detector, converted_probabilities, foreign_file
from contracts.zoo_files import zoo_case, zoo_outputs
from contracts.zoo_networks import ZooNetwork
from messages import refused, says
from torch import Tensor

from alphaction.checkpoint.foreign.converted import Converted
from alphaction.checkpoint.foreign.sources import load_sources

GOLDEN = "mmaction2_ava_slowfast_r50_4x16"
HEAD = "MODEL.ROI_ACTION_HEAD"
TIME_POOLING = f"{HEAD}.TIME_POOLING"
NODE = "MODEL.BACKBONE.SLOWFAST"
TEMPORAL_MAX = "slowfast_kinetics400-pretrained-r50-temporal-max_8xb6-8x8x1-cosine-10e_ava22-rgb_20220906-13a9078e.pth"
SLOWONLY = "slowonly_k700-pre-r50_8xb8-8x8x1-10e_ava-kinetics-rgb_20221205-16a01c37.pth"
SOURCE = load_sources()["mmaction2"]


def config_text(**changes: str) -> str:
    """Return the golden file's config text with parts replaced."""
    text = zoo_case(GOLDEN)["file"]["other"]["meta"]["cfg"]
    for old, new in changes.items():
        assert old in text, old
        text = text.replace(old, new)
    return text


def convert(tensors: dict[str, Tensor], name: str = "own.pth", cfg: str | None = None, **answers: Any) -> Converted:
    extras = {} if cfg is None else {"meta": {"cfg": cfg}}
    return SOURCE.convert(foreign_file(name, tensors, **extras), answers)


def values(converted: Converted) -> dict[str, Any]:
    return {key: setting.value for key, setting in converted.settings.items()}


def said(converted: Converted) -> str:
    return "\n".join(converted.decisions)


@cache
def shapes_of(**options: Any) -> dict[str, Tensor]:
    """Return tensors of a network, which take no memory."""
    network = ZooNetwork("mmaction2", **{"rows": 81, **options})
    return {name: torch.zeros(()).expand(shape) for name, shape in network.shapes().items()}


def test_the_golden_detector() -> None:
    """Its numbers are compared in contracts/test_zoo_weights.py."""
    name, other = zoo_case(GOLDEN)["file"]["name"], zoo_case(GOLDEN)["file"]["other"]
    tensors = {name: torch.zeros(()).expand(shape) for name, shape in zoo_case(GOLDEN)["tensors"].items()}
    file = foreign_file(name, tensors, **other)
    assert [source.name for source in load_sources().values() if source.recognizes(file)] == ["mmaction2"]
    converted = SOURCE.convert(file, {})
    assert converted.what == "SlowFast R50 4x16 detector, 80 classes"
    assert converted.license == "Apache-2.0"
    assert not converted.questions
    says(said(converted), "Row 0", "dropped", "80 classes are left", "mean (the file's meta.cfg)", "8 x 8, aligned")
    found = values(converted)
    assert found[f"{NODE}.LATERAL"] == "tconv_no_bias"
    assert (found["INPUT.ALPHA"], found["INPUT.SLOW_SAMPLING"]) == (8, "first")
    assert found["INPUT.PIXEL_MEAN"] == [123.675, 116.28, 103.53]
    assert found[f"{NODE}.LAST_STAGE_DILATION"] == 1
    recipe = {"FRAME_NUM": 32, "FRAME_SAMPLE_RATE": 2, "TAU": 8, "ALPHA": 8, "FPS": 30.0, "MIN_SIZE_TEST": 256}
    assert {key: converted.recipe[f"INPUT.{key}"] for key in recipe} == recipe


def test_the_other_networks_are_those_of_the_zoo() -> None:
    """The independent forward pass gives the golden outputs, so that it can judge networks without any."""
    network = ZooNetwork("mmaction2", rows=81)
    assert network.shapes() == {name: tuple(shape) for name, shape in zoo_case(GOLDEN)["tensors"].items()}
    clip = golden_clip(32)
    with torch.inference_mode():
        found = network.probabilities(
            network.tensors(), (clip[:, :, ::8], clip), dilation=1, resolution=8, aligned=True
        )
    np.testing.assert_allclose(found[:, 1:], zoo_outputs(GOLDEN)["probabilities"], rtol=1e-4)


def test_temporal_maximum_by_the_files_name() -> None:
    network = ZooNetwork("mmaction2", rows=81, kernel=7)
    tensors = network.tensors()
    converted = convert(tensors, TEMPORAL_MAX)
    assert converted.what == "SlowFast R50 8x8 detector, 80 classes"
    assert converted.settings[TIME_POOLING].value == "max"
    assert converted.settings[TIME_POOLING].why == "the file's name"
    says(said(converted), "no meta.cfg", "maximum (the file's name)", "32x2 frames (slow pathway 8x8)")
    clip = golden_clip(32)
    with torch.inference_mode():
        expected = network.probabilities(
            tensors, (clip[:, :, ::4], clip), dilation=1, resolution=8, aligned=True, time_max=True
        )
    torch.testing.assert_close(converted_probabilities(converted), expected[:, 1:], rtol=1e-4, atol=1e-6)


def test_slowonly_with_other_classes() -> None:
    network = ZooNetwork("mmaction2", rows=6, fast=False)
    tensors = network.tensors()
    converted = convert(tensors, SLOWONLY)
    assert converted.what == "Slow R50 8x8 detector, 5 classes"
    assert converted.settings[TIME_POOLING].value == "mean"
    clip = golden_clip(8)
    with torch.inference_mode():
        expected = network.probabilities(tensors, (clip,), dilation=1, resolution=8, aligned=True)
    torch.testing.assert_close(converted_probabilities(converted), expected[:, 1:], rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize(
    ("options", "body", "alpha"),
    [
        ({"depth": 101}, "Slowfast-Resnet101", 4),
        ({"depth": 101, "fast": False}, "Slow-Resnet101", None),
        ({"kernel": 7, "rows": 0}, "Slowfast-Resnet50", 4),
        ({"rows": 0}, "Slowfast-Resnet50", 8),
    ],
)
def test_each_network_fills_its_place(options: dict[str, Any], body: str, alpha: int | None) -> None:
    classifier = {f"cls_head.fc_cls.{leaf}": torch.zeros(400, 1) for leaf in ("weight", "bias")}
    converted = convert(shapes_of(**options) | ({} if options.get("rows", 81) else classifier), "own_8x8x1.pth")
    found = values(converted)
    assert (found["MODEL.BACKBONE.CONV_BODY"], found.get("INPUT.ALPHA")) == (body, alpha)
    cfg = converted_config(converted)
    if options.get("rows") == 0:
        says(said(converted), "Left out: cls_head, the classifier of clips (400 classes)")
        assert TIME_POOLING not in found
        assert TIME_POOLING not in converted.questions
    name = "roi_heads.action.predictor.cls_score"
    channels = 2304 if alpha else 2048
    random = {f"{name}.weight": torch.zeros(80, channels), f"{name}.bias": torch.zeros(80)}
    converted_detector(replace(converted, weights=random | converted.weights), cfg)


def test_what_nobody_tells_is_asked() -> None:
    converted = convert(shapes_of())
    assert converted.questions[TIME_POOLING].choices == ("mean", "max")
    assert TIME_POOLING not in converted.settings
    says(said(converted), "Nothing tells the frames of a clip")
    assert converted.what == "SlowFast R50 detector, 80 classes"
    answered = convert(shapes_of(), **{TIME_POOLING: "max"})
    assert (answered.settings[TIME_POOLING].value, answered.questions) == ("max", {})
    refused(lambda: convert(shapes_of(), **{TIME_POOLING: "median"}), TIME_POOLING, "median", "mean", "max")
    refused(lambda: convert(shapes_of(), **{"INPUT.ALPHA": 4}), "INPUT.ALPHA", "4", "8", "lateral kernel of 5")
    assert convert(
        shapes_of(), cfg="_base_ = ['base.py']\nmodel = dict(roi_head=dict(bbox_roi_extractor=dict(aligned=True)))"
    ).questions


def test_a_lateral_kernel_that_was_never_published() -> None:
    tensors = shapes_of(kernel=3, rows=0)
    converted = convert(tensors)
    assert 4 in converted.questions["INPUT.ALPHA"].choices
    assert "INPUT.FRAME_NUM" not in converted.recipe
    assert convert(tensors, **{"INPUT.ALPHA": 4}).recipe["INPUT.TAU"] == 4


def test_the_config_text_comes_first() -> None:
    changes = {
        "output_size=8": "output_size=(7, 7), aligned=False, sampling_ratio=2, temporal_pool_mode='max'",
        "resample_rate=8": "resample_rate=4",
        "speed_ratio=8": "speed_ratio=4",
        "dilations=(1, 1, 1, 1)": "dilations=(1, 1, 1, 2)",
        "fast_pathway=dict(": "fast_pathway=dict(dilations=[1, 1, 1, 2], ",
        "mean=[123.675, 116.28, 103.53]": "mean=[110, 111.5, 112]",
        "clip_len=32, frame_interval=2": "clip_len=16, frame_interval=4",
        "scale=(-1, 256)": "scale=(-1, 224)",
        "dropout_ratio=0.5": "dropout_ratio=0.1",
    }
    converted = convert(shapes_of(), "temporal-mean-4x16x1.pth", config_text(**changes))
    found = values(converted)
    assert [found[f"{HEAD}.POOLER_{name}"] for name in ("RESOLUTION", "ALIGNED", "SAMPLING_RATIO")] == [7, False, 2]
    assert found[TIME_POOLING] == "max"
    assert (found["INPUT.ALPHA"], found[f"{NODE}.LAST_STAGE_DILATION"]) == (4, 2)
    assert found["INPUT.PIXEL_MEAN"] == [110, 111.5, 112]
    recipe = {"FRAME_NUM": 16, "FRAME_SAMPLE_RATE": 4, "TAU": 4, "ALPHA": 4, "MIN_SIZE_TEST": 224}
    assert {key: converted.recipe[f"INPUT.{key}"] for key in recipe} == recipe
    assert converted.recipe[f"{HEAD}.DROPOUT_RATE"] == 0.1
    says(said(converted), "7 x 7, not aligned", "16x4 frames (slow pathway 4x16)")


def test_steps_that_need_not_be_understood() -> None:
    changes = {
        "scale=(-1, 256)": "scale=(np.inf, 224)",
        "dict(type='RawFrameDecode')": "dict(type=RawFrameDecode), dict(**decode), 7",
        "type='SampleAVAFrames'": "type='mmaction.SampleAVAFrames'",
    }
    loaders = "val_dataloader = dict(dataset=dict(fps=25))\ntest_dataloader = dict(dataset=[make()])\n"
    recipe = convert(shapes_of(), cfg=config_text(**changes) + loaders).recipe
    keys = ("FRAME_NUM", "MIN_SIZE_TEST", "FPS")
    assert [recipe[f"INPUT.{key}"] for key in keys] == [32, 224, 25]


def test_a_name_that_the_config_text_contradicts() -> None:
    converted = convert(shapes_of(), "temporal-max.pth", config_text())
    assert converted.settings[TIME_POOLING].value == "mean"
    says(said(converted), '"temporal-max"', "meta.cfg counts")


@pytest.mark.parametrize(
    ("old", "new", "parts"),
    [
        ("depth=50", "depth=101", ["model.backbone.slow_pathway.depth = 101", "50"]),
        ("base_channels=8", "base_channels=16", ["fast_pathway.base_channels = 16", "8"]),
        ("conv1_kernel=(5, 7, 7)", "conv1_kernel=(1, 7, 7)", ["fast_pathway.conv1_kernel", "(5, 7, 7)"]),
        ("inflate=(0, 0, 1, 1)", "inflate=(1, 1, 1, 1)", ["slow_pathway.inflate"]),
        ("lateral=True", "lateral=True, fusion_kernel=7", ["fusion_kernel = 7", "5"]),
        ("lateral=True", "lateral=True, lateral_norm=True", ["lateral_norm = True", "False"]),
        ("channel_ratio=8", "channel_ratio=4", ["channel_ratio = 4", "8"]),
        ("resample_rate=8", "resample_rate=16", ["resample_rate = 16", "speed_ratio, 8"]),
        ("resample_rate=8", "resample_rate=compute()", ["computes model.backbone.resample_rate"]),
        ("spatial_strides=(1, 2, 2, 1)", "spatial_strides=(1, 2, 2, 2)", ["spatial_strides = (1, 2, 2, 2)"]),
        ("dilations=(1, 1, 1, 1)", "dilations=(1, 1, 2, 4)", ["dilations = (1, 1, 2, 4)"]),
        ("dilations=(1, 1, 1, 1)", "dilations=(1, 1, 1, 2)", ["dilations = (1, 1, 1, 2)", "Both pathways"]),
        ("conv1_stride_t=1", "conv1_stride_t=2", ["conv1_stride_t = 2"]),
        ("depth=50", "depth=50, norm_cfg=dict(type='BN3d', eps=1e-3)", ["slow_pathway.norm_cfg.eps = 0.001", "1e-05"]),
        ("depth=50", "depth=50, norm_cfg=dict(type='GN')", ["norm_cfg.type = 'GN'"]),
        ("depth=50", "depth=50, act_cfg=dict(type='SiLU')", ["act_cfg.type = 'SiLU'"]),
        ("depth=50", "depth=50, non_local=((0,), (1,), (1,), (0,))", ["non_local"]),
        ("depth=50", "depth=50, style='caffe'", ["style = 'caffe'"]),
        ("mmaction.ResNet3dSlowFast", "mmaction.ResNet3dCSN", ["backbone.type = 'mmaction.ResNet3dCSN'"]),
        ("multilabel=True", "multilabel=False", ["multilabel = False", "softmax"]),
        ("background_class=True", "background_class=False", ["background_class = False"]),
        ("num_classes=81", "num_classes=61", ["num_classes = 61", "81"]),
        ("in_channels=2304", "in_channels=4608", ["in_channels = 4608", "2304"]),
        ("with_temporal_pool=True", "with_temporal_pool=False", ["with_temporal_pool = False"]),
        ("with_temporal_pool=True", "with_temporal_pool=True, with_global=True", ["with_global = True"]),
        ("with_temporal_pool=True", "temporal_pool_mode='median'", ["temporal_pool_mode = 'median'"]),
        ("roi_layer_type='RoIAlign'", "roi_layer_type='RoIPool'", ["roi_layer_type = 'RoIPool'"]),
        ("output_size=8", "output_size='large'", ["output_size = 'large'", "whole number"]),
        ("output_size=8", "output_size=(8, 16)", ["output_size = (8, 16)"]),
        ("type='AVARoIHead',", "type='AVARoIHead', shared_head=dict(type='ACRNHead'),", ["ACRNHead"]),
        ("mean=[123.675, 116.28, 103.53]", "mean=[0.5]", ["data_preprocessor.mean = (0.5,)", "three numbers"]),
        ("format_shape='NCTHW'", "to_rgb=True", ["to_rgb = True"]),
        ("clip_len=32", "clip_len=30", ["30 frames", "8 fast frames"]),
        ("clip_len=32", "clip_len=0", ["SampleAVAFrames.clip_len = 0", "whole number"]),
    ],
)  # fmt: skip
def test_a_config_text_of_another_network_is_refused(old: str, new: str, parts: list[str]) -> None:
    refused(lambda: convert(shapes_of(), "own.pth", config_text(**{old: new})), "own.pth", "meta.cfg", *parts)


@pytest.mark.parametrize(
    ("cfg", "part"),
    [
        ("model = dict(", "it is not Python"),
        ("import os\nos.system('touch ran')", "line 2 is a statement"),
        ("model = " + "[" * 80 + "]" * 80, "nested"),
        ("x" * 1_000_001, "1,000,001 characters"),
    ],
)
def test_a_config_text_that_cannot_be_read_is_said(cfg: str, part: str) -> None:
    converted = convert(shapes_of(), "own.pth", cfg)
    says(said(converted), "meta.cfg is not used", part)
    assert TIME_POOLING in converted.questions


@pytest.mark.parametrize("meta", [None, "text", 7, {"cfg": None}, {"cfg": object()}, {"epoch": 3}])
def test_a_meta_without_config(meta: Any) -> None:
    converted = SOURCE.convert(foreign_file("a.pth", shapes_of(), meta=meta), {})
    says(said(converted), "no meta.cfg")


def test_a_file_of_the_old_major_version() -> None:
    refused(lambda: SOURCE.convert(foreign_file("a.pth", shapes_of(), meta={"mmaction_version": "0.24"}), {}), "0.x")


STEM = "backbone.conv1.conv.weight"


@pytest.mark.parametrize(
    ("names", "title"),
    [
        ({"backbone.conv1.conv.weight": (64, 3, 7, 7)}, "2D convolutions"),
        ({STEM: (64, 3, 5, 7, 7)}, "I3D"),
        ({STEM: (64, 3, 3, 7, 7), "backbone.layer1.0.conv2.conv.weight": (64, 1, 3, 3, 3)}, "several frames"),
        ({STEM: (64, 3, 1, 7, 7), "backbone.layer1.0.conv2.conv.weight": (64, 1, 3, 3, 3)}, "(CSN)"),
        ({STEM: (64, 3, 1, 7, 7), "backbone.layer1.0.conv2.conv.weight": (64, 64, 1, 3, 3)}, "basic blocks"),
        ({"backbone.conv1_s.conv.weight": (24, 3, 1, 3, 3), "backbone.conv1_t.conv.weight": (24, 1, 5, 1, 1)}, "X3D"),
        ({"backbone.layer1.0.conv1.conv.conv_s.weight": (1,), "cls_head.fc_cls.weight": (9, 9)}, "R(2+1)D"),
        ({"backbone.conv1a.conv.weight": (64, 3, 3, 3, 3), "cls_head.fc_cls.weight": (9, 9)}, "C3D"),
        ({"backbone.blocks.0.attn.pool_q.weight": (1,), "cls_head.fc_cls.weight": (9, 9)}, "MViT"),
        ({"backbone.layers.0.blocks.0.norm1.weight": (1,), "cls_head.fc_cls.weight": (9, 9)}, "Swin"),
        ({"backbone.transformer_layers.layers.0.norm.weight": (1,), "cls_head.fc_cls.weight": (9, 9)}, "TimeSformer"),
        ({"rpn_head.rpn_conv.weight": (1,), "roi_head.bbox_head.fc_cls.weight": (81, 1024)}, "MMDetection"),
        ({"roi_head.shared_head.fbo.st_feat_conv.weight": (1,)}, "(LFB)"),
        ({"roi_head.shared_head.convs.0.conv.weight": (1,)}, "(ACRN)"),
        ({"roi_head.bbox_head.fc_cls.0.weight": (1,), "roi_head.bbox_head.fc_cls.2.weight": (1,)}, "several layers"),
        ({STEM: (64, 3, 1, 7, 7), "backbone.layer2.1.non_local_block.g.conv.weight": (1,)}, "non-local"),
        ({"backbone.slow_path.conv1_lateral.bn.weight": (16,), "cls_head.fc_cls.weight": (9, 9)}, "lateral_norm"),
    ],
)  # fmt: skip
def test_other_networks_are_refused_by_name(names: dict[str, tuple[int, ...]], title: str) -> None:
    file = foreign_file("a.pth", {name: torch.zeros(()).expand(shape) for name, shape in names.items()})
    assert SOURCE.recognizes(file)
    refused(lambda: SOURCE.convert(file, {}), "a.pth", title, "SlowFast and SlowOnly")


def test_a_context_head_is_refused() -> None:
    tensors = shapes_of() | {"roi_head.bbox_head.fc_cls.weight": torch.zeros(81, 4608)}
    refused(lambda: convert(tensors), "fc_cls.weight", "4608", "context head")


@pytest.mark.parametrize(("weight", "bias"), [((81,), (81,)), ((1, 2304), (1,)), ((81, 2304), (80,)), ((), ())])
def test_a_classifier_of_another_shape_is_refused(weight: tuple[int, ...], bias: tuple[int, ...]) -> None:
    name = "roi_head.bbox_head.fc_cls"
    tensors = shapes_of() | {f"{name}.weight": torch.zeros(weight), f"{name}.bias": torch.zeros(bias)}
    refused(lambda: convert(tensors), name, "classes + 1")


def test_tensors_without_a_place_and_missing_ones() -> None:
    strange = shapes_of() | {"backbone.slow_path.layer1.0.gate.weight": torch.zeros(3)}
    refused(lambda: convert(strange), "1 tensor has no place", "layer1.0.gate.weight")
    name = "backbone.fast_path.layer4.2.conv3.conv.weight"
    cut = {key: tensor for key, tensor in shapes_of().items() if key != name}
    refused(lambda: convert(cut), "res_nl4.res_2.btnk.conv3")
    both = shapes_of() | {name.removeprefix("backbone."): shapes_of()[name]}
    refused(lambda: convert(both), name, "mixes the weights")
