"""Weights of PySlowFast: what its tensors, its config and the published networks say, and what must be asked for."""

from __future__ import annotations

import copy
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml
from checkpoint.foreign.pyslowfast_files import NO_BLOCKS, NON_LOCAL, R101, caffe2_name, pyslowfast_file, shape_of
from contracts.zoo_files import zoo_case

from alphaction.checkpoint.foreign.converted import Converted, ForeignFile
from alphaction.checkpoint.foreign.pyslowfast_names import our_blob_name, our_name
from alphaction.checkpoint.foreign.recognize import convert_file
from alphaction.utils.errors import UserError

ALIGNED = "MODEL.ROI_ACTION_HEAD.POOLER_ALIGNED"
NODE = "MODEL.BACKBONE.SLOWFAST"
CASE = "pyslowfast_ava_slowfast_r50"
R101_50_50 = shape_of(R101, (0, 0, 6, 3), (3, 4, 6, 3), 5, NON_LOCAL)


def values(converted: Converted) -> dict[str, Any]:
    return {key: setting.value for key, setting in converted.settings.items()}


def published_cfg() -> dict[str, Any]:
    """Return the config in the file of the golden detector."""
    return yaml.safe_load(zoo_case(CASE)["file"]["other"]["cfg"])


def caffe2_blobs() -> dict[str, torch.Tensor]:
    shapes = zoo_case("pyslowfast_ava_slowfast_r50_caffe2")["tensors"]
    return {name: torch.empty(shape, device="meta") for name, shape in shapes.items()}


def changed(key: str, value: Any) -> dict[str, Any]:
    cfg = copy.deepcopy(published_cfg())
    section, _, name = key.partition(".")
    cfg[section][name] = value
    return cfg


def test_names_of_caffe2_are_those_of_the_parameters() -> None:
    for blob, name in zoo_case("pyslowfast_ava_slowfast_r50_caffe2")["parameter_of"].items():
        assert our_blob_name(blob) == our_name(name) is not None
        assert caffe2_name(name) == blob
    assert our_blob_name("nonlocal_conv4_6_theta_w") == "backbone.slow.res_nl3.nonlocal_6.theta.weight"
    assert our_blob_name("nonlocal_conv4_20_bn_riv") == "backbone.slow.res_nl3.nonlocal_20.bn.running_var"
    assert our_name("s4.pathway0_nonlocal6.conv_out.bias") == "backbone.slow.res_nl3.nonlocal_6.out.bias"
    for name in ("lr", "model_iter", "conv1_w_momentum", "res_conv1_w", "conv1_bn_s", "nonlocal_conv4_6_w"):
        assert our_blob_name(name) is None


def test_the_config_in_the_file_decides() -> None:
    found = values(convert_file(pyslowfast_file(shape_of(), published_cfg())))
    assert found[ALIGNED] is True
    assert found[f"{NODE}.LATERAL_KERNEL"] == 7
    recipe = convert_file(pyslowfast_file(shape_of(), published_cfg())).recipe
    assert recipe["TEST.BOX_THRESH"] == 0.8
    assert (recipe["INPUT.FRAME_NUM"], recipe["INPUT.TAU"], recipe["INPUT.MIN_SIZE_TEST"]) == (32, 4, 224)
    assert found["INPUT.PIXEL_MEAN"] == [114.75] * 3
    other = {"DATA": {**published_cfg()["DATA"], "MEAN": [0.5, 0.25, 0.75], "STD": [0.2, 0.3, 0.4]}}
    found = values(convert_file(pyslowfast_file(shape_of(), published_cfg() | other)))
    assert found["INPUT.PIXEL_MEAN"] == [127.5, 63.75, 191.25]
    assert found["INPUT.PIXEL_STD"] == [51.0, 76.5, 102.0]


