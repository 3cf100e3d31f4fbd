"""The vision transformers of VideoMAE: their sizes, and the tensors that each must have."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from torch import Tensor

from alphaction.checkpoint.foreign.whole_network import check_whole
from alphaction.utils.errors import CheckpointError
from alphaction.utils.messages import counted, listed


class VitSize(NamedTuple):
    """A size of the network; the authors' code gives the heads, which are not in the tensors."""

    title: str
    conv_body: str
    depth: int
    heads: int


SIZES = {
    384: VitSize("ViT-S", "ViT-Small", 12, 6),
    768: VitSize("ViT-B", "ViT-Base", 12, 12),
    1024: VitSize("ViT-L", "ViT-Large", 24, 16),
    1280: VitSize("ViT-H", "ViT-Huge", 32, 16),
}
"""By width."""
_TUBE = (2, 16, 16)  # frames, rows, columns of a patch
TABLE_GRID = (8, 14, 14)  # frames, rows, columns of the table of positions
TABLE = "pos_embed.table"
"""Our name of a learned table of positions."""

_BLOCK = re.compile(r"blocks\.(\d{1,3})\..+")


def find_size(patches: Tensor, path: Path) -> VitSize:
    """Return the size of a network by the weight of its patches, [width, 3, frames, rows, columns].

    Raises:
        CheckpointError: for another width or other patches than the known ones.
    """
    shape = tuple(patches.shape)
    if len(shape) != 5 or shape[1] != 3:
        raise CheckpointError(
            f"{path}: its patches have weights of the shape {list(shape)}; known are [width, 3, 2, 16, 16]: 3 colors, "
            "2 frames of 16 x 16 pixels. Networks for single images are not supported."
        )
    size = SIZES.get(shape[0])
    if size is None or shape[2:] != _TUBE:
        giant = " VideoMAEv2's giant (patches of 14 x 14 pixels) is not supported; its distilled ViT-S and ViT-B are."
        sizes = listed(f"{size.title} ({width})" for width, size in SIZES.items())
        raise CheckpointError(
            f"{path}: a vision transformer of width {shape[0]} on patches of {' x '.join(map(str, shape[2:]))}; known "
            f"are {sizes} on patches of 2 frames x 16 x 16 pixels.{giant if shape[0] not in SIZES else ''}"
        )
    return size


def check_tensors(weights: Mapping[str, Tensor], dim: int, size: VitSize, path: Path) -> None:
    """Check that all tensors of a network are there, with their shapes, and no others.

    Args:
        weights: by our names, without "backbone.".
        dim: channels of a token.
        size: the network's size.
        path: the file, for messages.

    Raises:
        CheckpointError: names the tensors that are missing, left over or of another shape.
    """
    found = {int(match[1]) + 1 for name in weights if (match := _BLOCK.fullmatch(name))}
    if found and max(found) != size.depth:
        raise CheckpointError(
            f"{path}: a vision transformer of width {dim} with {counted(max(found), 'block')}; {size.title} has "
            f"{size.depth}. Other depths are not supported."
        )
    expected = _expected_shapes(dim, size.depth)
    if TABLE in weights:
        expected[TABLE] = (1, math.prod(TABLE_GRID), dim)
    check_whole(path, f"a {size.title} (in VideoMAE's names)", weights, expected)


def _expected_shapes(dim: int, depth: int) -> dict[str, tuple[int, ...]]:
    shapes: dict[str, tuple[int, ...]] = {"patch_embed.proj.weight": (dim, 3, *_TUBE), "patch_embed.proj.bias": (dim,)}
    linear = {"attn.proj": (dim, dim), "mlp.fc1": (4 * dim, dim), "mlp.fc2": (dim, 4 * dim)}
    for block in (f"blocks.{index}" for index in range(depth)):
        shapes |= {f"{block}.{name}.{leaf}": (dim,) for name in ("norm1", "norm2") for leaf in ("weight", "bias")}
        shapes |= {f"{block}.attn.qkv.weight": (3 * dim, dim)}
        shapes |= {f"{block}.attn.{name}": (dim,) for name in ("q_bias", "v_bias")}
        shapes |= {f"{block}.{name}.weight": shape for name, shape in linear.items()}
        shapes |= {f"{block}.{name}.bias": shape[:1] for name, shape in linear.items()}
    return shapes | {"norm.weight": (dim,), "norm.bias": (dim,)}
