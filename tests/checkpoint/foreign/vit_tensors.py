"""Tensors of a small vision transformer as its projects name them; they take hardly any memory."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

DIM, DEPTH = 384, 12
Tensors = dict[str, Tensor]


def value(name: str, *shape: int) -> Tensor:
    """Return a tensor that follows from its name and takes no memory."""
    return torch.tensor(float(sum(name.encode()) % 97 + 1)).expand(shape)


def authors(norm: str = "norm", dim: int = DIM, depth: int = DEPTH) -> Tensors:
    """Return tensors as VideoMAE's authors name them."""
    shapes: dict[str, tuple[int, ...]] = {
        "patch_embed.proj.weight": (dim, 3, 2, 16, 16),
        "patch_embed.proj.bias": (dim,),
    }
    for index in range(depth):
        block = {
            "norm1.weight": (dim,), "norm1.bias": (dim,), "attn.q_bias": (dim,), "attn.v_bias": (dim,),
            "attn.qkv.weight": (3 * dim, dim), "attn.proj.weight": (dim, dim), "attn.proj.bias": (dim,),
            "norm2.weight": (dim,), "norm2.bias": (dim,), "mlp.fc1.weight": (4 * dim, dim), "mlp.fc1.bias": (4 * dim,),
            "mlp.fc2.weight": (dim, 4 * dim), "mlp.fc2.bias": (dim,),
        }  # fmt: skip
        shapes |= {f"blocks.{index}.{name}": shape for name, shape in block.items()}
    shapes |= {f"{norm}.weight": (dim,), f"{norm}.bias": (dim,)}
    return {name: value(name, *shape) for name, shape in shapes.items()}


def renamed(tensors: Tensors, change: Callable[[str], str]) -> Tensors:
    return {change(name): tensor for name, tensor in tensors.items()}


def mmaction2(name: str) -> str:
    name = name.replace("patch_embed.proj.", "patch_embed.projection.")
    return "backbone." + name.replace("mlp.fc1", "mlp.layers.0.0").replace("mlp.fc2", "mlp.layers.1")


def hugging_face(tensors: Tensors, prefix: str, query_bias: str, value_bias: str, attention: str) -> Tensors:
    names = {
        "patch_embed.proj": "embeddings.patch_embeddings.projection", "blocks.": "encoder.layer.",
        "norm1": "layernorm_before", "norm2": "layernorm_after", "attn.proj": "attention.output.dense",
        "mlp.fc1": "intermediate.dense", "mlp.fc2": "output.dense", "attn.q_bias": f"{attention}.{query_bias}",
        "attn.v_bias": f"{attention}.{value_bias}",
    }  # fmt: skip
    result: Tensors = {}
    for name, tensor in tensors.items():
        for ours, theirs in names.items():
            name = name.replace(ours, theirs)
        if name.endswith("attn.qkv.weight"):
            parts = {"query": 1.0, "key": 2.0, "value": 3.0}
            stem = name.removesuffix("attn.qkv.weight") + attention
            result |= {f"{prefix}{stem}.{part}.weight": torch.full((DIM, DIM), v) for part, v in parts.items()}
        else:
            result["fc_norm" + name[4:] if name.startswith("norm.") else prefix + name] = tensor
    return result
