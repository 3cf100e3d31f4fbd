"""I3D: a ResNet inflated along time, with one pathway.

Axes: B clips, C channels, T frames, H and W rows and columns.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from alphaction.layers import conv_norm, max_pool3d
from alphaction.modeling.backbone.base import Backbone, require_fast
from alphaction.modeling.backbone.nonlocal_block import NonLocalOptions
from alphaction.modeling.backbone.norm import NormOptions
from alphaction.modeling.backbone.recompute import run_counting_once
from alphaction.modeling.backbone.residual import ResidualStage, every_second, he_init
from alphaction.modeling.registries import BACKBONES
from alphaction.utils.errors import UserError

# The attribute names conv1, bn1 and res_nl1..4 are fixed by the public weights.

WIDTH = 64


def _alternate(first: int, second: int, count: int) -> tuple[int, ...]:
    return tuple(first if i % 2 == 0 else second for i in range(count))


class I3D(Backbone):
    """Inflated ResNet (Carreira and Zisserman, CVPR 2017, arXiv 1705.07750; Wang et al., CVPR 2018, arXiv 1711.07971).

    Args:
        blocks: residual blocks of each of the four stages.
        sparse: for clips of few, far apart frames: stem and first pooling keep all of them, instead of one in four.
        nonlocal_stages: whether stages 2 and 3 have non-local blocks.
        nonlocal_groups: those of stage 2 work within groups of 4 frames.
        norm: batch norm of the network.
        nonlocal_options: of all non-local blocks.
        checkpointing: recompute the stem and residual blocks when going backward instead of keeping their activations.
    """

    stride = 16
    last_stage = 1

    norms_after: ClassVar = {"conv1": "bn1"}  # for optimize_for_inference

    def __init__(
        self,
        *,
        blocks: Sequence[int],
        sparse: bool = False,
        nonlocal_stages: tuple[bool, bool] = (True, True),
        nonlocal_groups: bool = False,
        norm: NormOptions | None = None,
        nonlocal_options: NonLocalOptions | None = None,
        checkpointing: bool = False,
    ) -> None:
        super().__init__()
        norm = norm or NormOptions()
        nonlocal_options = nonlocal_options or NonLocalOptions()
        self.checkpointing = checkpointing
        self.frame_stride = 1 if sparse else 2  # of the stem, and of the first pooling
        self.min_frames = 2 if sparse else 7  # what the poolings, which round down, leave one of
        self.conv1 = he_init(
            nn.Conv3d(3, WIDTH, (5, 7, 7), stride=(self.frame_stride, 2, 2), padding=(2, 3, 3), bias=False)
        )
        self.bn1 = norm.build(WIDTH)

        def stage(in_channels: int, inner: int, temporal_kernels: Sequence[int], **kwargs: Any) -> ResidualStage:
            return ResidualStage(
                in_channels,
                inner,
                4 * inner,
                temporal_kernels,
                norm,
                nonlocal_options=nonlocal_options,
                checkpointing=checkpointing,
                **kwargs,
            )

        second, third = (
            every_second(count) if wanted else () for wanted, count in zip(nonlocal_stages, blocks[1:3], strict=True)
        )
        self.res_nl1 = stage(WIDTH, WIDTH, _alternate(3, 3, blocks[0]))
        self.res_nl2 = stage(
            4 * WIDTH,
            2 * WIDTH,
            _alternate(3, 1, blocks[1]),
            stride=2,
            nonlocal_blocks=second,
            nonlocal_groups=nonlocal_groups,
        )
        self.res_nl3 = stage(8 * WIDTH, 4 * WIDTH, _alternate(3, 1, blocks[2]), stride=2, nonlocal_blocks=third)
        self.res_nl4 = stage(16 * WIDTH, 8 * WIDTH, _alternate(1, 3, blocks[3]), dilation=2)
        self.out_channels = (0, 32 * WIDTH)

    @classmethod
    def from_config(cls, cfg: Any, *, blocks: Sequence[int], sparse: bool = False) -> I3D:
        """Build from a config."""
        node = cfg.MODEL.BACKBONE.I3D
        return cls(
            blocks=blocks,
            sparse=sparse,
            nonlocal_stages=(node.CONV3_NONLOCAL, node.CONV4_NONLOCAL),
            nonlocal_groups=node.CONV3_GROUP_NL,
            norm=NormOptions.from_config(cfg.MODEL.BACKBONE),
            nonlocal_options=NonLocalOptions.from_config(cfg.MODEL.NONLOCAL),
            checkpointing=cfg.MODEL.ACTIVATION_CHECKPOINTING,
        )

    def layers(self) -> list[list[nn.Module]]:
        """Return the stem, then the stages."""
        return [[self.conv1, self.bn1], *([self.get_submodule(f"res_nl{i}")] for i in range(1, 5))]

    def forward(self, slow: Tensor | None, fast: Tensor | None) -> tuple[None, Tensor]:
        """Return (None, features [B, C, T/8, H/16, W/16]; T/2 if sparse).

        Args:
            slow: ignored; the signature is that of all backbones.
            fast: normalized frames [B, 3, T, H, W].

        Raises:
            ValueError: if ``fast`` is missing.
            UserError: if it has too few frames.
        """
        fast = require_fast(fast, "I3D")
        if fast.shape[2] < self.min_frames:
            raise UserError(
                f"MODEL.BACKBONE.CONV_BODY: this I3D network needs clips of {self.min_frames} frames or more, but gets "
                f"{fast.shape[2]}, of which its poolings leave none. Raise INPUT.FRAME_NUM or ALPHA."
            )
        if self.checkpointing and self.training and torch.is_grad_enabled():
            x = run_counting_once(self._stem, fast, modules=(self.conv1, self.bn1))
        else:
            x = self._stem(fast)
        x = self.res_nl1(x)
        x = max_pool3d(x, (2, 1, 1), (2, 1, 1))
        return None, self.res_nl4(self.res_nl3(self.res_nl2(x)))

    def _stem(self, fast: Tensor) -> Tensor:
        x = F.relu(conv_norm(fast, self.conv1, self.bn1), inplace=True)
        # No padding: the public weights were trained without.
        return max_pool3d(x, (self.frame_stride, 3, 3), (self.frame_stride, 2, 2))


@BACKBONES.register("I3D-Resnet50")
def i3d_resnet50(cfg: Any) -> I3D:
    """I3D with the depth of ResNet-50."""
    return I3D.from_config(cfg, blocks=(3, 4, 6, 3))


@BACKBONES.register("I3D-Resnet101")
def i3d_resnet101(cfg: Any) -> I3D:
    """I3D with the depth of ResNet-101."""
    return I3D.from_config(cfg, blocks=(3, 4, 23, 3))


@BACKBONES.register("I3D-Resnet50-Sparse")
def i3d_resnet50_sparse(cfg: Any) -> I3D:
    """I3D with the depth of ResNet-50, for clips of few frames."""
    return I3D.from_config(cfg, blocks=(3, 4, 6, 3), sparse=True)


@BACKBONES.register("I3D-Resnet101-Sparse")
def i3d_resnet101_sparse(cfg: Any) -> I3D:
    """I3D with the depth of ResNet-101, for clips of few frames."""
    return I3D.from_config(cfg, blocks=(3, 4, 23, 3), sparse=True)