@pytest.mark.parametrize(
    ("key", "value", "ours", "expected"),
    [
        ("DETECTION.ALIGNED", False, ALIGNED, False),
        ("DETECTION.ROI_XFORM_RESOLUTION", 14, "MODEL.ROI_ACTION_HEAD.POOLER_RESOLUTION", 14),
        ("AVA.BGR", True, "INPUT.TO_BGR", True),
        ("DATA.REVERSE_INPUT_CHANNEL", True, "INPUT.TO_BGR", True),
        ("MODEL.HEAD_ACT", "softmax", "MODEL.ROI_ACTION_HEAD.EXCLUSIVE_MOVEMENT", True),
        ("MODEL.HEAD_ACT", "softmax", "MODEL.ROI_ACTION_HEAD.NUM_PERSON_MOVEMENT_CLASSES", 80),
        ("SLOWFAST.ALPHA", 8, "INPUT.ALPHA", 8),
        ("RESNET.SPATIAL_DILATIONS", [[1, 1], [1, 1], [1, 1], [1, 1]], f"{NODE}.LAST_STAGE_DILATION", 1),
    ],
)
def test_each_setting_follows_the_config(key: str, value: Any, ours: str, expected: Any) -> None:
    assert values(convert_file(pyslowfast_file(shape_of(), changed(key, value))))[ours] == expected


def test_two_exchanges_of_channels_are_none() -> None:
    cfg = changed("AVA.BGR", True)
    cfg["DATA"]["REVERSE_INPUT_CHANNEL"] = True
    assert values(convert_file(pyslowfast_file(shape_of(), cfg)))["INPUT.TO_BGR"] is False


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("RESNET.DEPTH", 101),
        ("SLOWFAST.FUSION_KERNEL_SZ", 5),
        ("SLOWFAST.BETA_INV", 4),
        ("MODEL.NUM_CLASSES", 60),
        ("MODEL.ARCH", "slow"),
        ("RESNET.NUM_BLOCK_TEMP_KERNEL", [[3, 3], [4, 4], [2, 6], [3, 3]]),
        ("NONLOCAL.LOCATION", [[[], []], [[], []], [[1], []], [[], []]]),
        ("RESNET.STRIDE_1X1", True),
        ("RESNET.NUM_GROUPS", 32),
        ("RESNET.SPATIAL_STRIDES", [[1, 1], [2, 2], [2, 2], [2, 2]]),
        ("DETECTION.SPATIAL_SCALE_FACTOR", 32),
        ("DATA.MEAN", "0.45"),
        ("DATA.NUM_FRAMES", -4),
        ("SLOWFAST.ALPHA", -1),
    ],
)
def test_a_contradiction_is_an_error_that_names_the_key(key: str, value: Any) -> None:
    names = {"DATA.NUM_FRAMES": "INPUT.FRAME_NUM", "SLOWFAST.ALPHA": "INPUT.ALPHA"}
    with pytest.raises(UserError, match=rf"checkpoint\.pyth: .*{re.escape(names.get(key, key))}"):
        convert_file(pyslowfast_file(shape_of(), changed(key, value)))


def test_without_a_config_only_the_alignment_is_asked_for() -> None:
    converted = convert_file(pyslowfast_file(shape_of()))
    assert list(converted.questions) == [ALIGNED]
    assert ALIGNED not in converted.settings
    answered = convert_file(pyslowfast_file(shape_of()), {ALIGNED: False})
    assert (answered.questions, answered.settings[ALIGNED].value) == ({}, False)
    with pytest.raises(UserError, match=r"INPUT\.ALPHA 8 contradicts the file: 4"):
        convert_file(pyslowfast_file(shape_of()), {"INPUT.ALPHA": 8})
    with pytest.raises(UserError, match=rf"SOLVER\.BASE_LR is no setting of these weights\. It may be {ALIGNED}"):
        convert_file(pyslowfast_file(shape_of()), {"SOLVER.BASE_LR": 8.0})
    assert convert_file(pyslowfast_file(shape_of()), {"INPUT.FRAME_NUM": 64}).recipe["INPUT.FRAME_NUM"] == 64


@pytest.mark.parametrize(
    ("shape", "alpha"), [(shape_of(), 4), (shape_of(kernel=5), 8), (R101_50_50, 4)], ids=["8x8", "4x16", "R101"]
)
def test_alpha_of_the_published_networks(shape: Any, alpha: int) -> None:
    converted = convert_file(pyslowfast_file(shape))
    assert converted.settings["INPUT.ALPHA"].value == converted.recipe["INPUT.TAU"] == alpha


