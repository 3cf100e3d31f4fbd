"""Caffe2 blob names, and the matching rules on the real parameter names of the experiments."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest
import torch
from messages import says
from torch import Tensor

from alphaction.checkpoint import caffe2_name, match_weights

REFERENCE = Path(__file__).resolve().parents[1] / "assets" / "reference"
SLOWFAST = [
    "resnet50_4x16f_baseline",
    "resnet50_4x16f_denseserial",
    "resnet50_4x16f_parallel",
    "resnet50_4x16f_serial",
    "resnet101_8x8f_baseline",
    "resnet101_8x8f_denseserial",
]


def state_of(experiment: str) -> dict[str, Tensor]:
    """Return a state dict of the recorded names and shapes; its tensors have no values (device "meta")."""
    with gzip.open(REFERENCE / "state_dicts" / f"{experiment}.json.gz", "rt", encoding="utf-8") as file:
        return {name: torch.empty(shape, device="meta") for name, shape in json.load(file).items()}


def blob_names() -> dict[str, str]:
    return json.loads((REFERENCE / "caffe2_names_i3d_resnet50.json").read_text(encoding="utf-8"))


def test_caffe2_names_are_the_recorded_ones() -> None:
    recorded = blob_names()
    assert len(recorded) == 327
    assert {name: caffe2_name(name) for name in recorded} == recorded


def test_other_i3d_parameters_have_no_caffe2_name() -> None:
    rest = [name for name in state_of("i3d_resnet50_nonlocal") if name not in blob_names()]
    assert sum(name.endswith("num_batches_tracked") for name in rest) == len(rest) - 4
    assert [caffe2_name(name) for name in rest] == [None] * len(rest)


def test_caffe2_names_of_the_deeper_network() -> None:
    assert caffe2_name("backbone.res_nl3.res_22.btnk.conv2.bn.running_var") == "res4_22_branch2b_bn_riv"
    assert caffe2_name("backbone.res_nl3.nonlocal_21.bn.running_mean") == "nonlocal_conv4_21_bn_rm"


@pytest.mark.parametrize("experiment", SLOWFAST)
def test_slowfast_has_no_caffe2_names_but_the_classifier(experiment: str) -> None:
    named = {name for name in state_of(experiment) if caffe2_name(name) is not None}
    assert named == {f"roi_heads.action.predictor.cls_score.{leaf}" for leaf in ("weight", "bias")}


def test_kinetics_blobs_fill_the_i3d_backbone() -> None:
    model = state_of("i3d_resnet50_nonlocal")
    blobs = {blob: torch.empty(model[name].shape, device="meta") for name, blob in blob_names().items()}
    blobs["pred_w"], blobs["pred_b"] = torch.empty(400, 2048), torch.empty(400)
    blobs["conv1_w_momentum"] = torch.empty(1)
    report = match_weights(model, blobs)
    assert report.rule == "Caffe2 blob names"
    assert len(report.loaded) == 325
    assert report.loaded["backbone.bn1.running_var"] == "res_conv1_bn_riv"
    assert [mismatch.source_name for mismatch in report.mismatched] == ["pred_w", "pred_b"]
    assert report.missing == [
        f"roi_heads.action.feature_extractor.fc{i}.{leaf}" for i in (1, 2) for leaf in ("weight", "bias")
    ]
    assert report.unused == ["conv1_w_momentum"]
    assert report.counters == 58


@pytest.mark.parametrize("experiment", [*SLOWFAST, "i3d_resnet50_nonlocal"])
def test_zoo_weights_match_name_for_name(experiment: str) -> None:
    state = state_of(experiment)
    report = match_weights(state, state)
    assert report.complete
    assert report.loaded == {name: name for name in state}
    assert (report.unused, report.counters, report.rule) == ([], 0, "exact names")


@pytest.mark.parametrize("prefix", ["", "encoder.", "net.trunk."])
@pytest.mark.parametrize(
    "experiment", ["resnet50_4x16f_denseserial", "resnet101_8x8f_baseline", "i3d_resnet50_nonlocal"]
)
def test_kinetics_backbones_match_under_any_one_prefix(experiment: str, prefix: str) -> None:
    model = state_of(experiment)
    backbone = [name for name in model if name.startswith("backbone.")]
    kinetics = {prefix + name.removeprefix("backbone."): model[name] for name in backbone}
    kinetics["head.projection.weight"] = torch.empty(400, 2304, device="meta")
    report = match_weights(model, kinetics)
    assert report.loaded == {name: prefix + name.removeprefix("backbone.") for name in backbone}
    says(report.rule, f'"{prefix}"', '"backbone."')
    assert report.unused == ["head.projection.weight"]
    assert all(name.startswith("roi_heads.action.") for name in report.missing)


def test_one_experiment_into_another_keeps_what_fits() -> None:
    model, zoo = state_of("resnet50_4x16f_denseserial"), state_of("resnet50_4x16f_baseline")
    report = match_weights(model, zoo)
    assert {name for name in model if name.startswith("backbone.")} <= report.loaded.keys()
    assert "roi_heads.action.feature_extractor.ia_structure.P_block_1.query.weight" in report.missing
    assert all(".ia_structure." in name for name in report.missing)
    assert len(report.loaded) + len(report.missing) == len(model)


def test_no_head_leaves_out_ia_structure_mlp_and_classifier() -> None:
    state = state_of("resnet50_4x16f_serial")
    report = match_weights(state, state, ("roi_heads.action.",))
    assert all(name.startswith("backbone.") for name in report.loaded)
    assert {name.split(".")[3] for name in report.skipped if "feature_extractor" in name} == {
        "ia_structure",
        "fc1",
        "fc2",
    }
    assert "roi_heads.action.predictor.cls_score.weight" in report.skipped
    assert len(report.loaded) + len(report.skipped) == len(state)
    assert report.unused == []
