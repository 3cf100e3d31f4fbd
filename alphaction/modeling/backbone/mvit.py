"""MViTv2, a multiscale vision transformer, made of torchvision's own modules.

Axes: B clips, C channels, T frames, H and W rows and columns, N tokens: a class token, then T x H x W cells.
"""

from __future__ import annotations

from typing import Any

from torch import Tensor, nn
from torchvision.models.video import mvit_v2_s

from alphaction.modeling.backbone.base import Backbone, require_fast
from alphaction.modeling.backbone.recompute import run_block
from alphaction.modeling.registries import BACKBONES
from alphaction.utils.errors import UserError

# The attribute names conv_proj, pos_encoding, blocks and norm are torchvision's: its weight files fit behind the prefix
# "backbone.".

STRIDES = (32, 16)


class MViT(Backbone):
    """MViTv2-S (Li et al., CVPR 2022, arXiv 2112.01526) without its classifier.

    Frames of any number and size fit: torchvision stretches the relative positions, which were trained for 16 frames of
    224 x 224, in each block.

    Args:
        stride: pixels per feature cell. 32 is the network as it was trained. 16 leaves out the last pooling, that of
            the queries in the last stage: no tensor has another shape, but the features differ from the trained ones.
        drop_path: chance that the last block is skipped for a clip in training; that of the others rises to it from 0.
        checkpointing: recompute blocks when going backward instead of keeping their activations.

    Raises:
        UserError: for another stride.
    """

    last_stage = 2

    def __init__(self, *, stride: int = 32, drop_path: float = 0.0, checkpointing: bool = False) -> None:
        super().__init__()
        if stride not in STRIDES:
            raise UserError(
                f"MODEL.BACKBONE.MVIT.STRIDE: {stride} is no stride of this network. Set it to 32, as it was trained, "
                "or to 16, which leaves out the last pooling."
            )
        network = mvit_v2_s(weights=None, stochastic_depth_prob=drop_path)
        self.conv_proj = network.conv_proj
        self.pos_encoding = network.pos_encoding  # adds the class token; positions are within the blocks
        self.blocks = network.blocks
        self.norm = network.norm
        if stride == 16:
            _leave_out_last_pooling(self.blocks)
        self.checkpointing = checkpointing
        self.stride = stride
        self.out_channels = (0, self.norm.normalized_shape[0])

    def layers(self) -> list[list[nn.Module]]:
        """Return the stem with the class token, then the blocks."""
        return [[self.conv_proj, self.pos_encoding], *([block] for block in self.blocks)]

    def forward(self, slow: Tensor | None, fast: Tensor | None) -> tuple[None, Tensor]:
        """Return (None, features [B, 768, T/2, H/stride, W/stride]), all rounded up.

        Args:
            slow: ignored; the signature is that of all backbones.
            fast: normalized frames [B, 3, T, H, W].

        Raises:
            ValueError: if ``fast`` is missing.
        """
        # As torchvision's own forward, which is for frames of one size only and keeps nothing but the class token.
        x = self.conv_proj(require_fast(fast, "MViT"))
        size = tuple(x.shape[2:])
        x = self.pos_encoding(x.flatten(2).transpose(1, 2))  # [B, N, C]
        for block in self.blocks:
            x, size = run_block(block, x, size, checkpointing=self.checkpointing)
        return None, self.norm(x)[:, 1:].transpose(1, 2).unflatten(2, size)


def _leave_out_last_pooling(blocks: nn.ModuleList) -> None:
    """Let the last block that halves rows and columns keep them; its depthwise convolution of the queries stays."""
    block = next(block for block in reversed(blocks) if block.pool_skip is not None)
    block.attn.pool_q.pool.stride = (1, 1, 1)
    block.pool_skip = None


@BACKBONES.register("MViTv2-Small")
def mvit_v2_small(cfg: Any) -> MViT:
    """MViTv2-S."""
    node = cfg.MODEL.BACKBONE
    return MViT(stride=node.MVIT.STRIDE, drop_path=node.DROP_PATH, checkpointing=cfg.MODEL.ACTIVATION_CHECKPOINTING)
