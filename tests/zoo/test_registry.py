"""The entries: complete, consistent, and usable by a config; and how they are found."""

from __future__ import annotations

import re

import pytest
import torch
from messages import refused
from torchvision.models.detection import FasterRCNN_ResNet50_FPN_V2_Weights
from torchvision.models.video import MViT_V2_S_Weights

from alphaction.config import get_cfg
from alphaction.config.keys import KEYS
from alphaction.workflows.detect.detector_weights import MODELS
from alphaction.zoo import WEIGHTS, cached_file, find_weights, list_weights, weights_for
from alphaction.zoo.registry import SOURCES

BACKBONES = {
    "vit_s", "vit_b", "vit_l", "mvitv2_s", "swin3d_t", "swin3d_s", "swin3d_b", "slowfast_r50_4x16", "slowfast_r50_8x8",
    "slowfast_r101_8x8", "slow_r50", "slow_r101", "vjepa2_l", "resnet50", "resnet101", "tiny",
}  # fmt: skip


@pytest.mark.parametrize("name", WEIGHTS)
def test_an_entry_is_complete(name):
    entry = WEIGHTS[name]
    assert re.fullmatch(r"[a-z0-9_]+", name)
    assert entry.what
    assert entry.page.startswith("https://") != entry.packaged
    assert entry.url == "" or entry.url.startswith("https://")
    assert re.fullmatch(r"[\w.-]+\.(pth|pyth|pkl|bin|safetensors)", entry.file_name)
    assert re.fullmatch(r"[0-9a-f]{8}|", entry.hash_prefix)
    assert entry.measured == ""
    assert entry.commercial == (
        entry.license in ("Apache-2.0", "MIT", "BSD-3-Clause") and "ask before any" not in entry.license_note
    )
    assert ("NO COMMERCIAL USE" in entry.license_line) is not entry.commercial
    assert (entry.kind == "detector") <= entry.figure.count("mAP")


@pytest.mark.parametrize("name", WEIGHTS)
def test_a_config_takes_the_values_of_an_entry(name):
    entry = WEIGHTS[name]
    values = {**entry.recipe, **entry.settings}
    assert bool(values) == (entry.kind != "persons")
    assert set(values) <= set(KEYS)
    cfg = get_cfg()
    cfg.merge_from_list([part for pair in values.items() for part in pair])
    assert ("MODEL.BACKBONE.CONV_BODY" in entry.settings) == (entry.kind != "persons")
    for key in entry.recipe:
        assert key.startswith("INPUT.")
    frames = cfg.INPUT.FRAME_NUM
    if "INPUT.SLOW_SAMPLING" in entry.recipe:
        assert frames % cfg.INPUT.TAU == cfg.INPUT.TAU % cfg.INPUT.ALPHA == 0


def test_names_files_and_addresses_differ():
    assert len(WEIGHTS) == sum(len(entries) for _, entries in SOURCES.values())
    entries = list(WEIGHTS.values())
    assert len({entry.file_name for entry in entries}) == len(entries)
    assert len({entry.url or entry.name for entry in entries}) == len(entries)
    assert {entry.backbone for entry in entries} == BACKBONES | {""}


def test_mmaction2_addresses_hold_the_whole_config_name():
    entry = find_weights("slowfast_r50_8x8_tmax_ava22_mmaction2")
    config = "slowfast_kinetics400-pretrained-r50-temporal-max_8xb6-8x8x1-cosine-10e_ava22-rgb"
    assert entry.url == (
        f"https://download.openmmlab.com/mmaction/v1.0/detection/slowfast/{config}/{config}_20220906-13a9078e.pth"
    )
    assert entry.hash_prefix == "13a9078e"
    assert entry.settings["MODEL.ROI_ACTION_HEAD.TIME_POOLING"] == "max"
    assert find_weights("vit_l_ava_kinetics_mmaction2").url.endswith("_20230314-bf93c9ea.pth")


def test_torchvision_entries_are_torchvisions():
    entry, own = find_weights("mvitv2_s_k400"), MViT_V2_S_Weights.KINETICS400_V1
    assert (entry.url, entry.hash_prefix, entry.figure) == (own.url, "ae3be167", "80.8 top-1, Kinetics-400")
    assert entry.size == pytest.approx(131.884 * 2**20, abs=1)
    assert entry.recipe == {
        "INPUT.FPS": 30.0,
        "INPUT.FRAME_NUM": 16,
        "INPUT.FRAME_SAMPLE_RATE": 4,  # 7.5 a second
        "INPUT.TAU": 1,
        "INPUT.ALPHA": 1,
        "INPUT.MIN_SIZE_TEST": 256,
        "INPUT.PIXEL_MEAN": [114.75] * 3,
        "INPUT.PIXEL_STD": [57.375] * 3,
        "INPUT.TO_BGR": False,
    }
    swin = find_weights("swin3d_t_k400").recipe
    assert (swin["INPUT.FRAME_NUM"], swin["INPUT.FRAME_SAMPLE_RATE"]) == (32, 2)
    assert swin["INPUT.PIXEL_MEAN"] == [123.675, 116.28, 103.53]
    persons = {entry.name: entry.url for entry in list_weights(kind="persons")}
    assert persons == {name: coco.url for name, (_, coco) in MODELS.items()}
    assert FasterRCNN_ResNet50_FPN_V2_Weights.COCO_V1.url == persons["fasterrcnn_resnet50_fpn_v2"]


def test_licenses_that_must_be_seen():
    closed = {entry.source for entry in WEIGHTS.values() if not entry.commercial}
    assert closed == {"videomae", "mmaction2", "alphaction"}
    videomae = [entry for entry in WEIGHTS.values() if entry.source == "videomae"]
    assert {entry.license for entry in videomae} == {"CC-BY-NC-4.0", "MIT"}
    assert [entry.commercial for entry in videomae if entry.license == "CC-BY-NC-4.0"] == [False] * 18


def test_files_on_google_drive_are_for_browsers():
    entry = find_weights("vit_s_videomae_unlabeled_ava22")
    assert (entry.url, entry.page) == ("", "https://drive.google.com/file/d/1gFJ8NnPPinpDO_caBg4CXR6fTDPOCVw_/view")


def test_finding(monkeypatch, tmp_path):
    entry = find_weights("zoo:mvitv2_s_k400")
    assert entry is find_weights("mvitv2_s_k400")
    assert find_weights("nothing", default=None) is None
    refused(lambda: find_weights("zoo:slowfast_r50_8x8_k40"), "slowfast_r50_8x8_k40", "slowfast_r50_8x8_k400", "--list")
    refused(lambda: find_weights("vit_b_kinetics400"), "vit_b_videomae_k400")
    assert {entry.backbone for entry in list_weights(backbone="vit_b")} == {"vit_b"}
    assert [entry.kind for entry in list_weights(backbone="vit_b", kind="detector")] == ["detector"] * 3
    refused(lambda: list_weights(backbone="vit_bb"), '"vit_b"')
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    assert cached_file(entry) == tmp_path / "hub/checkpoints/mvit_v2_s-ae3be167.pth"
    assert str(cached_file(entry).parent) == f"{torch.hub.get_dir()}/checkpoints"


def test_what_to_start_from_comes_first():
    assert weights_for("slowfast_r101_8x8")[0].name == "slowfast_r101_8x8_k400_pytorchvideo"
    assert weights_for("vit_b")[0].name == "vit_b_videomae_k400"
    assert weights_for("slow_r101")[0].kind == "detector"
    assert weights_for("") == []
    assert [entry.name for entry in weights_for("tiny")] == ["slowfast_tiny_rendered"]
