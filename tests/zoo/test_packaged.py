"""Weights that come with the package: found without a network, loaded into their network, and checked."""

from __future__ import annotations

import pytest
import torch
from messages import refused

from alphaction.checkpoint import load_weights, read_weight_file
from alphaction.config import load_cfg
from alphaction.modeling import build_detection_model
from alphaction.zoo import cache as cache_module
from alphaction.zoo import cached_file, find_weights, get_weights, list_weights

PACKAGED = [entry for entry in list_weights() if entry.packaged]


@pytest.fixture(scope="module")
def entry():
    return find_weights("slowfast_tiny_rendered")


def test_the_file_is_in_the_package_and_small(entry, monkeypatch, tmp_path):
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    assert [each.name for each in PACKAGED] == [entry.name]
    path = get_weights(entry, verify=True, say=lambda text: pytest.fail(text))
    assert path == cached_file(entry)
    assert path.parent.name == "weights"
    assert path.stat().st_size < 8_000_000
    assert path.stat().st_size == pytest.approx(entry.size, rel=0.01)
    assert not any(tmp_path.iterdir())  # nothing is recorded or downloaded
    assert sorted(each.name for each in path.parent.iterdir()) == [path.name]


def test_every_tensor_of_the_backbone_is_in_it_and_nothing_else(entry, repo_root):
    cfg = load_cfg(repo_root / "config_files" / "tiny" / "base.yaml")
    model = build_detection_model(cfg)
    file = read_weight_file(cached_file(entry))
    assert file.license == "Apache-2.0"
    backbone = {f"backbone.{name}": tensor for name, tensor in model.backbone.state_dict().items()}
    assert {name: tensor.shape for name, tensor in file.weights.items()} == {
        name: tensor.shape for name, tensor in backbone.items()
    }
    assert all(torch.isfinite(tensor).all() for tensor in file.weights.values())
    report = load_weights(model, cached_file(entry), cfg=cfg)
    assert not report.warnings
    assert set(report.loaded) == set(backbone)
    assert report.missing
    assert all(name.startswith("roi_heads.action.") for name in report.missing)


def test_an_installation_without_the_file_says_so(entry, monkeypatch, tmp_path):
    monkeypatch.setattr(cache_module, "PACKAGED", tmp_path)
    refused(lambda: get_weights(entry), "slowfast_tiny_rendered.pth is missing", "comes with the package")
