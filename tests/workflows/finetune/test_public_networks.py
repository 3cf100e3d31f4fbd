"""Configs for networks with public weights: what the weights need, and how they were finetuned."""

from __future__ import annotations

from dataclasses import replace
from importlib.util import find_spec
from types import SimpleNamespace

import pytest
import torch

from alphaction.checkpoint.foreign.converted import Question
from alphaction.config.paths_catalog import AVA_LABEL_MAP
from alphaction.data.annotations import read_label_map
from alphaction.modeling.backbone import build_backbone
from alphaction.utils.errors import UserError
from alphaction.utils.shapes_only import shapes_only
from alphaction.workflows.finetune.finetune_options import PARTS, FinetuneOptions
from alphaction.workflows.finetune.frame_size import SeenVideo
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
    assert any(note.startswith(entry.license_line) for note in made.notes)
    assert ("NO COMMERCIAL USE" in made.text) == (not entry.commercial)
    assert any("NO COMMERCIAL USE" in note for note in made.notes) == (not entry.commercial)
    with shapes_only():
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
    assert (solver.BIAS_LR_FACTOR, solver.HEAD_LR_FACTOR, solver.AMP) == (1.0, 10.0, "bf16")
    assert cfg.MODEL.BACKBONE.DROP_PATH == 0.2
    assert (head.FOCAL_LOSS.GAMMA, head.EXCLUSIVE_MOVEMENT, head.DROPOUT_RATE) == (0.0, False, 0.0)
    weights = (head.POSE_LOSS_WEIGHT, head.OBJECT_LOSS_WEIGHT, head.PERSON_LOSS_WEIGHT)
    assert sum(weights) == pytest.approx(1, abs=1e-5)
    assert head.FEATURE_EXTRACTOR == "MaxpoolFeatureExtractor"


@pytest.mark.parametrize(
    ("backbone", "weights", "lr", "layer_decay"),
    [
        ("vit_s", "vit_s_videomae_unlabeled_drive", 5e-4, 0.6),
        ("vit_b", "zoo:vit_b_videomae_unlabeled", 1.25e-4, 0.75),
        ("vit_l", "vit_l_videomae_unlabeled", 1.25e-4, 0.75),
        ("vit_l", "vit_l_videomae_k400", 2.5e-4, 0.8),
        ("vit_b", "vit_b_videomae_unlabeled_ava22", 2.5e-4, 0.75),
    ],
)
def test_rates_are_those_published_for_weights_with_and_without_labels(
    toy_data, toy_statistics, backbone, weights, lr, layer_decay
):
    made = generate(toy_data, toy_statistics, backbone, weights=weights, batch_size=128, num_gpus=8)
    assert (made.cfg.SOLVER.BASE_LR, made.cfg.SOLVER.LAYER_DECAY) == (lr, layer_decay)
    text = " ".join(made.text.replace("#", "").split())
    assert ("from weights pre-trained without labels: " in text) is (lr != 2.5e-4)


@pytest.mark.parametrize(
    ("backbone", "jitter"),
    [
        ("slow_r50", ((0.1, 0.1), (0.05, 0.05))),  # a detector, whose test boxes stay as they are
        ("vit_b", ((0.2, 0.1), (0.1, 0.05))),  # VideoMAE's, larger boxes in training and test
    ],
)
def test_training_boxes_are_as_large_on_average_as_test_boxes(toy_data, toy_statistics, backbone, jitter):
    cfg = generate(toy_data, toy_statistics, backbone).cfg
    head, growth = cfg.MODEL.ROI_ACTION_HEAD, cfg.TEST.EXTEND_SCALE
    assert (tuple(head.PROPOSAL_JITTER_X), tuple(head.PROPOSAL_JITTER_Y)) == jitter
    for (outwards, inwards), grown in zip(jitter, growth, strict=True):
        assert outwards - inwards == pytest.approx(grown)


def test_a_question_counts_where_its_answer_matters(toy_data, toy_statistics, monkeypatch, tmp_path):
    path = tmp_path / "downloaded.pyth"
    path.touch()
    aligned, scale = "MODEL.ROI_ACTION_HEAD.POOLER_ALIGNED", "MODEL.NONLOCAL.USE_SCALE"
    asked = {aligned: Question((True, False), "head", "no tensor shows it")}
    file = SimpleNamespace(recipe={}, settings={}, label_map=None, license="", questions=asked)
    monkeypatch.setattr("alphaction.workflows.finetune.starting_weights.read_weight_file", lambda path, **options: file)
    for freeze in ("none", "all"):
        made = generate(toy_data, toy_statistics, "slowfast_r50_8x8", weights=str(path), freeze=freeze)
        assert made.new_head
    options = FinetuneOptions(backbone="slowfast_r50_8x8", weights=str(path))
    convert = rf"convert_weights\.py --input {path} --output OUT\.pth {aligned} True\n"
    with pytest.raises(UserError, match=rf"{aligned}, which is True or False: no tensor shows it(?s:.*){convert}"):
        generate_config(options)
    asked[scale] = Question((True, False), "network", "nobody knows")
    with pytest.raises(UserError, match=rf"OUT\.pth {scale} True\n"):
        generate(toy_data, toy_statistics, "slowfast_r50_8x8", weights=str(path))


