"""How the fast pathway of a SlowFast network feeds the slow one.

Axes: B clips, C channels, T frames (Ts of the slow, Tf of the fast pathway), H and W rows and columns.
"""

from __future__ import annotations

from typing import ClassVar

from torch import Tensor, nn
from torch.nn import functional as F

from alphaction.layers import apply_conv, conv_norm
from alphaction.modeling.backbone.norm import NormOptions
from alphaction.modeling.backbone.residual import he_init
from alphaction.modeling.registries import LATERALS
from alphaction.utils.errors import UserError

# The attribute names conv and bn are fixed by the public weights.


class Lateral(nn.Module):
    """A convolution over time that leaves as many frames as the slow pathway has; then batch norm and ReLU, or nothing.

    Args:
        in_channels: of the fast pathway.
        out_channels: that it hands over.
        alpha: fast frames per slow frame.
        kernel: temporal size of the convolution, odd.
        bias: the convolution has one.
        norm: of the batch norm, which a ReLU follows; None: neither.

    Raises:
        UserError: for an even kernel.
    """

    norms_after: ClassVar = {"conv": "bn"}  # for optimize_for_inference

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        *,
        alpha: int,
        kernel: int = 5,
        bias: bool = True,
        norm: NormOptions | None = None,
    ) -> None:
        super().__init__()
        if kernel % 2 == 0:
            raise UserError(
                f"MODEL.BACKBONE.SLOWFAST.LATERAL_KERNEL: {kernel} is even, but the convolution is centered on a "
                f"frame. Choose an odd number: {kernel - 1} or {kernel + 1}."
            )
        self.conv = he_init(
            nn.Conv3d(
                in_channels,
                out_channels,
                (kernel, 1, 1),
                stride=(alpha, 1, 1),
                padding=(kernel // 2, 0, 0),
                bias=bias,
            )
        )
        self.bn = None if norm is None else norm.build(out_channels)

    def forward(self, fast: Tensor) -> Tensor:
        """Return [B, out_channels, Tf / alpha, H, W] for fast [B, in_channels, Tf, H, W]."""
        if self.bn is None:
            return apply_conv(fast, self.conv)
        return F.relu(conv_norm(fast, self.conv, self.bn), inplace=True)


@LATERALS.register("tconv")
def plain_lateral(in_channels: int, out_channels: int, *, alpha: int, kernel: int, norm: NormOptions) -> Lateral:
    """The convolution with a bias: that of AlphAction's own weights."""
    return Lateral(in_channels, out_channels, alpha=alpha, kernel=kernel)


@LATERALS.register("tconv_bn_relu")
def normed_lateral(in_channels: int, out_channels: int, *, alpha: int, kernel: int, norm: NormOptions) -> Lateral:
    """The convolution without bias, batch norm, ReLU: as in PySlowFast and PyTorchVideo."""
    return Lateral(in_channels, out_channels, alpha=alpha, kernel=kernel, bias=False, norm=norm)


@LATERALS.register("tconv_no_bias")
def bare_lateral(in_channels: int, out_channels: int, *, alpha: int, kernel: int, norm: NormOptions) -> Lateral:
    """The convolution alone, without bias: as in MMAction2."""
    return Lateral(in_channels, out_channels, alpha=alpha, kernel=kernel, bias=False)
