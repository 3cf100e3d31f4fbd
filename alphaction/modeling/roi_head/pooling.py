"""From the feature maps of a clip to one vector for each box.

Axes: B clips, C channels of a pathway, T frames, H and W rows and columns, N boxes, S size of the pooled grid,
D channels of all pathways.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from yacs.config import CfgNode

from alphaction.layers import RoiAlign3d, RoiPool3d
from alphaction.modeling.registries import POOLERS


@POOLERS.register("align3d")
def _align3d(cfg: CfgNode) -> RoiAlign3d:
    head = cfg.MODEL.ROI_ACTION_HEAD
    return RoiAlign3d(head.POOLER_RESOLUTION, head.POOLER_SCALE, head.POOLER_SAMPLING_RATIO)


@POOLERS.register("pooling3d")
def _pooling3d(cfg: CfgNode) -> RoiPool3d:
    head = cfg.MODEL.ROI_ACTION_HEAD
    return RoiPool3d(head.POOLER_RESOLUTION, head.POOLER_SCALE)


class BoxPooler(nn.Module):
    """Average over time, ROI pooling and the maximum over the grid; pathways are pooled alone, then concatenated.

    Args:
        pooler: maps (features [B, C, T, H, W], boxes [N, 4], clip_index [N]) to [N, C, T, S, S].
        mean_before_pooler: average before the ROI pooling (one frame to pool instead of T) or after it.
    """

    def __init__(self, pooler: nn.Module, mean_before_pooler: bool) -> None:
        super().__init__()
        self.pooler = pooler
        self.mean_before_pooler = mean_before_pooler

    @classmethod
    def from_config(cls, cfg: CfgNode) -> BoxPooler:
        """Build what MODEL.ROI_ACTION_HEAD.POOLER_* describe."""
        head = cfg.MODEL.ROI_ACTION_HEAD
        return cls(POOLERS.get(head.POOLER_TYPE)(cfg), head.MEAN_BEFORE_POOLER)

    def forward(self, features: tuple[Tensor | None, Tensor | None], boxes: Tensor, clip_index: Tensor) -> Tensor:
        """Return float32 [N, D]; N = 0 is fine.

        Args:
            features: slow and fast [B, C, T, H, W] maps, or None for a pathway that is off.
            boxes: [N, 4] xyxy in pixels of the clip.
            clip_index: int64 [N].
        """
        pooled = [self._pool(pathway, boxes, clip_index) for pathway in features if pathway is not None]
        return torch.cat(pooled, dim=1).float()

    def _pool(self, features: Tensor, boxes: Tensor, clip_index: Tensor) -> Tensor:
        if self.mean_before_pooler:
            features = features.mean(dim=2, keepdim=True)
        grid = self.pooler(features, boxes, clip_index)
        return grid.mean(dim=2).amax(dim=(-2, -1))
