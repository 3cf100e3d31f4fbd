"""The plain vision transformer of VideoMAE, whatever project's names its tensors have.

Three spellings are known: that of VideoMAE's authors, MMAction2's, and Hugging Face's, whose query, key and value are
tensors of their own. Any prefix may lie before them. A tensor that is missing, left over or of an unexpected shape is
an error instead of a random start.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import torch
from torch import Tensor

from alphaction.checkpoint.foreign.converted import Setting
from alphaction.checkpoint.foreign.vit_size import TABLE, TABLE_GRID, check_tensors, find_size
from alphaction.utils.errors import CheckpointError
from alphaction.utils.messages import counted, listed
from alphaction.utils.sinusoid import sinusoid_table

POSITIONS = "MODEL.BACKBONE.VIT.POSITIONS"

_PATCHES = re.compile(
    r"(.*\.)?(?:patch_embed\.proj|patch_embed\.projection|embeddings\.patch_embeddings\.projection)\.(weight|bias)"
)
_TABLES = ("pos_embed", "embeddings.position_embeddings")
_BLOCK = re.compile(r"(?:blocks|layers|encoder\.layers?)\.(\d{1,3})\.(.+)")
_MODULES = {
    "norm1": ("layernorm_before",),
    "norm2": ("layernorm_after",),
    "attn.proj": ("attention.output.dense", "attention.o_proj", "attention.out_proj"),
    "mlp.fc1": ("mlp.layers.0.0", "intermediate.dense"),
    "mlp.fc2": ("mlp.layers.1", "output.dense"),
}
_OURS = {name: ours for ours, names in _MODULES.items() for name in (ours, *names)}
_ATTENTION = re.compile(r"(?:attention\.attention|attention|attn)\.(.+)")
_JOINT = re.compile(r"qkv\.(weight|bias)")
_PART = re.compile(r"(?:(query|key|value)|([qkv])_proj)\.(weight|bias)|([qkv])_bias")
_NORM = re.compile(r"(?:layer)?norm\.(weight|bias)")
_FC_NORM = re.compile(r"(?:.*\.)?fc_norm\.(weight|bias)")  # Hugging Face's lies beside the network
_BESIDE = re.compile(r"(?:decoder|encoder_to_decoder|head|classifier)\..+|mask_token")


@dataclass
class _Names:
    """The tensors of a file by where they belong; the attentions' still in parts, "q.weight", "qkv.bias"."""

    plain: dict[str, Tensor] = field(default_factory=dict)
    attention: dict[int, dict[str, Tensor]] = field(default_factory=dict)
    norms: dict[str, Tensor] = field(default_factory=dict)  # "norm.weight", "fc_norm.bias"
    table: Tensor | None = None
    rest: dict[str, Tensor] = field(default_factory=dict)
    strange: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class RenamedVit:
    """A vision transformer in our names.

    Attributes:
        title: "ViT-B".
        heads: of its attentions.
        dim: channels of a token.
        norms: the norms of the file, "norm" or "fc_norm" or both; the first one became that of every token.
        weights: float32, by names of our ``state_dict()``, "backbone.blocks.0.norm1.weight".
        settings: CONV_BODY and VIT.POSITIONS.
        decisions: one sentence for each thing that was found out or left out.
        rest: the tensors that do not belong to the network, as the file names them: classifier, decoder.
    """

    title: str
    heads: int
    dim: int
    norms: tuple[str, ...]
    weights: dict[str, Tensor]
    settings: dict[str, Setting]
    decisions: tuple[str, ...]
    rest: dict[str, Tensor]


def has_vit(tensors: Mapping[str, Tensor]) -> bool:
    """Return whether a vision transformer on tubes of pixels is among ``tensors``."""
    return any(tensor.ndim == 5 and _PATCHES.fullmatch(name) is not None for name, tensor in tensors.items())


