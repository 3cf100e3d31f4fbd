"""PyTorchVideo's files: detectors and backbones, with and without "model." in front."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import pytest
import torch
from contracts.golden import golden_clip
from contracts.zoo_converted import converted_probabilities, foreign_file
from contracts.zoo_files import zoo_case, zoo_outputs
from contracts.zoo_networks import ZooNetwork
from messages import refused, says
from torch import Tensor

from alphaction.checkpoint.foreign.converted import Converted
from alphaction.checkpoint.foreign.recognize import convert_with, find_source
from alphaction.checkpoint.foreign.sources import load_sources

GOLDEN = "pytorchvideo_ava_slow_r50"
NODE = "MODEL.BACKBONE.SLOWFAST"
HEAD = "MODEL.ROI_ACTION_HEAD"
SOURCE = load_sources()["pytorchvideo"]


def convert(tensors: dict[str, Tensor], name: str = "own.pyth", **answers: Any) -> Converted:
    file = foreign_file(name, tensors)
    assert find_source(file) is SOURCE
    return convert_with(SOURCE, file, answers)


def values(converted: Converted) -> dict[str, Any]:
    return {key: setting.value for key, setting in converted.settings.items()}


def said(converted: Converted) -> str:
    return "\n".join(converted.decisions)


def empty(shapes: dict[str, tuple[int, ...]]) -> dict[str, Tensor]:
    """Return tensors that take no memory."""
    return {name: torch.zeros(()).expand(shape) for name, shape in shapes.items()}


@cache
def shapes_of(**options: Any) -> dict[str, Tensor]:
    return empty(ZooNetwork("pytorchvideo", **options).shapes())


def test_the_golden_detector() -> None:
    """Its numbers are compared in contracts/test_zoo_weights.py."""
    converted = convert(empty(zoo_case(GOLDEN)["tensors"]), zoo_case(GOLDEN)["file"]["name"])
    assert converted.what == "Slow R50 4x16 detector, 80 classes"
    assert converted.license == "Apache-2.0"
    assert not converted.questions
    found = values(converted)
    assert found["MODEL.BACKBONE.CONV_BODY"] == "Slow-Resnet50"
    assert [found[f"{HEAD}.POOLER_{name}"] for name in ("RESOLUTION", "ALIGNED")] == [7, False]
    assert (found[f"{NODE}.STEM_POOL_PADDING"], found[f"{NODE}.LAST_STAGE_DILATION"]) == (1, 2)
    assert found["INPUT.PIXEL_MEAN"] == [114.75] * 3
    recipe = {"FRAME_NUM": 4, "FRAME_SAMPLE_RATE": 16, "TAU": 1, "FPS": 30.0, "MIN_SIZE_TEST": 256}
    assert {key: converted.recipe[f"INPUT.{key}"] for key in recipe} == recipe
    says(said(converted), "4x16 frames (the file's name)", "not aligned")


def test_the_other_networks_are_those_of_the_zoo() -> None:
    network = ZooNetwork("pytorchvideo", fast=False)
    assert network.shapes() == {name: tuple(shape) for name, shape in zoo_case(GOLDEN)["tensors"].items()}
    with torch.inference_mode():
        found = network.probabilities(network.tensors(), (golden_clip(4),), dilation=2, resolution=7, aligned=False)
    np.testing.assert_allclose(found, zoo_outputs(GOLDEN)["probabilities"], rtol=1e-4)


def test_a_slowfast_detector() -> None:
    network = ZooNetwork("pytorchvideo", kernel=7)
    tensors = network.tensors()
    converted = convert(tensors, "SLOWFAST_8x8_R50_DETECTION.pyth")
    assert converted.what == "SlowFast R50 8x8 detector, 80 classes"
    found = values(converted)
    assert (found["INPUT.ALPHA"], found["INPUT.SLOW_SAMPLING"]) == (4, "linspace")
    assert (found[f"{NODE}.LATERAL"], found[f"{NODE}.LATERAL_KERNEL"]) == ("tconv_bn_relu", 7)
    clip = golden_clip(32)
    slow = clip[:, :, [0, 4, 8, 13, 17, 22, 26, 31]]
    with torch.inference_mode():
        expected = network.probabilities(tensors, (slow, clip), dilation=2, resolution=7, aligned=False)
    torch.testing.assert_close(converted_probabilities(converted), expected, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("prefix", ["", "model."])
@pytest.mark.parametrize(
    ("name", "options", "classifier", "recipe"),
    [
        ("SLOWFAST_8x8_R50.pyth", {"kernel": 7}, "blocks.6", (32, 2, 4)),
        ("SLOWFAST_8x8_R101.pyth", {"depth": 101}, "blocks.6", (32, 2, 4)),
        ("SLOWFAST_16x8_R101_50_50.pyth", {"depth": 101, "temporal": (3, 4, 6, 3)}, "blocks.6", (64, 2, 4)),
        ("SLOW_8x8_R50.pyth", {"fast": False}, "blocks.5", (8, 8, 1)),
    ],
)
def test_backbones(name: str, options: dict, classifier: str, recipe: tuple[int, ...], prefix: str) -> None:
    shapes = ZooNetwork("pytorchvideo", rows=0, prefix=prefix, **options).shapes()
    shapes |= {f"{prefix}{classifier}.proj.weight": (400, 2304), f"{prefix}{classifier}.proj.bias": (400,)}
    converted = convert(empty(shapes), name)
    assert converted.what.endswith("backbone")
    says(said(converted), f"{classifier}.proj", "400 classes")
    assert tuple(converted.recipe[f"INPUT.{key}"] for key in ("FRAME_NUM", "FRAME_SAMPLE_RATE", "TAU")) == recipe
    found = values(converted)
    assert found[f"{NODE}.SLOW.TEMPORAL_BLOCKS"] == ((0, 0, 6, 3) if "temporal" in options else ())
    assert not any(setting.part == "head" for setting in converted.settings.values())
    assert not any("cls_score" in key for key in converted.weights)


def test_a_name_without_frames() -> None:
    converted = convert(shapes_of(kernel=7))
    says(said(converted), "Nothing tells the frames of a clip", "32x2 frames (slow pathway 8x8)")
    assert converted.what == "SlowFast R50 detector, 80 classes"


def test_answers() -> None:
    refused(lambda: convert(shapes_of(), **{f"{HEAD}.POOLER_ALIGNED": True}), "POOLER_ALIGNED", "True", "False")
    asked = convert(shapes_of(kernel=3))
    assert set(asked.questions) == {"INPUT.ALPHA"}
    assert convert(shapes_of(kernel=3), **{"INPUT.ALPHA": 8}).recipe["INPUT.TAU"] == 8


STEM = "blocks.0.conv.weight"


@pytest.mark.parametrize(
    ("names", "title"),
    [
        ({"blocks.0.conv.conv_t.weight": (24, 3, 1, 3, 3), "blocks.0.conv.conv_xy.weight": (24, 1, 5, 1, 1)}, "X3D"),
        ({STEM: (64, 3, 1, 7, 7), "blocks.1.res_blocks.0.branch2.conv_b.conv_t.weight": (1,)}, "R(2+1)D"),
        ({STEM: (64, 3, 5, 7, 7)}, "I3D"),
        ({STEM: (64, 3, 1, 7, 7), "blocks.5.res_blocks.0.branch1_conv.weight": (1,)}, "C2D or I3D"),
        ({STEM: (64, 3, 1, 7, 7), "blocks.1.res_blocks.0.branch2.conv_b.weight": (64, 1, 3, 3, 3)}, "(CSN)"),
        ({STEM: (64, 3, 1, 7, 7), "blocks.1.res_blocks.0.branch2.conv_a.weight": (64, 64, 1, 1, 1)}, "C2D"),
        ({STEM: (64, 3, 1, 7, 7), "blocks.1.res_blocks.0.branch2.conv_a.kernel.conv.weight": (1,)}, "efficient"),
        ({"cls_positional_encoding.cls_token": (1, 1, 96), "blocks.0.attn.qkv.weight": (1,)}, "MViT"),
    ],
)
def test_other_networks_are_refused_by_name(names: dict[str, tuple[int, ...]], title: str) -> None:
    for prefix in ("", "model."):
        file = foreign_file("a.pyth", empty({prefix + name: shape for name, shape in names.items()}))
        assert find_source(file) is SOURCE
        refused(lambda file=file: SOURCE.convert(file, {}), "a.pyth", title, "SlowFast and Slow networks")


def test_what_a_trainer_saved_beside_the_network_is_left_out() -> None:
    plain = convert(shapes_of())
    converted = convert(shapes_of() | {"criterion.weight": torch.ones(80), "steps": torch.tensor(3)})
    assert converted.weights.keys() == plain.weights.keys()
    assert "Left out, as they belong to no network here: criterion.weight, steps." in converted.decisions


def test_tensors_without_a_place_and_missing_ones() -> None:
    strange = shapes_of() | {"model.blocks.1.gate.weight": torch.zeros(3)}
    refused(lambda: convert(strange), "1 tensor has no place", "blocks.1.gate.weight")
    name = "model.blocks.2.multipathway_fusion.norm.bias"
    refused(lambda: convert({k: t for k, t in shapes_of().items() if k != name}), "Tconv3.bn.bias")
    bare = shapes_of() | {"detection_head.proj.weight": torch.zeros(())}
    refused(lambda: convert(bare), "no place for detection_head.proj.weight")
    wide = shapes_of() | {"detection_head.proj.weight": torch.zeros(80, 4608)}
    refused(lambda: convert(wide), "detection_head.proj.weight", "[80, 4608]", "[80, 2304]")