def test_r101_50_50_with_non_local_blocks() -> None:
    converted = convert_file(pyslowfast_file(R101_50_50, name="SLOWFAST_64x2_R101_50_50.pyth"))
    found = values(converted)
    assert found["MODEL.BACKBONE.CONV_BODY"] == "Slowfast-Resnet101"
    assert found[f"{NODE}.SLOW.TEMPORAL_BLOCKS"] == (0, 0, 6, 3)
    assert found[f"{NODE}.FAST.TEMPORAL_BLOCKS"] == (3, 4, 6, 3)
    assert found[f"{NODE}.SLOW.CONV4_NONLOCAL"] is True
    assert found[f"{NODE}.SLOW.CONV4_NONLOCAL_BLOCKS"] == (6, 13, 20)
    assert found[f"{NODE}.SLOW.CONV3_NONLOCAL"] is found[f"{NODE}.FAST.CONV4_NONLOCAL"] is False
    assert found["MODEL.NONLOCAL.POOL_SIZE"] == (2, 2, 2)
    assert found["MODEL.NONLOCAL.USE_SOFTMAX"] is found["MODEL.NONLOCAL.USE_SCALE"] is False
    assert (converted.recipe["INPUT.FRAME_NUM"], converted.recipe["INPUT.FRAME_SAMPLE_RATE"]) == (64, 2)
    assert list(converted.questions) == [ALIGNED]


def test_other_non_local_blocks_are_asked_for() -> None:
    shape = shape_of(behind=((), (1, 3), (1, 3, 5), ()))
    converted = convert_file(pyslowfast_file(shape))
    assert {"MODEL.NONLOCAL.USE_SOFTMAX", "MODEL.NONLOCAL.USE_SCALE", "MODEL.NONLOCAL.POOL_SIZE"} <= set(
        converted.questions
    )
    cfg = published_cfg()
    cfg["NONLOCAL"]["LOCATION"] = [[[], []], [[1, 3], []], [[1, 3, 5], []], [[], []]]
    cfg["NONLOCAL"]["INSTANTIATION"] = "softmax"
    converted = convert_file(pyslowfast_file(shape, cfg))
    assert not converted.questions
    assert values(converted)["MODEL.NONLOCAL.USE_SOFTMAX"] is values(converted)["MODEL.NONLOCAL.USE_SCALE"] is True
    assert values(converted)["MODEL.NONLOCAL.POOL_SIZE"] == (1, 2, 2)
    assert values(converted)[f"{NODE}.SLOW.CONV4_NONLOCAL_BLOCKS"] == ()  # every second one, as here


def test_slow_alone() -> None:
    converted = convert_file(pyslowfast_file(shape_of(fast_temporal=None), name="SLOW_8x8_R50.pyth"))
    found = values(converted)
    assert found["MODEL.BACKBONE.CONV_BODY"] == "Slow-Resnet50"
    assert f"{NODE}.LATERAL" not in found
    assert converted.recipe["INPUT.FRAME_NUM"] == converted.recipe["INPUT.FRAME_SAMPLE_RATE"] == 8
    assert converted.recipe["INPUT.TAU"] == 1


def test_slow_alone_with_a_config() -> None:
    """SLOWFAST.ALPHA stands in every config of PySlowFast, also of networks without a fast pathway."""
    cfg = {"MODEL": {"ARCH": "slow"}, "DETECTION": {"ENABLE": True, "ALIGNED": True}, "SLOWFAST": {"ALPHA": 8}}
    cfg["DATA"] = {"NUM_FRAMES": 4, "SAMPLING_RATE": 16}
    converted = convert_file(pyslowfast_file(shape_of(fast_temporal=None), cfg, name="checkpoint_8x8.pyth"))
    names = ("FRAME_NUM", "FRAME_SAMPLE_RATE", "TAU", "ALPHA")
    assert [converted.recipe[f"INPUT.{name}"] for name in names] == [4, 16, 1, 1]
    assert values(converted)["INPUT.SLOW_SAMPLING"] == "first"
    assert converted.what == "Slow R50 4x16 detector, 80 classes"


def test_a_lateral_kernel_of_no_published_network_is_asked_about() -> None:
    converted = convert_file(pyslowfast_file(shape_of(kernel=3)))
    assert set(converted.questions) == {ALIGNED, "INPUT.ALPHA"}
    answered = convert_file(pyslowfast_file(shape_of(kernel=3)), {"INPUT.ALPHA": 8, ALIGNED: True})
    assert answered.recipe["INPUT.TAU"] == answered.settings["INPUT.ALPHA"].value == 8


