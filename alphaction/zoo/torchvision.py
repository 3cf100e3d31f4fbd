"""torchvision's video transformers: everything is read from torchvision's own tables."""

from __future__ import annotations

import re

from torchvision.models import WeightsEnum
from torchvision.models.video import MViT_V2_S_Weights, Swin3D_B_Weights, Swin3D_S_Weights, Swin3D_T_Weights

from alphaction.zoo.entry import PublicWeights, hash_in_name
from alphaction.zoo.facts import Values, clip, pixels

MEBIBYTE = 2**20
"""Unit of torchvision's file sizes."""


def _entry(name: str, what: str, backbone: str, conv_body: str, weights: WeightsEnum, page: str) -> PublicWeights:
    file_name = weights.url.rpartition("/")[2]
    top1 = weights.meta["_metrics"]["Kinetics-400"]["acc@1"]
    return PublicWeights(
        name=name,
        what=f"{what} (torchvision)",
        kind="backbone",
        source="torchvision",
        backbone=backbone,
        page=f"https://pytorch.org/vision/stable/models/generated/torchvision.models.video.{page}.html",
        file_name=file_name,
        url=weights.url,
        license="BSD-3-Clause",
        hash_prefix=hash_in_name(file_name),
        size=round(weights.meta["_file_size"] * MEBIBYTE),
        figure=f"{top1:.1f} top-1, Kinetics-400",
        recipe=_recipe(weights),
        settings={"MODEL.BACKBONE.CONV_BODY": conv_body},
    )


def _recipe(weights: WeightsEnum) -> Values:
    """Return the clips that a network was tested on, from the words and the transforms of its table."""
    text, transforms = weights.meta["_docs"], weights.transforms()
    frames = int(re.search(r"`clip_len=(\d+)`", text)[1])
    rate = round(30.0 / float(re.search(r"`frame_rate=([\d.]+)`", text)[1]))
    gray = pixels([round(255 * value, 4) for value in transforms.mean], [round(255 * v, 4) for v in transforms.std])
    return clip(frames, rate, short_side=transforms.resize_size[0]) | gray


ENTRIES = (
    _entry(
        "mvitv2_s_k400", "MViTv2-S, Kinetics-400", "mvitv2_s", "MViTv2-Small", MViT_V2_S_Weights.KINETICS400_V1,
        "mvit_v2_s",
    ),
    _entry(
        "swin3d_t_k400", "Video Swin-T, Kinetics-400", "swin3d_t", "Swin3D-Tiny", Swin3D_T_Weights.KINETICS400_V1,
        "swin3d_t",
    ),
    _entry(
        "swin3d_s_k400", "Video Swin-S, Kinetics-400", "swin3d_s", "Swin3D-Small", Swin3D_S_Weights.KINETICS400_V1,
        "swin3d_s",
    ),
    _entry(
        "swin3d_b_k400_in22k", "Video Swin-B, ImageNet-22K, Kinetics-400", "swin3d_b", "Swin3D-Base",
        Swin3D_B_Weights.KINETICS400_IMAGENET22K_V1, "swin3d_b",
    ),
    _entry(
        "swin3d_b_k400", "Video Swin-B, Kinetics-400", "swin3d_b", "Swin3D-Base", Swin3D_B_Weights.KINETICS400_V1,
        "swin3d_b",
    ),
)  # fmt: skip
