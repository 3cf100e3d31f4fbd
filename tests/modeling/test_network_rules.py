"""What the network says about a config before it is built: widths, blocks, frames, names."""

from __future__ import annotations

import pytest
import torch
from config.problems import BACKBONE, FAST, HEAD, I3D, IA, IA_ON, SLOW, check, problem

from alphaction.config import get_cfg, validate_cfg
from alphaction.modeling import network_rules
from alphaction.modeling.backbone import build_backbone
from alphaction.modeling.backbone.i3d import i3d_resnet50
from alphaction.modeling.registries import BACKBONES


@pytest.mark.parametrize(
    ("overrides", "expected"),
    [
        ((f"{HEAD}.NUM_CLASSES", 15), "14 + 49 + 17 = 80"),
        ((f"{SLOW}.ACTIVE", False, f"{FAST}.ACTIVE", False), "True"),
        ((*I3D, "INPUT.FRAME_NUM", 6), "7 frames or more"),
        ((f"{BACKBONE}.CONV_BODY", "I3D-Resnet50-Sparse", "INPUT.FRAME_NUM", 1), "2 frames or more"),
        ((f"{BACKBONE}.SLOWFAST.BETA", 0.01), "BETA: 0.01"),
        ((f"{SLOW}.CONV3_GROUP_NL", True, "INPUT.FRAME_NUM", 48), "stage 2 gets 6"),
        ((f"{BACKBONE}.SLOWFAST.LATERAL_KERNEL", 4), "3 or 5"),
        ((f"{FAST}.TEMPORAL_BLOCKS", "[3, 4, 7, 3]"), "wants 7 in stage 3"),
        ((f"{SLOW}.CONV4_NONLOCAL_BLOCKS", "[6, 13, 20]"), "names 6, 13, 20"),
        ((f"{SLOW}.CONV3_NONLOCAL_BLOCKS", "[0]", f"{SLOW}.CONV3_NONLOCAL", False), "Set CONV3_NONLOCAL to True"),
        (("MODEL.NONLOCAL.POOL_SIZE", "[8, 2, 2]"), "MODEL.NONLOCAL.POOL_SIZE: pooling of (8, 2, 2)"),
        (("MODEL.NONLOCAL.POOL_SIZE", "[1, 17, 2]"), "has (4, 16, 16)"),
        ((f"{HEAD}.POOLER_SCALE", 0.125), "Set it to 0.0625, or leave it out"),
        ((f"{HEAD}.POOLER_TYPE", "pooling3d", f"{HEAD}.POOLER_ALIGNED", True), "POOLER_TYPE to align3d"),
        ((*IA_ON, f"{BACKBONE}.CONV_BODY", "Slow-Resnet50"), "DIM_IN to 2048"),
        ((*IA_ON, f"{IA}.DIM_IN", 2048), "DIM_IN to 2304"),
        ((*IA_ON, *I3D), "DIM_IN to 2048"),
        ((*IA_ON, f"{SLOW}.ACTIVE", False, f"{BACKBONE}.SLOWFAST.BETA", 0.25), "DIM_IN to 512"),
        ((*IA_ON, f"{IA}.FUSION", "add"), "DIM_OUT to 2304, or FUSION to concat"),
        ((*IA_ON, f"{IA}.I_BLOCK_LIST", "[]"), "I_BLOCK_LIST is []"),
        ((*IA_ON, f"{IA}.I_BLOCK_LIST", "[p, O]"), "I_BLOCK_LIST is ['p', 'O']"),
        ((f"{IA}.ACTIVE", True), "MODEL.IA_STRUCTURE.MAX_OBJECT is 0"),
        (
            (*IA_ON, f"{IA}.LENGTH", (0, 0), f"{IA}.MEMORY_OWN_SECOND", False),
            "LENGTH is (0, 0) and MEMORY_OWN_SECOND False",
        ),
    ],
)
def test_rules(overrides, expected):
    assert expected in problem(*overrides)


@pytest.mark.parametrize(
    "overrides",
    [
        (*IA_ON, f"{IA}.LENGTH", (0, 0), f"{IA}.MEMORY_OWN_SECOND", False, f"{IA}.I_BLOCK_LIST", ["P", "O"]),
        (*I3D, "INPUT.FRAME_NUM", 7),
        (f"{SLOW}.CONV3_GROUP_NL", True),
        ("MODEL.NONLOCAL.POOL_SIZE", "[2, 16, 16]"),
        (f"{HEAD}.POOLER_TYPE", "align3d", f"{HEAD}.POOLER_ALIGNED", True, f"{HEAD}.TIME_POOLING", "max"),
        (f"{BACKBONE}.SLOWFAST.LATERAL", "tconv_bn_relu", f"{BACKBONE}.SLOWFAST.LATERAL_KERNEL", 7),
        (f"{BACKBONE}.CONV_BODY", "Slow-Resnet50", f"{FAST}.TEMPORAL_BLOCKS", "[9]"),  # not built
    ],
)
def test_valid(overrides):
    check(*overrides)


def test_a_backbone_is_one_registration(monkeypatch):
    monkeypatch.setattr(BACKBONES, "_entries", dict(BACKBONES._entries))
    BACKBONES.register("Mine")(i3d_resnet50)
    check(f"{BACKBONE}.CONV_BODY", "Mine")
    assert '"Mine"' in problem(f"{BACKBONE}.CONV_BODY", "Min")
    assert "DIM_IN to 2048" in problem(*IA_ON, f"{BACKBONE}.CONV_BODY", "Mine")


def test_a_network_is_built_once_and_anew_for_another_config(monkeypatch):
    built = []

    def build(cfg):
        built.append(cfg.MODEL.BACKBONE.SLOWFAST.BETA)
        return build_backbone(cfg)

    monkeypatch.setattr(network_rules, "build_backbone", build)
    beta = f"{BACKBONE}.SLOWFAST.BETA"
    check(*IA_ON, beta, 0.25, f"{IA}.DIM_IN", 2560, f"{IA}.DIM_OUT", 2560)
    check(*IA_ON, beta, 0.25, f"{IA}.DIM_IN", 2560, f"{IA}.DIM_OUT", 2560, "SOLVER.BASE_LR", 0.01)
    assert built == [0.25]
    assert "DIM_IN to 2304" in problem(*IA_ON, f"{IA}.DIM_IN", 2560)
    assert built == [0.25, 0.125]


def test_random_numbers_stay_as_they_were():
    cfg = get_cfg()
    cfg.merge_from_list(["DATASETS.TRAIN", "a", *IA_ON])
    torch.manual_seed(3)
    expected = torch.rand(4)
    torch.manual_seed(3)
    validate_cfg(cfg, splits=["TRAIN"])
    assert torch.equal(torch.rand(4), expected)


def test_a_network_that_no_machine_can_hold():
    assert "no machine could hold the network" in problem(*IA_ON, f"{IA}.DIM_INNER", 2**52)