def test_a_classifier_of_clips_is_left_out() -> None:
    converted = convert_file(pyslowfast_file(shape_of(classes=400)))
    assert not any(name.startswith("roi_heads") for name in converted.weights)
    assert not any(setting.part == "head" for setting in converted.settings.values())
    assert not converted.questions
    assert any("400 classes" in decision for decision in converted.decisions)
    assert converted.settings[f"{NODE}.LAST_STAGE_DILATION"].value == 2


@pytest.mark.parametrize(
    ("names", "said"),
    [
        (("patch_embed.proj.weight", "blocks.0.attn.pool_k.weight", "blocks.0.attn.qkv.weight"), "MViT"),
        (("s1.pathway0_stem.conv_xy.weight", "s2.pathway0_res0.branch2.se.fc1.weight"), "X3D"),
    ],
)
def test_other_networks_are_refused_by_name(names: tuple[str, ...], said: str) -> None:
    file = ForeignFile(Path("a.pyth"), {name: torch.empty(1, device="meta") for name in names})
    with pytest.raises(UserError, match=rf"a\.pyth: PySlowFast's {said} is not supported"):
        convert_file(file)


def test_c2d_and_i3d_are_refused_by_name() -> None:
    with pytest.raises(UserError, match="C2D"):
        convert_file(pyslowfast_file(shape_of(temporal=(0, 0, 0, 0), fast_temporal=None)))
    file = pyslowfast_file(shape_of(fast_temporal=None))
    stem = {"s1.pathway0_stem.conv.weight": torch.empty(64, 3, 5, 7, 7, device="meta")}
    with pytest.raises(UserError, match="I3D"):
        convert_file(replace(file, tensors={**file.tensors, **stem}))
    with pytest.raises(UserError, match="PySlowFast's c2d is not supported"):
        convert_file(pyslowfast_file(shape_of(), changed("MODEL.ARCH", "c2d")))


@pytest.mark.parametrize("change", ["missing", "left over", "shape", "block", "alternating"])
def test_a_file_that_is_not_whole_is_refused(change: str) -> None:
    file = pyslowfast_file(shape_of())
    tensors = dict(file.tensors)
    if change == "missing":
        del tensors["s3.pathway1_res2.branch2.b_bn.running_var"]
    elif change == "left over":
        tensors["s3.pathway0_res0.branch2.d.weight"] = torch.empty(1, device="meta")
    elif change == "shape":
        tensors["s2_fuse.bn.bias"] = torch.empty(63, device="meta")
    elif change == "block":
        tensors = {name: tensor for name, tensor in tensors.items() if not name.startswith("s4.pathway1_res5")}
    else:
        tensors["s4.pathway0_res1.branch2.a.weight"] = torch.empty(256, 1024, 1, 1, 1, device="meta")
    with pytest.raises(UserError, match=r"checkpoint\.pyth: "):
        convert_file(replace(file, tensors=tensors))


def test_caffe2_blobs_with_fewer_dimensions_get_ones() -> None:
    blobs = caffe2_blobs()
    flat = {
        name: tensor.reshape(tensor.shape[:2]) if tensor.ndim == 5 and tensor[0, 0].numel() == 1 else tensor
        for name, tensor in blobs.items()
    }
    flat |= {"lr": torch.ones(1), "model_iter": torch.ones(1), "conv1_w_momentum": torch.ones(2, 2)}
    converted = convert_file(ForeignFile(Path("a.pkl"), flat, container="blobs"))
    assert converted.weights["backbone.slow.res_nl1.res_1.btnk.conv1.conv.weight"].shape == (64, 256, 1, 1, 1)
    assert any("conv1_w_momentum, lr, model_iter." in decision for decision in converted.decisions)
    with pytest.raises(UserError, match="there is no place for last_out_w"):
        convert_file(ForeignFile(Path("a.pkl"), {**flat, "last_out_w": torch.ones(3, 3)}, container="blobs"))


