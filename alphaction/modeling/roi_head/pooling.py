"""From the feature maps of a clip to one vector for each box.

Axes: B clips, C channels of a pathway, T frames, H and W rows and columns, N boxes, S size of the pooled grid,
D channels of all pathways.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from yacs.config import CfgNode

from alphaction.config.keys import KEYS
from alphaction.layers import RoiAlign3d, RoiPool3d
from alphaction.modeling.registries import POOLERS
from alphaction.utils.errors import UserError

DEFAULT_SCALE = KEYS["MODEL.ROI_ACTION_HEAD.POOLER_SCALE"].default


@POOLERS.register("align3d")
def _align3d(cfg: CfgNode, scale: float) -> RoiAlign3d:
    head = cfg.MODEL.ROI_ACTION_HEAD
    return RoiAlign3d(head.POOLER_RESOLUTION, scale, head.POOLER_SAMPLING_RATIO, head.POOLER_ALIGNED)


@POOLERS.register("pooling3d")
def _pooling3d(cfg: CfgNode, scale: float) -> RoiPool3d:
    head = cfg.MODEL.ROI_ACTION_HEAD
    if head.POOLER_ALIGNED:
        raise UserError(
            "MODEL.ROI_ACTION_HEAD.POOLER_ALIGNED: True needs POOLER_TYPE align3d; pooling3d rounds boxes to whole "
            "cells, which leaves nothing to align. Set POOLER_ALIGNED to False, or POOLER_TYPE to align3d."
        )
    return RoiPool3d(head.POOLER_RESOLUTION, scale)


def pooler_scale(cfg: CfgNode, stride: int) -> float:
    """Return feature cells per pixel for a backbone of ``stride``: what POOLER_SCALE says, or its default stands for.

    The size of a frame does not matter: where it is no multiple of the stride, there is one cell more or less at the
    end, but cells lie a stride apart.

    Raises:
        UserError: if POOLER_SCALE is neither its default nor 1 / stride.
    """
    chosen = cfg.MODEL.ROI_ACTION_HEAD.POOLER_SCALE
    if not any(math.isclose(chosen, scale, rel_tol=1e-6) for scale in (1 / stride, DEFAULT_SCALE)):
        raise UserError(
            f"MODEL.ROI_ACTION_HEAD.POOLER_SCALE: {chosen:g}, but {cfg.MODEL.BACKBONE.CONV_BODY} has one feature cell "
            f"for {stride} pixels. Set it to {1 / stride:g}, or leave it out: it then follows the network."
        )
    return 1 / stride


class BoxPooler(nn.Module):
    """Pooling over time, ROI pooling and the maximum over the grid; pathways are pooled alone, then concatenated.

    Args:
        pooler: maps (features [B, C, T, H, W], boxes [N, 4], clip_index [N]) to [N, C, T, S, S].
        time_first: pool over time before the ROI pooling (one frame to pool instead of T) or after it.
        time_pooling: take the "mean" over time, or the "max".
    """

    def __init__(self, pooler: nn.Module, time_first: bool, time_pooling: str = "mean") -> None:
        super().__init__()
        self.pooler = pooler
        self.time_first = time_first
        self.time_pooling = time_pooling

    @classmethod
    def from_config(cls, cfg: CfgNode, stride: int = 16) -> BoxPooler:
        """Build what MODEL.ROI_ACTION_HEAD.POOLER_*, MEAN_BEFORE_POOLER and TIME_POOLING describe.

        Args:
            stride: the backbone's, in pixels per feature cell.

        Raises:
            UserError: if POOLER_SCALE does not fit the stride, or POOLER_ALIGNED the POOLER_TYPE.
        """
        head = cfg.MODEL.ROI_ACTION_HEAD
        pooler = POOLERS.get(head.POOLER_TYPE)(cfg, pooler_scale(cfg, stride))
        return cls(pooler, head.MEAN_BEFORE_POOLER, head.TIME_POOLING)

    def forward(self, features: tuple[Tensor | None, Tensor | None], boxes: Tensor, clip_index: Tensor) -> Tensor:
        """Return float32 [N, D]; N = 0 is fine.

        Args:
            features: slow and fast [B, C, T, H, W] maps, or None for a pathway that is off.
            boxes: [N, 4] xyxy in pixels of the clip.
            clip_index: int64 [N].
        """
        pooled = [self._pool(pathway, boxes, clip_index) for pathway in features if pathway is not None]
        return torch.cat(pooled, dim=1).float()

    def over_time(self, features: Tensor) -> Tensor:
        """Return [B, C, 1, H, W] for [B, C, T, H, W]."""
        if self.time_pooling == "max":
            return features.amax(dim=2, keepdim=True)
        return features.mean(dim=2, keepdim=True)

    def _pool(self, features: Tensor, boxes: Tensor, clip_index: Tensor) -> Tensor:
        if self.time_first:
            features = self.over_time(features)
        grid = self.over_time(self.pooler(features, boxes, clip_index))
        return grid.squeeze(2).amax(dim=(-2, -1))
