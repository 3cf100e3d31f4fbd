"""Layers without a config: convolutions and products, frozen batch norm, ROI pooling of clips, focal losses."""

from alphaction.layers.convolution import conv3d, max_pool3d
from alphaction.layers.focal_loss import sigmoid_focal_loss, softmax_focal_loss
from alphaction.layers.frozen_batch_norm import Conv3d, FrozenBatchNorm3d, apply_conv, conv_norm, fold_norm
from alphaction.layers.products import Linear, attention, linear
from alphaction.layers.roi_pool_3d import RoiAlign3d, RoiPool3d

__all__ = [
    "Conv3d",
    "FrozenBatchNorm3d",
    "Linear",
    "RoiAlign3d",
    "RoiPool3d",
    "apply_conv",
    "attention",
    "conv3d",
    "conv_norm",
    "fold_norm",
    "linear",
    "max_pool3d",
    "sigmoid_focal_loss",
    "softmax_focal_loss",
]