def rename_vit(tensors: Mapping[str, Tensor], path: Path) -> RenamedVit:
    """Find the vision transformer among ``tensors``, check that all of it is there, and rename it.

    Args:
        tensors: as the file names them.
        path: the file, for messages.

    Raises:
        CheckpointError: for another size or kind of network, and for tensors that are missing, left over or of an
            unexpected shape.
    """
    prefix, patches = _find_patches(tensors, path)
    size = find_size(patches, path)
    names = _sort_names(tensors, prefix)
    if names.strange:
        raise CheckpointError(
            f"{path}: a vision transformer of a kind that is not supported; of its tensors, "
            f"{listed(names.strange)} cannot be used. Known is that of VideoMAE: attention over all tokens, no class "
            "token, no scaled layers."
        )
    weights, decisions = dict(names.plain), []
    _join_attention(weights, names.attention, path, decisions)
    norms = _choose_norm(weights, names.norms, path, decisions)
    learned = _use_table(weights, names.table, patches.shape[0], path, decisions)
    check_tensors(weights, patches.shape[0], size, path)
    why = "width and number of the file's blocks"
    settings = {"MODEL.BACKBONE.CONV_BODY": Setting(size.conv_body, "network", why)}
    why = "the table of positions in the file" if learned else "the file has no learned table of positions"
    settings[POSITIONS] = Setting("learned" if learned else "sinusoid", "network", why)
    return RenamedVit(
        title=size.title,
        heads=size.heads,
        dim=patches.shape[0],
        norms=norms,
        weights={f"backbone.{name}": tensor.float() for name, tensor in weights.items()},
        settings=settings,
        decisions=(
            f"{size.title}: {counted(size.depth, 'block')} of width {patches.shape[0]}; {size.heads} heads, which "
            "follow from the width and are not in the tensors.",
            *decisions,
        ),
        rest=names.rest,
    )


def _find_patches(tensors: Mapping[str, Tensor], path: Path) -> tuple[str, Tensor]:
    """Return what lies before the names of the network, and the weight of its patches."""
    found = {name: match[1] or "" for name in tensors if (match := _PATCHES.fullmatch(name)) and match[2] == "weight"}
    if len(found) != 1:
        what = f"are {len(found)} ({listed(found)})" if found else "is none"
        one = " Save the tensors of one of them in a file of their own." if found else ""
        raise CheckpointError(f"{path}: there must be one vision transformer in it, but there {what}.{one}")
    ((name, prefix),) = found.items()
    return prefix, tensors[name]


def _sort_names(tensors: Mapping[str, Tensor], prefix: str) -> _Names:
    names = _Names()
    for full, tensor in tensors.items():
        name = full.removeprefix(prefix)
        if match := _FC_NORM.fullmatch(full):
            names.norms[f"fc_norm.{match[1]}"] = tensor
        elif not full.startswith(prefix) or _BESIDE.fullmatch(name):
            names.rest[full] = tensor
        elif match := _NORM.fullmatch(name):
            names.norms[f"norm.{match[1]}"] = tensor
        elif match := _PATCHES.fullmatch(name):
            names.plain[f"patch_embed.proj.{match[2]}"] = tensor
        elif name in _TABLES:
            names.table = tensor
        elif not _sort_block(name, tensor, names):
            names.strange.append(full)
    return names


def _sort_block(name: str, tensor: Tensor, names: _Names) -> bool:
    """Put a tensor of a block where it belongs; return whether it has a place."""
    block = _BLOCK.fullmatch(name)
    if block is None:
        return False
    index, inner = int(block[1]), block[2]
    module, _, leaf = inner.rpartition(".")
    if module in _OURS and leaf in ("weight", "bias"):
        names.plain[f"blocks.{index}.{_OURS[module]}.{leaf}"] = tensor
        return True
    attention = _ATTENTION.fullmatch(inner)
    part = attention and (_JOINT.fullmatch(attention[1]) or _PART.fullmatch(attention[1]))
    if not part:
        return False
    roles = ("qkv", part[1]) if part.re is _JOINT else ((part[1] or part[2] or part[4])[0], part[3] or "bias")
    names.attention.setdefault(index, {})[".".join(roles)] = tensor
    return True


