"""Video Swin, a transformer of shifted windows, made of torchvision's own modules.

Axes: B clips, C channels, T frames, H and W rows and columns.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from torch import Tensor, nn
from torchvision.models.video import SwinTransformer3d

from alphaction.modeling.backbone.base import Backbone, require_fast
from alphaction.modeling.backbone.recompute import run_block
from alphaction.modeling.registries import BACKBONES

# The attribute names patch_embed, features and norm are torchvision's: its weight files fit behind the prefix
# "backbone.".

PATCH = (2, 4, 4)  # frames, rows, columns
WINDOW = (8, 7, 7)  # cells; of a clip with fewer, torchvision makes it smaller


class Swin3D(Backbone):
    """Video Swin Transformer (Liu et al., CVPR 2022, arXiv 2106.13230) without its classifier.

    Args:
        width: channels of the first stage; each of the three others has twice those of the one before.
        depths: blocks of each stage.
        heads: attention heads of each stage.
        drop_path: chance that the last block is skipped for a clip in training; that of the others rises to it from 0.
        checkpointing: recompute blocks when going backward instead of keeping their activations.
    """

    stride = 32

    def __init__(
        self,
        *,
        width: int,
        depths: Sequence[int],
        heads: Sequence[int],
        drop_path: float = 0.0,
        checkpointing: bool = False,
    ) -> None:
        super().__init__()
        network = SwinTransformer3d(
            patch_size=list(PATCH),
            embed_dim=width,
            depths=list(depths),
            num_heads=list(heads),
            window_size=list(WINDOW),
            stochastic_depth_prob=drop_path,
        )
        self.patch_embed = network.patch_embed
        self.features = network.features  # stages, with a merging of patches before all but the first
        self.norm = network.norm
        self.checkpointing = checkpointing
        self.out_channels = (0, network.num_features)

    @classmethod
    def from_config(cls, cfg: Any, *, width: int, depths: Sequence[int], heads: Sequence[int]) -> Swin3D:
        """Build from a config."""
        return cls(
            width=width,
            depths=depths,
            heads=heads,
            drop_path=cfg.MODEL.BACKBONE.DROP_PATH,
            checkpointing=cfg.MODEL.ACTIVATION_CHECKPOINTING,
        )

    def layers(self) -> list[list[nn.Module]]:
        """Return the stem, then the blocks; a stage's first block has the merging of patches beside it."""
        found: list[list[nn.Module]] = [[self.patch_embed]]
        merging: list[nn.Module] = []
        for part in self.features:
            if not isinstance(part, nn.Sequential):
                merging = [part]
                continue
            for block in part:
                found.append([*merging, block])
                merging = []
        return found

    @property
    def last_stage(self) -> int:
        """Blocks of the last stage."""
        return len(self.features[-1])

    def forward(self, slow: Tensor | None, fast: Tensor | None) -> tuple[None, Tensor]:
        """Return (None, features [B, C, T/2, H/32, W/32]), all rounded up.

        Args:
            slow: ignored; the signature is that of all backbones.
            fast: normalized frames [B, 3, T, H, W].

        Raises:
            ValueError: if ``fast`` is missing.
        """
        x = self.patch_embed(require_fast(fast, "Swin3D"))  # [B, T/2, H/4, W/4, C]
        for group in self.layers()[1:]:
            for module in group:
                x = run_block(module, x, checkpointing=self.checkpointing)
        return None, self.norm(x).permute(0, 4, 1, 2, 3)


@BACKBONES.register("Swin3D-Tiny")
def swin3d_tiny(cfg: Any) -> Swin3D:
    """Swin-T."""
    return Swin3D.from_config(cfg, width=96, depths=(2, 2, 6, 2), heads=(3, 6, 12, 24))


@BACKBONES.register("Swin3D-Small")
def swin3d_small(cfg: Any) -> Swin3D:
    """Swin-S."""
    return Swin3D.from_config(cfg, width=96, depths=(2, 2, 18, 2), heads=(3, 6, 12, 24))


@BACKBONES.register("Swin3D-Base")
def swin3d_base(cfg: Any) -> Swin3D:
    """Swin-B."""
    return Swin3D.from_config(cfg, width=128, depths=(2, 2, 18, 2), heads=(4, 8, 16, 32))
