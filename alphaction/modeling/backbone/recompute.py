"""Activation checkpointing for the blocks of transformers."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn
from torch.utils.checkpoint import checkpoint


def run_block(block: nn.Module, *inputs: Any, checkpointing: bool) -> Any:
    """Return ``block(*inputs)``.

    Args:
        block: a module; which paths it drops at random is the same when it is computed again.
        inputs: for its forward.
        checkpointing: in training, keep only the inputs and compute the rest again when going backward.
    """
    if not (checkpointing and block.training and torch.is_grad_enabled()):
        return block(*inputs)
    return checkpoint(block, *inputs, use_reentrant=False, preserve_rng_state=True)