def _join_attention(
    weights: dict[str, Tensor], attention: Mapping[int, Mapping[str, Tensor]], path: Path, decisions: list[str]
) -> None:
    """Make qkv.weight, q_bias and v_bias of each block of what the file has."""
    silent = True
    for index, found in sorted(attention.items()):
        parts, block = dict(found), f"blocks.{index}.attn"
        matrices = [parts[f"{role}.weight"] for role in "qkv" if f"{role}.weight" in parts]
        if len(matrices) == 3 and len({matrix.shape for matrix in matrices}) == 1 and matrices[0].ndim:
            parts["qkv.weight"] = torch.cat(matrices)
        if "qkv.bias" in parts and parts["qkv.bias"].numel() % 3 == 0:
            biases = dict(zip(("q.bias", "k.bias", "v.bias"), parts["qkv.bias"].flatten().chunk(3), strict=True))
            parts = biases | parts
        if "q.bias" not in parts or "v.bias" not in parts:
            raise CheckpointError(
                f"{path}: the attention of block {index} lacks the bias of its query or value. All published files "
                "have them (q_bias, v_bias); some versions of transformers 5 lost them when reading. Take the "
                "published file."
            )
        if "k.bias" in parts and parts["k.bias"].count_nonzero():
            raise CheckpointError(
                f"{path}: the keys of block {index} have a bias. Those of VideoMAE have none: this is another network, "
                "which is not supported."
            )
        silent &= not (parts["q.bias"].count_nonzero() or parts["v.bias"].count_nonzero())
        if "qkv.weight" in parts:
            weights[f"{block}.qkv.weight"] = parts["qkv.weight"]
        weights |= {f"{block}.q_bias": parts["q.bias"], f"{block}.v_bias": parts["v.bias"]}
    if silent and attention:
        decisions.append(
            "All biases of queries and values are zero, as in no published file: some versions of transformers 5 lost "
            "them when reading; if one of them saved this file, take the published one."
        )


def _choose_norm(
    weights: dict[str, Tensor], norms: Mapping[str, Tensor], path: Path, decisions: list[str]
) -> tuple[str, ...]:
    """Take the norm of every token; return the norms that the file has, the taken one first."""
    kinds = tuple(kind for kind in ("norm", "fc_norm") if f"{kind}.weight" in norms and f"{kind}.bias" in norms)
    if not kinds:
        raise CheckpointError(
            f"{path}: the last norm is missing (norm, or fc_norm of a classifier): the features would be wrong. "
            "VideoMAEModel of transformers saves none: take the file of the classifier or of the pre-training."
        )
    weights |= {f"norm.{leaf}": norms[f"{kinds[0]}.{leaf}"] for leaf in ("weight", "bias")}
    if kinds[0] == "fc_norm":
        decisions.append("fc_norm, trained on the mean of all tokens, is taken as the norm of every token.")
    elif len(kinds) == 2:
        decisions.append("norm is taken, the norm of every token; fc_norm, that of their mean, is left out.")
    return kinds


def _use_table(weights: dict[str, Tensor], table: Tensor | None, dim: int, path: Path, decisions: list[str]) -> bool:
    """Return whether the table of positions in the file was learned; then it is added to ``weights``."""
    if table is None:
        return False
    positions = math.prod(TABLE_GRID)
    if table.ndim != 3 or table.shape[0] != 1 or table.shape[2] != dim:
        raise CheckpointError(
            f"{path}: its table of positions has the shape {list(table.shape)}, not [1, positions, {dim}]."
        )
    exact = sinusoid_table(table.shape[1], dim) if table.shape[1] <= 8 * positions else None
    tolerance = 1e-4 if table.dtype in (torch.float32, torch.float64) else 5e-3
    frame = math.prod(TABLE_GRID[1:])
    if exact is not None and table.shape[1] % frame == 0 and (table[0].float() - exact).abs().max() <= tolerance:
        decisions.append("Its table of positions is that of sines, which is computed: it is left out.")
        return False
    if table.shape[1] != positions:
        raise CheckpointError(
            f"{path}: its table has {table.shape[1]:,} positions that were learned; known are {positions:,}, those of "
            f"{' x '.join(map(str, TABLE_GRID))} patches (16 frames of 224 x 224 pixels)."
        )
    weights[TABLE] = table
    decisions.append("Its table of positions was learned and is kept.")
    return True
