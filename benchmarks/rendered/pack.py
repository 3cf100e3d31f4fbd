"""python -m benchmarks.rendered.pack CHECKPOINT: put a run's backbone into the package, as zoo:slowfast_tiny_rendered.

Tensors of a convolution are stored as float16, at most 0.05% away; those of norms stay float32.
"""

from __future__ import annotations

import sys
from pathlib import Path

import torch

from alphaction.checkpoint import read_weight_file
from alphaction.checkpoint.name_rules import HEAD_PREFIX
from alphaction.zoo import cached_file, find_weights

NAME = "slowfast_tiny_rendered"


def pack(checkpoint: Path, output: Path) -> int:
    """Write the backbone of a checkpoint to ``output``; return the bytes of the file."""
    weights = {
        name: tensor.half() if tensor.ndim > 1 else tensor
        for name, tensor in read_weight_file(checkpoint).weights.items()
        if not name.startswith(HEAD_PREFIX)
    }
    output.parent.mkdir(exist_ok=True)
    torch.save({"model": weights, "license": find_weights(NAME).license}, output)
    return output.stat().st_size


if __name__ == "__main__":
    target = cached_file(find_weights(NAME))
    print(f"{target}: {pack(Path(sys.argv[1]), target):,} bytes")