def test_a_head_alone_learns_faster_than_a_backbone(toy_data, toy_statistics):
    made = generate(toy_data, toy_statistics, "vit_b", freeze="all", batch_size=2)
    assert made.cfg.SOLVER.BASE_LR == pytest.approx(5e-4)
    assert made.cfg.SOLVER.MIN_LR == pytest.approx(1e-6)
    assert generate(toy_data, toy_statistics, "vit_b", batch_size=2).cfg.SOLVER.BASE_LR == pytest.approx(3.125e-5)
    assert generate(toy_data, toy_statistics, "vit_b", freeze="all", lr=0.1).cfg.SOLVER.BASE_LR == 0.1


def test_slowfast_is_finetuned_as_published(toy_data, toy_statistics):
    cfg = generate(toy_data, toy_statistics, "slowfast_r50_8x8", num_gpus=8, batch_size=64, max_iter=800).cfg
    solver = cfg.SOLVER
    assert (solver.OPTIMIZER, solver.BASE_LR, solver.WEIGHT_DECAY) == ("sgd", 0.1, 1e-7)
    assert list(solver.STEPS) == [400, 600]
    assert cfg.MODEL.BACKBONE.FROZEN_BN
    assert not cfg.MODEL.BACKBONE.SLOWFAST.SLOW.CONV3_NONLOCAL


def test_a_part_is_frozen(toy_data, toy_statistics):
    folders = set()
    for part, value in PARTS.items():
        cfg = generate(toy_data, toy_statistics, "vit_s", freeze=part).cfg
        assert cfg.MODEL.BACKBONE.FREEZE == value
        folders.add(cfg.OUTPUT_DIR)
    assert folders >= {"output/toy_vit_s_baseline", "output/toy_vit_s_baseline_frozen"}
    assert len(folders) == len(PARTS)  # else a run would continue that of another part


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


@pytest.mark.parametrize(
    ("weights", "message"),
    [
        ("slowfast_r50_8x8_ava22_mmaction2", "as other projects build it.*--backbone slowfast_r50_8x8,"),
        ("vit_s_videomae_ava22", "are of a ViT-Small, but --backbone resnet50 .*--backbone vit_s,"),
        ("fasterrcnn_resnet50_fpn", "is a detector of persons"),
        ("vjepa2_h", "are of a VJEPA2-Huge, which no --backbone is"),
        ("vit_s_videomae_ava2", "no public weights are called .* Did you mean vit_s_videomae_ava22"),
    ],
)
def test_the_papers_network_takes_its_own_weights_only(toy_data, toy_statistics, weights, message):
    with pytest.raises(UserError, match=message):
        generate(toy_data, toy_statistics, "resnet50", weights=weights)


@pytest.mark.parametrize("weights", ["fasterrcnn_resnet50_fpn", "vjepa2_h"])
def test_weights_without_a_network_here_choose_none(weights):
    with pytest.raises(UserError, match=weights):
        default_backbone(FinetuneOptions("toy", weights=weights))


def test_the_papers_weights_fit_its_networks(toy_data, toy_statistics):
    made = generate(toy_data, toy_statistics, "resnet50", weights="alphaction_resnet50_4x16f_serial", use_ia=True)
    assert made.cfg.MODEL.WEIGHT == "zoo:alphaction_resnet50_4x16f_serial"
    assert any("python tools/download_weights.py alphaction_resnet50_4x16f_serial says where" in n for n in made.notes)


SLOWFAST = {
    "MODEL.BACKBONE.CONV_BODY": "Slowfast-Resnet50",
    "MODEL.BACKBONE.SLOWFAST.LATERAL": "tconv_no_bias",
    "MODEL.BACKBONE.SLOWFAST.LATERAL_KERNEL": 7,
}


