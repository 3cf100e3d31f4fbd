"""What autograd keeps of a forward pass for the backward pass."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn


class KeptActivations:
    """The memory that is kept, without the model's own tensors.

    Args:
        model: whose parameters and buffers do not count.
    """

    def __init__(self, model: nn.Module) -> None:
        self._own = {tensor.untyped_storage().data_ptr() for tensor in model.state_dict().values()}
        self._sizes: dict[int, int] = {}

    @property
    def bytes(self) -> int:
        """How much it is; storage that several tensors share counts once."""
        return sum(self._sizes.values())

    def add(self, tensor: Tensor) -> Tensor:
        """Count a tensor that autograd saves, and return it."""
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in self._own:
            self._sizes[storage.data_ptr()] = storage.nbytes()
        return tensor


@contextmanager
def counting_activations(model: nn.Module) -> Iterator[KeptActivations]:
    """Yield what counts the activations that are kept within the block."""
    kept = KeptActivations(model)
    with torch.autograd.graph.saved_tensors_hooks(kept.add, lambda tensor: tensor):
        yield kept
