"""Which tensor of a file goes where: by its name, by one change of prefix, or nowhere."""

from __future__ import annotations

import pytest
import torch
from checkpoint.small_detector import Detector
from messages import refused

from alphaction.checkpoint import match_weights
from alphaction.checkpoint.name_rules import find_prefix_change
from alphaction.utils.errors import UserError


def test_ambiguous_prefix_is_not_guessed() -> None:
    # Both pathways are alike: "conv1.weight" could belong to either.
    model = Detector(slow=4, fast=4).state_dict()
    one = {n.removeprefix("backbone.slow."): t for n, t in model.items() if n.startswith("backbone.slow.")}
    targets = list(model)
    assert find_prefix_change(targets, model, one) is None
    with pytest.raises(UserError, match=r"none of its tensors \(6\)"):
        match_weights(model, one)
    # Where shapes decide, they do.
    narrow = Detector(slow=4, fast=2).state_dict()
    assert find_prefix_change(targets, narrow, one) == ("", "backbone.slow.")


def test_prefix_change_needs_most_of_the_file() -> None:
    model = Detector().state_dict()
    few = {"slow.conv1.weight": model["backbone.slow.conv1.weight"]}
    assert find_prefix_change(list(model), model, few) == ("", "backbone.")
    many = few | {f"decoder.layer{i}.weight": torch.zeros(2) for i in range(2)}
    assert find_prefix_change(list(model), model, many) is None
    with pytest.raises(UserError, match=r"none of its tensors \(3\)"):
        match_weights(model, many)


def test_nothing_fits_shows_both_sides() -> None:
    weights = {"encoder.layer1.weight": torch.zeros(2), "encoder.layer1.bias": torch.zeros(2)}
    refused(
        lambda: match_weights(Detector().state_dict(), weights, source="bert.pth"),
        "bert.pth: none of its tensors (2)",
        "encoder.layer1.weight, encoder.layer1.bias",
        "backbone.slow.conv1.weight, backbone.slow.bn1.weight",
    )


def test_nothing_fits_for_shapes() -> None:
    model = {"backbone.conv1.weight": torch.zeros(4, 3)}
    with pytest.raises(UserError, match=r"backbone.conv1.weight is \[4, 3\] in the model"):
        match_weights(model, {"backbone.conv1.weight": torch.zeros(8, 3)})


def test_nothing_fits_for_caffe2_into_slowfast() -> None:
    with pytest.raises(UserError, match="I3D"):
        match_weights(Detector().state_dict(), {"conv1_w": torch.zeros(2), "res_conv1_bn_riv": torch.zeros(2)})


def test_a_classifier_of_caffe2_never_stands_on_a_random_backbone() -> None:
    with pytest.raises(UserError, match="none of its tensors"):
        match_weights(Detector().state_dict(), {"conv1_w": torch.zeros(2), "pred_w": torch.zeros(3, 5)})


def test_nothing_fits_for_no_head() -> None:
    model = Detector().state_dict()
    head = {name: tensor for name, tensor in model.items() if name.startswith("roi_heads")}
    with pytest.raises(UserError, match=r"--no-head .*roi_heads.action"):
        match_weights(model, head, ("roi_heads.action.",))


def test_counters_alone_are_nothing() -> None:
    model = Detector().state_dict()
    counters = {name: tensor for name, tensor in model.items() if name.endswith("num_batches_tracked")}
    assert len(counters) == 2
    with pytest.raises(UserError):
        match_weights(model, counters)


def test_frozen_normalization_has_no_counters() -> None:
    weights = Detector().state_dict()
    frozen = {name: tensor for name, tensor in weights.items() if not name.endswith("num_batches_tracked")}
    report = match_weights(frozen, weights)
    assert report.complete
    assert (report.unused, report.counters) == ([], 2)
    assert match_weights(weights, frozen).missing == []
