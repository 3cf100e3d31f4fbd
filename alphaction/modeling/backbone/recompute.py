"""Activation checkpointing: what a part of a network computes is computed again when going backward, not kept."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint


def run_counting_once(function: Callable[[Tensor], Tensor], x: Tensor, *, modules: Sequence[nn.Module]) -> Tensor:
    """Return ``function(x)``, keeping only x; batch norms see x a second time going backward without counting it twice.

    Where nothing needs a gradient, nothing is kept at all.

    Args:
        function: nothing in it is random.
        x: what it gets.
        modules: those that it computes with.
    """
    if not (x.requires_grad or any(weight.requires_grad for module in modules for weight in module.parameters())):
        return function(x)
    return checkpoint(
        function,
        x,
        use_reentrant=False,
        preserve_rng_state=False,
        context_fn=lambda: (nullcontext(), _fixed_running_statistics(modules)),
    )


@contextmanager
def _fixed_running_statistics(modules: Sequence[nn.Module]) -> Iterator[None]:
    norms = [m for module in modules for m in module.modules() if isinstance(m, nn.modules.batchnorm._BatchNorm)]
    saved = [(norm.momentum, norm.num_batches_tracked) for norm in norms]
    for norm in norms:
        # A copy takes the count, and is thrown away.
        norm.momentum, norm.num_batches_tracked = 0.0, norm.num_batches_tracked.clone()
    try:
        yield
    finally:
        for norm, (momentum, tracked) in zip(norms, saved, strict=True):
            norm.momentum, norm.num_batches_tracked = momentum, tracked


def run_block(block: nn.Module, *inputs: Any, checkpointing: bool) -> Any:
    """Return ``block(*inputs)``.

    Args:
        block: a module; which paths it drops at random is the same when it is computed again.
        inputs: for its forward.
        checkpointing: in training, keep only the inputs and compute the rest again when going backward.
    """
    if not (checkpointing and block.training and torch.is_grad_enabled()):
        return _run(block, *inputs)
    return checkpoint(_run, block, *inputs, use_reentrant=False, preserve_rng_state=True)


def _run(block: nn.Module, *inputs: Any) -> Any:
    device = inputs[0].device
    if device.type == "cpu":
        return block(*inputs)
    # MViT's blocks, which are torchvision's, index by tensors that they make on the default device: from the CPU they
    # would be copied in every block, and each copy waits for the device.
    with device:
        return block(*inputs)
