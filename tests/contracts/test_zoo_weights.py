"""Files of public zoos, through the command line as a user converts them, give what the zoos' own networks give.

Axes: B clips, C channels, T frames, H and W rows and columns.
"""

from __future__ import annotations

import runpy
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from checkpoint.foreign.pyslowfast_files import NON_LOCAL, R101, pyslowfast_file, shape_of
from contracts.golden import IMAGE_SIZE, golden_clip, golden_person_boxes
from contracts.zoo_files import CASES, write_zoo_file, zoo_case, zoo_outputs
from torch import Tensor
from yacs.config import CfgNode

from alphaction.checkpoint import load_weights
from alphaction.checkpoint.foreign.recognize import convert_file
from alphaction.config import get_cfg, load_cfg
from alphaction.config.pathways import active_pathways, fast_frames, slow_frames
from alphaction.config.tree import get_value
from alphaction.data.box_geometry import extend_boxes
from alphaction.data.temporal import clip_slots
from alphaction.modeling.detector import DetectionModel, build_detection_model
from alphaction.modeling.interaction.structure import InteractionInputs
from alphaction.utils.shapes_only import shapes_only

# Weights of these projects allow no commercial use.
NO_COMMERCE = ("vmad", "videomae")


def convert(repo_root: Path, capsys: pytest.CaptureFixture, arguments: list[str]) -> str:
    old, sys.argv = sys.argv, ["convert_weights.py", *arguments]
    try:
        with pytest.raises(SystemExit) as end:
            runpy.run_path(str(repo_root / "tools/convert_weights.py"), run_name="__main__")
    finally:
        sys.argv = old
    out, error = capsys.readouterr()
    assert end.value.code == 0, error
    return out


def pathways(cfg: CfgNode) -> tuple[Tensor | None, Tensor | None]:
    """Return the (slow, fast) frames of the golden clip as a config samples them."""
    clip, inputs = golden_clip(cfg.INPUT.FRAME_NUM), cfg.INPUT
    has_slow, has_fast = active_pathways(cfg)
    slow = list(slow_frames(inputs.FRAME_NUM, inputs.TAU, sampling=inputs.SLOW_SAMPLING))
    fast = list(fast_frames(inputs.FRAME_NUM, inputs.TAU, inputs.ALPHA)) if has_fast else []
    return (clip[:, :, slow] if has_slow else None, clip[:, :, fast] if has_fast else None)


def built(cfg: CfgNode) -> DetectionModel:
    with shapes_only():
        model = build_detection_model(cfg)
    return model.to_empty(device="cpu").eval()


def assert_near(found: Tensor, recorded: np.ndarray) -> None:
    largest = np.abs(recorded).max()
    np.testing.assert_allclose(found.numpy().reshape(recorded.shape), recorded, rtol=0, atol=5e-5 * largest)


def check_features(cfg: CfgNode, model: DetectionModel, outputs: dict[str, np.ndarray]) -> tuple:
    backbone = model.backbone
    if "tokens.shape" in outputs:  # before the last norm
        norm, backbone.norm = backbone.norm, torch.nn.Identity()
        tokens = backbone(*pathways(cfg))[1]
        check_map(tokens, outputs, "tokens")
        features = None, norm(tokens.movedim(1, -1)).movedim(-1, 1)
    else:
        features = backbone(*pathways(cfg))
    for name, feature in zip(("slow", "fast"), features, strict=True):
        if feature is None:
            continue
        key = f"{name}_feature" if f"{name}_feature.shape" in outputs else "feature"
        check_map(feature, outputs, key)
    return features


