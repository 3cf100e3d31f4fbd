"""Freezing of the backbone, or of its first layers: MODEL.BACKBONE.FREEZE."""

from __future__ import annotations

from torch import nn

from alphaction.modeling.backbone.base import Backbone


def freeze(backbone: Backbone, part: str) -> tuple[nn.Module, ...]:
    """Take a part of a backbone out of the training; return its modules, which are to stay in evaluation mode.

    Their parameters get no gradient, and as frames get none either, nothing of what they compute is kept for the
    backward pass. In evaluation mode the statistics of batch norms do not change, and nothing is dropped at random.

    Args:
        backbone: its parameters are changed in place.
        part: "none"; "stem"; "all_but_last_stage"; or "all", which gives the backbone itself.
    """
    if part == "none":
        return ()
    if part == "all":
        backbone.requires_grad_(False)
        return (backbone.eval(),)
    layers = backbone.layers()
    count = {"stem": 1, "all_but_last_stage": len(layers) - backbone.last_stage}[part]
    return tuple(module.requires_grad_(False).eval() for layer in layers[:count] for module in layer)
