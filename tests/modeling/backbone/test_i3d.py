"""I3D's temporal kernels and pooling.

Axes: B clips, C channels, T frames, H and W rows and columns.
"""

from __future__ import annotations

import pytest
import torch

from alphaction.modeling.backbone import I3D
from alphaction.utils.shapes_only import shapes_only


def temporal_kernels(stage):
    return [block.btnk.conv1.conv.kernel_size[0] for name, block in stage.named_children() if name.startswith("res_")]


def test_temporal_kernels_alternate():
    with shapes_only():
        backbone = I3D(blocks=(3, 4, 6, 3))
    assert temporal_kernels(backbone.res_nl1) == [3, 3, 3]
    assert temporal_kernels(backbone.res_nl2) == [3, 1, 3, 1]
    assert temporal_kernels(backbone.res_nl3) == [3, 1, 3, 1, 3, 1]
    assert temporal_kernels(backbone.res_nl4) == [1, 3, 1]


@pytest.mark.parametrize(("sparse", "frames"), [(False, 4), (True, 16)])
def test_frames(sparse, frames):
    with shapes_only():
        backbone = I3D(blocks=(1, 1, 1, 1), sparse=sparse)
        slow, fast = backbone(None, torch.empty(2, 3, 32, 64, 96))
    assert slow is None
    assert fast.shape == (2, 2048, frames, 4, 6)


def test_stages_without_nonlocal_blocks():
    with shapes_only():
        backbone = I3D(blocks=(2, 2, 2, 2), nonlocal_stages=(False, True), nonlocal_groups=True)
    found = [name for name, _ in backbone.named_modules() if name.split(".")[-1].startswith("nonlocal_")]
    assert found == ["res_nl3.nonlocal_1"]


def test_missing_frames():
    with shapes_only():
        backbone = I3D(blocks=(1, 1, 1, 1))
    with pytest.raises(ValueError, match="fast frames"):
        backbone(torch.empty(1, 3, 4, 64, 64, device="meta"), None)
