"""SlowFast and Slow networks of other projects: features, pooled vectors and logits are those of the zoos' own.

Only names are translated here, and the settings stand in this file: what reads them from files is tested elsewhere.

Axes: B clips, C channels, T frames, H and W rows and columns.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import cache

import numpy as np
import pytest
import torch
from contracts.golden import golden_clip, golden_person_boxes, golden_weight
from contracts.plain_slowfast import plain_features
from contracts.zoo_files import zoo_case, zoo_outputs, zoo_tensors
from torch import Tensor

from alphaction.config import load_cfg, validate_cfg
from alphaction.config.pathways import active_pathways, fast_frames, slow_frames
from alphaction.config.tree import get_value
from alphaction.data.temporal import TemporalSampling
from alphaction.modeling import DetectionModel, build_detection_model
from alphaction.modeling.backbone import SlowFast, build_backbone
from alphaction.modeling.interaction import InteractionInputs
from alphaction.utils.shapes_only import shapes_only

HEAD, SLOWFAST = "MODEL.ROI_ACTION_HEAD", "MODEL.BACKBONE.SLOWFAST"
COMMON = {
    f"{HEAD}.FEATURE_EXTRACTOR": "MaxpoolFeatureExtractor",
    f"{HEAD}.MEAN_BEFORE_POOLER": True,
    f"{HEAD}.EXCLUSIVE_MOVEMENT": False,
    f"{SLOWFAST}.STEM_POOL_PADDING": 1,
    f"{SLOWFAST}.SLOW.CONV3_NONLOCAL": False,
    f"{SLOWFAST}.SLOW.CONV4_NONLOCAL": False,
    "INPUT.FRAME_NUM": 32,
    "INPUT.FRAME_SAMPLE_RATE": 2,
}
PYSLOWFAST = COMMON | {
    f"{SLOWFAST}.LATERAL": "tconv_bn_relu",
    f"{SLOWFAST}.LATERAL_KERNEL": 7,
    "INPUT.TAU": 4,
    "INPUT.ALPHA": 4,
    "INPUT.SLOW_SAMPLING": "linspace",
}
SETTINGS = {
    "pyslowfast_ava_slowfast_r50": PYSLOWFAST | {f"{HEAD}.POOLER_ALIGNED": True},
    "pyslowfast_ava_slowfast_r50_caffe2": PYSLOWFAST,
    "pyslowfast_kinetics_slowfast_r50_8x8": PYSLOWFAST,
    "pytorchvideo_ava_slow_r50": COMMON
    | {
        "MODEL.BACKBONE.CONV_BODY": "Slow-Resnet50",
        "INPUT.FRAME_NUM": 4,
        "INPUT.FRAME_SAMPLE_RATE": 16,
        "INPUT.TAU": 1,
    },
    "mmaction2_ava_slowfast_r50_4x16": COMMON
    | {
        f"{SLOWFAST}.LATERAL": "tconv_no_bias",
        f"{SLOWFAST}.LAST_STAGE_DILATION": 1,
        f"{HEAD}.POOLER_ALIGNED": True,
        f"{HEAD}.POOLER_RESOLUTION": 8,
        "INPUT.SLOW_SAMPLING": "first",
    },
}
TOLERANCE = 1e-4

# How names of each source begin, the pathways already called slow and fast -> what ours begin with, before LATER.
NAMES = {
    "pyslowfast": (
        (r"s1\.(\w+)_stem\.(conv|bn)\.", r"backbone.\1.\g<2>1."),
        (r"s(\d)_fuse\.conv_f2s\.", r"backbone.fast.Tconv\1.conv."),
        (r"s(\d)_fuse\.bn\.", r"backbone.fast.Tconv\1.bn."),
        (r"s(\d)\.(\w+)_res(\d+)\.branch2\.(\w)_bn\.", r"backbone.\2.s\1.res_\3.btnk.\4.bn."),
        (r"s(\d)\.(\w+)_res(\d+)\.branch2\.(\w)\.", r"backbone.\2.s\1.res_\3.btnk.\4.conv."),
        (r"s(\d)\.(\w+)_res(\d+)\.branch1_bn\.", r"backbone.\2.s\1.res_\3.shortcut.bn."),
        (r"s(\d)\.(\w+)_res(\d+)\.branch1\.", r"backbone.\2.s\1.res_\3.shortcut.conv."),
        (r"s(\d)\.(\w+)_nonlocal(\d+)\.(conv_)?", r"backbone.\2.s\1.nonlocal_\3."),
        (r"head\.projection\.", r"roi_heads.action.predictor.cls_score."),
    ),
    "pytorchvideo": (
        (r"model\.blocks\.0\.(conv|norm)\.", r"backbone.slow.\g<1>1."),
        (
            r"model\.blocks\.(\d)\.res_blocks\.(\d+)\.branch2\.(\w+)_(\w)\.",
            r"backbone.slow.res_nl\1.res_\2.btnk.\4.\3.",
        ),
        (r"model\.blocks\.(\d)\.res_blocks\.(\d+)\.branch1_(\w+)\.", r"backbone.slow.res_nl\1.res_\2.shortcut.\3."),
        (r"detection_head\.proj\.", r"roi_heads.action.predictor.cls_score."),
    ),
    "mmaction2": (
        (r"(backbone\.\w+)\.conv1\.(conv|bn)\.", r"\1.\g<2>1."),
        (r"backbone\.slow\.conv1_lateral\.", r"backbone.fast.Tconv1."),
        (r"backbone\.slow\.layer(\d)_lateral\.", r"backbone.fast.after\1."),
        (r"(backbone\.\w+)\.layer(\d)\.(\d+)\.downsample\.", r"\1.res_nl\2.res_\3.shortcut."),
        (r"(backbone\.\w+)\.layer(\d)\.(\d+)\.conv(\d)\.", r"\1.res_nl\2.res_\3.btnk.conv\4."),
        (r"roi_head\.bbox_head\.fc_cls\.", r"roi_heads.action.predictor.cls_score."),
    ),
}
LATER = (
    (r"\.s([2-5])\.", lambda found: f".res_nl{int(found[1]) - 1}."),
    (r"\.after(\d)\.", lambda found: f".Tconv{int(found[1]) + 1}."),
    (r"\.btnk\.([abc])\.", lambda found: f".btnk.conv{'abc'.index(found[1]) + 1}."),
    (r"\.norm(1?)\.", r".bn\1."),
)


def our_name(source: str, name: str) -> str:
    """Return the state dict name of a parameter of ``source``, a key of :data:`NAMES`."""
    name = re.sub("pathway0|slow_path", "slow", re.sub("pathway1|fast_path", "fast", name))
    for pattern, ours in NAMES[source]:
        if re.match(pattern, name):
            name = re.sub(f"^{pattern}", ours, name)
            break
    for pattern, replacement in LATER:
        name = re.sub(pattern, replacement, name)
    return name


def our_weights(case: str) -> dict[str, Tensor]:
    """Return the weights of a golden case under our names, without a background class."""
    source = case.split("_")[0]
    parameter_of = zoo_case(case).get("parameter_of", {})
    tensors = {our_name(source, parameter_of.get(name, name)): value for name, value in zoo_tensors(case).items()}
    if source == "mmaction2":
        tensors |= {name: value[1:] for name, value in tensors.items() if "cls_score" in name}
    return tensors


def config(settings: Mapping[str, object]):
    return load_cfg(None, [part for item in settings.items() for part in item])


def cut(cfg, clip: Tensor) -> tuple[Tensor | None, Tensor | None]:
    """Return the (slow, fast) frames of a clip [B, 3, T, H, W]."""
    slow, fast = active_pathways(cfg)
    frames, tau = cfg.INPUT.FRAME_NUM, cfg.INPUT.TAU
    return (
        clip[:, :, list(slow_frames(frames, tau, sampling=cfg.INPUT.SLOW_SAMPLING))] if slow else None,
        clip[:, :, list(fast_frames(frames, tau, cfg.INPUT.ALPHA))] if fast else None,
    )


@cache
def model_of(case: str) -> DetectionModel:
    with shapes_only():
        model = build_detection_model(config(SETTINGS[case]))
    weights = our_weights(case)
    if "kinetics" in case:  # whose classes are not ours
        weights = {name: value for name, value in weights.items() if "cls_score" not in name}
    found = model.load_state_dict(weights, strict=False, assign=True)
    assert found.unexpected_keys == []
    assert all("cls_score" in name for name in found.missing_keys)
    assert bool(found.missing_keys) == ("kinetics" in case)
    return model.eval()


def relative(found: Tensor, expected: np.ndarray | Tensor) -> float:
    """Return the largest difference over the largest value."""
    assert found.shape == expected.shape
    expected = torch.as_tensor(expected)
    return float((found - expected).abs().max() / expected.abs().max())


def check_features(features: Sequence[Tensor | None], case: str, tolerance: float = TOLERANCE) -> None:
    golden = zoo_outputs(case)
    for pathway, feature in zip(("slow", "fast"), features, strict=True):
        assert (feature is None) == (f"{pathway}_feature.shape" not in golden)
        if feature is None:
            continue
        assert list(feature.shape) == golden[f"{pathway}_feature.shape"].tolist()
        expected = golden[f"{pathway}_feature.slice"]
        assert relative(feature[:, :: feature.shape[1] // expected.shape[1]], expected) < tolerance
        assert relative(feature.mean(dim=(2, 3, 4)), golden[f"{pathway}_feature.mean_thw"]) < tolerance


@pytest.mark.parametrize("case", SETTINGS)
@torch.inference_mode()
def test_golden_case(case):
    model, golden, cfg = model_of(case), zoo_outputs(case), config(SETTINGS[case])
    features = model.backbone(*cut(cfg, golden_clip(cfg.INPUT.FRAME_NUM)))
    check_features(features, case)
    if "logits" not in golden:
        return
    boxes, clip_index = golden_person_boxes()
    pooled = model.head.pooler(features, boxes, clip_index)
    assert relative(pooled[:, ::8], golden["person_pooled.slice"]) < TOLERANCE
    logits = model.head(InteractionInputs(pooled, clip_index, torch.ones(5), 2))
    assert relative(logits, golden["logits"]) < TOLERANCE
    assert relative(model.probabilities(logits), golden["probabilities"]) < TOLERANCE


@pytest.mark.parametrize("case", SETTINGS)
def test_clip_of_the_case(case):
    inputs, clip = config(SETTINGS[case]).INPUT, zoo_case(case)["settings"]["clip"]
    sampling = TemporalSampling(
        inputs.FRAME_NUM,
        inputs.FRAME_SAMPLE_RATE,
        inputs.TAU,
        inputs.ALPHA,
        fast="fast_slots" in clip,
        slow_sampling=inputs.SLOW_SAMPLING,
    )
    assert sampling.slots() == (clip["slow_slots"], clip.get("fast_slots", []))


@torch.inference_mode()
def test_the_shipped_experiment_is_the_public_network(repo_root):
    """It freezes batch norms, which are folded then, and starts from these weights."""
    case = "pyslowfast_kinetics_slowfast_r50_8x8"
    cfg = load_cfg(repo_root / "config_files" / "resnet50_8x8f_baseline.yaml")
    validate_cfg(cfg, num_processes=8, check_files=False)
    for key, value in zoo_case(case)["config"].items():
        assert get_value(cfg, key) == value, key
    with shapes_only():
        backbone = build_backbone(cfg)
    weights = {name: value for name, value in our_weights(case).items() if name.startswith("backbone.")}
    backbone.load_state_dict({name.removeprefix("backbone."): value for name, value in weights.items()}, assign=True)
    check_features(backbone.eval()(*cut(cfg, golden_clip(cfg.INPUT.FRAME_NUM))), case)


@pytest.mark.parametrize(
    ("key", "wrong"),
    [
        (f"{SLOWFAST}.STEM_POOL_PADDING", 0),
        (f"{SLOWFAST}.LAST_STAGE_DILATION", 1),
        ("INPUT.SLOW_SAMPLING", "first"),
        ("INPUT.SLOW_SAMPLING", "middle"),
    ],
)
@torch.inference_mode()
def test_each_setting_matters(key, wrong):
    """What :func:`test_golden_case` would see if the network did not follow a key."""
    case = "pyslowfast_ava_slowfast_r50"
    cfg = config(SETTINGS[case] | {key: wrong})
    with shapes_only():
        backbone = build_backbone(cfg)
    backbone.load_state_dict(model_of(case).backbone.state_dict(), assign=True)
    slow = backbone.eval()(*cut(cfg, golden_clip(32)))[0]
    assert relative(slow[:, ::128], zoo_outputs(case)["slow_feature.slice"]) > 100 * TOLERANCE


def r101_50_50() -> dict[str, object]:
    """Return the settings of PySlowFast's AVA SLOWFAST_32x2_R101_50_50."""
    slow = f"{SLOWFAST}.SLOW"
    return PYSLOWFAST | {
        "MODEL.BACKBONE.CONV_BODY": "Slowfast-Resnet101",
        f"{SLOWFAST}.LATERAL_KERNEL": 5,
        f"{slow}.TEMPORAL_BLOCKS": "[0, 0, 6, 3]",
        f"{SLOWFAST}.FAST.TEMPORAL_BLOCKS": "[3, 4, 6, 3]",
        f"{slow}.CONV4_NONLOCAL": True,
        f"{slow}.CONV4_NONLOCAL_BLOCKS": "[6, 13, 20]",
        "MODEL.NONLOCAL.POOL_SIZE": "[2, 2, 2]",
        "MODEL.NONLOCAL.USE_SOFTMAX": False,
        "MODEL.NONLOCAL.USE_SCALE": False,
    }


