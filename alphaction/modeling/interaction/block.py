"""The interaction block: persons query what is around them by attention.

Axes: N persons of all clips, B clips, K slots of a clip, S seconds, P persons a second, D channels.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from alphaction.layers import linear

# Vectors shorter than this are divided by it: the key of an empty slot is 0 at first, where dividing by the length has
# no bounded gradient.
_SHORTEST = 1e-2


@dataclass(frozen=True)
class BlockOptions:
    """What all blocks of a structure share.

    Attributes:
        dim_inner: width of queries, keys and values.
        bias: whether the convolutions have a bias.
        dropout: probability after the output convolution, and after the reductions before the first block.
        layer_norm: normalize the attended features.
        zero_init: start the output convolution at zero, so that a new block passes its query through.
        init_std: standard deviation of the initial weights.
        position_std: standard deviation of a memory block's initial key positions, and of its query's bias. With both
            at 0, the part of the score that depends on the second alone is a product of two zeros, and neither gets a
            gradient from it.
        memory_slots: S; a memory block learns a position for each second. 0: no temporal positions.
        mask_absent: leave empty slots out of the attention's softmax.
        cosine_scale: if above 0, scores are this times the cosine between query and key, instead of their product
            divided by sqrt(dim_inner): at most exp(2 cosine_scale) times as much attention for a slot as for another.
    """

    dim_inner: int = 512
    bias: bool = True
    dropout: float = 0.0
    layer_norm: bool = False
    zero_init: bool = True
    init_std: float = 0.01
    position_std: float = 0.0
    memory_slots: int = 61
    mask_absent: bool = False
    cosine_scale: float = 0.0


@dataclass(frozen=True)
class Slots:
    """What surrounds the persons of each clip: other persons, objects, or a memory.

    Attributes:
        features: [B, K, D], or [B, S, P, D] for a memory.
        present: bool [B, K], or [B, S, P] for a memory: whether a slot is filled.
    """

    features: Tensor
    present: Tensor

    def map(self, function: Callable[[Tensor], Tensor]) -> Slots:
        """Return the same slots with ``function`` of their features."""
        return Slots(function(self.features), self.present)


class PointwiseConv(nn.Conv3d):
    """A 1x1x1 convolution applied to [..., D]: one matrix product, with the 5-D weight of the published checkpoints."""

    def __init__(self, dim_in: int, dim_out: int, *, bias: bool, init_std: float) -> None:
        super().__init__(dim_in, dim_out, kernel_size=1, bias=bias)
        nn.init.normal_(self.weight, std=init_std)
        if self.bias is not None:
            nn.init.zeros_(self.bias)

    def forward(self, x: Tensor) -> Tensor:
        """Map [..., D_in] to [..., D_out]."""
        return linear(x, self.weight.flatten(1), self.bias)


class InteractionBlock(nn.Module):
    """One interaction block of the asynchronous interaction aggregation (Tang et al., ECCV 2020).

    out(ReLU(LayerNorm(softmax(q k / sqrt(dim_inner)) v))) + query, where keys and values come from other persons,
    objects or the memory. Empty slots take part in the softmax like all others, unless ``options.mask_absent`` is set:
    a person with no filled slot at all then gets its query and the output's bias.

    The query of a later block holds what earlier blocks found, and grows with it: products of long vectors concentrate
    the attention on few slots, which makes learning slow. ``options.cosine_scale`` scores by the cosine, which does not
    grow: the scaled cosine attention of Swin Transformer V2 (Liu et al., CVPR 2022), here with a fixed scale.

    Args:
        dim_query: width of the queries.
        dim_others: width of what is attended to.
        dim_out: width of the result; a shortcut convolution is added where it differs from ``dim_query``.
        options: see :class:`BlockOptions`.
        is_memory: attend to a memory, whose keys and values get a learned temporal position.
    """

    def __init__(
        self, dim_query: int, dim_others: int, dim_out: int, options: BlockOptions, *, is_memory: bool = False
    ) -> None:
        super().__init__()
        inner = options.dim_inner
        self.layer_norm = options.layer_norm
        self.mask_absent = options.mask_absent
        self.cosine_scale = options.cosine_scale
        self.has_positions = is_memory and options.memory_slots > 0
        if self.has_positions:
            # Six dimensions as in the published checkpoints: [S, 1 person, D, 1, 1, 1].
            self.temporal_position_k = nn.Parameter(torch.zeros(options.memory_slots, 1, inner, 1, 1, 1))
            self.temporal_position_v = nn.Parameter(torch.zeros(options.memory_slots, 1, inner, 1, 1, 1))
        conv = {"bias": options.bias, "init_std": options.init_std}
        self.query = PointwiseConv(dim_query, inner, **conv)
        self.key = PointwiseConv(dim_others, inner, **conv)
        self.value = PointwiseConv(dim_others, inner, **conv)
        self.out = PointwiseConv(inner, dim_out, **conv)
        if options.zero_init:
            nn.init.zeros_(self.out.weight)
        if self.has_positions and options.position_std > 0:
            nn.init.normal_(self.temporal_position_k, std=options.position_std)
            if self.query.bias is not None:
                nn.init.normal_(self.query.bias, std=options.position_std)
        # Not in place: the sum after it needs what ReLU's backward pass keeps.
        self.dropout = nn.Dropout(options.dropout)
        self.shortcut = PointwiseConv(dim_query, dim_out, **conv) if dim_query != dim_out else None

    def forward(self, query: Tensor, others: Slots, clip_index: Tensor) -> Tensor:
        """Let every person attend to the slots of its own clip.

        Args:
            query: [N, dim_query].
            others: ``dim_others`` wide.
            clip_index: int64 [N].

        Returns:
            [N, dim_out].
        """
        keys, values = self.key(others.features), self.value(others.features)
        if self.has_positions:
            keys = keys + self.temporal_position_k.flatten(1)[:, None]
            values = values + self.temporal_position_v.flatten(1)[:, None]
        queries, scale = self.query(query), None
        if self.cosine_scale > 0:
            # Autocast computes lengths, and with them the quotients, in full precision.
            queries, keys = (F.normalize(x, dim=-1, eps=_SHORTEST).to(values.dtype) for x in (queries, keys))
            scale = self.cosine_scale
        present = others.present.flatten(1) if self.mask_absent else None
        attended = attend_within_clip(
            queries, keys.flatten(1, -2), values.flatten(1, -2), clip_index, present, scale=scale
        )
        if self.layer_norm:
            attended = F.layer_norm(attended, attended.shape[-1:])
        update = self.dropout(self.out(F.relu(attended)))
        return update + (query if self.shortcut is None else self.shortcut(query))


def attend_within_clip(
    query: Tensor,
    keys: Tensor,
    values: Tensor,
    clip_index: Tensor,
    present: Tensor | None = None,
    *,
    scale: float | None = None,
) -> Tensor:
    """Return softmax(scale query keys) values, every person with the slots of its own clip.

    One product over the slots of all clips, in which other clips are masked: cheaper than a copy of the keys for every
    person, and it needs no count of persons on the host.

    Args:
        query: [N, D].
        keys: [B, K, D].
        values: [B, K, D].
        clip_index: int64 [N].
        present: bool [B, K], the slots to attend to; None: all of them.
        scale: of the scores; None: 1 / sqrt(D).

    Returns:
        [N, D]; zeros for a person whose clip has no slot to attend to.
    """
    num_clips, slots, _ = keys.shape
    allowed = clip_index[:, None] == torch.arange(num_clips, device=clip_index.device)
    allowed = allowed[:, :, None].expand(-1, -1, slots).flatten(1)
    nothing = None
    if present is not None:
        allowed = allowed & present.flatten()
        nothing = ~allowed.any(dim=1, keepdim=True)
        # The softmax of a row in which all is masked is NaN on some backends, and so are its gradients: such a row
        # sees everything, and what it finds is thrown away.
        allowed = allowed | nothing
    attended = F.scaled_dot_product_attention(
        query[None, None],
        keys.flatten(0, 1)[None, None],
        values.flatten(0, 1)[None, None],
        attn_mask=allowed,
        scale=scale,
    )[0, 0]
    return attended if nothing is None else attended.masked_fill(nothing, 0.0)
