"""What every backbone offers to the detector, the optimizer and the freezing of its parts.

Axes: B clips, C channels, T frames, H and W rows and columns.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence

from torch import Tensor, nn


def require_fast(fast: Tensor | None, network: str) -> Tensor:
    """Return the frames of a network that reads the fast ones.

    Args:
        fast: frames [B, 3, T, H, W].
        network: what reads them, for the message: "V-JEPA 2".

    Raises:
        ValueError: if they are missing.
    """
    if fast is None:
        raise ValueError(f"{network} reads the fast frames but got none")
    return fast


class Backbone(nn.Module, ABC):
    """A network that turns the frames of a clip into feature maps.

    Attributes:
        out_channels: C of the (slow, fast) features, 0 for a pathway that is off. A network with a single pathway
            reads the fast frames and gives fast features, unless its name starts with "Slow-".
        stride: input pixels per feature cell.
    """

    out_channels: tuple[int, int]
    stride: int

    @property
    def dim_out(self) -> int:
        """Channels of both pathways together: the width of a pooled feature."""
        return sum(self.out_channels)

    @abstractmethod
    def layers(self) -> Sequence[Sequence[nn.Module]]:
        """Return the network in the order of its data: the modules of the stem, then those of each block or stage.

        A norm after the last block belongs to none: it learns at the rate of the head.
        """

    @property
    @abstractmethod
    def last_stage(self) -> int:
        """How many of :meth:`layers`, counted from the end, are the last stage."""

    @abstractmethod
    def forward(self, slow: Tensor | None, fast: Tensor | None) -> tuple[Tensor | None, Tensor | None]:
        """Return (slow, fast) features [B, C, T', H / stride, W / stride], None for a pathway that is off.

        Args:
            slow: normalized frames [B, 3, Ts, H, W]; None if the pathway is off.
            fast: normalized frames [B, 3, Tf, H, W]; likewise.
        """
