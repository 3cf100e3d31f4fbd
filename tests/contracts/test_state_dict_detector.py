"""The whole model has exactly the parameters of the published checkpoints: names, shapes and order."""

from __future__ import annotations

from pathlib import Path

import pytest
from contracts.golden import reference_shapes

from alphaction.config import get_cfg, load_cfg
from alphaction.modeling.detector import build_detection_model
from alphaction.utils.shapes_only import shapes_only

EXPERIMENTS = (
    "resnet50_4x16f_baseline",
    "resnet50_4x16f_serial",
    "resnet50_4x16f_denseserial",
    "resnet50_4x16f_parallel",
    "resnet101_8x8f_baseline",
    "resnet101_8x8f_denseserial",
)


def shapes(cfg) -> dict[str, list[int]]:
    with shapes_only():
        model = build_detection_model(cfg)
    return {name: list(tensor.shape) for name, tensor in model.state_dict().items()}


@pytest.mark.parametrize("experiment", EXPERIMENTS)
def test_zoo_experiment(experiment: str, repo_root: Path) -> None:
    found = shapes(load_cfg(repo_root / "config_files" / f"{experiment}.yaml"))
    expected = reference_shapes(experiment)
    assert found == expected
    assert list(found) == list(expected)


def test_i3d_nonlocal() -> None:
    cfg = get_cfg()
    cfg.merge_from_list(
        ["MODEL.BACKBONE.CONV_BODY", "I3D-Resnet50", "MODEL.ROI_ACTION_HEAD.FEATURE_EXTRACTOR", "2MLPFeatureExtractor"]
    )
    found = shapes(cfg)
    expected = reference_shapes("i3d_resnet50_nonlocal")
    assert found == expected
    assert list(found) == list(expected)