def check_map(feature: Tensor, outputs: dict[str, np.ndarray], key: str) -> None:
    assert list(feature.shape) == outputs[f"{key}.shape"].tolist()
    assert_near(feature.mean((2, 3, 4)), outputs[f"{key}.mean_thw"])
    recorded = outputs[f"{key}.slice"]
    assert_near(feature[:, :: feature.shape[1] // recorded.shape[1]], recorded)


def check_scores(cfg: CfgNode, model: DetectionModel, features: tuple, outputs: dict[str, np.ndarray]) -> None:
    boxes, clip_index = golden_person_boxes()
    pooled = model.head.pooler(features, extend_boxes(boxes, cfg.TEST.EXTEND_SCALE, IMAGE_SIZE), clip_index)
    assert_near(pooled.flatten(1)[:, ::8], outputs["person_pooled.slice"])
    inputs = InteractionInputs(
        persons=pooled,
        clip_index=clip_index,
        scores=torch.ones(len(boxes)),
        num_clips=2,
        objects=None,
        object_clip_index=None,
        memory=None,
    )
    logits = model.head(inputs)
    assert_near(logits, outputs["logits"])
    np.testing.assert_allclose(model.probabilities(logits).numpy(), outputs["probabilities"], rtol=0, atol=1e-5)


@pytest.mark.parametrize("case", CASES)
@torch.inference_mode()
def test_converted_as_a_user_does(repo_root: Path, tmp_path: Path, capsys: pytest.CaptureFixture, case: str) -> None:
    file, config = write_zoo_file(case, tmp_path), tmp_path / "made.yaml"
    out = convert(
        repo_root,
        capsys,
        ["--from", "auto", "--input", str(file), "--output", str(tmp_path / "made.pth"), "--config-out", str(config)],
    )
    assert ("NO COMMERCIAL USE" if case.startswith(NO_COMMERCE) else "license of the weights: Apache-2.0") in out
    cfg, outputs = load_cfg(config), zoo_outputs(case)
    model = built(cfg)
    # Written and original file give the same tensors, and both pass the comparison with the written config.
    report = load_weights(model, cfg.MODEL.WEIGHT, cfg=cfg)
    state = model.state_dict()
    written = {name: tensor.clone() for name, tensor in state.items() if name in report.loaded}
    direct = load_weights(model, file, cfg=cfg)
    assert all(torch.equal(state[name], tensor) for name, tensor in written.items())
    assert not report.unused
    for key, value in zoo_case(case)["config"].items():
        assert "*" in key or np.array_equal(get_value(cfg, key), value), key
    if case == "vmad_ava_vit_s":  # one frame later
        slots = clip_slots(cfg.INPUT.FRAME_NUM, cfg.INPUT.FRAME_SAMPLE_RATE, cfg.INPUT.CLIP_OFFSET)
        assert slots == zoo_case(case)["settings"]["clip"]["fast_slots"]
    features = check_features(cfg, model, outputs)
    if "logits" not in outputs:
        assert {name.partition(".")[0] for name in report.missing} == {"roi_heads"}
        return
    assert report.complete
    assert direct.complete
    check_scores(cfg, model, features, outputs)


VARIANTS = {
    "SlowFast R50 4x16": shape_of(kernel=5),
    "SlowFast R101": shape_of(R101, (0, 0, 23, 3), (3, 4, 23, 3), 5),
    "SlowFast R101_50_50 with non-local blocks": shape_of(R101, (0, 0, 6, 3), (3, 4, 6, 3), 5, NON_LOCAL),
    "SlowFast R50 with non-local blocks in two stages": shape_of(behind=((), (1, 3), (1, 3, 5), ())),
    "Slow R50": shape_of(fast_temporal=None),
    "Slow R101": shape_of(R101, (0, 0, 23, 3), None),
}


@pytest.mark.parametrize("variant", VARIANTS)
def test_every_variant_fills_the_network_of_its_settings(variant: str) -> None:
    file = pyslowfast_file(VARIANTS[variant])
    answers = {key: question.choices[0] for key, question in convert_file(file).questions.items()}
    converted = convert_file(file, answers)
    cfg = get_cfg()
    cfg.merge_from_list([item for key, setting in converted.settings.items() for item in (key, setting.value)])
    with shapes_only():
        state = build_detection_model(cfg).state_dict()
    ours = {name: tensor.shape for name, tensor in state.items() if not name.endswith("num_batches_tracked")}
    assert ours == {name: tensor.shape for name, tensor in converted.weights.items()}
