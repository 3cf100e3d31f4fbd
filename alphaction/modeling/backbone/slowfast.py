"""SlowFast networks: few frames through a wide pathway, many frames through a narrow one.

Axes: B clips, C channels, T frames (Ts of the slow, Tf of the fast pathway), H and W rows and columns.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from alphaction.config.pathways import active_pathways
from alphaction.modeling.backbone.base import Backbone
from alphaction.modeling.backbone.lateral import plain_lateral
from alphaction.modeling.backbone.nonlocal_block import NonLocalOptions
from alphaction.modeling.backbone.norm import NormOptions
from alphaction.modeling.backbone.pathway import Pathway, PathwayOptions
from alphaction.modeling.registries import BACKBONES, LATERALS
from alphaction.utils.errors import UserError

# The attribute names slow and fast are fixed by the public weights.


class SlowFast(Backbone):
    """SlowFast network (Feichtenhofer et al., ICCV 2019, arXiv 1812.03982), or one of its pathways alone.

    Args:
        slow: the slow pathway's shape; None switches it off.
        fast: the fast pathway's; None switches it off, and the laterals with it.
        alpha: fast frames per slow frame.
        lateral: builds what hands fast features to the slow pathway, see :data:`LATERALS`.
        lateral_kernel: temporal size of its convolution.
        norm: batch norm of the network.
        nonlocal_options: of all non-local blocks.
        checkpointing: recompute the stems and residual blocks when going backward instead of keeping their activations.
    """

    stride = 16
    last_stage = 1

    def __init__(
        self,
        *,
        slow: PathwayOptions | None,
        fast: PathwayOptions | None,
        alpha: int,
        lateral: Callable[..., nn.Module] = plain_lateral,
        lateral_kernel: int = 5,
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
            self.slow = Pathway(slow, norm, nonlocal_options, extra_channels=extra, checkpointing=checkpointing)
        if fast is not None:
            self.fast = Pathway(
                fast,
                norm,
                nonlocal_options,
                lateral=partial(lateral, alpha=alpha, kernel=lateral_kernel, norm=norm) if both else None,
                checkpointing=checkpointing,
            )
        self.out_channels = (slow.channels[-1] if slow else 0, fast.channels[-1] if fast else 0)

    @classmethod
    def from_config(
        cls, cfg: Any, *, blocks: Sequence[int], slow_width: int = 64, fast_width: int | None = None
    ) -> SlowFast:
        """Build from a config, with the pathways that :func:`active_pathways` names.

        Args:
            fast_width: channels of the fast pathway's stem; None: SLOWFAST.BETA times ``slow_width``.

        Raises:
            UserError: for a LATERAL that is not known, a setting that does not fit the stages, a BETA that leaves no
                channel, or no active pathway.
        """
        node = cfg.MODEL.BACKBONE.SLOWFAST
        slow_on, fast_on = active_pathways(cfg)
        slow = fast = None
        if slow_on:
            only_late = (0, 0, *blocks[2:])  # the slow pathway has motion in its last stages only
            slow = PathwayOptions.from_config(
                cfg, "SLOW", width=slow_width, stem_frames=1, blocks=blocks, temporal_blocks=only_late
            )
        if fast_on:
            width = _share(slow_width, node.BETA) if fast_width is None else fast_width
            fast = PathwayOptions.from_config(
                cfg, "FAST", width=width, stem_frames=5, blocks=blocks, temporal_blocks=blocks
            )
        return cls(
            slow=slow,
            fast=fast,
            alpha=cfg.INPUT.ALPHA,
            lateral=LATERALS.get(node.LATERAL),
            lateral_kernel=node.LATERAL_KERNEL,
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


def _share(slow_width: int, beta: float) -> int:
    width = int(slow_width * beta)
    if width < 1:
        raise UserError(
            f"MODEL.BACKBONE.SLOWFAST.BETA: {beta} of {slow_width} channels leaves the fast pathway none. "
            f"Choose at least {1 / slow_width}."
        )
    return width


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


@BACKBONES.register("Slow-Resnet50")
def slow_resnet50(cfg: Any) -> SlowFast:
    """The slow pathway of Slowfast-Resnet50 alone, with the widths that it has without laterals."""
    return SlowFast.from_config(cfg, blocks=(3, 4, 6, 3))


@BACKBONES.register("Slow-Resnet101")
def slow_resnet101(cfg: Any) -> SlowFast:
    """The slow pathway of Slowfast-Resnet101 alone, with the widths that it has without laterals."""
    return SlowFast.from_config(cfg, blocks=(3, 4, 23, 3))
