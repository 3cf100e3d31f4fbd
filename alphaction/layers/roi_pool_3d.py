"""ROI pooling of clips: every frame of a clip is pooled with the same box.

Axes: B clips, C channels, T frames, H and W rows and columns of the features, N boxes, S output size.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
import torchvision
from torch import Tensor, nn


def _pool_frames(
    pool: Callable[[Tensor, Tensor], Tensor], features: Tensor, boxes: Tensor, clip_index: Tensor
) -> Tensor:
    """Apply a 2D ROI operator to [B, C * T, H, W]: it treats channels alike, so frames may stand among them."""
    batch, channels, frames, height, width = features.shape
    # The operators know neither bfloat16 nor mixed dtypes; outside of float64 they run in float32.
    dtype = torch.promote_types(features.dtype, torch.float32)
    flat = features.reshape(batch, channels * frames, height, width).to(dtype)
    rois = torch.cat([clip_index[:, None].to(flat), boxes.to(flat)], dim=1)
    pooled = pool(flat, rois)
    return pooled.view(len(boxes), channels, frames, *pooled.shape[2:]).to(features.dtype)


class RoiAlign3d(nn.Module):
    """ROIAlign (He et al., "Mask R-CNN", ICCV 2017, arXiv 1703.06870) of every frame.

    Args:
        output_size: S; the result has S x S cells.
        spatial_scale: feature cells per input pixel.
        sampling_ratio: sample points per cell and side; 0: adapted to the box, ceil(box size / S).
        aligned: shift the samples by half a cell, as the centers of cells lie half a cell from their corners. The
            paper's own weights, and many others, were trained without.
    """

    def __init__(
        self, output_size: int = 7, spatial_scale: float = 1 / 16, sampling_ratio: int = 0, aligned: bool = False
    ) -> None:
        super().__init__()
        self.output_size = output_size
        self.spatial_scale = spatial_scale
        self.sampling_ratio = sampling_ratio
        self.aligned = aligned

    def forward(self, features: Tensor, boxes: Tensor, clip_index: Tensor) -> Tensor:
        """Return [N, C, T, S, S] in the features' dtype; N = 0 is fine.

        Args:
            features: [B, C, T, H, W].
            boxes: [N, 4] xyxy in input pixels.
            clip_index: int64 [N], the clip 0..B-1 of each box.
        """
        return _pool_frames(self._pool, features, boxes, clip_index)

    def _pool(self, features: Tensor, rois: Tensor) -> Tensor:
        return torchvision.ops.roi_align(
            features, rois, self.output_size, self.spatial_scale, self.sampling_ratio, aligned=self.aligned
        )

    def extra_repr(self) -> str:
        return (
            f"{self.output_size}, spatial_scale={self.spatial_scale}, sampling_ratio={self.sampling_ratio}, "
            f"aligned={self.aligned}"
        )


class RoiPool3d(nn.Module):
    """ROIPool (Girshick, "Fast R-CNN", ICCV 2015, arXiv 1504.08083) of every frame: the maximum in each cell.

    Args:
        output_size: S; the result has S x S cells.
        spatial_scale: feature cells per input pixel.
    """

    def __init__(self, output_size: int = 7, spatial_scale: float = 1 / 16) -> None:
        super().__init__()
        self.output_size = output_size
        self.spatial_scale = spatial_scale

    def forward(self, features: Tensor, boxes: Tensor, clip_index: Tensor) -> Tensor:
        """Return [N, C, T, S, S]; the arguments are those of :meth:`RoiAlign3d.forward`."""
        return _pool_frames(self._pool, features, boxes, clip_index)

    def _pool(self, features: Tensor, rois: Tensor) -> Tensor:
        return torchvision.ops.roi_pool(features, rois, self.output_size, self.spatial_scale)

    def extra_repr(self) -> str:
        return f"{self.output_size}, spatial_scale={self.spatial_scale}"
