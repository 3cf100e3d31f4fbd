"""Pooled features and scores equal the recorded ones to 1e-4.

Found by matching: persons are pooled from boxes enlarged by TEST.EXTEND_SCALE, objects from boxes as given, and results
are reported on the persons' original boxes.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from contracts.golden import (
    IMAGE_SIZE,
    KEYFRAMES,
    golden_memory,
    golden_object_boxes,
    golden_outputs,
    golden_pathways,
    golden_person_boxes,
    golden_state_dict,
)
from torch import Tensor
from yacs.config import CfgNode

from alphaction.config import get_cfg, load_cfg
from alphaction.data.box_geometry import extend_boxes
from alphaction.data.keyframes import Keyframe
from alphaction.data.sample import ClipBatch
from alphaction.memory.pool import MemoryPool
from alphaction.modeling.detector import DetectionModel, build_detection_model
from alphaction.utils.shapes_only import shapes_only

I3D_NONLOCAL = (
    *("MODEL.BACKBONE.CONV_BODY", "I3D-Resnet50"),
    *("MODEL.ROI_ACTION_HEAD.FEATURE_EXTRACTOR", "2MLPFeatureExtractor"),
)


def build_on_meta(cfg: CfgNode) -> DetectionModel:
    with shapes_only():
        return build_detection_model(cfg).eval()


def golden_batch(cfg: CfgNode) -> ClipBatch:
    slow, fast = golden_pathways(cfg.INPUT.FRAME_NUM, cfg.INPUT.TAU, cfg.INPUT.ALPHA)
    boxes, clip_index = golden_person_boxes()
    object_boxes, object_clip_index = golden_object_boxes()
    return ClipBatch(
        indices=torch.arange(2),
        keyframes=[Keyframe(*keyframe) for keyframe in KEYFRAMES],
        slow=slow,
        fast=fast,
        sizes=torch.tensor([IMAGE_SIZE, IMAGE_SIZE]),
        boxes=extend_boxes(boxes, cfg.TEST.EXTEND_SCALE, IMAGE_SIZE),
        clip_index=clip_index,
        unit_boxes=torch.zeros((5, 4), dtype=torch.float64),
        scores=torch.ones(5),
        labels=None,
        object_boxes=object_boxes,
        object_clip_index=object_clip_index,
    )


def golden_pool(cfg: CfgNode) -> MemoryPool:
    pool = MemoryPool.from_config(cfg)
    for video, second, features in golden_memory():
        pool.write([Keyframe(video, second)], features, torch.zeros(len(features), dtype=torch.int64))
    return pool


def assert_near(found: Tensor, recorded: np.ndarray) -> None:
    expected = torch.from_numpy(recorded).reshape(found.shape)
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-6)


@pytest.fixture(scope="module")
def dense_cfg(repo_root: Path) -> CfgNode:
    return load_cfg(repo_root / "config_files/resnet50_4x16f_denseserial.yaml")


@pytest.fixture(scope="module")
def dense_model(dense_cfg: CfgNode) -> DetectionModel:
    model = build_on_meta(dense_cfg)
    model.load_state_dict(golden_state_dict(model.state_dict()), assign=True)
    return model


@torch.inference_mode()
def test_interaction_structure_with_memory(dense_cfg: CfgNode, dense_model: DetectionModel) -> None:
    batch, golden = golden_batch(dense_cfg), golden_outputs("resnet50_4x16f_denseserial")
    pooled = dense_model.extract_features(batch)
    assert_near(pooled.person, golden["person_pooled"])
    assert_near(pooled.object, golden["object_pooled"])

    memory = golden_pool(dense_cfg).read(batch.keyframes)
    scores = dense_model.probabilities(dense_model.predict_from_features(pooled, batch, memory))
    assert_near(scores, golden["scores"])
    # The comparison can fail: without the memory the scores are others.
    forgetful = dense_model.probabilities(dense_model.predict_from_features(pooled, batch))
    assert (forgetful - scores).abs().max() > 0.01


@torch.inference_mode()
def test_slowfast_baseline(repo_root: Path, dense_model: DetectionModel) -> None:
    cfg = load_cfg(repo_root / "config_files/resnet50_4x16f_baseline.yaml")
    batch, golden = golden_batch(cfg), golden_outputs("resnet50_4x16f_baseline")
    # Golden weights follow from the names, which both models share.
    weights = dense_model.state_dict()
    model = build_on_meta(cfg)
    model.load_state_dict({name: weights[name] for name in model.state_dict()}, assign=True)
    pooled = model.extract_features(batch)
    assert pooled.object is None
    assert_near(model.probabilities(model.predict_from_features(pooled, batch)), golden["scores"])


@torch.inference_mode()
def test_i3d_nonlocal() -> None:
    cfg = get_cfg()
    cfg.merge_from_list(list(I3D_NONLOCAL))
    batch, golden = golden_batch(cfg), golden_outputs("i3d_resnet50_nonlocal")
    model = build_on_meta(cfg)
    model.load_state_dict(golden_state_dict(model.state_dict()), assign=True)
    scores = model.probabilities(model.predict_from_features(model.extract_features(batch), batch))
    assert_near(scores, golden["scores"])
