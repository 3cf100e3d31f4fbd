"""The plain vision transformer on tubes of pixels, as VideoMAE trains it.

Axes: B clips, T frames, H and W rows and columns, N tokens (tubes: frames, then rows, then columns), C channels.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torchvision.ops import stochastic_depth

from alphaction.layers import Linear, apply_conv, attention, linear
from alphaction.modeling.backbone.base import Backbone
from alphaction.modeling.backbone.recompute import run_block
from alphaction.modeling.backbone.tubes import TUBE, check_tubes
from alphaction.modeling.registries import BACKBONES
from alphaction.utils.exporting import is_exporting
from alphaction.utils.sinusoid import sinusoid_table

# The attribute names patch_embed, proj, blocks, norm1, attn, qkv, q_bias, v_bias, norm2, mlp, fc1, fc2 and norm are
# fixed by the public weights.

TABLE_GRID = (8, 14, 14)  # tokens of a clip of 16 frames of 224 x 224, which the public weights were trained on
NORM_EPS = 1e-6
INIT_STD = 0.02
_CACHED_SIZES = 8  # sizes whose positions are kept; frames of a dataset have few


class Positions(nn.Module):
    """What tokens get for where they lie: a table of frames x 14 x 14 positions, stretched to any other grid.

    Args:
        dim: channels C of a token.
        learned: the table is a parameter of 8 frames, which is stretched to other numbers of frames as well. Else it
            is computed, and its formula goes on with more frames.
    """

    def __init__(self, dim: int, learned: bool) -> None:
        super().__init__()
        self.dim = dim
        self.table: nn.Parameter | None = None
        if learned:
            frames, rows, columns = TABLE_GRID
            self.table = nn.Parameter(torch.empty(1, frames * rows * columns, dim))
            nn.init.trunc_normal_(self.table, std=INIT_STD)
        self._cache: OrderedDict[tuple[Any, ...], Tensor] = OrderedDict()

    def forward(self, grid: tuple[int, int, int], device: torch.device) -> Tensor:
        """Return the positions of ``grid`` (frames, rows, columns of tokens), float32 [1, N, C]."""
        if self.table is not None:
            return _stretch(self.table.unflatten(1, TABLE_GRID).squeeze(0), grid)
        if is_exporting():  # for a grid that is not known yet
            return _stretch(self._computed(grid[0]), grid).to(device)
        key = (grid, device)
        if key not in self._cache:
            # Kept beyond the caller's inference mode, in which a training could not use it.
            with torch.inference_mode(False), torch.no_grad():
                self._cache[key] = _stretch(self._computed(grid[0]), grid).to(device)
            if len(self._cache) > _CACHED_SIZES:
                self._cache.popitem(last=False)
        self._cache.move_to_end(key)
        return self._cache[key]

    def _computed(self, frames: int) -> Tensor:
        """Return the table of so many frames, [frames, 14, 14, C], on the CPU."""
        rows, columns = TABLE_GRID[1:]
        return sinusoid_table(int(frames) * rows * columns, self.dim).unflatten(0, (-1, rows, columns))


def _stretch(table: Tensor, grid: tuple[int, int, int]) -> Tensor:
    """Return ``table`` [T, H, W, C] resized bicubically, frame by frame and then over time, to ``grid``: [1, N, C]."""
    frames, rows, columns = grid
    if is_exporting() or table.shape[1:3] != (rows, columns):
        table = _resize(table.permute(0, 3, 1, 2), (rows, columns)).permute(0, 2, 3, 1)
    if table.shape[0] != frames:
        table = _resize(table.flatten(1, 2).permute(2, 0, 1)[None], (frames, rows * columns))[0].permute(1, 2, 0)
    return table.reshape(1, frames * rows * columns, -1)


def _resize(maps: Tensor, size: tuple[int, int]) -> Tensor:
    return F.interpolate(maps, size, mode="bicubic", align_corners=False)


class PatchEmbed(nn.Module):
    """Turns each tube of pixels into a token; rows and columns beyond a multiple of 16 are not seen."""

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.proj = nn.Conv3d(3, dim, TUBE, stride=TUBE)

    def forward(self, frames: Tensor) -> Tensor:
        """Return [B, C, T/2, H/16, W/16] for normalized frames [B, 3, T, H, W]."""
        return apply_conv(frames, self.proj)


class Attention(nn.Module):
    """Self-attention with several heads over all tokens; query and value have a bias, the key has none."""

    def __init__(self, dim: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.qkv = nn.Linear(dim, 3 * dim, bias=False)
        self.q_bias = nn.Parameter(torch.zeros(dim))
        self.v_bias = nn.Parameter(torch.zeros(dim))
        self.proj = Linear(dim, dim)

    def forward(self, x: Tensor) -> Tensor:
        """Return [B, N, C] for tokens [B, N, C]."""
        bias = torch.cat([self.q_bias, torch.zeros_like(self.v_bias), self.v_bias])
        qkv = linear(x, self.qkv.weight, bias).unflatten(2, (3, self.heads, -1))
        query, key, value = qkv.permute(2, 0, 3, 1, 4)  # each [B, heads, N, C / heads]
        return self.proj(attention(query, key, value).transpose(1, 2).flatten(2))


class Mlp(nn.Module):
    """Two linear layers, the inner one four times as wide."""

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.fc1 = Linear(dim, 4 * dim)
        self.fc2 = Linear(4 * dim, dim)

    def forward(self, x: Tensor) -> Tensor:
        """Return [B, N, C] for tokens [B, N, C]."""
        return self.fc2(F.gelu(self.fc1(x)))


class Block(nn.Module):
    """Attention, then an MLP; each reads its input through a norm and is added to it.

    Args:
        dim: channels C of a token.
        heads: of the attention.
        drop_path: chance that one of the two is skipped for a clip in training (Huang et al., arXiv 1603.09382).
    """

    def __init__(self, dim: int, heads: int, drop_path: float) -> None:
        super().__init__()
        self.drop_path = drop_path
        self.norm1 = nn.LayerNorm(dim, eps=NORM_EPS)
        self.attn = Attention(dim, heads)
        self.norm2 = nn.LayerNorm(dim, eps=NORM_EPS)
        self.mlp = Mlp(dim)

    def forward(self, x: Tensor) -> Tensor:
        """Return [B, N, C] for tokens [B, N, C]."""
        x = x + self._maybe(self.attn(self.norm1(x)))
        return x + self._maybe(self.mlp(self.norm2(x)))

    def _maybe(self, branch: Tensor) -> Tensor:
        if not (self.training and self.drop_path):
            return branch
        return stochastic_depth(branch, self.drop_path, mode="row")


class VisionTransformer(Backbone):
    """Plain vision transformer (Dosovitskiy et al., arXiv 2010.11929) on tubes of pixels, without a class token.

    As in VideoMAE (Tong et al., arXiv 2203.12602), but the last norm is applied to every token.

    Args:
        dim: channels C of a token.
        depth: blocks.
        heads: of each attention.
        learned_positions: see :class:`Positions`.
        drop_path: that of the last block; it rises in a line from 0 at the first one.
        checkpointing: recompute blocks when going backward instead of keeping their activations.
    """

    stride = TUBE[1]

    def __init__(
        self,
        *,
        dim: int,
        depth: int,
        heads: int,
        learned_positions: bool = False,
        drop_path: float = 0.0,
        checkpointing: bool = False,
    ) -> None:
        super().__init__()
        self.checkpointing = checkpointing
        self.patch_embed = PatchEmbed(dim)
        self.pos_embed = Positions(dim, learned_positions)
        self.blocks = nn.ModuleList(Block(dim, heads, drop_path * i / max(1, depth - 1)) for i in range(depth))
        self.norm = nn.LayerNorm(dim, eps=NORM_EPS)
        self.out_channels = (0, dim)
        for module in self.modules():
            if isinstance(module, nn.Linear | nn.Conv3d):
                nn.init.trunc_normal_(module.weight, std=INIT_STD)
                if module.bias is not None:
                    nn.init.zeros_(module.bias)

    @classmethod
    def from_config(cls, cfg: Any, *, dim: int, depth: int, heads: int) -> VisionTransformer:
        """Build from a config."""
        node = cfg.MODEL.BACKBONE
        return cls(
            dim=dim,
            depth=depth,
            heads=heads,
            learned_positions=node.VIT.POSITIONS == "learned",
            drop_path=node.DROP_PATH,
            checkpointing=cfg.MODEL.ACTIVATION_CHECKPOINTING,
        )

    @property
    def last_stage(self) -> int:
        """A quarter of the blocks."""
        return max(1, len(self.blocks) // 4)

    def layers(self) -> list[Sequence[nn.Module]]:
        """Return the stem with the positions, then each block."""
        return [[self.patch_embed, self.pos_embed], *([block] for block in self.blocks)]

    def forward(self, slow: Tensor | None, fast: Tensor | None) -> tuple[None, Tensor]:
        """Return (None, features [B, C, T/2, H/16, W/16]); see :class:`Backbone` and :func:`check_tubes`."""
        patches = self.patch_embed(check_tubes(fast, "a vision transformer"))
        grid = tuple(patches.shape[2:])
        x = patches.flatten(2).transpose(1, 2) + self.pos_embed(grid, patches.device)
        for block in self.blocks:
            x = run_block(block, x, checkpointing=self.checkpointing)
        return None, self.norm(x).transpose(1, 2).unflatten(2, grid)


@BACKBONES.register("ViT-Small")
def vit_small(cfg: Any) -> VisionTransformer:
    """ViT-S: 22 million parameters."""
    return VisionTransformer.from_config(cfg, dim=384, depth=12, heads=6)


@BACKBONES.register("ViT-Base")
def vit_base(cfg: Any) -> VisionTransformer:
    """ViT-B: 86 million parameters."""
    return VisionTransformer.from_config(cfg, dim=768, depth=12, heads=12)


@BACKBONES.register("ViT-Large")
def vit_large(cfg: Any) -> VisionTransformer:
    """ViT-L: 304 million parameters."""
    return VisionTransformer.from_config(cfg, dim=1024, depth=24, heads=16)


@BACKBONES.register("ViT-Huge")
def vit_huge(cfg: Any) -> VisionTransformer:
    """ViT-H: 632 million parameters."""
    return VisionTransformer.from_config(cfg, dim=1280, depth=32, heads=16)
