"""One pathway of a SlowFast network: a ResNet that keeps all its frames.

Axes: B clips, C channels, T frames, H and W rows and columns.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from alphaction.layers import conv_norm, max_pool3d
from alphaction.modeling.backbone.nonlocal_block import NonLocalOptions
from alphaction.modeling.backbone.norm import NormOptions
from alphaction.modeling.backbone.recompute import run_counting_once
from alphaction.modeling.backbone.residual import ResidualStage, every_second, he_init
from alphaction.utils.errors import UserError
from alphaction.utils.messages import counted, listed

# The attribute names conv1, bn1, res_nl1..4 and Tconv1..4 are fixed by the public weights.

STAGE_STRIDES = (1, 2, 2, 1)
TEMPORAL_KERNEL = 3  # of the blocks that look at more than one frame


@dataclass(frozen=True)
class PathwayOptions:
    """One pathway's shape.

    Attributes:
        width: channels C of the stem; stage i = 1..4 has inner width C * 2**(i-1) and four times that as output.
        stem_frames: temporal size of the stem's kernel.
        blocks: residual blocks of each stage.
        temporal_blocks: how many leading ones of each stage look at 3 frames; the others look at 1.
        nonlocal_blocks: for each stage, the residual blocks, from 0, that a non-local block follows.
        nonlocal_groups: non-local blocks of stage 2 work within groups of 4 frames.
        stem_pool_padding: rows and columns that the stem's pooling adds on each side.
        last_dilation: of the last stage, which keeps its resolution and widens its view instead.
    """

    width: int
    stem_frames: int
    blocks: Sequence[int]
    temporal_blocks: Sequence[int]
    nonlocal_blocks: Sequence[Sequence[int]] = ((), (), (), ())
    nonlocal_groups: bool = False
    stem_pool_padding: int = 0
    last_dilation: int = 2

    @classmethod
    def from_config(
        cls, cfg: Any, name: str, *, width: int, stem_frames: int, blocks: Sequence[int], temporal_blocks: Sequence[int]
    ) -> PathwayOptions:
        """Read MODEL.BACKBONE.SLOWFAST and its node ``name``, SLOW or FAST.

        Args:
            temporal_blocks: where TEMPORAL_BLOCKS is empty; for the others see the class.

        Raises:
            UserError: if TEMPORAL_BLOCKS or a ..._NONLOCAL_BLOCKS does not fit the stages.
        """
        shared = cfg.MODEL.BACKBONE.SLOWFAST
        node = shared[name]
        for problem in (*_temporal_problems(node, blocks), *_nonlocal_problems(node, blocks)):
            raise UserError(f"MODEL.BACKBONE.SLOWFAST.{name}.{problem}")
        third, fourth = (
            tuple(node[f"CONV{i}_NONLOCAL_BLOCKS"]) or every_second(blocks[i - 2]) if node[f"CONV{i}_NONLOCAL"] else ()
            for i in (3, 4)
        )
        return cls(
            width=width,
            stem_frames=stem_frames,
            blocks=blocks,
            temporal_blocks=tuple(node.TEMPORAL_BLOCKS) or temporal_blocks,
            nonlocal_blocks=((), third, fourth, ()),
            nonlocal_groups=node.CONV3_GROUP_NL,
            stem_pool_padding=shared.STEM_POOL_PADDING,
            last_dilation=shared.LAST_STAGE_DILATION,
        )

    @property
    def channels(self) -> tuple[int, ...]:
        """Output channels of the stem and the four stages."""
        return (self.width, *(4 * self.width * 2**i for i in range(4)))

    def temporal_kernels(self, stage: int) -> tuple[int, ...]:
        """Return the temporal kernel size of each block of ``stage`` = 1..4."""
        long, count = self.temporal_blocks[stage - 1], self.blocks[stage - 1]
        return (TEMPORAL_KERNEL,) * long + (1,) * (count - long)


def _temporal_problems(node: Any, blocks: Sequence[int]) -> Iterator[str]:
    chosen = tuple(node.TEMPORAL_BLOCKS)
    if chosen and len(chosen) != len(blocks):
        yield (
            f"TEMPORAL_BLOCKS: {chosen} has {counted(len(chosen), 'number')}; write one for each of the "
            f"{len(blocks)} stages, or () for the default."
        )
        return
    for stage, (wanted, there) in enumerate(zip(chosen, blocks, strict=False), 1):
        if wanted > there:
            yield (
                f"TEMPORAL_BLOCKS: {chosen} wants {wanted} in stage {stage}, which has "
                f"{counted(there, 'block')}. Write {there} or less there."
            )


def _nonlocal_problems(node: Any, blocks: Sequence[int]) -> Iterator[str]:
    for key, there in (("CONV3_NONLOCAL", blocks[1]), ("CONV4_NONLOCAL", blocks[2])):
        chosen = tuple(node[f"{key}_BLOCKS"])
        outside = [block for block in chosen if not 0 <= block < there]
        ascending = tuple(sorted(set(chosen)))
        if chosen and not node[key]:
            yield f"{key}_BLOCKS: it is {chosen}, but {key} is False. Set {key} to True, or {key}_BLOCKS to ()."
        elif outside:
            yield (
                f"{key}_BLOCKS: {chosen} names {listed(outside)}, but the stage has {counted(there, 'block')}, "
                f"numbered from 0. Choose from 0 to {there - 1}."
            )
        elif chosen != ascending:
            yield f"{key}_BLOCKS: {chosen} does not ascend. Write {ascending}."


class Pathway(nn.Module):
    """Stem and four residual stages; the fast one also owns the laterals.

    Args:
        options: the pathway's shape.
        norm: batch norm of the stem and the residual blocks.
        nonlocal_options: of the non-local blocks.
        extra_channels: channels that each stage gets beside those of the stage before.
        lateral: builds a lateral to the slow pathway from (channels, channels to hand over); None: there are none.
        checkpointing: of the stem, and see :class:`ResidualStage`.
    """

    norms_after: ClassVar = {"conv1": "bn1"}  # for optimize_for_inference

    def __init__(
        self,
        options: PathwayOptions,
        norm: NormOptions,
        nonlocal_options: NonLocalOptions,
        *,
        extra_channels: Sequence[int] = (0, 0, 0, 0),
        lateral: Callable[[int, int], nn.Module] | None = None,
        checkpointing: bool = False,
    ) -> None:
        super().__init__()
        channels = options.channels
        self.checkpointing = checkpointing
        self.stem_pool_padding = options.stem_pool_padding
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
                options.temporal_kernels(i + 1),
                norm,
                stride=STAGE_STRIDES[i],
                dilation=options.last_dilation if i == 3 else 1,
                nonlocal_blocks=options.nonlocal_blocks[i],
                nonlocal_options=nonlocal_options,
                nonlocal_groups=options.nonlocal_groups and i == 1,
                checkpointing=checkpointing,
            )
            self.add_module(f"res_nl{i + 1}", stage)
        if lateral is not None:
            for i in range(4):
                self.add_module(f"Tconv{i + 1}", lateral(channels[i], 2 * channels[i]))

    def stem(self, frames: Tensor) -> Tensor:
        """Return [B, C, T, H', W'], H' about H / 4, for frames [B, 3, T, H, W]."""
        if not (self.checkpointing and self.training and torch.is_grad_enabled()):
            return self._stem(frames)
        return run_counting_once(self._stem, frames, modules=(self.conv1, self.bn1))

    def _stem(self, frames: Tensor) -> Tensor:
        x = F.relu(conv_norm(frames, self.conv1, self.bn1), inplace=True)
        padding = self.stem_pool_padding
        return max_pool3d(x, (1, 3, 3), (1, 2, 2), (0, padding, padding))

    def stage(self, index: int, x: Tensor) -> Tensor:
        """Apply stage ``index`` = 1..4."""
        return self.get_submodule(f"res_nl{index}")(x)

    def lateral(self, index: int, x: Tensor) -> Tensor:
        """Return what the slow pathway's stage ``index`` = 1..4 gets from this one's input x to its own."""
        return self.get_submodule(f"Tconv{index}")(x)
