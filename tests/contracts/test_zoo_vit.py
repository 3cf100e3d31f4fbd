"""VideoMAE's networks give what their own projects recorded, through the conversion and in our code.

Axes: B clips, C channels, T frames, H and W rows and columns.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from contracts.golden import IMAGE_SIZE, KEYFRAMES, golden_clip, golden_person_boxes
from contracts.zoo_files import write_zoo_file, zoo_case, zoo_outputs, zoo_tensors
from torch import Tensor
from yacs.config import CfgNode

from alphaction.checkpoint.foreign.converted import Converted, ForeignFile
from alphaction.checkpoint.foreign.recognize import convert_file
from alphaction.checkpoint.weight_file import WeightFile, read_weight_file
from alphaction.config import get_cfg
from alphaction.data.box_geometry import extend_boxes
from alphaction.data.sample import ClipBatch, Keyframe
from alphaction.data.temporal import clip_slots
from alphaction.modeling.backbone import build_backbone
from alphaction.modeling.detector import build_detection_model

DETECTOR = "vmad_ava_vit_s"
CLASSIFIER = "videomae_kinetics_vit_b_hf"


def config(converted: Converted | WeightFile) -> CfgNode:
    cfg = get_cfg()
    for key, setting in converted.settings.items():
        cfg.merge_from_list([key, setting.value])
    for key, value in converted.recipe.items():
        cfg.merge_from_list([key, value])
    return cfg


def assert_near(found: Tensor, recorded: np.ndarray) -> None:
    expected = torch.from_numpy(recorded)
    assert found.shape == expected.shape
    assert (found - expected).abs().max() < 5e-5 * expected.abs().max()  # tanh for exact GELU: 1.7e-4


def assert_features(features: Tensor, outputs: dict[str, np.ndarray], name: str) -> None:
    assert features.shape == tuple(outputs[f"{name}.shape"])
    assert_near(features.mean(dim=(2, 3, 4)), outputs[f"{name}.mean_thw"])
    part = outputs[f"{name}.slice"]
    assert_near(features[:, :: features.shape[1] // part.shape[1]], part)


@torch.inference_mode()
def test_detector(tmp_path: Path):
    converted, outputs = read_weight_file(write_zoo_file(DETECTOR, tmp_path)), zoo_outputs(DETECTOR)
    assert (converted.source, converted.license) == ("videomae", "CC-BY-NC-4.0")
    cfg = config(converted)
    for key, value in zoo_case(DETECTOR)["config"].items():
        if "*" not in key:
            assert list(value) == list(converted.settings[key].value) if isinstance(value, list) else value is False
    slots = clip_slots(cfg.INPUT.FRAME_NUM, cfg.INPUT.FRAME_SAMPLE_RATE, cfg.INPUT.CLIP_OFFSET)
    assert slots == zoo_case(DETECTOR)["settings"]["clip"]["fast_slots"]
    with torch.device("meta"):
        model = build_detection_model(cfg).eval()
    model.load_state_dict(converted.weights, assign=True)

    boxes, clip_index = golden_person_boxes()
    batch = ClipBatch(
        indices=torch.arange(2),
        keyframes=[Keyframe(*keyframe) for keyframe in KEYFRAMES],
        slow=None,
        fast=golden_clip(16),
        sizes=torch.tensor([IMAGE_SIZE, IMAGE_SIZE]),
        boxes=extend_boxes(boxes, cfg.TEST.EXTEND_SCALE, IMAGE_SIZE),
        clip_index=clip_index,
        unit_boxes=torch.zeros((5, 4), dtype=torch.float64),
        scores=torch.ones(5),
        labels=None,
        object_boxes=None,
        object_clip_index=None,
    )
    assert_features(model.backbone(None, batch.fast)[1], outputs, "feature")
    pooled = model.extract_features(batch)
    assert_near(pooled.person.flatten(1)[:, ::8], outputs["person_pooled.slice"])
    logits = model.predict_from_features(pooled, batch)
    assert_near(logits, outputs["logits"])
    assert_near(model.probabilities(logits), outputs["probabilities"])


@torch.inference_mode()
def test_classifier():
    # Without a file: these are 345 MB.
    file = ForeignFile(Path(zoo_case(CLASSIFIER)["file"]["name"]), zoo_tensors(CLASSIFIER))
    converted, outputs = convert_file(file), zoo_outputs(CLASSIFIER)
    for key, value in zoo_case(CLASSIFIER)["config"].items():
        assert converted.settings[key].value == value
    with torch.device("meta"):
        backbone = build_backbone(config(converted)).eval()
    backbone.load_state_dict({n.removeprefix("backbone."): t for n, t in converted.weights.items()}, assign=True)
    norm, backbone.norm = backbone.norm, torch.nn.Identity()
    tokens = backbone(None, golden_clip(16))[1]
    assert_features(tokens, outputs, "tokens")
    assert_features(norm(tokens.movedim(1, -1)).movedim(-1, 1), outputs, "feature")
