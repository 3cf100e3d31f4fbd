"""Frozen parts of the backbone: what is trained, what changes, and what is kept for the backward pass.

Axes: B clips, C channels, T frames, H and W rows and columns.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest
import torch
import torch.distributed as dist
from backbone_names import BACKBONE_NAMES
from config.problems import BACKBONE
from modeling.test_detector import config, make_batch
from torch import nn
from torch.nn.parallel import DistributedDataParallel

from alphaction.config import load_cfg
from alphaction.modeling.backbone import build_backbone
from alphaction.modeling.detector import DetectionModel, build_detection_model
from alphaction.modeling.freeze import freeze
from alphaction.utils.shapes_only import shapes_only
from benchmarks.speed.activations import counting_activations

PARTS = ("none", "stem", "all_but_last_stage", "all")


def build(part: str, **keys: object) -> DetectionModel:
    """A small SlowFast network with batch norms that learn, in training mode."""
    cfg = config()
    cfg.MODEL.ROI_ACTION_HEAD.MEAN_BEFORE_POOLER = True
    node = cfg.MODEL.BACKBONE
    node.FREEZE, node.FROZEN_BN, node.BN_INIT_GAMMA = part, False, 0.5
    for key, value in keys.items():
        cfg.MODEL[key] = value
    torch.manual_seed(1)
    return build_detection_model(cfg).train()


def frozen_layers(model: DetectionModel, part: str) -> list[nn.Module]:
    layers = model.backbone.layers()
    count = {"none": 0, "stem": 1, "all_but_last_stage": 4, "all": 5}[part]
    return [module for layer in layers[:count] for module in layer]


def names_in(model: DetectionModel, modules: Sequence[nn.Module]) -> set[str]:
    """Return the names of the parameters and buffers of ``modules``."""
    inside = {id(value) for module in modules for value in module.state_dict(keep_vars=True).values()}
    return {name for name, value in model.state_dict(keep_vars=True).items() if id(value) in inside}


@pytest.mark.parametrize("part", PARTS)
@pytest.mark.parametrize("checkpointing", [False, True])
def test_a_step_changes_all_but_the_frozen_part(part, checkpointing):
    model = build(part, ACTIVATION_CHECKPOINTING=checkpointing)
    before = {name: value.clone() for name, value in model.state_dict().items()}
    optimizer = torch.optim.SGD([p for p in model.parameters() if p.requires_grad], lr=0.1)
    for _ in range(2):
        model.eval()
        model.train()
        sum(model(make_batch()).losses.values()).backward()
        optimizer.step()
    assert model.train() is model
    frozen = names_in(model, frozen_layers(model, part))
    assert len(frozen) == {"none": 0, "stem": 12, "all_but_last_stage": 162, "all": 212}[part]
    for name, value in model.state_dict().items():
        assert torch.equal(value, before[name]) == (name in frozen), name
    for name, parameter in model.named_parameters():
        assert (parameter.grad is None) == (name in frozen) == (not parameter.requires_grad), name
    inside = {id(module) for layer in frozen_layers(model, part) for module in layer.modules()}
    for name, module in model.backbone.named_modules():
        if name and not any(module is parent for parent in (model.backbone.slow, model.backbone.fast)):
            assert module.training == (id(module) not in inside), name
    assert model.backbone.training == (part != "all")


@pytest.mark.parametrize("checkpointing", [False, True])
def test_nothing_is_kept_of_what_is_frozen(checkpointing):
    def kept(part: str) -> int:
        model = build(part, ACTIVATION_CHECKPOINTING=checkpointing)
        features = []
        model.backbone.register_forward_hook(lambda module, inputs, output: features.extend(output))
        with counting_activations(model) as activations:
            model.extract_features(make_batch())
        assert all(of_pathway.requires_grad == (part != "all") for of_pathway in features)
        return activations.bytes

    of_parts = [kept(part) for part in PARTS]
    assert of_parts == sorted(of_parts, reverse=True)
    assert of_parts[2] < 0.2 * of_parts[0]
    assert of_parts[3] == 0


@pytest.mark.parametrize("part", PARTS)
def test_distributed_training_waits_for_no_frozen_part(part, tmp_path):
    """A parameter that gets no gradient would stop the second step."""
    dist.init_process_group("gloo", init_method=f"file://{tmp_path / 'meeting'}", rank=0, world_size=1)
    try:
        model = DistributedDataParallel(build(part))
        model.train()
        assert model.module.backbone.layers()[0][0].training == (part == "none")
        for _ in range(2):
            sum(model(make_batch()).losses.values()).backward()
    finally:
        dist.destroy_process_group()


def test_frozen_features_are_those_of_the_evaluation():
    model, batch = build("all"), make_batch()
    features = model.extract_features(batch).person
    assert torch.equal(features, model.eval().extract_features(batch).person)


@pytest.mark.parametrize("name", BACKBONE_NAMES)
def test_every_backbone_can_be_frozen(name):
    with shapes_only():
        backbone = build_backbone(load_cfg(None, (f"{BACKBONE}.CONV_BODY", name))).train()
    trained = []
    for part in PARTS:  # each freezes more than the one before it
        frozen = freeze(backbone, part)
        trained.append(sum(parameter.requires_grad for parameter in backbone.parameters()))
        assert not any(module.training for part in frozen for module in part.modules())
        assert all(not parameter.requires_grad for part in frozen for parameter in part.parameters())
    assert trained == sorted(set(trained), reverse=True)
    assert (trained[0], trained[-1]) == (len(list(backbone.parameters())), 0)


@pytest.mark.parametrize("over_time", ["mean", "max"])
def test_maps_in_place_of_frames_give_the_pooled_features(over_time):
    model, batch = build("all"), make_batch()
    model.head.pooler.time_pooling = over_time
    maps = model.feature_maps(batch)
    assert maps.shape == (2, 512, 4, 4)
    expected = model.extract_features(batch).person
    without_frames = replace(batch.without_frames(), features=maps)
    assert torch.equal(model.extract_features(without_frames).person, expected)