def their_name(ours: str) -> str:
    """Return PySlowFast's name of a parameter of a backbone of ours."""
    name = ours.replace("slow.", "pathway0.").replace("fast.", "pathway1.")
    for pattern, theirs in (
        (r"(pathway\d)\.(conv|bn)1\.", r"s1.\1_stem.\2."),
        (r"pathway1\.Tconv(\d)\.conv\.", r"s\1_fuse.conv_f2s."),
        (r"pathway1\.Tconv(\d)\.bn\.", r"s\1_fuse.bn."),
    ):
        name = re.sub(f"^{pattern}", theirs, name)
    name = re.sub(r"^(pathway\d)\.res_nl(\d)\.", lambda found: f"s{int(found[2]) + 1}.{found[1]}_", name)
    name = re.sub(r"_nonlocal_(\d+)\.(theta|phi|g|out)\.", r"_nonlocal\1.conv_\2.", name)
    name = re.sub(r"_nonlocal_(\d+)\.bn\.", r"_nonlocal\1.bn.", name)
    name = re.sub(r"_res_(\d+)\.(shortcut|btnk\.conv\d)\.", r"_res\1.\2.", name)
    for part, theirs in (("shortcut", "branch1"), *((f"btnk.conv{i}", f"branch2.{'abc'[i - 1]}") for i in (1, 2, 3))):
        name = name.replace(f".{part}.conv.", f".{theirs}.").replace(f".{part}.bn.", f".{theirs}_bn.")
    return name


