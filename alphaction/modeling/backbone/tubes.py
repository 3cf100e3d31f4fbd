"""Tubes of pixels that plain vision transformers look at, and the clips that make them."""

from __future__ import annotations

from torch import Tensor

from alphaction.modeling.backbone.base import require_fast
from alphaction.utils.errors import UserError
from alphaction.utils.messages import counted

TUBE = (2, 16, 16)
"""Frames, rows and columns of pixels that make a token."""


def check_tubes(fast: Tensor | None, network: str) -> Tensor:
    """Return ``fast``, frames [B, 3, T, H, W], after a check that they make tubes.

    Args:
        fast: of a clip.
        network: what looks at them, for messages: "V-JEPA 2".

    Raises:
        ValueError: if they are missing.
        UserError: if they do not make pairs, or are smaller than a patch.
    """
    fast = require_fast(fast, network)
    frames, rows, columns = fast.shape[2:]
    if frames % TUBE[0]:
        raise UserError(
            f"MODEL.BACKBONE.CONV_BODY: {network} looks at pairs of frames, but gets {counted(frames, 'frame')} of a "
            "clip (INPUT.FRAME_NUM * ALPHA / TAU). Set INPUT.FRAME_NUM so that they are even; with ALPHA as large as "
            "TAU, it gets every frame."
        )
    if rows < TUBE[1] or columns < TUBE[2]:
        raise UserError(
            f"MODEL.BACKBONE.CONV_BODY: {network} looks at patches of {TUBE[1]} x {TUBE[2]} pixels, but the frames "
            f"have {rows} rows and {columns} columns. Raise INPUT.MIN_SIZE_TRAIN and MIN_SIZE_TEST."
        )
    return fast
