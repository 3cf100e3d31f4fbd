"""The parts of a model that a config selects by name; the classes register themselves where they are defined.

To add one, register it: nothing else is edited. The config's checks and docs/CONFIG.md know it from here.
"""

from __future__ import annotations

from collections.abc import Callable

from torch import nn

from alphaction.utils.registry import Registry

BACKBONES: Registry[Callable[..., nn.Module]] = Registry("MODEL.BACKBONE.CONV_BODY")
"""Builders that take the config; what they return is described at :func:`alphaction.modeling.backbone.build_backbone`.
Those whose names start with "Slowfast" get slow and fast frames, "Slow-..." slow ones, all others fast ones only."""

LATERALS: Registry[Callable[..., nn.Module]] = Registry("MODEL.BACKBONE.SLOWFAST.LATERAL")
"""Builders that take (fast channels, channels to hand over, alpha=fast frames per slow frame, kernel=temporal size,
norm=:class:`NormOptions`)."""

POOLERS: Registry[Callable[..., nn.Module]] = Registry("MODEL.ROI_ACTION_HEAD.POOLER_TYPE")
"""Builders that take (the config, feature cells per pixel)."""

FEATURE_EXTRACTORS: Registry[type[nn.Module]] = Registry("MODEL.ROI_ACTION_HEAD.FEATURE_EXTRACTOR")
PREDICTORS: Registry[type[nn.Module]] = Registry("MODEL.ROI_ACTION_HEAD.PREDICTOR")
INTERACTION_STRUCTURES: Registry[type[nn.Module]] = Registry("MODEL.IA_STRUCTURE.STRUCTURE")
FUSIONS: Registry[type] = Registry("MODEL.IA_STRUCTURE.FUSION")
