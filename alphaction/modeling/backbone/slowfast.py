"""SlowFast networks: few frames through a wide pathway, many frames through a narrow one.

Axes: B clips, C channels, T frames (Ts of the slow, Tf of the fast pathway), H and W rows and columns.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from alphaction.layers import conv_norm
from alphaction.modeling.backbone.base import Backbone
from alphaction.modeling.backbone.nonlocal_block import NonLocalOptions
from alphaction.modeling.backbone.norm import NormOptions
from alphaction.modeling.backbone.residual import ResidualStage, he_init
from alphaction.modeling.registries import BACKBONES, LATERALS
from alphaction.utils.errors import UserError

# The attribute names slow, fast, conv1, bn1, res_nl1..4 and Tconv1..4 are fixed by the public weights.

STAGE_STRIDES = (1, 2, 2, 1)
STAGE_DILATIONS = (1, 1, 1, 2)  # the last stage keeps its resolution and widens its view instead


@dataclass(frozen=True)
class PathwayOptions:
    """One pathway's shape.

    Attributes:
        width: channels C of the stem; stage i = 1..4 has inner width C * 2**(i-1) and four times that as output.
        stem_frames: temporal size of the stem's kernel.
        temporal_kernels: temporal kernel size of each stage.
        nonlocal_stages: for each stage, whether it has non-local blocks.
        nonlocal_groups: those of stage 2 work within groups of 4 frames.
    """

    width: int
    stem_frames: int
    temporal_kernels: tuple[int, int, int, int]
    nonlocal_stages: tuple[bool, bool, bool, bool] = (False, False, False, False)
    nonlocal_groups: bool = False

    @property
    def channels(self) -> tuple[int, ...]:
        """Output channels of the stem and the four stages."""
        return (self.width, *(4 * self.width * 2**i for i in range(4)))


@LATERALS.register("tconv")
class Lateral(nn.Module):
    """Hands fast features to the slow pathway: a convolution over time that leaves as many frames as that has."""

    def __init__(self, in_channels: int, out_channels: int, alpha: int) -> None:
        super().__init__()
        self.conv = he_init(
            nn.Conv3d(in_channels, out_channels, (5, 1, 1), stride=(alpha, 1, 1), padding=(2, 0, 0), bias=True)
        )

    def forward(self, fast: Tensor) -> Tensor:
        """Return [B, out_channels, Tf / alpha, H, W] for fast [B, in_channels, Tf, H, W]."""
        return self.conv(fast)


class Pathway(nn.Module):
    """Stem and four residual stages; the fast one also owns the laterals.

    Args:
        options: the pathway's shape.
        blocks: residual blocks of each stage.
        norm: batch norm of the stem and the residual blocks.
        nonlocal_options: for stages that have non-local blocks.
        extra_channels: channels that each stage gets beside those of the stage before.
        lateral: builds a lateral to the slow pathway from (channels, channels to hand over); None: there are none.
        checkpointing: see :class:`ResidualStage`.
    """

    def __init__(
        self,
        options: PathwayOptions,
        blocks: Sequence[int],
        norm: NormOptions,
        nonlocal_options: NonLocalOptions,
        *,
        extra_channels: Sequence[int] = (0, 0, 0, 0),
        lateral: Callable[[int, int], nn.Module] | None = None,
        checkpointing: bool = False,
    ) -> None:
        super().__init__()
        channels = options.channels
        self.conv1 = he_init(
            nn.Conv3d(
                3,
                options.width,
                (options.stem_frames, 7, 7),
                stride=(1, 2, 2),
                padding=(options.stem_frames // 2, 3, 3),
                bias=False,
            )
        )
        self.bn1 = norm.build(options.width)
        for i in range(4):
            stage = ResidualStage(
                channels[i] + extra_channels[i],
                options.width * 2**i,
                channels[i + 1],
                (options.temporal_kernels[i],) * blocks[i],
                norm,
                stride=STAGE_STRIDES[i],
                dilation=STAGE_DILATIONS[i],
                nonlocal_options=nonlocal_options if options.nonlocal_stages[i] else None,
                nonlocal_groups=options.nonlocal_groups and i == 1,
                checkpointing=checkpointing,
            )
            self.add_module(f"res_nl{i + 1}", stage)
        if lateral is not None:
            for i in range(4):
                self.add_module(f"Tconv{i + 1}", lateral(channels[i], 2 * channels[i]))

    def stem(self, frames: Tensor) -> Tensor:
        """Return [B, C, T, H', W'], H' about H / 4, for frames [B, 3, T, H, W]."""
        x = F.relu(conv_norm(frames, self.conv1, self.bn1), inplace=True)
        # No padding: the public weights were trained without.
        return F.max_pool3d(x, (1, 3, 3), stride=(1, 2, 2))

    def stage(self, index: int, x: Tensor) -> Tensor:
        """Apply stage ``index`` = 1..4."""
        return self.get_submodule(f"res_nl{index}")(x)

    def lateral(self, index: int, x: Tensor) -> Tensor:
        """Return what the slow pathway's stage ``index`` = 1..4 gets from this one's input x to its own."""
        return self.get_submodule(f"Tconv{index}")(x)


