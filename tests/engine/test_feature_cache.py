"""What the maps of a frozen backbone are kept under, and the room that they need."""

from __future__ import annotations

import shutil
from collections import namedtuple

import pytest
import torch
from yacs.config import CfgNode

from alphaction.config import load_cfg
from alphaction.config.paths_catalog import find_dataset
from alphaction.data.dataset import ActionDataset
from alphaction.engine import feature_cache
from alphaction.engine.feature_cache import describe_feature_cache, use_feature_cache
from alphaction.engine.setup import Runtime
from alphaction.modeling.detector import DetectionModel, build_detection_model

RUNTIME = Runtime(torch.device("cpu"), 0, 1, 0)


@pytest.fixture
def cfg(repo_root, small_toy_folder, tmp_path) -> CfgNode:
    cfg = load_cfg(repo_root / "config_files" / "tiny" / "base.yaml")
    cfg.merge_from_list(
        "MODEL.BACKBONE.FREEZE all INPUT.COLOR_JITTER False INPUT.SLOW_JITTER False INPUT.MIN_SIZE_TRAIN 32 "
        "INPUT.MAX_SIZE_TRAIN 64 INPUT.MIN_SIZE_TEST 32 INPUT.MAX_SIZE_TEST 64 DATALOADER.NUM_WORKERS 0 "
        f"DATASETS.DATA_DIR {small_toy_folder} DATALOADER.FEATURE_CACHE {tmp_path / 'kept'}".split()
    )
    return cfg


@pytest.fixture
def dataset(cfg) -> ActionDataset:
    """Four clips of one video."""
    return ActionDataset.from_config(cfg, find_dataset(cfg, "toy_val"), training=False)


def build(cfg: CfgNode) -> DetectionModel:
    torch.manual_seed(0)
    return build_detection_model(cfg)


@pytest.mark.parametrize(
    ("overrides", "same"),
    [
        ("MODEL.BACKBONE.DROP_PATH 0.1 MODEL.BACKBONE.FROZEN_BN True", True),
        ("MODEL.ROI_ACTION_HEAD.DROPOUT_RATE 0.7 SOLVER.BASE_LR 1.0 MODEL.ROI_ACTION_HEAD.POOLER_RESOLUTION 5", True),
        ("MODEL.BACKBONE.BN_EPSILON 0.01", False),
        ("MODEL.ROI_ACTION_HEAD.TIME_POOLING max", False),
        ("INPUT.TO_BGR True", False),
        ("INPUT.PIXEL_MEAN [1,2,3]", False),
        ("SOLVER.AMP bf16", False),
    ],
)
def test_settings_that_change_the_maps_are_in_their_key(cfg, overrides, same):
    backbone = build(cfg).backbone
    before = feature_cache._digest(cfg, backbone)
    cfg.merge_from_list(overrides.split())
    again = build(cfg).backbone
    again.load_state_dict(backbone.state_dict(), strict=False)
    assert (feature_cache._digest(cfg, again) == before) == same


def test_weights_and_statistics_are_in_the_key(cfg):
    backbone = build(cfg).backbone
    digests = {feature_cache._digest(cfg, backbone)}
    for name in ("slow.conv1.weight", "fast.res_nl4.res_0.btnk.conv3.bn.running_var"):
        with torch.no_grad():
            backbone.state_dict()[name].flatten()[0].add_(1e-6)
        digests.add(feature_cache._digest(cfg, backbone))
    assert len(digests) == 3
    backbone.state_dict()["slow.bn1.num_batches_tracked"].add_(1)
    assert feature_cache._digest(cfg, backbone) in digests


def test_without_a_folder_clips_keep_their_frames(cfg, dataset):
    cfg.DATALOADER.FEATURE_CACHE = ""
    use_feature_cache(cfg, build(cfg), [dataset], RUNTIME)
    assert dataset.features is None
    assert describe_feature_cache(cfg, [dataset]) is None


def test_too_little_room_is_said_before_anything_is_computed(cfg, dataset, tmp_path, monkeypatch, refused):
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage(10**6, 0, 10_000))
    # 4 clips of 512 x 2 x 2 cells or so
    refused(lambda: use_feature_cache(cfg, build(cfg), [dataset], RUNTIME), "room for 0.0 MB", str(tmp_path))
    assert not (tmp_path / "kept").exists()
    assert dataset.features is None


def test_a_folder_that_is_not_shared_is_refused(cfg, dataset, monkeypatch, refused):
    use_feature_cache(cfg, build(cfg), [dataset], RUNTIME)
    monkeypatch.setattr(feature_cache, "_PATIENCE", 0)
    clips = feature_cache.kept_clips(dataset)
    feature_cache._await_maps(dataset.features, clips)
    dataset.features.path(clips[2]).unlink()
    message = refused(lambda: feature_cache._await_maps(dataset.features, clips), "storage that all machines share")
    assert str(dataset.features.path(clips[2])) in message
