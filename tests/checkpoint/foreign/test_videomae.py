"""Files of the VideoMAE family: which they are, and the settings that go with their weights."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from checkpoint.foreign.vit_tensors import DIM, authors, hugging_face, renamed
from contracts.zoo_files import zoo_case
from torch import Tensor

from alphaction.checkpoint.foreign.converted import Converted, ForeignFile
from alphaction.checkpoint.foreign.sources import load_sources
from alphaction.checkpoint.weight_file import read_weight_file
from alphaction.config import load_cfg
from alphaction.config.keys import KEYS
from alphaction.modeling.detector import build_detection_model
from alphaction.utils.errors import UserError
from alphaction.utils.shapes_only import shapes_only

HEAD = "MODEL.ROI_ACTION_HEAD"
SOURCE = load_sources()["videomae"]


def head(classes: int, name: str = "head") -> dict[str, Tensor]:
    return {f"{name}.weight": torch.ones(1).expand(classes, DIM), f"{name}.bias": torch.ones(classes)}


def convert(tensors: dict[str, Tensor], path: str | Path = "some.pth", **extras: object) -> Converted:
    return SOURCE.convert(ForeignFile(Path(path), tensors, extras), {})


def values(converted: Converted) -> dict[str, object]:
    return {key: setting.value for key, setting in converted.settings.items()}


def said(converted: Converted) -> str:
    return "\n".join(converted.decisions)


def test_detector():
    converted = convert(authors() | head(80), args={"data_set": "ava", "num_frames": 16, "sampling_rate": 4})
    assert converted.what == "ViT-S detector, 80 classes"
    assert torch.equal(converted.weights["roi_heads.action.predictor.cls_score.weight"], torch.ones(80, DIM))
    found = values(converted)
    assert {key: found[key] for key in found if key.startswith(("INPUT", "TEST"))} == {
        "TEST.EXTEND_SCALE": (0.1, 0.05),
        "INPUT.CLIP_OFFSET": 1,
        "INPUT.PIXEL_MEAN": [122.7717, 115.9465, 102.9801],
        "INPUT.PIXEL_STD": [57.375, 57.375, 57.375],
        "INPUT.TO_BGR": False,
    }
    assert (found[f"{HEAD}.POOLER_ALIGNED"], found[f"{HEAD}.POOLER_RESOLUTION"]) == (False, 7)
    assert converted.recipe["INPUT.FPS"] == 25
    assert converted.license == "CC-BY-NC-4.0"


def test_the_settings_are_valid_and_build_the_network():
    converted = convert(authors() | head(5))
    settings = values(converted) | converted.recipe
    assert settings.keys() <= KEYS.keys()
    with shapes_only():
        model = build_detection_model(load_cfg(None, [part for item in settings.items() for part in item]))
    shapes = {name: tensor.shape for name, tensor in model.state_dict().items()}
    assert shapes == {name: tensor.shape for name, tensor in converted.weights.items()}


@pytest.mark.parametrize(
    ("tensors", "classes"),
    [
        (authors("fc_norm") | head(400), "400 classes"),
        (authors("fc_norm") | head(1, "classifier"), "1 class"),
        (hugging_face(authors(), "videomae.", "q_bias", "v_bias", "attention.attention") | head(174, "classifier"),
         "174 classes"),
        (authors() | {f"fc_norm.{leaf}": torch.ones(DIM) for leaf in ("weight", "bias")} | head(400),
         "400 classes"),
        (authors("fc_norm"), ""),
    ],
)  # fmt: skip
def test_classifiers(tensors, classes):
    converted = convert(tensors)
    assert converted.what == "ViT-S backbone"
    assert all(name.startswith("backbone.") for name in converted.weights)
    assert values(converted)["INPUT.PIXEL_MEAN"] == [123.675, 116.28, 103.53]
    assert f"{HEAD}.NUM_CLASSES" not in values(converted)
    assert ("classifier of whole clips" in said(converted)) is bool(classes)
    assert f"The classifier of whole clips, {classes}, is left out: " in said(converted) or not classes
    assert (converted.recipe["INPUT.FPS"], converted.recipe["INPUT.FRAME_SAMPLE_RATE"]) == (30, 4)


def test_a_classifier_that_its_args_tell_from_a_detector():
    assert "backbone" in convert(authors() | head(400), args={"data_set": "Kinetics-400"}).what
    assert "detector" in convert(authors() | head(24), args={"data_set": "ucf101-24"}).what


def test_pre_training_file():
    decoder = {"mask_token": torch.ones(1, 1, 192), "encoder_to_decoder.weight": torch.ones(192, DIM)}
    decoder |= {"decoder.head.weight": torch.ones(1536, 192), "decoder.head.bias": torch.ones(1536)}
    converted = convert(renamed(authors(), lambda name: f"encoder.{name}") | decoder)
    assert converted.what == "ViT-S backbone"
    assert all(name.startswith("backbone.") for name in converted.weights)
    assert "decoder of the pre-training is left out: 4 tensors" in said(converted)
    assert "classifier of whole clips" not in said(converted)


def test_pre_training_file_of_hugging_face():
    other = zoo_case("videomae_kinetics_vit_b_hf")["other_names"]["pre-training file (MCG-NJU/videomae-base)"]
    beside = {name: torch.ones(shape) for name, shape in other["instead of fc_norm and classifier"].items()}
    norms = {f"videomae.layernorm.{leaf}": torch.full((DIM,), 0.5) for leaf in ("weight", "bias")}
    tensors = hugging_face(authors(), "videomae.", "q_bias", "v_bias", "attention.attention")
    tensors = {name: tensor for name, tensor in tensors.items() if not name.startswith("fc_norm")}
    converted = convert(tensors | beside | norms)
    assert converted.what == "ViT-S backbone"
    assert torch.equal(converted.weights["backbone.norm.bias"], norms["videomae.layernorm.bias"])
    assert len(converted.weights) == len(authors())
    assert "classifier of whole clips" not in said(converted)


def test_distilled_networks_of_the_second_version_have_another_license():
    converted = convert(authors("fc_norm") | head(710))
    assert converted.license == "MIT"
    assert "commercial" not in said(converted)


def test_args_of_the_file():
    recipe = convert(authors("fc_norm"), args={"num_frames": 32, "sampling_rate": 2}).recipe
    assert (recipe["INPUT.FRAME_NUM"], recipe["INPUT.FRAME_SAMPLE_RATE"]) == (32, 2)
    for args in ({"num_frames": 15, "sampling_rate": "4"}, {"num_frames": True, "sampling_rate": -1}, None):
        recipe = convert(authors("fc_norm"), args=args).recipe
        assert (recipe["INPUT.FRAME_NUM"], recipe["INPUT.FRAME_SAMPLE_RATE"]) == (16, 4)


def test_heads_of_a_config_beside_the_file(tmp_path):
    fields = {"model_type": "videomae", "hidden_size": DIM, "num_attention_heads": 16}
    for text, told in (
        (json.dumps(fields), True),
        (json.dumps(fields | {"num_attention_heads": 6}), False),
        (json.dumps(fields | {"model_type": "vit"}), False),
        ("[" * 100_000, False),
    ):
        (tmp_path / "config.json").write_text(text)
        converted = convert(authors("fc_norm"), tmp_path / "model.safetensors")
        assert ("says 16 attention heads, but ViT-S was trained with 6" in said(converted)) is told


def test_safetensors_of_hugging_face(tmp_path):
    tensors = hugging_face(authors(), "videomae.", "q_bias", "v_bias", "attention.attention")
    header, values = {"__metadata__": {"format": "pt"}}, []
    begin = 0
    for name, tensor in tensors.items():
        raw = tensor.contiguous().numpy().astype("<f4").tobytes()
        offsets = [begin, begin + len(raw)]
        header[name] = {"dtype": "F32", "shape": list(tensor.shape), "data_offsets": offsets}
        values.append(raw)
        begin += len(raw)
    text = json.dumps(header).encode()
    path = tmp_path / "model.safetensors"
    path.write_bytes(b"".join([len(text).to_bytes(8, "little"), text, *values]))

    file = read_weight_file(path)

    expected = convert(tensors)
    assert (file.source, file.what) == ("videomae", "ViT-S backbone")
    assert file.weights.keys() == expected.weights.keys()
    assert all(torch.equal(tensor, expected.weights[name]) for name, tensor in file.weights.items())


def test_half_precision_under_the_key_of_deepspeed(tmp_path):
    tensors = renamed(authors("fc_norm") | head(400), lambda name: f"module.{name}")
    torch.save({"module": {name: tensor.half() for name, tensor in tensors.items()}}, tmp_path / "a.pth")
    file = read_weight_file(tmp_path / "a.pth")
    assert file.what == "ViT-S backbone"
    assert file.weights["backbone.blocks.0.norm1.weight"].dtype == torch.float32


def test_other_tensors_are_named():
    assert "belong to no network here: teacher.a" in said(
        convert(renamed(authors(), lambda n: f"student.{n}") | {"teacher.a": torch.ones(1)})
    )


def test_damaged_head():
    with pytest.raises(UserError, match=r"some\.pth: the head of the detector has tensors of the shapes"):
        convert(authors() | {"head.weight": torch.ones(80, DIM)})


def test_answers_must_agree():
    file = ForeignFile(Path("some.pth"), authors() | head(80))
    SOURCE.convert(file, {f"{HEAD}.POOLER_ALIGNED": False, "INPUT.PIXEL_STD": (57.375, 57.375, 57.375)})
    with pytest.raises(UserError, match="POOLER_ALIGNED True contradicts the file: False"):
        SOURCE.convert(file, {f"{HEAD}.POOLER_ALIGNED": True})


def test_recognition():
    def recognized(tensors: dict[str, Tensor]) -> bool:
        return SOURCE.recognizes(ForeignFile(Path("some.pth"), tensors))

    assert recognized(authors())
    assert recognized(renamed(authors(), lambda name: f"encoder.{name}"))
    assert recognized(hugging_face(authors(), "", "query.bias", "value.bias", "attention.attention"))
    assert not recognized(authors() | {"roi_heads.action.predictor.cls_score.bias": torch.ones(80)})  # ours
    assert not recognized(renamed(authors(), lambda name: name.replace("embed.proj", "embed.projection")))  # MMAction2
    assert not recognized(authors() | {"blocks.0.attn.pool_q.weight": torch.ones(1)})  # MViT
    assert not recognized({"s1.pathway0_stem.conv.weight": torch.ones(1, 3, 1, 7, 7)})
