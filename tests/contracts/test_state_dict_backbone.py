"""The backbones have exactly the names and shapes, in order, of the published checkpoints."""

from __future__ import annotations

import pytest
from contracts.golden import reference_shapes

from alphaction.config import load_cfg
from alphaction.modeling.backbone import build_backbone
from alphaction.utils.shapes_only import shapes_only

PREFIX = "backbone."
CASES = {
    "resnet50_4x16f_baseline": None,
    "resnet50_4x16f_serial": None,
    "resnet50_4x16f_denseserial": None,
    "resnet50_4x16f_parallel": None,
    "resnet101_8x8f_baseline": None,
    "resnet101_8x8f_denseserial": None,
    "i3d_resnet50_nonlocal": ("MODEL.BACKBONE.CONV_BODY", "I3D-Resnet50"),
}


@pytest.mark.parametrize("experiment", CASES)
def test_names_and_shapes(experiment, repo_root):
    overrides = CASES[experiment]
    if overrides is None:
        cfg = load_cfg(repo_root / "config_files" / f"{experiment}.yaml")
    else:
        cfg = load_cfg(None, overrides)
    with shapes_only():
        backbone = build_backbone(cfg)
    found = [(PREFIX + name, list(value.shape)) for name, value in backbone.state_dict().items()]
    expected = [(name, shape) for name, shape in reference_shapes(experiment).items() if name.startswith(PREFIX)]
    assert found == expected
