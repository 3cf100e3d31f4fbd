"""Non-local block: every position of a feature map attends to all others.

Axes: B clips, C channels, T frames, H and W rows and columns, E inner channels, L = T * H * W positions.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, ClassVar

from torch import Tensor, nn

from alphaction.layers import apply_conv, attention, conv_norm, max_pool3d
from alphaction.modeling.backbone.norm import NormOptions
from alphaction.utils.errors import UserError


@dataclass(frozen=True)
class NonLocalOptions:
    """What all non-local blocks of a network share.

    Attributes:
        init_std: standard deviation of the convolutions' initial weights.
        zero_init: the output convolution starts at zero instead.
        bias: the convolutions have a bias.
        max_pool: keys and values are taken from a map that max pooling made smaller.
        pool_size: kernel and stride of that pooling: (frames, rows, columns).
        softmax: weights are a softmax over positions; else the products divided by the number of (pooled) positions.
        scale: products are multiplied by E**-0.5.
        use_norm: batch norm follows the output convolution.
        norm: how it is built.
    """

    init_std: float = 0.01
    zero_init: bool = False
    bias: bool = True
    max_pool: bool = True
    pool_size: tuple[int, int, int] = (1, 2, 2)
    softmax: bool = True
    scale: bool = True
    use_norm: bool = True
    norm: NormOptions = field(default_factory=NormOptions)

    @classmethod
    def from_config(cls, node: Any) -> NonLocalOptions:
        """Read the node MODEL.NONLOCAL."""
        return cls(
            init_std=node.CONV_INIT_STD,
            zero_init=node.USE_ZERO_INIT_CONV,
            bias=not node.NO_BIAS,
            max_pool=node.USE_MAXPOOL,
            pool_size=tuple(node.POOL_SIZE),
            softmax=node.USE_SOFTMAX,
            scale=node.USE_SCALE,
            use_norm=node.USE_BN,
            norm=NormOptions.from_config(node),
        )


class NonLocalBlock(nn.Module):
    """Embedded Gaussian block (Wang et al., "Non-local Neural Networks", CVPR 2018, arXiv 1711.07971), with residual.

    Args:
        channels: C of input and output; the inner width E is half of it.
        options: see :class:`NonLocalOptions`.
        group_frames: attention stays within groups of so many frames; None: it spans the whole clip.
    """

    norms_after: ClassVar = {"out": "bn"}  # for optimize_for_inference

    def __init__(self, channels: int, options: NonLocalOptions, group_frames: int | None = None) -> None:
        super().__init__()
        inner = channels // 2
        self.options = options
        self.group_frames = group_frames
        # The names theta, phi, g and out are those of the paper's equations and of the public weights.
        self.theta = nn.Conv3d(channels, inner, 1, bias=options.bias)
        self.phi = nn.Conv3d(channels, inner, 1, bias=options.bias)
        self.g = nn.Conv3d(channels, inner, 1, bias=options.bias)
        self.out = nn.Conv3d(inner, channels, 1, bias=options.bias)
        self.bn = options.norm.build(channels, last=True) if options.use_norm else None
        for conv in (self.theta, self.phi, self.g, self.out):
            nn.init.normal_(conv.weight, std=options.init_std)
            if conv.bias is not None:
                nn.init.zeros_(conv.bias)
        if options.zero_init:
            nn.init.zeros_(self.out.weight)

    def forward(self, x: Tensor) -> Tensor:
        """Return [B, C, T, H, W] for x of that shape.

        Raises:
            UserError: if T is no multiple of ``group_frames``, or the map is too small for the pooling.
        """
        if self.group_frames is None:
            return x + self._attend(x)
        batch, frames = x.shape[0], x.shape[2]
        if frames % self.group_frames:
            raise UserError(
                f"MODEL.BACKBONE: CONV3_GROUP_NL cuts clips into groups of {self.group_frames} frames, but stage 2 "
                f"gets {frames}. Set CONV3_GROUP_NL to False, or choose INPUT.FRAME_NUM, TAU and ALPHA so that the "
                f"pathway's frames are a multiple of {self.group_frames}."
            )
        groups = x.unflatten(2, (-1, self.group_frames)).transpose(1, 2).flatten(0, 1)
        change = self._attend(groups).unflatten(0, (batch, -1)).transpose(1, 2).flatten(2, 3)
        return x + change

    def _attend(self, x: Tensor) -> Tensor:
        source = self._pool(x) if self.options.max_pool else x
        # [B, 1, L, E]: one attention head.
        query, key, value = (
            apply_conv(inputs, conv).flatten(2).transpose(1, 2).unsqueeze(1)
            for conv, inputs in ((self.theta, x), (self.phi, source), (self.g, source))
        )
        scale = query.shape[-1] ** -0.5 if self.options.scale else 1.0
        if self.options.softmax:
            result = attention(query, key, value, scale)
        else:
            # Divided first: sums over all positions may leave the range of half precision.
            result = query @ (key.transpose(2, 3) @ (value * (scale / key.shape[2])))
        result = result.squeeze(1).transpose(1, 2).unflatten(2, x.shape[2:])
        return apply_conv(result, self.out) if self.bn is None else conv_norm(result, self.out, self.bn)

    def _pool(self, x: Tensor) -> Tensor:
        size, there = self.options.pool_size, tuple(x.shape[2:])
        if any(wanted > given for wanted, given in zip(size, there, strict=True)):
            raise UserError(
                f"MODEL.NONLOCAL.POOL_SIZE: pooling of {size} (frames, rows, columns) leaves nothing of a non-local "
                f"block's map, which has {there}. Choose smaller numbers, or give the network larger clips "
                "(INPUT.FRAME_NUM, TAU and ALPHA, or the MIN_SIZE_... keys)."
            )
        return max_pool3d(x, size, size)
