"""V-JEPA 2's weights as Hugging Face has them: the encoder's names behind ``backbone.``.

Assran et al., arXiv 2506.09985. The authors' own ``.pt`` files have other names and are refused.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from torch import Tensor

from alphaction.checkpoint.foreign.answers import settle
from alphaction.checkpoint.foreign.converted import Converted, ForeignFile, Setting
from alphaction.checkpoint.foreign.head_settings import describe, pixel_settings
from alphaction.checkpoint.foreign.sources import Source, register
from alphaction.checkpoint.foreign.whole_network import check_whole
from alphaction.utils.errors import CheckpointError
from alphaction.utils.messages import counted, listed

_MEAN, _STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)  # of ImageNet
_PREFIX = "vjepa2."  # of classifiers
_ENCODER = "encoder."
_PATCHES = "encoder.embeddings.patch_embeddings.proj.weight"
_NORM = "encoder.layernorm.weight"
# Beside the encoder: what is left out -> what it is.
_LEFT_OUT = {"predictor": "the predictor of masked patches", "pooler": "the pooling", "classifier": "the classifier"}
_ORIGINAL_CONTAINER = "target_encoder"  # where the authors' files keep the encoder


@dataclass(frozen=True)
class _Size:
    """A published network.

    Attributes:
        conv_body: MODEL.BACKBONE.CONV_BODY.
        title: what people call it.
        repository: where it is published, under https://huggingface.co/facebook/.
        depth: blocks.
        hidden: width of the blocks' hidden layers.
        license: of the weights, as that page says.
    """

    conv_body: str
    title: str
    repository: str
    depth: int
    hidden: int
    license: str


_SIZES = {
    1024: _Size("VJEPA2-Large", "ViT-L", "vjepa2-vitl-fpc64-256", 24, 4096, "MIT"),
    1280: _Size("VJEPA2-Huge", "ViT-H", "vjepa2-vith-fpc64-256", 32, 5120, "Apache-2.0"),
    1408: _Size("VJEPA2-Giant", "ViT-g", "vjepa2-vitg-fpc64-256", 40, 6144, "Apache-2.0"),
}
"""By width."""


def _recognizes(file: ForeignFile) -> bool:
    return _is_original(file) or _PATCHES in _unwrapped(file.tensors)


def _convert(file: ForeignFile, answers: Mapping[str, Any]) -> Converted:
    if _is_original(file):
        pages = listed(f"facebook/{size.repository}" for size in _SIZES.values())
        raise CheckpointError(
            f"{file.path}: V-JEPA 2's weights with the names of its authors' own .pt files. Take the file that Hugging "
            f"Face has of the same network, model.safetensors of {pages}."
        )
    tensors = _unwrapped(file.tensors)
    width = tensors[_PATCHES].shape[0] if tensors[_PATCHES].ndim else 0
    size = _SIZES.get(width)
    if size is None:
        known = listed(f"{width} ({size.title})" for width, size in _SIZES.items())
        raise CheckpointError(f"{file.path}: a V-JEPA 2 of width {width}; those that can be loaded have {known}.")
    encoder = {name: tensor for name, tensor in tensors.items() if name.startswith(_ENCODER)}
    left_out = sorted({name.partition(".")[0] for name in tensors if name not in encoder})
    if strange := [name for name in left_out if name not in _LEFT_OUT]:
        raise CheckpointError(
            f"{file.path}: beside V-JEPA 2's encoder it holds {listed(strange)}, which no such network has."
        )
    check_whole(file.path, f"V-JEPA 2's {size.title}", encoder, dict(_shapes(width, size)))
    decisions = [
        f"Left out {_LEFT_OUT[part]}, {counted(sum(name.startswith(f'{part}.') for name in tensors), 'tensor')}."
        for part in left_out
    ]
    decisions.append("It was trained with clips of up to 64 frames; 16, as here, need a quarter of the memory.")
    settings = {
        "MODEL.BACKBONE.CONV_BODY": Setting(size.conv_body, "network", "the names and shapes of the file's tensors"),
        **pixel_settings(_MEAN, _STD, "V-JEPA 2's preprocessing", unit=255),
    }
    settings, _ = settle(file.path, settings, {}, answers)
    return Converted(
        source="vjepa2",
        what=describe(f"V-JEPA 2 {size.title}", "", 0),
        weights={f"backbone.{name}": tensor for name, tensor in encoder.items()},
        settings=settings,
        recipe={
            "INPUT.FPS": 30.0,
            "INPUT.FRAME_NUM": 16,
            "INPUT.FRAME_SAMPLE_RATE": 4,
            "INPUT.TAU": 1,  # with ALPHA, so that it gets every frame of the clip
            "INPUT.ALPHA": 1,
            "INPUT.MIN_SIZE_TEST": 256,
        },
        decisions=tuple(decisions),
        license=size.license,
    )


def _is_original(file: ForeignFile) -> bool:
    return file.container == _ORIGINAL_CONTAINER and any(".attn.qkv." in name for name in file.tensors)


def _unwrapped(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {name.removeprefix(_PREFIX): tensor for name, tensor in tensors.items()}


def _shapes(width: int, size: _Size) -> Iterator[tuple[str, tuple[int, ...]]]:
    """Yield the name and shape of each tensor of the encoder."""
    yield _PATCHES, (width, 3, 2, 16, 16)
    yield _PATCHES.replace("weight", "bias"), (width,)
    layers = {f"attention.{part}": (width, width) for part in ("query", "key", "value", "proj")}
    layers |= {"mlp.fc1": (size.hidden, width), "mlp.fc2": (width, size.hidden)}
    for block in range(size.depth):
        for name, shape in layers.items():
            yield f"encoder.layer.{block}.{name}.weight", shape
            yield f"encoder.layer.{block}.{name}.bias", shape[:1]
        for norm in ("norm1", "norm2"):
            yield f"encoder.layer.{block}.{norm}.weight", (width,)
            yield f"encoder.layer.{block}.{norm}.bias", (width,)
    yield _NORM, (width,)
    yield _NORM.replace("weight", "bias"), (width,)


SOURCE = register(Source("vjepa2", "V-JEPA 2", _recognizes, _convert))
