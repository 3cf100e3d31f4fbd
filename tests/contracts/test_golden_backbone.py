"""Feature maps equal the recorded ones to 1e-4 (float32, CPU).

Axes: B clips, C channels, T frames, H and W rows and columns.
"""

from __future__ import annotations

import numpy as np
import pytest
import torch
from contracts.golden import golden_outputs, golden_pathways, golden_weight

from alphaction.config import load_cfg
from alphaction.modeling.backbone import build_backbone
from alphaction.utils.shapes_only import shapes_only

TOLERANCE = 1e-4


def assert_near(found: torch.Tensor, expected: np.ndarray) -> None:
    """Compare to 1e-4 of each value; where values cancel to almost nothing, to 1e-4 of their usual size."""
    typical = float(np.abs(expected).mean())
    np.testing.assert_allclose(found.numpy(), expected, rtol=TOLERANCE, atol=TOLERANCE * typical)


@pytest.mark.parametrize("experiment", ["resnet50_4x16f_baseline", "i3d_resnet50_nonlocal"])
@torch.inference_mode()
def test_features(experiment, repo_root):
    if experiment.startswith("i3d"):
        overrides = ("MODEL.BACKBONE.CONV_BODY", "I3D-Resnet50", "INPUT.FRAME_NUM", 32, "INPUT.TAU", 8)
        cfg = load_cfg(None, (*overrides, "INPUT.ALPHA", 8))
    else:
        cfg = load_cfg(repo_root / "config_files" / f"{experiment}.yaml")
    with shapes_only():
        backbone = build_backbone(cfg)
    weights = {name: golden_weight(f"backbone.{name}", value.shape) for name, value in backbone.state_dict().items()}
    backbone.load_state_dict(weights, assign=True)
    slow, fast = golden_pathways(cfg.INPUT.FRAME_NUM, cfg.INPUT.TAU, cfg.INPUT.ALPHA)
    features = dict(zip(("slow", "fast"), backbone.eval()(slow, fast), strict=True))

    golden = golden_outputs(experiment)
    recorded = [pathway for pathway in features if f"{pathway}_feature.shape" in golden]
    assert recorded == [pathway for pathway, feature in features.items() if feature is not None]
    for pathway in recorded:
        feature, expected = features[pathway], golden[f"{pathway}_feature.slice"]
        assert list(feature.shape) == golden[f"{pathway}_feature.shape"].tolist()
        assert_near(feature.mean(dim=(2, 3, 4)), golden[f"{pathway}_feature.mean_thw"])
        step = feature.shape[1] // expected.shape[1]
        assert_near(feature[:, ::step], expected)