class SlowFast(Backbone):
    """SlowFast network (Feichtenhofer et al., ICCV 2019, arXiv 1812.03982), or one of its pathways alone.

    Args:
        slow: the slow pathway's shape; None switches it off.
        fast: the fast pathway's; None switches it off, and the laterals with it.
        blocks: residual blocks of each of the four stages.
        alpha: fast frames per slow frame.
        lateral: builds what hands fast features to the slow pathway, see :data:`LATERALS`.
        norm: batch norm of the network.
        nonlocal_options: of all non-local blocks.
        checkpointing: recompute residual blocks when going backward instead of keeping their activations.
    """

    stride = 16
    last_stage = 1

    def __init__(
        self,
        *,
        slow: PathwayOptions | None,
        fast: PathwayOptions | None,
        blocks: Sequence[int],
        alpha: int,
        lateral: Callable[[int, int, int], nn.Module] = Lateral,
        norm: NormOptions | None = None,
        nonlocal_options: NonLocalOptions | None = None,
        checkpointing: bool = False,
    ) -> None:
        super().__init__()
        if slow is None and fast is None:
            raise UserError(
                "MODEL.BACKBONE.SLOWFAST: SLOW.ACTIVE and FAST.ACTIVE are both False, so no network is left. "
                "Set at least one of them to True."
            )
        norm = norm or NormOptions()
        nonlocal_options = nonlocal_options or NonLocalOptions()
        both = slow is not None and fast is not None
        self.alpha = alpha
        self.slow: Pathway | None = None
        self.fast: Pathway | None = None
        if slow is not None:
            extra = tuple(2 * c for c in fast.channels[:4]) if both else (0, 0, 0, 0)
            self.slow = Pathway(slow, blocks, norm, nonlocal_options, extra_channels=extra, checkpointing=checkpointing)
        if fast is not None:
            self.fast = Pathway(
                fast,
                blocks,
                norm,
                nonlocal_options,
                lateral=(lambda own, handed: lateral(own, handed, alpha)) if both else None,
                checkpointing=checkpointing,
            )
        self.out_channels = (slow.channels[-1] if slow else 0, fast.channels[-1] if fast else 0)

    @classmethod
    def from_config(
        cls, cfg: Any, *, blocks: Sequence[int], slow_width: int = 64, fast_width: int | None = None
    ) -> SlowFast:
        """Build from a config; ``fast_width`` None: SLOWFAST.BETA times ``slow_width``.

        Raises:
            UserError: for a LATERAL that is not known, a BETA that leaves no channel, or no active pathway.
        """
        node = cfg.MODEL.BACKBONE.SLOWFAST
        if fast_width is None:
            fast_width = int(slow_width * node.BETA)
            if fast_width < 1:
                raise UserError(
                    f"MODEL.BACKBONE.SLOWFAST.BETA: {node.BETA} of {slow_width} channels leaves the fast pathway "
                    f"none. Choose at least {1 / slow_width}."
                )

        def pathway(sub: Any, width: int, stem_frames: int, kernels: tuple[int, int, int, int]):
            if not sub.ACTIVE:
                return None
            return PathwayOptions(
                width=width,
                stem_frames=stem_frames,
                temporal_kernels=kernels,
                nonlocal_stages=(False, sub.CONV3_NONLOCAL, sub.CONV4_NONLOCAL, False),
                nonlocal_groups=sub.CONV3_GROUP_NL,
            )

        return cls(
            slow=pathway(node.SLOW, slow_width, 1, (1, 1, 3, 3)),
            fast=pathway(node.FAST, fast_width, 5, (3, 3, 3, 3)),
            blocks=blocks,
            alpha=cfg.INPUT.ALPHA,
            lateral=LATERALS.get(node.LATERAL),
            norm=NormOptions.from_config(cfg.MODEL.BACKBONE),
            nonlocal_options=NonLocalOptions.from_config(cfg.MODEL.NONLOCAL),
            checkpointing=cfg.MODEL.ACTIVATION_CHECKPOINTING,
        )

    def layers(self) -> list[list[nn.Module]]:
        """Return the stems, then each stage of both pathways with the lateral that feeds it."""
        pathways = [pathway for pathway in (self.slow, self.fast) if pathway is not None]
        stages = [[pathway.get_submodule(f"res_nl{i}") for pathway in pathways] for i in range(1, 5)]
        if len(pathways) == 2:
            for i, stage in enumerate(stages, 1):
                stage.append(self.fast.get_submodule(f"Tconv{i}"))
        return [[module for pathway in pathways for module in (pathway.conv1, pathway.bn1)], *stages]

    def forward(self, slow: Tensor | None, fast: Tensor | None) -> tuple[Tensor | None, Tensor | None]:
        """Return (slow features [B, C, Ts, H/16, W/16], fast features [B, C', Tf, H/16, W/16]).

        Args:
            slow: normalized frames [B, 3, Ts, H, W]; ignored if the pathway is off, whose features are None.
            fast: normalized frames [B, 3, Tf = alpha * Ts, H, W]; likewise.

        Raises:
            ValueError: if the frames of an active pathway are missing.
            UserError: if the pathways' numbers of frames do not fit together.
        """
        slow = self._stem(self.slow, "slow", slow)
        fast = self._stem(self.fast, "fast", fast)
        for index in range(1, 5):
            if self.slow is not None and self.fast is not None:
                slow = self._join(slow, self.fast.lateral(index, fast))
            if self.slow is not None:
                slow = self.slow.stage(index, slow)
            if self.fast is not None:
                fast = self.fast.stage(index, fast)
        return slow, fast

    @staticmethod
    def _stem(pathway: Pathway | None, name: str, frames: Tensor | None) -> Tensor | None:
        if pathway is None:
            return None
        if frames is None:
            raise ValueError(f"the {name} pathway is active but got no frames")
        return pathway.stem(frames)

    def _join(self, slow: Tensor, lateral: Tensor) -> Tensor:
        if slow.shape[2] != lateral.shape[2]:
            raise UserError(
                f"the slow pathway has {slow.shape[2]} frames but the fast one hands it {lateral.shape[2]} "
                f"(INPUT.ALPHA {self.alpha}). Choose INPUT.FRAME_NUM as a multiple of TAU, and TAU as one of ALPHA."
            )
        return torch.cat([slow, lateral], dim=1)


@BACKBONES.register("Slowfast-Resnet50")
def slowfast_resnet50(cfg: Any) -> SlowFast:
    """SlowFast with the depth of ResNet-50."""
    return SlowFast.from_config(cfg, blocks=(3, 4, 6, 3))


@BACKBONES.register("Slowfast-Resnet101")
def slowfast_resnet101(cfg: Any) -> SlowFast:
    """SlowFast with the depth of ResNet-101."""
    return SlowFast.from_config(cfg, blocks=(3, 4, 23, 3))


@BACKBONES.register("Slowfast-Tiny")
def slowfast_tiny(cfg: Any) -> SlowFast:
    """SlowFast to try things with: one block a stage, trains from scratch on a laptop.

    BETA does not apply: an eighth of so few channels would see no motion. The fast pathway is as wide as that of
    Slowfast-Resnet50, the slow one an eighth as wide.
    """
    return SlowFast.from_config(cfg, blocks=(1, 1, 1, 1), slow_width=8, fast_width=8)
