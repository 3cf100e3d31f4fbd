"""V-JEPA 2, a plain vision transformer trained without labels, made of the encoder of the transformers package.

Axes: B clips, C channels, T frames, H and W rows and columns, N tokens: T/2 x H/16 x W/16 cells.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from alphaction.modeling.backbone.base import Backbone
from alphaction.modeling.backbone.recompute import run_block
from alphaction.modeling.backbone.tubes import TUBE, check_tubes
from alphaction.modeling.registries import BACKBONES
from alphaction.utils.imports import BROKEN, missing_optional

# The attribute name encoder is that of transformers' VJEPA2Model: its weight files fit behind the prefix "backbone.",
# without what they hold beside the encoder.

GRID = 2**15
"""Rows and columns of the grid that positions are numbered on.

transformers finds a token's frame, row and column from its number on a square grid, whose side follows from the config.
On a grid larger than any frame, the numbers of a rectangle's cells lead to their true places."""


class VJEPA2(Backbone):
    """The encoder of V-JEPA 2 (Assran et al., arXiv 2506.09985); dense features of frames of any number and size.

    Args:
        width: channels C.
        depth: blocks.
        heads: attention heads of each block.
        mlp_ratio: width of the blocks' hidden layers over C.
        drop_path: chance that the last block is skipped for a clip in training; that of the others rises to it from 0.
        checkpointing: recompute blocks when going backward instead of keeping their activations.

    Raises:
        UserError: if transformers is not installed, or too old.
    """

    stride = TUBE[1]

    def __init__(
        self,
        *,
        width: int,
        depth: int,
        heads: int,
        mlp_ratio: float = 4.0,
        drop_path: float = 0.0,
        checkpointing: bool = False,
    ) -> None:
        super().__init__()
        config_class, model_class = _transformers()
        config = config_class(
            patch_size=TUBE[1],
            tubelet_size=TUBE[0],
            crop_size=TUBE[1] * GRID,  # no tensor's shape depends on it
            hidden_size=width,
            num_hidden_layers=depth,
            num_attention_heads=heads,
            mlp_ratio=mlp_ratio,
            drop_path_rate=drop_path,
            pred_num_hidden_layers=1,  # of the predictor, which is not kept
        )
        self.encoder = model_class(config).encoder
        self.checkpointing = checkpointing
        self.out_channels = (0, width)

    @classmethod
    def from_config(cls, cfg: Any, *, width: int, depth: int, heads: int, mlp_ratio: float = 4.0) -> VJEPA2:
        """Build from a config."""
        return cls(
            width=width,
            depth=depth,
            heads=heads,
            mlp_ratio=mlp_ratio,
            drop_path=cfg.MODEL.BACKBONE.DROP_PATH,
            checkpointing=cfg.MODEL.ACTIVATION_CHECKPOINTING,
        )

    @property
    def last_stage(self) -> int:
        """A quarter of the blocks."""
        return max(1, len(self.encoder.layer) // 4)

    def layers(self) -> list[list[nn.Module]]:
        """Return the embedding of patches, then the blocks."""
        return [[self.encoder.embeddings], *([block] for block in self.encoder.layer)]

    def forward(self, slow: Tensor | None, fast: Tensor | None) -> tuple[None, Tensor]:
        """Return (None, features [B, C, T/2, H/16, W/16]); rows and columns beyond a multiple of 16 are not seen.

        See :class:`Backbone` and :func:`check_tubes`.
        """
        fast = check_tubes(fast, "V-JEPA 2")
        size = tuple(count // tube for count, tube in zip(fast.shape[2:], TUBE, strict=True))
        positions = grid_positions(size, fast.device)
        x = self.encoder.embeddings(fast.transpose(1, 2))  # [B, N, C]
        for block in self.encoder.layer:
            x = run_block(block, x, positions, checkpointing=self.checkpointing)[0]
        return None, self.encoder.layernorm(x).transpose(1, 2).unflatten(2, size)


def grid_positions(size: Sequence[int], device: torch.device | str) -> Tensor:
    """Return the numbers [1, N] on the large grid of all cells of ``size`` (frames, rows, columns)."""
    frames, rows, columns = (torch.arange(count, device=device) for count in size)
    return ((frames[:, None, None] * GRID + rows[:, None]) * GRID + columns).reshape(1, -1)


def _transformers() -> tuple[type, type]:
    """Return transformers' VJEPA2Config and VJEPA2Model; it is imported here only, as hardly anybody needs it."""
    try:
        from transformers import VJEPA2Config, VJEPA2Model
    except BROKEN as error:
        raise missing_optional("transformers", "MODEL.BACKBONE.CONV_BODY: V-JEPA 2", error) from error
    return VJEPA2Config, VJEPA2Model


@BACKBONES.register("VJEPA2-Large")
def vjepa2_large(cfg: Any) -> VJEPA2:
    """ViT-L of facebook/vjepa2-vitl-fpc64-256."""
    return VJEPA2.from_config(cfg, width=1024, depth=24, heads=16)


@BACKBONES.register("VJEPA2-Huge")
def vjepa2_huge(cfg: Any) -> VJEPA2:
    """ViT-H of facebook/vjepa2-vith-fpc64-256."""
    return VJEPA2.from_config(cfg, width=1280, depth=32, heads=16)


@BACKBONES.register("VJEPA2-Giant")
def vjepa2_giant(cfg: Any) -> VJEPA2:
    """ViT-g of facebook/vjepa2-vitg-fpc64-256 and -384."""
    return VJEPA2.from_config(cfg, width=1408, depth=40, heads=22, mlp_ratio=48 / 11)
