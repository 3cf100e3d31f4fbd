"""torchvision's video transformers: its own names behind ``backbone.``. Its other networks are refused by name."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torchvision.models import WeightsEnum
from torchvision.models.video import (
    MViT_V2_S_Weights,
    Swin3D_B_Weights,
    Swin3D_S_Weights,
    Swin3D_T_Weights,
    mvit_v2_s,
    swin3d_b,
    swin3d_s,
    swin3d_t,
)

from alphaction.checkpoint.foreign.answers import settle
from alphaction.checkpoint.foreign.converted import Converted, ForeignFile, Setting
from alphaction.checkpoint.foreign.head_settings import describe, pixel_settings
from alphaction.checkpoint.foreign.sources import Source, register
from alphaction.checkpoint.foreign.whole_network import check_whole
from alphaction.utils.errors import CheckpointError
from alphaction.utils.messages import counted, listed
from alphaction.utils.shapes_only import shapes_only

STRIDE = "MODEL.BACKBONE.MVIT.STRIDE"
_STRIDES = (32, 16)
_HEAD = "head."


@dataclass(frozen=True)
class _Network:
    """A network of torchvision that is a backbone here.

    Attributes:
        conv_body: MODEL.BACKBONE.CONV_BODY.
        title: what people call it.
        builder: torchvision's.
        weights: any of its weights; all have the same transforms.
        frames: of a clip, as its figures were measured.
        rate: step between them at 30 frames a second.
    """

    conv_body: str
    title: str
    builder: Callable[..., nn.Module]
    weights: WeightsEnum
    frames: int
    rate: int


_NETWORKS = {
    "mvit_v2_s": _Network("MViTv2-Small", "MViTv2-S", mvit_v2_s, MViT_V2_S_Weights.KINETICS400_V1, 16, 4),
    "swin3d_t": _Network("Swin3D-Tiny", "Video Swin-T", swin3d_t, Swin3D_T_Weights.KINETICS400_V1, 32, 2),
    "swin3d_s": _Network("Swin3D-Small", "Video Swin-S", swin3d_s, Swin3D_S_Weights.KINETICS400_V1, 32, 2),
    "swin3d_b": _Network("Swin3D-Base", "Video Swin-B", swin3d_b, Swin3D_B_Weights.KINETICS400_V1, 32, 2),
}

# (width, blocks) of MViT; (width, blocks of the third stage) of Swin.
_MVITS = {(96, 16): "mvit_v2_s"}
_SWINS = {(96, 6): "swin3d_t", (96, 18): "swin3d_s", (128, 18): "swin3d_b"}

# Names and numbers of dimensions by which unsupported networks are told, the first that fits; what they are.
_REFUSED: tuple[tuple[dict[str, int], str], ...] = (
    ({"pos_encoding.spatial_pos": 2, "conv_proj.weight": 5}, "mvit_v1_b, which takes 16 frames of 224 x 224 only"),
    ({"stem.0.weight": 5, "layer1.0.conv1.0.0.weight": 5}, "r2plus1d_18"),
    ({"stem.0.weight": 5, "layer1.0.conv1.0.weight": 5}, "r3d_18 or mc3_18"),
    ({"features.0.0.0.weight": 5, "classifier.1.weight": 5}, "s3d"),
    ({"backbone.body.conv1.weight": 4}, "a detector of objects (ResNet)"),
    ({"roi_heads.box_predictor.cls_score.weight": 2}, "a detector of objects"),
    ({"backbone.features.0.weight": 4}, "a detector of objects (SSD)"),
    ({"conv1.weight": 4, "layer1.0.conv1.weight": 4}, "a network for single images (ResNet)"),
    ({"conv_proj.weight": 4, "class_token": 3}, "a network for single images (ViT)"),
    (
        {"features.0.0.weight": 4, "features.1.0.attn.qkv.weight": 2},
        "a network for single images (Swin)",
    ),
    ({"features.0.0.weight": 4}, "a network for single images"),
    ({"features.0.weight": 4, "classifier.0.weight": 2}, "a network for single images (VGG)"),
    ({"features.conv0.weight": 4}, "a network for single images (DenseNet)"),
)


def _recognizes(file: ForeignFile) -> bool:
    return bool(_family(file.tensors) or _refused(file.tensors))


def _convert(file: ForeignFile, answers: Mapping[str, Any]) -> Converted:
    name = _network_name(file)
    network = _NETWORKS[name]
    head = sorted(key for key in file.tensors if key.startswith(_HEAD))
    tensors = {key: tensor for key, tensor in file.tensors.items() if not key.startswith(_HEAD)}
    check_whole(file.path, f"torchvision's {name}", tensors, _shapes(network))
    decisions = []
    if head:
        classes = counted(len(file.tensors[head[0]]), "class", "classes")
        decisions.append(f"Left out its classifier of {classes}, {listed(head)}.")
    transforms = network.weights.transforms()
    settings = {
        "MODEL.BACKBONE.CONV_BODY": Setting(network.conv_body, "network", "the names and shapes of the file's tensors"),
        **pixel_settings(transforms.mean, transforms.std, f"the transforms of torchvision's {name}", unit=255),
    }
    (short_side,) = transforms.resize_size
    recipe: dict[str, Any] = {
        "INPUT.FPS": 30.0,
        "INPUT.FRAME_NUM": network.frames,
        "INPUT.FRAME_SAMPLE_RATE": network.rate,
        "INPUT.TAU": 1,  # with ALPHA, so that it gets every frame of the clip
        "INPUT.ALPHA": 1,
        "INPUT.MIN_SIZE_TEST": short_side,
    }
    others = dict(answers)
    if name == "mvit_v2_s":
        recipe[STRIDE], told = _stride(file, others.pop(STRIDE, _STRIDES[0]))
        decisions.append(told)
    settings, _ = settle(file.path, settings, {}, others)
    return Converted(
        source="torchvision",
        what=describe(network.title, "", 0),
        weights={f"backbone.{key}": tensor for key, tensor in tensors.items()},
        settings=settings,
        recipe=recipe,
        decisions=tuple(decisions),
        license="BSD-3-Clause",
    )


def _network_name(file: ForeignFile) -> str:
    """Return torchvision's name of the network of a file; raise a UserError for one that is not supported."""
    refused = _refused(file.tensors)
    known = f"{listed(_NETWORKS)} can be loaded."
    if refused:
        raise CheckpointError(f"{file.path}: weights of torchvision's {refused}. Of its networks, {known}")
    if _family(file.tensors) == "mvit":
        found = (len(file.tensors["conv_proj.weight"]), _count(file.tensors, "blocks."))
        name, what = _MVITS.get(found), f"an MViT of width {found[0]} with {counted(found[1], 'block')}"
    else:
        found = (len(file.tensors["patch_embed.proj.weight"]), _count(file.tensors, "features.4."))
        name, what = _SWINS.get(found), f"a Video Swin of width {found[0]} with {found[1]} blocks in its third stage"
    if name is None:
        raise CheckpointError(
            f"{file.path}: weights of {what}, which torchvision does not have. Of its networks, {known}"
        )
    return name


