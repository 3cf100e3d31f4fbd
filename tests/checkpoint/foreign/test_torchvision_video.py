"""torchvision's video transformers are taken as they are; its other networks are refused by name."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torchvision import models
from torchvision.models import detection, video

from alphaction.checkpoint.foreign.converted import ForeignFile
from alphaction.checkpoint.foreign.sources import load_sources
from alphaction.checkpoint.foreign.torchvision_video import STRIDE
from alphaction.config import get_cfg
from alphaction.config.tree import get_value
from alphaction.modeling.backbone import build_backbone
from alphaction.utils.errors import UserError
from alphaction.utils.shapes_only import shapes_only

SOURCE = load_sources()["torchvision"]
BACKBONES = {
    "mvit_v2_s": "MViTv2-Small",
    "swin3d_t": "Swin3D-Tiny",
    "swin3d_s": "Swin3D-Small",
    "swin3d_b": "Swin3D-Base",
}
TITLES = {"mvit_v2_s": "MViTv2-S", "swin3d_t": "Video Swin-T", "swin3d_s": "Video Swin-S", "swin3d_b": "Video Swin-B"}


def file_of(builder, name: str = "weights.pth", **options) -> ForeignFile:
    """Return a file as torchvision publishes them: bare tensors, here without values."""
    with shapes_only():
        return ForeignFile(Path(name), builder(weights=None, **options).state_dict())


@pytest.mark.parametrize("name", BACKBONES)
def test_every_tensor_but_the_classifiers_has_its_place(name):
    file = file_of(getattr(video, name))
    assert [source.name for source in load_sources().values() if source.recognizes(file)] == ["torchvision"]
    converted = SOURCE.convert(file, {})
    cfg = get_cfg()
    cfg.MODEL.BACKBONE.CONV_BODY = converted.settings["MODEL.BACKBONE.CONV_BODY"].value
    assert cfg.MODEL.BACKBONE.CONV_BODY == BACKBONES[name]
    with shapes_only():
        expected = {f"backbone.{key}": tensor.shape for key, tensor in build_backbone(cfg).state_dict().items()}
    assert {key: tensor.shape for key, tensor in converted.weights.items()} == expected
    assert (converted.source, converted.license) == ("torchvision", "BSD-3-Clause")
    assert converted.what == f"{TITLES[name]} backbone"
    assert "classifier of 400 classes, head." in converted.decisions[0]


@pytest.mark.parametrize(
    ("name", "mean", "std", "frames", "rate"),
    [
        ("mvit_v2_s", [114.75] * 3, [57.375] * 3, 16, 4),
        ("swin3d_t", [123.675, 116.28, 103.53], [58.395, 57.12, 57.375], 32, 2),
        ("swin3d_b", [123.675, 116.28, 103.53], [58.395, 57.12, 57.375], 32, 2),
    ],
)
def test_settings_and_recipe(name, mean, std, frames, rate):
    converted = SOURCE.convert(file_of(getattr(video, name)), {})
    values = {key: setting.value for key, setting in converted.settings.items()}
    assert values.pop("MODEL.BACKBONE.CONV_BODY") == BACKBONES[name]
    assert values == {
        "INPUT.PIXEL_MEAN": pytest.approx(mean),
        "INPUT.PIXEL_STD": pytest.approx(std),
        "INPUT.TO_BGR": False,
    }
    assert {setting.part for key, setting in converted.settings.items() if key.startswith("INPUT")} == {"input"}
    recipe = dict(converted.recipe)
    assert recipe.pop(STRIDE, None) == (32 if name == "mvit_v2_s" else None)
    assert recipe == {
        "INPUT.FPS": 30.0,
        "INPUT.FRAME_NUM": frames,
        "INPUT.FRAME_SAMPLE_RATE": rate,
        "INPUT.TAU": 1,
        "INPUT.ALPHA": 1,
        "INPUT.MIN_SIZE_TEST": 256,
    }
    for key in (*converted.settings, *converted.recipe):
        get_value(get_cfg(), key)  # exists


def test_stride_16_is_allowed_and_told():
    file = file_of(video.mvit_v2_s)
    plain = SOURCE.convert(file, {})
    assert any("STRIDE 32" in told and "finetuning" in told for told in plain.decisions)
    fine = SOURCE.convert(file, {STRIDE: 16})
    assert fine.recipe[STRIDE] == 16
    assert any("asked for" in told for told in fine.decisions)
    assert fine.settings == plain.settings
    with pytest.raises(UserError, match=r"STRIDE 24.*32 or 16"):
        SOURCE.convert(file, {STRIDE: 24})
    with pytest.raises(UserError, match=r"CONV_BODY Swin3D-Tiny contradicts the file: MViTv2-Small"):
        SOURCE.convert(file, {"MODEL.BACKBONE.CONV_BODY": "Swin3D-Tiny"})


def test_a_classifier_of_other_classes_or_none():
    assert "3 classes" in SOURCE.convert(file_of(video.mvit_v2_s, num_classes=3), {}).decisions[0]
    file = file_of(video.swin3d_t)
    bare = replace(file, tensors={name: t for name, t in file.tensors.items() if not name.startswith("head.")})
    assert SOURCE.convert(bare, {}).decisions == ()


@pytest.mark.parametrize(
    ("builder", "expected"),
    [
        (video.mvit_v1_b, "mvit_v1_b"),
        (video.s3d, "s3d"),
        (video.r3d_18, "r3d_18"),
        (video.mc3_18, "mc3_18"),
        (video.r2plus1d_18, "r2plus1d_18"),
        (models.resnet50, "images"),
        (models.swin_t, "images"),
        (models.vit_b_16, "images"),
        (models.convnext_tiny, "images"),
        (models.vgg11, "images"),
        (models.densenet121, "images"),
        (models.efficientnet_b0, "images"),
        (detection.fasterrcnn_resnet50_fpn, "detector of objects"),
        (detection.fasterrcnn_mobilenet_v3_large_fpn, "detector of objects"),
        (detection.retinanet_resnet50_fpn, "detector of objects"),
        (detection.ssd300_vgg16, "detector of objects"),
    ],
)
def test_other_networks_are_refused_by_name(builder, expected):
    options = {"weights_backbone": None} if builder.__module__.startswith(detection.__name__) else {}
    file = file_of(builder, "other.pth", **options)
    assert SOURCE.recognizes(file)
    with pytest.raises(UserError, match=rf"^other.pth: .*{expected}.*swin3d_b can be loaded\.$") as caught:
        SOURCE.convert(file, {})
    assert "\n" not in str(caught.value)


def test_networks_that_torchvision_does_not_have():
    with shapes_only():
        large = video.SwinTransformer3d(
            patch_size=[2, 4, 4], embed_dim=192, depths=[2, 2, 18, 2], num_heads=[6, 12, 24, 48], window_size=[8, 7, 7]
        )
    with pytest.raises(UserError, match="Video Swin of width 192 with 18 blocks"):
        SOURCE.convert(ForeignFile(Path("large.pth"), large.state_dict()), {})


def test_a_damaged_file_is_refused():
    file = file_of(video.swin3d_t)
    tensors = dict(file.tensors)
    del tensors["features.6.1.mlp.3.bias"]
    tensors["norm.weight"] = torch.empty(700, device="meta")
    with pytest.raises(
        UserError, match=r"features\.6\.1\.mlp\.3\.bias is not in it; norm\.weight has the shape \[700\]"
    ):
        SOURCE.convert(replace(file, tensors=tensors), {})


def test_files_of_other_projects_are_not_claimed():
    ours = {"backbone.slow.conv1.weight": torch.empty(64, 3, 1, 7, 7, device="meta")}
    videomae = {
        "patch_embed.proj.weight": torch.empty(384, 3, 2, 16, 16, device="meta"),
        "blocks.0.attn.q_bias": torch.empty(384, device="meta"),
    }
    for tensors in (ours, videomae, {}):
        assert not SOURCE.recognizes(ForeignFile(Path("some.pth"), tensors))