def test_names_and_back():
    for name in zoo_case("pyslowfast_ava_slowfast_r50")["tensors"]:
        if not name.startswith("head"):
            assert their_name(our_name("pyslowfast", name).removeprefix("backbone.")) == name


@torch.inference_mode()
def test_the_plain_network_is_the_golden_one():
    clip = golden_clip(32)
    weights = zoo_tensors("pyslowfast_ava_slowfast_r50")
    frames = [clip[:, :, [0, 4, 8, 13, 17, 22, 26, 31]], clip]
    check_features(plain_features(weights, frames, alpha=4), "pyslowfast_ava_slowfast_r50")


@pytest.mark.parametrize(
    "settings",
    [
        r101_50_50(),
        COMMON | {"MODEL.BACKBONE.CONV_BODY": "Slow-Resnet101", "INPUT.TAU": 1},
    ],
    ids=["R101_50_50", "slow R101"],
)
@torch.inference_mode()
def test_networks_without_recorded_outputs(settings):
    """In float64, with an eighth of the channels: all else is that of the registered networks."""
    cfg = config(settings | {"INPUT.FRAME_NUM": 8})
    with shapes_only():
        backbone = SlowFast.from_config(cfg, blocks=(3, 4, 23, 3), slow_width=8, fast_width=2)
        whole = build_backbone(cfg)
    assert list(backbone.state_dict()) == list(whole.state_dict())
    state = {
        name: golden_weight(their_name(name), value.shape).double() for name, value in backbone.state_dict().items()
    }
    backbone.load_state_dict(state, assign=True)
    weights = {their_name(name): value for name, value in state.items()}
    slow, fast = cut(cfg, golden_clip(8).double())
    found = [feature for feature in backbone.eval()(slow, fast) if feature is not None]
    frames = [pathway for pathway in (slow, fast) if pathway is not None]
    for feature, expected in zip(found, plain_features(weights, frames, cfg.INPUT.ALPHA), strict=True):
        assert expected.shape[3:] == (4, 6)
        assert relative(feature, expected) < 1e-9
