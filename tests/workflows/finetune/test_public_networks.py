"""Configs for networks with public weights: what the weights need, and how they were finetuned."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch

from alphaction.modeling.backbone import build_backbone
from alphaction.utils.errors import UserError
from alphaction.workflows.finetune.finetune_options import PARTS, FinetuneOptions
from alphaction.workflows.finetune.generate import generate_config
from alphaction.workflows.finetune.networks import NETWORKS
from alphaction.workflows.finetune.starting_weights import default_backbone, head_is_new, starting_point
from alphaction.zoo import WEIGHTS, cached_file, find_weights, weights_for

PUBLIC = [
    pytest.param(
        name,
        marks=pytest.mark.skipif(
            name.startswith("vjepa2") and find_spec("transformers") is None, reason="transformers is not installed"
        ),
    )
    for name, network in NETWORKS.items()
    if network.training is not None
]


@pytest.fixture(autouse=True)
def no_weights_here(tmp_path, monkeypatch):
    """An empty cache, so that the registry alone says what the weights need."""
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))


def generate(toy_data, toy_statistics, backbone, **values):
    options = FinetuneOptions("toy", backbone=backbone, data_dir=str(toy_data), **values)
    return generate_config(options, toy_statistics)


@pytest.mark.parametrize("backbone", PUBLIC)
def test_each_loads_and_builds_with_a_structure_on_gpus(toy_data, toy_statistics, backbone):
    made = generate(toy_data, toy_statistics, backbone, use_ia=True, num_gpus=2)
    cfg, network = made.cfg, NETWORKS[backbone]
    entry = find_weights(network.weights)
    assert cfg.MODEL.WEIGHT == f"zoo:{entry.name}"
    assert cfg.MODEL.BACKBONE.CONV_BODY == network.conv_body
    assert entry.license in made.text
    assert ("NO COMMERCIAL USE" in made.text) == (not entry.commercial)
    assert any("NO COMMERCIAL USE" in note for note in made.notes) == (not entry.commercial)
    with torch.device("meta"):
        assert cfg.MODEL.IA_STRUCTURE.DIM_IN == build_backbone(cfg).dim_out
    for key, value in {**entry.recipe, **entry.settings}.items():
        if key.startswith(("INPUT.PIXEL", "INPUT.F", "INPUT.TAU", "INPUT.SLOW_SAMPLING", "MODEL.", "TEST.EXTEND")):
            found = cfg
            for part in key.split("."):
                found = found[part]
            assert (list(found) if isinstance(found, (list, tuple)) else found) == value, key


@pytest.mark.parametrize("backbone", PUBLIC)
def test_each_frozen_on_the_cpu_keeps_its_features(toy_data, toy_statistics, backbone):
    made = generate(toy_data, toy_statistics, backbone, freeze="all")
    cfg = made.cfg
    assert cfg.MODEL.BACKBONE.FREEZE == "all"
    assert cfg.DATALOADER.FEATURE_CACHE
    assert not cfg.INPUT.COLOR_JITTER
    assert cfg.SOLVER.LAYER_DECAY == 1
    assert cfg.MODEL.BACKBONE.DROP_PATH == 0
    assert any("computed once" in note for note in made.notes)


def test_a_transformer_is_finetuned_as_published(toy_data, toy_statistics):
    cfg = generate(toy_data, toy_statistics, "vit_b", num_gpus=8, batch_size=128).cfg
    solver, head = cfg.SOLVER, cfg.MODEL.ROI_ACTION_HEAD
    assert (solver.OPTIMIZER, solver.BASE_LR, solver.WEIGHT_DECAY, solver.LAYER_DECAY) == ("adamw", 2.5e-4, 0.05, 0.75)
    assert (solver.SCHEDULER, solver.MIN_LR, solver.WARMUP_FACTOR) == ("half_period_cosine", 5e-7, 0.0)
    assert (solver.BIAS_LR_FACTOR, solver.AMP) == (1.0, "bf16")
    assert cfg.MODEL.BACKBONE.DROP_PATH == 0.2
    assert (head.FOCAL_LOSS.GAMMA, head.EXCLUSIVE_MOVEMENT, head.DROPOUT_RATE) == (0.0, False, 0.0)
    weights = (head.POSE_LOSS_WEIGHT, head.OBJECT_LOSS_WEIGHT, head.PERSON_LOSS_WEIGHT)
    assert sum(weights) == pytest.approx(1, abs=1e-5)
    assert head.FEATURE_EXTRACTOR == "MaxpoolFeatureExtractor"


def test_slowfast_is_finetuned_as_published(toy_data, toy_statistics):
    cfg = generate(toy_data, toy_statistics, "slowfast_r50_8x8", num_gpus=8, batch_size=64, max_iter=800).cfg
    solver = cfg.SOLVER
    assert (solver.OPTIMIZER, solver.BASE_LR, solver.WEIGHT_DECAY) == ("sgd", 0.1, 1e-7)
    assert list(solver.STEPS) == [400, 600]
    assert cfg.MODEL.BACKBONE.FROZEN_BN
    assert not cfg.MODEL.BACKBONE.SLOWFAST.SLOW.CONV3_NONLOCAL


def test_a_part_is_frozen(toy_data, toy_statistics):
    for part, value in PARTS.items():
        assert generate(toy_data, toy_statistics, "vit_s", freeze=part).cfg.MODEL.BACKBONE.FREEZE == value


def test_the_papers_networks_have_a_recipe_for_all_of_them(toy_data, toy_statistics):
    with pytest.raises(UserError, match="--freeze all: --backbone resnet50 .* MODEL.BACKBONE.FREEZE"):
        generate(toy_data, toy_statistics, "resnet50", freeze="all")


@pytest.mark.parametrize("name", ["slow_r50_4x16_ava_pytorchvideo", "zoo:slow_r50_4x16_ava_pytorchvideo"])
def test_weights_of_the_registry_by_name(toy_data, toy_statistics, name):
    cfg = generate(toy_data, toy_statistics, "slow_r50", weights=name).cfg
    assert cfg.MODEL.WEIGHT == "zoo:slow_r50_4x16_ava_pytorchvideo"
    assert (cfg.INPUT.FRAME_NUM, cfg.INPUT.FRAME_SAMPLE_RATE) == (4, 16)
    assert cfg.MODEL.ROI_ACTION_HEAD.POOLER_ALIGNED is False
    assert cfg.MODEL.BACKBONE.SLOWFAST.LAST_STAGE_DILATION == 2


def test_weights_choose_the_network():
    assert default_backbone(FinetuneOptions("toy", weights="swin3d_t_k400")) == "swin3d_t"


def test_weights_of_another_network_are_refused(toy_data, toy_statistics):
    with pytest.raises(UserError, match="swin3d_t_k400 are of a Swin3D-Tiny, but --backbone vit_s .*swin3d_t"):
        generate(toy_data, toy_statistics, "vit_s", weights="swin3d_t_k400")


def test_random_weights(toy_data, toy_statistics):
    made = generate(toy_data, toy_statistics, "slowfast_r50_8x8", weights="", num_gpus=1)
    assert made.cfg.MODEL.WEIGHT == ""
    assert not made.cfg.MODEL.BACKBONE.FROZEN_BN
    assert made.cfg.MODEL.BACKBONE.SLOWFAST.LATERAL == "tconv_bn_relu"
    assert any("random weights" in note for note in made.notes)


def test_a_download_is_announced(toy_data, toy_statistics):
    made = generate(toy_data, toy_statistics, "mvitv2_s", num_gpus=1)
    assert any("python tools/download_weights.py mvitv2_s_k400" in note for note in made.notes)


def test_what_the_file_says_wins_over_the_registry(toy_data, toy_statistics, monkeypatch, tmp_path):
    file = SimpleNamespace(recipe={"INPUT.FRAME_NUM": 8}, settings={}, label_map=None)
    entry = find_weights("vit_s_videomae2_k710")
    cached_file(entry).parent.mkdir(parents=True)
    cached_file(entry).touch()
    monkeypatch.setattr("alphaction.workflows.finetune.starting_weights.read_weight_file", lambda path: file)
    start = starting_point(FinetuneOptions("toy", backbone="vit_s"))
    assert start.settings["INPUT.FRAME_NUM"] == 8
    assert start.settings["INPUT.FRAME_SAMPLE_RATE"] == 4


def test_a_detector_has_a_head_for_avas_classes_only(toy_statistics):
    options = FinetuneOptions("toy", backbone="slow_r50")
    assert head_is_new(options, toy_statistics.label_map)
    assert head_is_new(FinetuneOptions("toy", backbone="vit_s"), toy_statistics.label_map)


def test_every_network_has_weights_of_its_own_and_every_backbone_of_the_registry_a_network():
    for name, network in NETWORKS.items():
        if network.training is not None:
            assert network.weights in {entry.name for entry in weights_for(name)}, name
    assert {entry.backbone for entry in WEIGHTS.values() if entry.backbone} <= set(NETWORKS)


def test_what_random_weights_leave_open_is_what_the_default_weights_have():
    for name, network in NETWORKS.items():
        if network.training is None:
            continue
        entry = find_weights(network.weights)
        assert entry.settings["MODEL.BACKBONE.CONV_BODY"] == network.conv_body, name
        assert Path(entry.file_name).suffix
