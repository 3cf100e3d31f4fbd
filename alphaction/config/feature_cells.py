"""How many pixels a cell of a backbone's feature map covers, known without building the network."""

from __future__ import annotations

# These halve their maps once more than all others. A test compares with what the networks say.
_COARSE = ("MViTv2-", "Swin3D-")


def feature_cell(conv_body: str) -> int:
    """Return the stride of a backbone in pixels, given MODEL.BACKBONE.CONV_BODY."""
    return 32 if conv_body.startswith(_COARSE) else 16