def test_caffe2_slow_is_not_i3d() -> None:
    blobs = caffe2_blobs()
    slow = {name: tensor for name, tensor in blobs.items() if not name.startswith("t_")}
    # Alone, the slow pathway has no channels of the lateral.
    for stage, width in zip((2, 3, 4, 5), (64, 256, 512, 1024), strict=True):
        for branch in ("branch1", "branch2a"):
            slow[f"res{stage}_0_{branch}_w"] = slow[f"res{stage}_0_{branch}_w"][:, :width]
    slow["pred_w"] = slow["pred_w"][:, :2048]
    converted = convert_file(ForeignFile(Path("C2D_8x8_R50.pkl"), slow, container="blobs"))
    assert values(converted)["MODEL.BACKBONE.CONV_BODY"] == "Slow-Resnet50"
    assert values(converted)[ALIGNED] is False
    # Its name says 8x8, but it was trained and is described with 4x16.
    assert (converted.recipe["INPUT.FRAME_NUM"], converted.recipe["INPUT.FRAME_SAMPLE_RATE"]) == (4, 16)
    assert converted.what == "Slow R50 4x16 detector, 80 classes"
    assert any("4x16 frames (the published C2D_8x8_R50" in decision for decision in converted.decisions)
    i3d = {**slow, "conv1_w": torch.zeros(64, 3, 5, 7, 7)}
    assert convert_file(ForeignFile(Path("I3D.pkl"), i3d, container="blobs")) is None


def test_a_config_that_is_no_config() -> None:
    bomb = "a: &a [x, x, x]\n" + "".join(f"b{i}: [{', '.join(['*a'] * 200)}]\n" for i in range(100))
    for text in (
        "[" * 5000,
        "a: [1",
        "- 1\n- 2\n",
        bomb,
        "a: " + "x" * (1 << 21),
        "!!python/name:os.system",
    ):
        file = pyslowfast_file(shape_of())
        with pytest.raises(UserError, match=r"checkpoint\.pyth: the config inside it"):
            convert_file(replace(file, extras={"cfg": text}))


def test_no_blocks_are_the_default() -> None:
    assert not shape_of().has_nonlocal
    assert shape_of(behind=NO_BLOCKS) == shape_of()


@pytest.mark.parametrize("value", ["!!timestamp x", "!!bool x", "!!int x", "!!binary x", "2001-13-99", "[a"])
def test_yaml_values_that_are_not_what_they_say(value: str) -> None:
    file = pyslowfast_file(shape_of())
    with pytest.raises(UserError, match=r"the config inside it is no YAML that can be read \("):
        convert_file(replace(file, extras={"cfg": f"a: {value}"}))


def test_a_clip_that_lies_later_is_another_input_of_the_head() -> None:
    for cfg in (published_cfg(), None):
        setting = convert_file(pyslowfast_file(shape_of(), cfg)).settings["INPUT.CLIP_OFFSET"]
        assert (setting.value, setting.part) == (0, "head")


def test_the_user_can_say_that_own_classes_are_those_of_a_detector() -> None:
    file = pyslowfast_file(shape_of(classes=1))
    whole = convert_file(file)
    assert any(f"if it is, add {ALIGNED} True or False" in decision for decision in whole.decisions)
    assert ALIGNED not in whole.settings
    detector = convert_file(file, {ALIGNED: True})
    assert detector.what.endswith("detector, 1 class")
    assert values(detector)["MODEL.ROI_ACTION_HEAD.NUM_CLASSES"] == 1
    assert "roi_heads.action.predictor.cls_score.weight" in detector.weights


def test_a_config_that_would_take_minutes_or_is_infinite() -> None:
    file = pyslowfast_file(shape_of())
    for text, said in (
        (f"a: {'1:' * 50_000}1", "a number of 100,001 characters"),
        ("DATA: {TRAIN_JITTER_SCALES: [.inf]}", r"DATA\.TRAIN_JITTER_SCALES .* not a list of numbers"),
    ):
        with pytest.raises(UserError, match=said):
            convert_file(replace(file, extras={"cfg": text}), {ALIGNED: True})


def test_the_published_slow_network_that_is_called_c2d() -> None:
    slow = shape_of(fast_temporal=None)
    for name, clip in (("C2D_8x8_R50.pkl", (4, 16)), ("SLOWONLY_8x8_R50.pkl", (8, 8)), ("checkpoint.pyth", (4, 16))):
        recipe = convert_file(pyslowfast_file(slow, name=name), {ALIGNED: False}).recipe
        assert (recipe["INPUT.FRAME_NUM"], recipe["INPUT.FRAME_SAMPLE_RATE"]) == clip
