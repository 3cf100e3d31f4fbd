"""The reference of networks: layers as torch has them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from unittest import mock

from torch.nn import functional as F

from alphaction.layers import RoiAlign3d, frozen_batch_norm, products
from alphaction.modeling.backbone import i3d, nonlocal_block, pathway


@contextmanager
def layers_of_torch() -> Iterator[None]:
    """Put torch's own functions in the place of those of ``alphaction.layers`` within the block."""
    with ExitStack() as stack:
        stack.enter_context(mock.patch.object(frozen_batch_norm, "conv3d", F.conv3d))
        stack.enter_context(mock.patch.object(products, "_fits", return_value=False))
        stack.enter_context(mock.patch.object(RoiAlign3d, "_pool", RoiAlign3d._align))
        for module in (i3d, nonlocal_block, pathway):
            stack.enter_context(mock.patch.object(module, "max_pool3d", F.max_pool3d))
        yield
