"""Layers without a config: frozen batch norm, ROI pooling of clips, focal losses."""

from alphaction.layers.focal_loss import sigmoid_focal_loss, softmax_focal_loss
from alphaction.layers.frozen_batch_norm import FrozenBatchNorm3d, conv_norm
from alphaction.layers.roi_pool_3d import RoiAlign3d, RoiPool3d

__all__ = [
    "FrozenBatchNorm3d",
    "RoiAlign3d",
    "RoiPool3d",
    "conv_norm",
    "sigmoid_focal_loss",
    "softmax_focal_loss",
]