def _family(tensors: Mapping[str, Tensor]) -> str:
    """Return "mvit" or "swin" for a transformer of a kind that torchvision has for videos, else ""."""
    if _has(tensors, {"conv_proj.weight": 5, "pos_encoding.class_token": 1, "blocks.0.attn.rel_pos_h": 2}):
        return "mvit"
    swin = {"patch_embed.proj.weight": 5, "features.0.0.attn.relative_position_bias_table": 2}
    return "swin" if _has(tensors, swin) else ""


def _refused(tensors: Mapping[str, Tensor]) -> str:
    """Return what the network is if it is one of torchvision's that is not supported, else ""."""
    return next((what for names, what in _REFUSED if _has(tensors, names)), "")


def _has(tensors: Mapping[str, Tensor], names: Mapping[str, int]) -> bool:
    return all(name in tensors and tensors[name].ndim == dimensions for name, dimensions in names.items())


def _count(tensors: Mapping[str, Tensor], prefix: str) -> int:
    """Return how many different words follow ``prefix`` in the names."""
    return len({name[len(prefix) :].partition(".")[0] for name in tensors if name.startswith(prefix)})


def _shapes(network: _Network) -> dict[str, torch.Size]:
    """Return the shape of each tensor of a network but its classifier's, without memory for any."""
    with shapes_only():
        tensors = network.builder(weights=None).state_dict()
    return {name: tensor.shape for name, tensor in tensors.items() if not name.startswith(_HEAD)}


def _stride(file: ForeignFile, stride: Any) -> tuple[int, str]:
    """Return the stride to use, which is the user's choice, and what to tell."""
    if stride not in _STRIDES:
        raise CheckpointError(
            f"{file.path}: {STRIDE} {stride}: the network can have {' or '.join(map(str, _STRIDES))}."
        )
    return stride, (
        f"{STRIDE} 32 gives the features as they were trained. 16 takes the same tensors, but its features differ and "
        f"need finetuning{'; it was asked for' if stride == 16 else ''}."
    )


SOURCE = register(Source("torchvision", "torchvision", _recognizes, _convert))
