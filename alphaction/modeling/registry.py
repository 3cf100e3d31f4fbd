"""The parts of a model that a config selects by name; the classes register themselves where they are defined."""

from __future__ import annotations

from collections.abc import Callable

from torch import nn

from alphaction.utils.registry import Registry

BACKBONES: Registry[Callable[..., nn.Module]] = Registry("backbone (MODEL.BACKBONE.CONV_BODY)")
POOLERS: Registry[Callable[..., nn.Module]] = Registry("ROI pooler (MODEL.ROI_ACTION_HEAD.POOLER_TYPE)")
FEATURE_EXTRACTORS: Registry[Callable[..., nn.Module]] = Registry(
    "feature extractor (MODEL.ROI_ACTION_HEAD.FEATURE_EXTRACTOR)"
)
PREDICTORS: Registry[Callable[..., nn.Module]] = Registry("predictor (MODEL.ROI_ACTION_HEAD.PREDICTOR)")
INTERACTION_STRUCTURES: Registry[Callable[..., nn.Module]] = Registry(
    "interaction structure (MODEL.IA_STRUCTURE.STRUCTURE)"
)
