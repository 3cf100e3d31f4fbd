"""Networks that turn the frames of a clip into feature maps, selected by MODEL.BACKBONE.CONV_BODY."""

from __future__ import annotations

from importlib import import_module
from pkgutil import iter_modules
from typing import Any

from torch import nn

from alphaction.modeling.backbone.i3d import I3D
from alphaction.modeling.backbone.slowfast import SlowFast
from alphaction.modeling.registries import BACKBONES

__all__ = ["I3D", "SlowFast", "build_backbone"]


def register_backbones() -> None:
    """Import every module of this folder: what registers a backbone is known without being listed anywhere."""
    for module in iter_modules(__path__):
        import_module(f"{__name__}.{module.name}")


register_backbones()


def build_backbone(cfg: Any) -> nn.Module:
    """Build the network that MODEL.BACKBONE.CONV_BODY names.

    Its ``forward(slow, fast)`` takes normalized frames [B, 3, T, H, W] (None for a pathway that is off) and returns
    (slow features, fast features), each [B, C, T', H', W'] or None. ``out_channels`` is (slow, fast), 0 for a pathway
    that is off; ``dim_out`` their sum; ``stride`` the input pixels per feature cell.

    Raises:
        UserError: if there is no backbone of that name.
    """
    return BACKBONES.get(cfg.MODEL.BACKBONE.CONV_BODY)(cfg)