@pytest.mark.parametrize(
    ("settings", "backbone"),
    [
        ({"MODEL.BACKBONE.CONV_BODY": "ViT-Base"}, "vit_b"),
        ({"MODEL.BACKBONE.CONV_BODY": "Slow-Resnet50"}, "slow_r50"),
        ({**SLOWFAST, "INPUT.TAU": 4, "INPUT.ALPHA": 4}, "slowfast_r50_8x8"),
        ({**SLOWFAST, "INPUT.TAU": 8, "INPUT.ALPHA": 8}, "slowfast_r50_4x16"),
        ({"MODEL.BACKBONE.CONV_BODY": "Slowfast-Resnet50", "MODEL.BACKBONE.SLOWFAST.LATERAL": "tconv"}, "resnet50"),
    ],
)
def test_a_file_chooses_its_network_and_brings_its_settings(
    toy_data, toy_statistics, monkeypatch, tmp_path, settings, backbone
):
    path = tmp_path / "downloaded.pth"
    path.touch()
    settings = {key: SimpleNamespace(value=value) for key, value in settings.items()}
    file = SimpleNamespace(recipe={}, settings=settings, label_map=None, license="CC-BY-NC-4.0", questions={})
    monkeypatch.setattr("alphaction.workflows.finetune.starting_weights.read_weight_file", lambda path, **options: file)
    assert default_backbone(FinetuneOptions("toy", weights=str(path))) == backbone
    made = generate(toy_data, toy_statistics, backbone, weights=str(path))
    for key, setting in settings.items():
        found = made.cfg
        for part in key.split("."):
            found = found[part]
        assert found == setting.value or NETWORKS[backbone].training is None
    assert any("NO COMMERCIAL USE" in note and str(path) in note for note in made.notes)
    other = "vit_s" if backbone != "vit_s" else "vit_b"
    with pytest.raises(UserError, match=f"--backbone {backbone},"):
        generate(toy_data, toy_statistics, other, weights=str(path))


def test_cells_are_those_of_the_network(toy_data, toy_statistics):
    wide, fine = (generate(toy_data, toy_statistics, name) for name in ("swin3d_t", "vit_s"))
    assert "feature cells of 32" in " ".join(wide.text.replace("#", "").split())
    assert "feature cells of 16" in " ".join(fine.text.replace("#", "").split())
    small = replace(toy_statistics, seen=(SeenVideo((640, 480), (40 / 256,)),))
    sizes = [generate(toy_data, small, name).cfg.INPUT.MIN_SIZE_TRAIN for name in ("swin3d_t", "vit_s")]
    assert sizes == [384, 256]  # two cells for the median person would be 410, and half as large again is the most


def test_a_published_head_does_not_fit_behind_a_structure(toy_statistics):
    ava = read_label_map(AVA_LABEL_MAP)
    options = FinetuneOptions(backbone="slow_r50")
    assert not head_is_new(options, ava)
    assert head_is_new(replace(options, use_ia=True), ava)


def test_a_frozen_part_without_weights_is_said(toy_data, toy_statistics):
    made = generate(toy_data, toy_statistics, "vit_s", freeze="all", weights="")
    assert any("stays random" in note for note in made.notes)


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
    file = SimpleNamespace(recipe={"INPUT.FRAME_NUM": 8}, settings={}, label_map=None, license="", questions={})
    entry = find_weights("vit_s_videomae2_k710")
    cached_file(entry).parent.mkdir(parents=True)
    cached_file(entry).touch()
    monkeypatch.setattr("alphaction.workflows.finetune.starting_weights.read_weight_file", lambda path, **options: file)
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


def test_default_weights_are_of_the_network():
    for name, network in NETWORKS.items():
        if network.training is not None:
            assert find_weights(network.weights).settings["MODEL.BACKBONE.CONV_BODY"] == network.conv_body, name


def test_a_checkpoint_of_a_run_brings_the_config_of_its_run(toy_data, toy_statistics, tmp_path):
    cfg = generate(toy_data, toy_statistics, "vit_s", weights="vit_s_videomae_ava22").cfg
    cfg.INPUT.PIXEL_MEAN = [1.0, 2.0, 3.0]
    path = tmp_path / "model_final.pth"
    tensors = {
        "roi_heads.action.predictor.cls_score.weight": torch.zeros(13, 384),
        "backbone.norm.bias": torch.zeros(384),
    }
    held = {
        "model": tensors,
        "iteration": 9,
        "optimizer": {},
        "license": "CC-BY-NC-4.0",
        "extra": {"config": cfg.dump()},
    }
    torch.save(held, path)
    assert default_backbone(FinetuneOptions("toy", weights=str(path))) == "vit_s"
    made = generate(toy_data, toy_statistics, "vit_s", weights=str(path))
    assert (made.cfg.INPUT.CLIP_OFFSET, made.cfg.INPUT.FPS) == (1, 25.0)
    assert made.cfg.INPUT.PIXEL_MEAN == [1.0, 2.0, 3.0]
    assert any("CC-BY-NC-4.0. NO COMMERCIAL USE" in note for note in made.notes)
    with pytest.raises(UserError, match="are of a ViT-Small"):
        generate(toy_data, toy_statistics, "resnet50", weights=str(path))
