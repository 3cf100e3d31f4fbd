"""ROI pooling of clips: every frame of a clip is pooled with the same box.

Axes: B clips, C channels, T frames, H and W rows and columns of the features, N boxes, S output size.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
import torchvision
from torch import Tensor, nn
from torch.autograd.function import once_differentiable
from torch.nn import functional as F


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
    return pooled.view(boxes.shape[0], channels, frames, *pooled.shape[2:]).to(features.dtype)


_MOST_CELLS = 4096  # of a map; the matrix of its cells takes 64 MB then, and grows with their square


class _AlignOnCpu(torch.autograd.Function):
    """ROIAlign whose gradient is a product of matrices; torchvision's loop takes several times as long on a CPU."""

    @staticmethod
    def forward(ctx: Any, features: Tensor, rois: Tensor, align: Callable[[Tensor, Tensor], Tensor]) -> Tensor:
        ctx.save_for_backward(rois)
        ctx.align, ctx.shape = align, features.shape
        return align(features, rois)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None, None]:
        (rois,) = ctx.saved_tensors
        batch, channels, height, width = ctx.shape
        # How much each cell of a map counts in each cell of the grid: the grids of maps that are 1 in a single cell.
        cells = torch.eye(height * width, dtype=grad.dtype).view(1, -1, height, width)
        shares = ctx.align(cells, F.pad(rois[:, 1:], (1, 0))).flatten(2)  # [N, H * W, S * S]
        grids = grad.flatten(2).transpose(1, 2)
        # Channels last, as the features have them that this goes back to.
        result = grad.new_empty(batch, height * width, channels)
        for clip in range(batch):
            own = (rois[:, 0] == clip).nonzero().squeeze(1)
            result[clip] = shares[own].transpose(0, 1).flatten(1) @ grids[own].reshape(-1, channels)
        result = result.view(batch, height, width, channels).permute(0, 3, 1, 2)
        return result, None, None


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
        needs_gradient = torch.is_grad_enabled() and features.requires_grad
        if needs_gradient and features.device.type == "cpu" and features.shape[2:].numel() <= _MOST_CELLS:
            return _AlignOnCpu.apply(features, rois, self._align)
        return self._align(features, rois)

    def _align(self, features: Tensor, rois: Tensor) -> Tensor:
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
