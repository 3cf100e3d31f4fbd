"""A detector of transformers: its boxes are those of its own code, and its folder says what is missing."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from alphaction.workflows.detect.detected_boxes import COCO_80, Wanted
from alphaction.workflows.detect.transformers_detector import TransformersDetector, class_names, find_model


@pytest.fixture(scope="module")
def rt_detr(tmp_path_factory):
    """Return the folder of a small RT-DETR of random weights."""
    transformers = pytest.importorskip("transformers", minversion="4.52")
    torch.manual_seed(0)
    backbone = transformers.RTDetrResNetConfig(
        embedding_size=8,
        hidden_sizes=[8, 16, 24, 32],
        depths=[1, 1, 1, 1],
        layer_type="basic",
        out_features=["stage2", "stage3", "stage4"],
    )
    config = transformers.RTDetrConfig(
        backbone_config=backbone,
        encoder_hidden_dim=16,
        encoder_in_channels=[16, 24, 32],
        encoder_layers=1,
        encoder_ffn_dim=16,
        encoder_attention_heads=2,
        decoder_in_channels=[16, 16, 16],
        decoder_layers=1,
        decoder_ffn_dim=16,
        decoder_attention_heads=2,
        d_model=16,
        num_queries=30,
        id2label=dict(enumerate(COCO_80)),
        label2id={name: label for label, name in enumerate(COCO_80)},
    )
    model = transformers.RTDetrForObjectDetection(config)
    with torch.no_grad():
        for name, weight in model.named_parameters():
            if "class_embed" in name or "bbox_embed" in name:
                weight.normal_(0, 0.6)
    folder = tmp_path_factory.mktemp("rt_detr")
    model.save_pretrained(folder)
    transformers.RTDetrImageProcessor(size={"height": 64, "width": 64}).save_pretrained(folder)
    return folder


def test_boxes_are_those_of_the_models_own_code(rt_detr):
    from transformers import AutoImageProcessor, AutoModelForObjectDetection

    rng = np.random.default_rng(0)
    frames = [rng.integers(0, 256, size, dtype=np.uint8) for size in ((50, 80, 3), (64, 48, 3))]
    ours = TransformersDetector.from_pretrained(str(rt_detr), Wanted(0.0, every_class=True), device="cpu").detect(
        frames
    )
    model, processor = AutoModelForObjectDetection.from_pretrained(rt_detr), AutoImageProcessor.from_pretrained(rt_detr)
    for frame, found in zip(frames, ours, strict=True):
        with torch.no_grad():
            outputs = model.eval()(**processor(images=frame, return_tensors="pt"))
        (own,) = processor.post_process_object_detection(outputs, threshold=0.0)
        boxes, scores = own["boxes"].clamp(0, 1).numpy(), own["scores"].numpy()
        solid = (boxes[:, 2:] > boxes[:, :2]).all(axis=1)
        assert len(found) == solid.sum() > 5
        np.testing.assert_allclose(found.scores, scores[solid], atol=1e-5)
        np.testing.assert_allclose(found.boxes, boxes[solid], atol=1e-4)
        assert found.labels == [COCO_80[label] for label in own["labels"][solid]]
    persons = TransformersDetector.from_pretrained(str(rt_detr), Wanted(0.0), device="cpu", person_class="dog")
    assert {label for found in persons.detect(frames) for label in found.labels} <= {"person"}
    assert persons.detect([]) == []


def test_only_safetensors_are_read(rt_detr, tmp_path, refused):
    for name in ("config.json", "preprocessor_config.json"):
        (tmp_path / name).write_bytes((rt_detr / name).read_bytes())
    (tmp_path / "pytorch_model.bin").write_bytes(b"whatever")
    refused(
        lambda: TransformersDetector.from_pretrained(str(tmp_path), Wanted(0.5), device="cpu"),
        "no model.safetensors",
        "save_pretrained",
    )


def test_code_of_the_model_is_not_run(tmp_path, refused, write):
    pytest.importorskip("transformers")
    config = {"model_type": "mine", "auto_map": {"AutoConfig": "mine.Config", "AutoModelForObjectDetection": "mine.M"}}
    write("config.json", config)
    write("preprocessor_config.json", {"image_processor_type": "RTDetrImageProcessor"})
    write("mine.py", "raise SystemExit('run')")
    refused(
        lambda: TransformersDetector.from_pretrained(str(tmp_path), Wanted(0.5), device="cpu"),
        "code of its own",
        "rt_detr",
    )


def test_a_model_that_cannot_be_fetched(monkeypatch, refused):
    hub = pytest.importorskip("huggingface_hub")
    monkeypatch.setattr(hub.constants, "HF_HUB_OFFLINE", True)
    refused(
        lambda: TransformersDetector.from_pretrained("nobody/nothing", Wanted(0.5), device="cpu"),
        "--hf-model nobody/nothing",
        "https://huggingface.co/nobody/nothing",
        "model.safetensors",
    )


def test_folder_or_name(tmp_path, refused):
    assert find_model("PekingU/rtdetr_r50vd") == "PekingU/rtdetr_r50vd"
    refused(lambda: find_model(str(tmp_path)), "config.json")
    refused(lambda: find_model("./models/rtdetr"), "./models/rtdetr"[2:], "does not exist")
    (tmp_path / "config.json").write_text("{}")
    assert find_model(str(tmp_path)) == tmp_path


def test_labels_without_a_name_are_none():
    assert class_names({"1": "person", 3: "car"}) == ["N/A", "person", "N/A", "car"]
